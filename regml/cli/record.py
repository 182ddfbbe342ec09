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
    from regml.records.recorder import record_stage

    root = Path(dvc_root) if dvc_root else project_root(ctx.obj)
    return record_stage(root, command, stage=name)


@record.command()
@click.argument("record", metavar="FILE|ID")
@click.pass_context
def show(ctx: click.Context, record: str) -> None:
    """Print what a record says, as JSON; its signature is not checked."""
    from regml.records.log import find_record, read_record

    path = Path(record)
    if not path.is_file():
        root = project_root(ctx.obj)
        path = root / find_record(root, record)
    _, document = read_record(path.read_bytes(), name=record)
    click.echo(_json(document))


@click.command()
@click.option("--quick", is_flag=True, help="Do not hash the outputs on disk.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def verify(ctx: click.Context, *, quick: bool, style: str) -> int:
    """Compare every record, signature and byte."""
    from dataclasses import asdict

    from regml.files.config import read_config
    from regml.records.verify import verify as verify_records

    root = project_root(ctx.obj)
    result = verify_records(root, read_config(root).signers, full=not quick)
    if style == "json":
        click.echo(_json(asdict(result)))
    else:
        for line in _report(result, hashed=not quick):
            click.echo(line)
    return 1 if result.problems or not result.listed else 0


def _report(result: "Verification", *, hashed: bool) -> Iterator[str]:
    from regml.items.recorded import LogProblem

    yield f"records    {result.believed} of {result.listed} whole and signed"
    yield f"dvc.lock   {result.explained} of {result.locked} stages explained"
    if hashed:
        yield f"outputs    {result.outputs} hashed, {len(result.absent)} not here"
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
