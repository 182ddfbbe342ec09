"""Commands for the first and the last minute: ``init`` and ``summary``."""

import json
from pathlib import Path

import click

from regml.cli import project_root


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--example",
    type=click.Choice(["hippovol"]),
    default="hippovol",
    show_default=True,
    help="The worked example to start from.",
)
def init(directory: Path, example: str) -> None:
    """Start a project in DIRECTORY, in its own git repository, committed clean."""
    from regml.starter import start_project

    started = start_project(directory)
    click.echo(
        f"Started {started.root} from the example {example!r}: "
        f"commit {started.commit[:12]}, signer {started.person.email}.",
        err=True,
    )
    click.echo(str(started.root))


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def summary(ctx: click.Context, form: str) -> None:
    """Say what was trained on what, what passed, and what is still missing."""
    from regml.project import open_project
    from regml.trace.summary import summarise

    page = summarise(open_project(project_root(ctx.obj)).graph)
    if form == "json":
        click.echo(json.dumps(page.as_json(), indent=2, sort_keys=True))
    else:
        click.echo(page.as_text())
