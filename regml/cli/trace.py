"""Commands that ask the graph: check, summary, list, show, trace, lineage, ..."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from regml.cli import project_root

if TYPE_CHECKING:
    from regml.findings import RuleOutcome
    from regml.trace.model import TraceGraph
    from regml.trace.page import Page, Table

F = TypeVar("F", bound=Callable[..., Any])


def form_option(*forms: str) -> Callable[[F], F]:
    """Give a command ``--format``; used by every command that prints a table."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default="text",
        show_default=True,
        help="How to print the answer.",
    )


def class_option() -> Callable[[F], F]:
    """Give a command ``--class``; used where the safety class matters."""
    return click.option(
        "--class",
        "safety_class",
        type=click.Choice(["A", "B", "C"]),
        help="Software safety class, instead of the one in regml.toml.",
    )


def at_option() -> Callable[[F], F]:
    """Give a command ``--at``; used by every command that only reads."""
    return click.option(
        "--at",
        metavar="REV",
        help="Read this git revision instead of the work tree, which is not touched.",
    )


@click.command()
@click.option("--rule", "rules", multiple=True, help="Only this check, e.g. T03.")
@click.option(
    "--fail-on",
    type=click.Choice(["blocker", "major", "minor"]),
    default="minor",
    show_default=True,
    help="The lightest finding that makes the exit status 1.",
)
@click.option(
    "--no-own-checks",
    is_flag=True,
    envvar="REGML_NO_OWN_CHECKS",
    help="Do not run the Python code in the project's checks/.",
)
@class_option()
@at_option()
@form_option("text", "json", "sarif", "junit", "github")
@click.pass_context
def check(
    ctx: click.Context,
    rules: tuple[str, ...],
    fail_on: str,
    safety_class: str | None,
    at: str | None,
    form: str,
    *,
    no_own_checks: bool,
) -> int:
    """Look for gaps in the evidence.

    Reads digests that records and locks hold; 'regml verify' reads the bytes.
    Exit status: 0 no finding, 1 findings that nobody waived, 2 cannot work.
    """
    from regml.findings import Severity, weighs
    from regml.items.base import SafetyClass
    from regml.project import open_project
    from regml.trace.rules import check as put_rules

    asked = SafetyClass(safety_class) if safety_class else None
    root = project_root(ctx.obj)
    graph = open_project(root, at=at, own_checks=not no_own_checks).graph
    outcomes = put_rules(graph, rules or None, safety_class=asked)
    if no_own_checks:
        click.echo("Own checks in checks/ were not run.", err=True)
    _print_outcomes(outcomes, form, root)
    return int(weighs(outcomes, Severity(fail_on)))


@click.command()
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def summary(ctx: click.Context, at: str | None, form: str) -> None:
    """Say what was trained on what, what passed, and what is still missing."""
    from regml.trace.rules import check as put_rules
    from regml.trace.summary import summary as ask

    graph = _graph(ctx, at)
    print_page(ask(graph, put_rules(graph)), form)


@click.command("list")
@click.argument("what", default="items")
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def list_(ctx: click.Context, what: str, at: str | None, form: str) -> None:
    """List items, runs, datasets, models or results.

    WHAT is items, requirements, runs, datasets, models, evaluations, tests, testruns,
    executions, approvals, waivers, documents, releases, or a kind of item: un, srs, ds,
    ap, risk, sw, soup, vp, cr, pr, pccp, na, ext.
    """
    from regml.trace.lists import list_table

    print_table(list_table(_graph(ctx, at), what), form)


@click.command()
@click.argument("name", metavar="ID")
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def show(ctx: click.Context, name: str, at: str | None, form: str) -> None:
    """Show one item with all its links."""
    from regml.trace.query import item_page

    print_page(item_page(_graph(ctx, at), name), form)


@click.command()
@click.argument("name", metavar="ID")
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def trace(ctx: click.Context, name: str, at: str | None, form: str) -> None:
    """Follow the links of one item in both directions.

    ID is an item, a test, or run@..., model@..., dataset@..., evaluation@... with the
    beginning of a digest or the word current.
    """
    from regml.trace import render
    from regml.trace.query import trace_tree

    forms = {
        "text": render.tree_text,
        "markdown": render.tree_markdown,
        "json": render.tree_json,
    }
    click.echo(forms[form](trace_tree(_graph(ctx, at), name)), nl=False)


@click.command()
@click.argument("name", metavar="ID", default="model@current")
@click.option("--images", is_flag=True, help="Also list every image, by its sha256.")
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def lineage(
    ctx: click.Context, name: str, at: str | None, form: str, *, images: bool
) -> None:
    """Tell where a model or dataset comes from.

    ID is model@3f9a12, model@current, dataset@..., evaluation@... or run@....
    Manifests of earlier versions come from git; neither data nor databases are needed.
    """
    from regml.project import open_project
    from regml.trace.lineage import lineage as ask

    project = open_project(project_root(ctx.obj), at=at).with_wordings()
    page = ask(project.graph, name, project.find_manifest, images=images)
    print_page(page, form)


@click.command()
@click.argument("columns", nargs=-1)
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def matrix(
    ctx: click.Context, columns: tuple[str, ...], at: str | None, form: str
) -> None:
    """Print a traceability matrix.

    COLUMNS are need, srs, sw, test, result, risk and control in any sensible order, and
    the kinds that link types of the project connect; without them: need srs sw test
    result.
    """
    from regml.trace.matrix import MATRIX
    from regml.trace.matrix import matrix as ask

    print_table(ask(_graph(ctx, at), columns or MATRIX), form)


def _print_outcomes(outcomes: "Sequence[RuleOutcome]", form: str, root: Path) -> None:
    from regml.files.repository import prefix_in_repository
    from regml.trace import formats, render

    match form:
        case "json":
            text = render.outcomes_json(outcomes)
        case "sarif":
            text = formats.sarif(outcomes, prefix=prefix_in_repository(root))
        case "junit":
            text = formats.junit(outcomes)
        case "github":
            text = formats.github(outcomes, prefix=prefix_in_repository(root))
        case _:
            text = render.outcomes_text(outcomes)
            if sys.stdout.isatty():
                text = render.wrapped(text, shutil.get_terminal_size().columns)
    click.echo(text, nl=False)


def _graph(ctx: click.Context, at: str | None) -> "TraceGraph":
    from regml.project import open_project

    return open_project(project_root(ctx.obj), at=at).graph


def print_table(table: "Table", form: str) -> None:
    """Print a table in the form asked for; a terminal gets wrapped cells."""
    from regml.trace import render

    if form == "text" and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        click.echo(render.table_terminal(table, width), nl=False)
        return
    forms = {
        "text": render.table_text,
        "markdown": render.table_markdown,
        "json": render.table_json,
    }
    click.echo(forms[form](table), nl=False)


def print_page(page: "Page", form: str) -> None:
    """Print a page in the form asked for."""
    from regml.trace import render

    forms = {
        "text": render.page_text,
        "markdown": render.page_markdown,
        "json": render.page_json,
    }
    click.echo(forms[form](page), nl=False)
