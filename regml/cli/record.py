"""``regml record``, ``verify``, ``approve``, ``test``: writing and checking records."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regml.cli import project_root
from regml.errors import ConfigError

if TYPE_CHECKING:
    from regml.records.verify import Verification


class RecordGroup(click.Group):
    """``regml record [--stage NAME] -- COMMAND`` and ``regml record show`` in one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take everything behind ``--`` as the command to run."""
        if "--" in args and not set(args[: args.index("--")]) & set(self.commands):
            end = args.index("--")
            ctx.meta["command"] = args[end + 1 :]
            args = args[:end]
        return super().parse_args(ctx, args)


@click.group(cls=RecordGroup, invoke_without_command=True)
@click.option("--stage", help="Stage of dvc.yaml; DVC sets it by DVC_STAGE.")
@click.pass_context
def record(ctx: click.Context, stage: str | None) -> int | None:
    """Run a DVC stage and leave a signed record: regml record -- COMMAND.

    In dvc.yaml write 'cmd: regml record -- python -m pipelines.train'. The record is
    written also when the command fails or is killed; the exit status is the command's.
    """
    if ctx.invoked_subcommand:
        return None
    command = ctx.meta.get("command")
    if not command:
        raise click.UsageError("Say what to run: regml record -- COMMAND", ctx)
    name = stage or os.environ.get("DVC_STAGE")
    if not name:
        raise ConfigError(
            "DVC_STAGE is not set. Run the stage with 'dvc repro', "
            "or name it: regml record --stage NAME -- COMMAND"
        )
    dvc_root = None if stage else os.environ.get("DVC_ROOT")
    from regml.records.experiments import workplace
    from regml.records.recorder import record_stage

    # several projects may share the DVC repository above them
    whole = dvc_root is not None and (Path(dvc_root) / "regml.toml").is_file()
    project = Path(dvc_root or "") if whole else project_root(ctx.obj)
    place = workplace(ctx.obj, project)
    return record_stage(place.root, command, stage=name, kept=place.kept)


@record.command()
@click.argument("record", metavar="FILE|ID")
@click.pass_context
def show(ctx: click.Context, record: str) -> None:
    """Print what a record or its environment says, as JSON; nothing is checked."""
    from regml.records.environment_files import is_environment, read_environment
    from regml.records.log import find_record
    from regml.records.opening import read_record

    path = Path(record)
    if not path.is_file():
        root = project_root(ctx.obj)
        path = root / find_record(root, record)
    raw = path.read_bytes()
    if is_environment(path):
        click.echo(_json(read_environment(raw, name=record)))
    else:
        click.echo(_json(read_record(raw, name=record)[1]))


@record.command()
@click.pass_context
def relist(ctx: click.Context) -> int:
    """List again signed records that the log lost.

    'dvc exp apply' and 'git checkout' bring back an older log; the records stay. What
    no trusted key signed, or what follows records that are not here, stays out.
    """
    from regml.files.config import read_config
    from regml.records.relisting import relist as list_again

    root = project_root(ctx.obj)
    done = list_again(root, read_config(root).signers)
    for record in done.back:
        click.echo(f"listed again  {record.path}")
    for path, why in done.refused:
        click.echo(f"refused       {path}: {why}")
    if not done.back and not done.refused:
        click.echo("The log lists every record that is here.")
    return 1 if done.refused else 0


@record.command()
@click.option("--tsa", required=True, metavar="URL", help="The authority to ask.")
@click.pass_context
def stamp(ctx: click.Context, tsa: str) -> None:
    """Have the newest record time-stamped by an authority (RFC 3161).

    Only its SHA-256 leaves this machine. Needs the extra 'timestamp'.
    """
    from regml.records.timestamps import stamp as have_stamped

    for path in have_stamped(project_root(ctx.obj), tsa):
        click.echo(path)


@click.command()
@click.argument(
    "archive", required=False, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of an archive: public key (PEM) that has to have signed the release.",
)
@click.option(
    "--full/--quick",
    default=True,
    show_default=True,
    help="Hash the data on disk, or only compare records and dvc.lock.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="HEAD|FILE|REV",
    help="A head of the log kept elsewhere: its digits, the state.json of a Design "
    "History File, or a tag. Shows records that were cut off.",
)
@click.option(
    "--mlflow",
    "store",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="MLflow's SQLite file to compare, if it is not mlflow.db here.",
)
@click.option(
    "--tsa-certificate",
    "certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Root certificate (PEM) of the authority that stamped the log.",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def verify(
    ctx: click.Context,
    archive: Path | None,
    *,
    key: Path | None,
    full: bool,
    anchors: tuple[str, ...],
    store: Path | None,
    certificate: Path | None,
    style: str,
) -> int:
    """Compare every record, signature and byte.

    With ARCHIVE, look at the archive of a release instead; that needs no project.
    """
    if archive is None and key:
        raise click.UsageError("--key goes with ARCHIVE.")
    if archive is not None and (store or certificate or not full):
        raise click.UsageError("ARCHIVE goes with --key and --anchor alone.")
    if archive is not None:
        from regml.cli.release import inspect

        return inspect(archive, key, anchors, style)
    from dataclasses import asdict

    from regml.files.config import read_config
    from regml.records.anchors import read_anchor
    from regml.records.verify import verify as verify_records

    root = project_root(ctx.obj)
    result = verify_records(
        root,
        read_config(root).signers,
        full=full,
        anchors=[read_anchor(root, anchor) for anchor in anchors],
        store=store,
        certificate=certificate,
    )
    if style == "json":
        click.echo(_json(asdict(result)))
    else:
        for line in _report(result, hashed=full):
            click.echo(line)
    return 1 if result.problems or not result.listed else 0


def _report(result: "Verification", *, hashed: bool) -> Iterator[str]:
    from regml.items.recorded import LogProblem

    yield f"records    {result.believed} of {result.listed} whole and signed"
    for head in result.heads:
        yield f"log head   {head}"
    whole = sum(result.environments.values())
    yield f"made in    {whole} of {len(result.environments)} environments as signed"
    if result.bills:
        as_signed = sum(result.bills.values())
        yield f"bills      {as_signed} of {len(result.bills)} of materials as signed"
    yield f"dvc.lock   {result.explained} of {result.locked} stages explained"
    if hashed:
        beside = f", {result.cached} only in DVC's cache" if result.cached else ""
        yield (
            f"outputs    {result.outputs} hashed, {len(result.absent)} not here{beside}"
        )
        yield f"inputs     {result.inputs} outside of git hashed"
    if result.tracked:
        yield f"MLflow     {result.tracked} recorded runs compared"
    if result.registered:
        yield f"registry   {result.registered} released versions compared"
    for name in result.anchors:
        yield f"anchor     {name}"
    for sentence in result.stamped:
        yield f"time stamp {sentence}"
    for sentence in result.unseen:
        yield f"not seen   {sentence}"
    for path in result.unnamed:
        yield f"not named  {path}: no record names it, so it is no evidence"
    for path in result.absent:
        yield f"not here   {path}: not verified; bring it with 'dvc pull'"
    for problem in result.problems:
        kind = problem.kind if isinstance(problem, LogProblem) else "differs"
        yield f"PROBLEM    {problem.path}: {kind}: {problem.message}"
    if not result.listed:
        yield "There are no records here, so there is nothing to believe."
    elif not result.problems:
        yield "No problem found in what was looked at."


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
