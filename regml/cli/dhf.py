"""``regml dhf``: build the Design History File."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.cli.trace import at_option
from regml.errors import ConfigError

if TYPE_CHECKING:
    from regml.dhf.build import Built

FORMATS = ("html", "pdf", "docx")


@click.group()
def dhf() -> None:
    """Build the Design History File."""


@dhf.command()
@click.option(
    "--format",
    "formats",
    default=",".join(FORMATS),
    show_default=True,
    metavar="LIST",
    help="What to write: html, pdf, docx, separated by commas.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write or replace. [default: build/dhf in the project]",
)
@at_option()
@click.pass_context
def build(ctx: click.Context, formats: str, out: Path | None, at: str | None) -> None:
    """Build every document and a page per item, run, dataset, model and result.

    Findings do not stop a build; they are printed in it. The same commit with the same
    records gives the same bytes; SHA256SUMS lists all of them.
    """
    from regml.dhf.formats import parse_formats, require_extra

    root = project_root(ctx.obj)
    wanted = parse_formats(formats)
    require_extra(wanted)  # before the imports that need it

    from regml.dhf.build import build_dhf
    from regml.project import open_project

    folder = root / "build" / "dhf" if out is None else ctx.obj / out
    if folder.resolve() in (root, *root.parents):
        raise ConfigError(f"{folder}: would replace the project. Name another folder.")
    _tell(build_dhf(open_project(root, at=at), formats=wanted, out=folder))


def _tell(built: "Built") -> None:
    """Print what was written: one line per document, then where to begin."""
    for document in built.documents:
        name = document.plan.name
        sizes = [
            f"{file.suffix[1:]} {_kilobytes(built.out / file)}"
            for file in built.files
            if file.stem == name
        ]
        title = f"{document.plan.number} {document.plan.title}"
        click.echo(f"{title}: {', '.join(sizes)}")
    first = built.out / "html" / "index.html"
    click.echo(
        f"{len(built.files)} files, {built.findings} open findings (document 23).",
        err=True,
    )
    click.echo(f"Open {first if first.is_file() else built.out}", err=True)


def _kilobytes(path: Path) -> str:
    return f"{max(1, round(path.stat().st_size / 1000))} kB"
