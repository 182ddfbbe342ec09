"""Commands about change: what differs between two states of a project."""

from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.cli.trace import form_option, print_page

if TYPE_CHECKING:
    from pathlib import Path

    from regml.trace.diff import State
    from regml.trace.impact import Impact

VERSIONS = ("dataset@", "model@")
"""How the name of a version begins; anything else is a revision of git."""


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@form_option("text", "markdown", "json")
@click.pass_context
def diff(ctx: click.Context, before: str, after: str | None, form: str) -> None:
    """Say what changed in meaning between two revisions or two versions.

    BEFORE and AFTER are git revisions, or dataset@3.1 dataset@3.2, or model@1.9
    model@2.0; a version without number is named by the beginning of its digest, and the
    present one by the word current.

    Of revisions: items added, removed and changed by field; links, results, versions;
    findings that appeared and that went. Without AFTER: the work tree. Of datasets:
    images, patients, labels, splits, readers. Of models: data, code, parameters,
    environment, metrics, verdicts. Nothing is checked out, and no data are needed.
    """
    if before.startswith(VERSIONS):
        from regml.project import open_project
        from regml.versions import compare

        project = open_project(project_root(ctx.obj))
        kind = before.partition("@")[0]
        print_page(compare(project, before, after or f"{kind}@current"), form)
        return
    from regml.trace.diff import difference, difference_page

    old, new = _state(ctx, before), _state(ctx, after)
    print_page(difference_page(new.graph, difference(old, new)), form)


def _state(ctx: click.Context, revision: str | None) -> "State":
    from regml.project import open_project
    from regml.trace.diff import State

    project = open_project(project_root(ctx.obj), at=revision)
    return State(revision or "work tree", project.graph, project.check())


@click.command()
@click.argument("names", nargs=-1, metavar="ID...")
@click.option(
    "--since",
    metavar="REV",
    help="Ask about all that differs between this git revision and the work tree.",
)
@form_option("text", "markdown", "json")
@click.pass_context
def impact(
    ctx: click.Context, names: tuple[str, ...], since: str | None, form: str
) -> None:
    """Tell what a change touches, and why.

    ID is an item, a test, a document such as doc:05-software-requirements, or a file.
    Prints items to look at again, tests to run again, risks to evaluate again,
    documents and items to sign again, and stages to reproduce.
    """
    from regml.project import open_project
    from regml.trace.differing import changed_by_name
    from regml.trace.impact import impact as ask
    from regml.trace.impact_page import impact_page

    if bool(names) == (since is not None):
        raise click.UsageError("Name what changes, or a revision with --since.", ctx)
    root = project_root(ctx.obj)
    if since is not None:
        print_page(impact_page(_impact_since(root, since), f"all since {since}"), form)
        return
    graph = open_project(root).graph
    found = ask(graph, changed_by_name(graph, names))
    print_page(impact_page(found, ", ".join(names)), form)


def _impact_since(root: "Path", since: str) -> "Impact":
    from regml.files.history import changed_files
    from regml.project import open_project, outdated_stages
    from regml.trace.differing import changed_between
    from regml.trace.impact import impact as ask

    old, new = open_project(root, at=since), open_project(root)
    changed = changed_between(
        old.graph,
        new.graph,
        paths=changed_files(root, old.evidence.commit or since),
        stages=outdated_stages(old, new),
    )
    return ask(new.graph, changed, old.graph)
