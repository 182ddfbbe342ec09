"""``regml gaps``: which rows of standards, laws and guidances have their evidence."""

import click

from regml.cli import project_root
from regml.cli.trace import at_option, form_option, print_table


@click.command()
@click.argument("name", required=False, metavar="[CATALOGUE]")
@click.option("--all", "every", is_flag=True, help="Every catalogue, row by row.")
@click.option("--open", "only_open", is_flag=True, help="Only rows that are open.")
@click.option(
    "--class",
    "--level",
    "level",
    metavar="LEVEL",
    help="Class or level, e.g. B or Enhanced, instead of the one in regml.toml.",
)
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def gaps(
    ctx: click.Context,
    name: str | None,
    level: str | None,
    at: str | None,
    form: str,
    *,
    every: bool,
    only_open: bool,
) -> int:
    """Show clause by clause what is covered.

    CATALOGUE is 62304, 14971, fda-software, fda-ai, ai-act-annex-iv, 81001-5-1,
    82304-1, part11, or a file in standards/ of the project. Without it: how many rows
    of each are covered. Exit status: 0 nothing open, 1 open rows, 2 cannot work.
    """
    from regml.files.catalogues import find_catalogue
    from regml.project import open_project
    from regml.trace.coverage import gap_table, overview_table
    from regml.trace.coverage_page import coverage_json, coverage_text, stranger_text

    if name and every:
        raise click.UsageError("Name a catalogue or say --all, not both.")
    ledger = open_project(project_root(ctx.obj), at=at).ledger()
    wanted = find_catalogue(ledger.catalogues, name) if name else None
    found = (ledger.coverage(wanted, level),) if wanted else ledger.every(level)
    strangers = ledger.strangers()
    if form == "json":
        text = coverage_json(found, strangers, only_open=only_open)
        click.echo(text, nl=False)
    elif wanted is None and not every:
        print_table(overview_table(found), form)
        click.echo(stranger_text(strangers), nl=False)
    elif form == "markdown":
        for coverage in found:
            print_table(gap_table(coverage, only_open=only_open), form)
    else:
        text = coverage_text(found, strangers, only_open=only_open)
        click.echo(text, nl=False)
    return int(bool(strangers) or any(coverage.open for coverage in found))
