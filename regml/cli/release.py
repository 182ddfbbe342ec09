"""``regml release``, ``regml verify ARCHIVE.zip``: handing over, and looking at it."""

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regml.cli import project_root
from regml.errors import RegmlError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regml.project import Project
    from regml.release.back import Back
    from regml.release.gate import Gate
    from regml.release.sign import Handed
    from regml.release.verify import Inspection


@click.command()
@click.argument("version", required=False)
@click.option(
    "--of",
    metavar="RELEASE|MODEL",
    help="Roll back: put an earlier release, or its model, in force again.",
)
@click.option("--role", help="In which of your roles you sign; quality may release.")
@click.option("--comment", default="", help="What you want to add.")
@click.option(
    "--because",
    default="",
    help="With --of: why you go back although something is known against it.",
)
@click.option("--tag", "tags", flag_value="plain", help="Also tag the commit in git.")
@click.option(
    "--sign-tag", "tags", flag_value="signed", help="The same, signed by git."
)
@click.option("--mlflow", is_flag=True, help="Also register the model in MLflow.")
@click.option(
    "--archive-only",
    is_flag=True,
    help="Write the archive of a release that was signed once more, and tag or "
    "register it where that failed; sign no record.",
)
@click.pass_context
def release(
    ctx: click.Context,
    version: str | None,
    *,
    of: str | None,
    role: str | None,
    comment: str,
    because: str,
    tags: str | None,
    mlflow: bool,
    archive_only: bool,
) -> int:
    """Hand a version over: gate, signed record, archive.

    VERSION is that of regml.toml where none is given. Every check has to be silent, or
    its blockers and majors waived; no option changes that. With --of the checks look at
    the earlier release with what is known today, not at the present state; what they
    find has to be answered with --because. Exit status: 0 released, 1 refused or not
    all done, 2 cannot work.
    """
    from regml.project import open_project
    from regml.release.gate import open_for_release
    from regml.release.sign import draft, hand_over, pack_again, releaser
    from regml.release.tag import refuse_tag

    if because and of is None:
        raise click.UsageError("--because goes with --of.")
    root = project_root(ctx.obj)
    if archive_only and (of or role or comment):
        raise click.UsageError("--archive-only signs nothing: no --of, --role, ...")
    if archive_only:
        project, commit = open_project(root), ""
    else:
        project, commit = open_for_release(root, back=of is not None)
    if tags:
        named = version or project.evidence.config.device.version
        refuse_tag(root, named, signed=tags == "signed")
    if archive_only:
        handed = pack_again(project, version, write_bills=_bills)
        _tell(handed)
        return 0 if all(_finished(root, project, handed, tags, mlflow=mlflow)) else 1
    by = releaser(project, role)
    back = _looked_back(project, of, because) if of is not None else None
    if not (back.is_open if back else _passed(root, project)):
        return 1
    made = draft(
        project, commit, version, by=by, write_bills=_bills, back=back, comment=comment
    )
    handed = hand_over(made)
    _tell(handed)
    done = _finished(root, project, handed, tags, mlflow=mlflow)
    _next(handed, tagged=bool(tags) and done[0])
    return 0 if all(done) else 1


def _finished(
    root: Path, project: "Project", handed: "Handed", tags: str | None, *, mlflow: bool
) -> tuple[bool, bool]:
    """Tag and register a release where that is wanted; tell what went well."""
    tagged = _tagged(root, handed, tags)
    return tagged, not mlflow or _registered(root, project, handed)


def _bills(project: "Project", model: str) -> "Mapping[str, bytes]":
    """Return the bills of materials of a release, and say what is open in them."""
    from regml.cli.soup import hold_against_schema, sbom_of
    from regml.exchange.cyclonedx import as_bytes
    from regml.exchange.mlbom import ml_bom
    from regml.release.bills import ML_BOM, SBOM
    from regml.trace.nodes import SHORT

    packages, open_packages = sbom_of(project)
    built, open_model = ml_bom(project, f"model@{model[:SHORT]}")
    bills = {SBOM: packages, ML_BOM: as_bytes(built)}
    hold_against_schema(*bills.values())
    for words in (*open_packages, *open_model):
        click.echo(f"regml: bills of materials: {words}", err=True)
    return bills


def _passed(root: Path, project: "Project") -> bool:
    """Look at the present state; say why it cannot be released, if so."""
    from regml.release.gate import look

    gate = look(root, project)
    for sentence in gate.unseen:
        click.echo(f"regml: not seen: {sentence}", err=True)
    if not gate.is_open:
        _refuse(gate)
    return gate.is_open


