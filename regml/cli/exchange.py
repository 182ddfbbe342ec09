"""Commands that talk to other tools: import and export."""

import sys
from pathlib import Path

import click

from regml.cli import project_root
from regml.cli.trace import at_option
from regml.errors import ConfigError

ML_BOM = "cyclonedx-ml"

SOURCES = ("doorstop", "sphinx-needs", "strictdoc", "rdm", "reqif", "csv", "xlsx")
TARGETS = ("reqif", "sphinx-needs", "csv", "xlsx", "graphml", ML_BOM)
TRAILS = ("prov", "ro-crate", "openlineage", "croissant", "datasheet")
"""Formats about where data and models come from."""


@click.command("import")
@click.argument("form", metavar="FORMAT", type=click.Choice(SOURCES))
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="Folder of the project for new items, instead of one per kind.",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What becomes what, as YAML or TOML; goes before what the format brings.",
)
@click.option(
    "--write-map",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the mapping in use, completed for this source, to a new file.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--update", is_flag=True, help="Also change items that are there.")
@click.pass_context
def import_(
    ctx: click.Context,
    form: str,
    source: Path,
    into: Path | None,
    map_file: Path | None,
    write_map: Path | None,
    dry_run: bool,
    update: bool,
) -> int:
    """Make items of another tool's files.

    FORMAT is doorstop, sphinx-needs, strictdoc, rdm, reqif, csv or xlsx; SOURCE is its
    file or folder. Prints one line per item. What cannot be carried over is named on
    standard error. Either all files are written or none.

    Exit status: 0 everything came over, 1 something did not, 2 cannot work.
    """
    from regml.exchange.formats import MAPPINGS, Source
    from regml.exchange.importer import plan_import, write_import
    from regml.exchange.mapping import completed, read_mapping, write_mapping
    from regml.exchange.place import checked_folder
    from regml.exchange.report import placed_text, remarks_text, summary_text
    from regml.files.markdown import read_items
    from regml.files.new_item import given_ids

    root = project_root(ctx.obj)
    mapping = MAPPINGS[Source(form)]
    if map_file is not None:
        mapping = read_mapping(ctx.obj / map_file).over(mapping)
    folder = checked_folder(root, into) if into is not None else None
    plan = plan_import(
        Source(form),
        ctx.obj / source,
        mapping,
        read_items(root),
        into=folder,
        given=given_ids(root),
    )
    if write_map is not None:
        text = write_mapping(completed(mapping, plan.reading))
        _write_new(ctx.obj / write_map, text)
    click.echo(placed_text(plan.placed), nl=False)
    click.echo(remarks_text(plan.remarks), nl=False, err=True)
    click.echo(summary_text(len(plan.reading.items), plan.placed), nl=False, err=True)
    if dry_run:
        click.echo("Nothing was written (--dry-run).", err=True)
        return int(bool(plan.remarks))
    if plan.changed and not update:
        ids = ", ".join(one.id for one in plan.changed[:5])
        click.echo(
            f"Nothing was written: {len(plan.changed)} items are there with other "
            f"content ({ids}). Look at them and give --update to change them.",
            err=True,
        )
        return 1
    write_import(root, plan)
    return int(bool(plan.remarks))


@click.command()
@click.argument("form", metavar="FORMAT", type=click.Choice((*TARGETS, *TRAILS)))
@click.argument("name", metavar="[DATASET]", required=False)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; standard output where none is named.",
)
@click.option(
    "--model", metavar="MODEL", help="With cyclonedx-ml: other than model@current."
)
@at_option()
@click.pass_context
def export(
    ctx: click.Context,
    form: str,
    name: str | None,
    out: Path | None,
    model: str | None,
    at: str | None,
) -> int:
    """Write items, or the whole graph, for another tool.

    FORMAT is reqif, sphinx-needs (needs.json), csv, xlsx, graphml (every node and
    link), or cyclonedx-ml (bill of materials of a model, with its model card); prov
    (W3C PROV-JSON), ro-crate or openlineage (where everything comes from); croissant or
    datasheet of a DATASET version, such as dataset@3.2. The same commit gives the same
    bytes.

    Exit status: 0 everything was written, 1 the format cannot hold something (named on
    standard error), 2 cannot work.
    """
    from regml.exchange.exporter import export_project
    from regml.exchange.formats import Target
    from regml.exchange.report import remarks_text
    from regml.project import open_project

    if form == ML_BOM:
        return _ml_bom(ctx, model, at, ctx.obj / out if out else None)
    if model is not None:
        raise click.UsageError("--model goes with cyclonedx-ml.")
    if form in TRAILS:
        from regml.exchange.trails import Trail, export_trail

        project = open_project(project_root(ctx.obj), at=at)
        exported = export_trail(project, Trail(form), name)
    else:
        if name is not None:
            raise click.UsageError(f"{form} is about all items: leave {name} out.")
        target = Target(form)
        if target is Target.XLSX and out is None and sys.stdout.isatty():
            raise click.UsageError("A workbook is no text: name a file with --out.")
        project = open_project(project_root(ctx.obj), at=at)
        exported = export_project(project, target)
    if out is None:
        sys.stdout.buffer.write(exported.content)
        sys.stdout.buffer.flush()
    else:
        _write(ctx.obj / out, exported.content)
    click.echo(remarks_text(exported.remarks), nl=False, err=True)
    return int(bool(exported.remarks))


def _ml_bom(
    ctx: click.Context, model: str | None, at: str | None, out: Path | None
) -> int:
    from regml.cli.soup import write_document
    from regml.exchange.cyclonedx import as_bytes
    from regml.exchange.mlbom import CURRENT, ml_bom
    from regml.project import open_project

    project = open_project(project_root(ctx.obj), at=at)
    built, still_open = ml_bom(project, model or CURRENT)
    write_document(as_bytes(built), out)
    for words in still_open:
        click.echo(words, err=True)
    return int(bool(still_open))


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        raise click.UsageError(f"{path}: is there already; name a new file.")
    _write(path, text.encode())


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}).") from error
    click.echo(f"Wrote {path}.", err=True)
