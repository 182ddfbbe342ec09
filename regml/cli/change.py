"""Commands about change: what differs between two states of a project."""

from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.cli.trace import form_option, print_page

if TYPE_CHECKING:
    from regml.trace.diff import State


@click.command()
@click.argument("before", metavar="REV1")
@click.argument("after", metavar="[REV2]", required=False)
@form_option("text", "markdown", "json")
@click.pass_context
def diff(ctx: click.Context, before: str, after: str | None, form: str) -> None:
    """Say what changed in meaning between two revisions.

    Items added, removed and changed by field; links, results, versions; findings that
    appeared and that went. Without REV2: the work tree. Nothing is checked out.
    """
    from regml.trace.diff import difference, difference_page

    old, new = _state(ctx, before), _state(ctx, after)
    print_page(difference_page(new.graph, difference(old, new)), form)


def _state(ctx: click.Context, revision: str | None) -> "State":
    from regml.project import open_project
    from regml.trace.diff import State

    project = open_project(project_root(ctx.obj), at=revision)
    return State(revision or "work tree", project.graph, project.check())