def _looked_back(project: "Project", wanted: str, because: str) -> "Back":
    """Look at an earlier release, and print what is known against it today."""
    from regml.release.back import look_back

    back = look_back(project, wanted, because=because)
    name = f"release@{back.record.id} ({back.said.version})"
    for problem in back.problems:
        click.echo(f"PROBLEM    {problem.path}: {problem.message}")
    for sentence in back.known:
        click.echo(f"KNOWN      {sentence}")
    if back.problems:
        click.echo(
            f"regml: not released. The evidence of {name} itself does not hold: nobody "
            "can tell any more what it was. Bring its records back, or name another.",
            err=True,
        )
    elif not back.is_open:
        click.echo(
            f"regml: not released. Going back to {name} puts what is listed above in "
            "force again. If that is better than what is in force now, have quality "
            "say why: --because TEXT. The list and the reason stand in the signed "
            "record.",
            err=True,
        )
    return back


def _refuse(gate: "Gate") -> None:
    from regml.trace import render

    click.echo(render.findings_text(gate.in_the_way), nl=False)
    for problem in gate.problems:
        click.echo(f"PROBLEM    {problem.path}: {problem.message}")
    click.echo(render.summary(gate.outcomes))
    click.echo(
        "regml: not released. Mend the blockers and majors, or have quality waive them "
        "(regml waive); problems of records and bytes cannot be waived.",
        err=True,
    )


def _tell(handed: "Handed") -> None:
    said = handed.said
    again = f", again as release@{said.of}" if said.of else ""
    click.echo(f"{said.version}  release@{handed.record.id}{again}")
    click.echo(f"record   {handed.record.path}")
    click.echo(f"archive  {handed.archive}")
    click.echo(f"sha256   {handed.sha256}")
    if not handed.with_dhf:
        at = f" --at {said.commit[:12]}" if said.of else ""
        click.echo(
            "regml: the Design History File is not in the archive: none was built from "
            f"commit {said.commit[:12]}, or it was changed. Build it before releasing: "
            f"regml dhf build{at}.",
            err=True,
        )


def _next(handed: "Handed", *, tagged: bool) -> None:
    push = " --follow-tags" if tagged else ""
    click.echo(
        "regml: now commit the record and keep its sha256 where nobody can change it: "
        f"git add records && git commit -m 'Release {handed.said.version}' && "
        f"git push{push}",
        err=True,
    )


def _tagged(root: Path, handed: "Handed", how: str | None) -> bool:
    """Tag the commit; tell whether nothing went wrong."""
    if how is None:
        return True
    from regml.release.tag import make_tag

    try:
        name = make_tag(root, handed.record, handed.said, signed=how == "signed")
    except RegmlError as error:
        click.echo(f"regml: released and recorded, but not tagged: {error}", err=True)
        return False
    click.echo(f"tag      {name}")
    return True


def _registered(root: Path, project: "Project", handed: "Handed") -> bool:
    """Register the model in MLflow; tell whether it took it."""
    from regml.records.registered import model_source

    # by name: this half of regml must not need MLflow, see docs/adr/0018
    registry: Any = import_module("regml.learning.registry")
    said = handed.said
    try:
        number = registry.register(
            root,
            project.evidence.config.device.name,
            source=model_source(said.model or ""),
            tags={
                "version": said.version,
                "sha256": said.model or "none",
                "record": handed.record.sha256,
            },
        )
    except registry.RegistryError as error:
        click.echo(
            f"regml: released and recorded, but not registered in MLflow: {error}. "
            f"Later: regml release {said.version} --archive-only --mlflow",
            err=True,
        )
        return False
    click.echo(f"mlflow   version {number} of {project.evidence.config.device.name}")
    return True


def inspect(
    archive: Path, key: Path | None, anchors: "Sequence[str]", style: str
) -> int:
    """Print what was looked at in an archive; 1 when anything differs.

    Raises:
        RegmlError: It is no archive of a release, or the key cannot be read.
    """
    from regml.records.anchors import read_anchor
    from regml.release.verify import key_in, verify_archive

    pem = key_in(key) if key else None
    kept = [read_anchor(Path(), anchor) for anchor in anchors]
    result = verify_archive(archive, key=pem, anchors=kept)
    if style == "json":
        rows = {
            "seen": dict(result.seen),
            "unseen": result.unseen,
            "problems": [{"where": w, "message": m} for w, m in result.problems],
        }
        click.echo(json.dumps(rows, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        _print(result)
    return 1 if result.problems else 0


def _print(result: "Inspection") -> None:
    for word, sentence in result.seen:
        click.echo(f"{word:<10} {sentence}")
    for sentence in result.unseen:
        click.echo(f"not seen   {sentence}")
    for where, message in result.problems:
        click.echo(f"PROBLEM    {where}: {message}")
    if not result.problems:
        click.echo("No problem found in what was looked at.")
