"""Commands about packages of the device: soup sync, sbom, vulnerabilities."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regml.cli import project_root
from regml.cli.trace import at_option, form_option, print_table
from regml.errors import ConfigError

if TYPE_CHECKING:
    from regml.files.imported import Imported
    from regml.project import Project
    from regml.trace.packages import Difference


@click.group()
def soup() -> None:
    """Compare, list and look up the packages in the device."""


@soup.command()
@click.option(
    "--write",
    is_flag=True,
    help="Begin missing SOUP items and set the versions of existing ones.",
)
@form_option("text", "markdown", "json")
@click.pass_context
def sync(ctx: click.Context, form: str, *, write: bool) -> int:
    """Compare installed packages, imports of the device, lock file and SOUP items.

    Packages are those beside the interpreter that runs this command. With --write,
    missing items are begun with what the package says about itself, and TBD where
    somebody has to decide; nothing is ever deleted.

    Exit status: 0 no difference, 1 differences (also when some were just written), 2
    cannot work.
    """
    import platform

    from regml.files.installed import read_installed
    from regml.project import open_project
    from regml.trace.packages import compare, wanted_packages

    project = open_project(project_root(ctx.obj))
    installed = read_installed(wanted_packages(project.graph))
    found = compare(
        project.graph,
        installed,
        python=platform.python_version(),
        imports=_imports(project),
    )
    if found.differences or form == "json":
        print_table(found.table(), form)
    for words in found.not_compared:
        click.echo(words, err=True)
    count = len(found.differences)
    told = f"{count} differences" if count != 1 else "1 difference"
    click.echo(f"Compared {found.compared} packages: {told}.", err=True)
    if write:
        _write_items(project, found.differences)
    return int(bool(found.differences))


@soup.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; standard output where none is named.",
)
@at_option()
@click.pass_context
def sbom(ctx: click.Context, out: Path | None, at: str | None) -> int:
    """Write the software bill of materials as CycloneDX 1.6 JSON.

    Digests and dependencies are those of the packages beside the interpreter that runs
    this command. The same commit and installation give the same bytes.

    Exit status: 0 nothing is open, 1 something is (named on standard error), 2 cannot
    work.
    """
    from regml.project import open_project

    project = open_project(project_root(ctx.obj), at=at)
    content, still_open = sbom_of(project)
    write_document(content, ctx.obj / out if out else None)
    for words in still_open:
        click.echo(words, err=True)
    return int(bool(still_open))


@soup.command()
@click.option(
    "--feed",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A dated export, instead of the latest in maintenance/vulnerabilities/.",
)
@at_option()
@form_option("text", "markdown", "json")
@click.pass_context
def vulnerabilities(
    ctx: click.Context, feed: Path | None, at: str | None, form: str
) -> int:
    """Show what is known about each SOUP item, and what nobody looked up.

    Exit status: 0 every item was looked up lately and every entry is assessed and does
    not affect the device, 1 otherwise, 2 cannot work.
    """
    from regml.files.text import read_text
    from regml.files.vulnerabilities import FOLDER, parse_export
    from regml.items.vulnerabilities import latest
    from regml.project import open_project
    from regml.trace.looked_up import standing_table, standings
    from regml.trace.rules.soup import soups
    from regml.trace.vulnerabilities import strangers, too_old

    project = open_project(project_root(ctx.obj), at=at)
    if feed is None:
        export = latest(project.evidence.vulnerabilities)
    else:
        export = parse_export(str(feed), read_text(ctx.obj / feed, name=str(feed)))
    known = soups(project.graph)
    found = tuple(standings(known, export))
    print_table(standing_table(found), form)
    old, others = "", tuple(strangers(export, known)) if export else ()
    if export is None:
        told = f"No export in {FOLDER}: nothing was looked up."
    else:
        days = project.evidence.config.maintenance.vulnerability_export_days
        old = too_old(export, project.evidence.today, days)
        told = f"Feed of {export.exported} ({export.path}): {export.source}"
    click.echo(told, err=True)
    if old:
        click.echo(f"The feed is {old}: what it says is not of today.", err=True)
    for entry in others:
        click.echo(
            f"{entry.id} names none of the packages that were asked about: assess it "
            "under 'vulnerabilities' of the SOUP item that it was found for.",
            err=True,
        )
    items = {one.soup.id for one in found}
    pending = {one.soup.id for one in found if one.open}
    click.echo(f"SOUP items: {len(items)}; something open: {len(pending)}.", err=True)
    return int(bool(pending or old or others))


def sbom_of(project: "Project") -> tuple[bytes, tuple[str, ...]]:
    """Return the bill of materials of a project, and in sentences what is open in it.

    Digests and dependencies are those of the packages installed here.
    """
    from regml.exchange.cyclonedx import as_bytes
    from regml.exchange.sbom import Installation, sbom
    from regml.files.installed import read_files, read_installed
    from regml.files.lock import read_hashes
    from regml.trace.packages import wanted_packages

    names = wanted_packages(project.graph)
    archives = read_hashes(project.files, project.evidence.config.sources.lock)
    here = Installation(
        packages=read_installed(names),
        files={name: read_files(name) for name in names if name not in archives},
        archives=archives,
        imports=_imports(project),
    )
    built, still_open = sbom(project, here)
    return as_bytes(built), still_open


def _imports(project: "Project") -> "tuple[Imported, ...]":
    from regml.files.imported import imported_packages
    from regml.trace.packages import device_files

    tree = project.evidence.tree
    return imported_packages(project.files, device_files(project.graph), tree)


def hold_against_schema(*documents: bytes) -> None:
    """Check CycloneDX documents where that is possible; say where it is not.

    Raises:
        BrokenFileError: One does not fit the schema.
    """
    from regml.exchange.cyclonedx import validate

    if {validate(content) for content in documents} != {True}:
        click.echo(
            "Not held against the CycloneDX schema: pip install 'regml[sbom]'.",
            err=True,
        )


def write_document(content: bytes, out: Path | None) -> None:
    """Check a CycloneDX document where that is possible, and write it.

    Raises:
        BrokenFileError: It does not fit the schema.
        ConfigError: It cannot be written.
    """
    hold_against_schema(content)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror}).") from error
    click.echo(f"Wrote {out}.", err=True)


def _write_items(project: "Project", differences: "tuple[Difference, ...]") -> None:
    """Write what can be written without a decision, and say what remains."""
    from regml.files.installed import read_installed
    from regml.files.lock import is_version, normalised
    from regml.files.soup_items import set_version, write_soup
    from regml.trace.packages import Kind

    files = {found.item.id: found for found in project.evidence.items}
    changed, by_hand = [], 0
    for one in differences:
        here = read_installed([one.package]).get(normalised(one.package))
        if one.kind is Kind.MISSING:
            if here is None or not is_version(here.version, one.found):
                click.echo(
                    f"{one.package}: not written, because {one.found} is not installed "
                    "here and only an installed package says what it is.",
                    err=True,
                )
                by_hand += 1
                continue
            path = write_soup(project.root, here, today=project.evidence.today)
            click.echo(f"Wrote {path}; fill in each TBD (regml check, T13).", err=True)
        elif one.kind is Kind.OTHER_VERSION:
            set_version(project.root, files[one.item], one.found)
            changed.append(one.item)
            click.echo(
                f"Set the version of {one.item} to {one.found}. Its review and its "
                "assessments were for another version and count no more.",
                err=True,
            )
        else:
            by_hand += 1
    if changed:
        click.echo(
            f"Approvals of {', '.join(changed)} and of documents that show them are "
            "suspect now: look at the change and approve it again.",
            err=True,
        )
    if by_hand:
        click.echo(f"Left to do by hand: {by_hand}. Nothing is deleted.", err=True)
