"""``regml init``: the first minute."""

from pathlib import Path

import click


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
