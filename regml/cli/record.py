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
    from regml.items.recorded import TestRun
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


def _standing(root: Path) -> "tuple[str, TestRun] | None":
    from regml.project import open_project
    from regml.trace.results import standing_test_run

    return standing_test_run(open_project(root).graph)


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


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--meaning",
    type=click.Choice(["review", "approval", "responsibility", "authorship"]),
    required=True,
)
@click.option("--role", help="In which of your roles you sign.")
@click.option("--comment", default="", help="What you want to add.")
@click.pass_context
def approve(
    ctx: click.Context,
    ids: tuple[str, ...],
    *,
    meaning: str,
    role: str | None,
    comment: str,
) -> None:
    """Sign the content of items or documents as reviewed or approved.

    A document is named like doc:05-software-requirements.
    """
    from regml.project import open_project
    from regml.records.approvals import approve as sign

    root = project_root(ctx.obj)
    signed = open_project(root).graph.signable(ids)
    made = sign(root, *signed, meaning=meaning, role=role, comment=comment)
    click.echo(made.path)
    click.echo(f"regml: signed {len(signed[0])} items ({meaning}).", err=True)


@click.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST]")
@click.option(
    "--unless-current",
    is_flag=True,
    help="Run nothing while the latest test run stands: same code, model and wording.",
)
@click.pass_context
def test(
    ctx: click.Context, arguments: tuple[str, ...], *, unless_current: bool
) -> int:
    """Run the device's tests and leave a signed record.

    What stands behind -- goes to pytest. Exit status 0: all passed, 1: some failed,
    2: there are none, or they could not be run.
    """
    from regml.records.device_tests import run_device_tests

    root = project_root(ctx.obj)
    if unless_current and (standing := _standing(root)):
        path, run = standing
        click.echo("regml: the latest test run still stands; nothing to run.", err=True)
        click.echo(path)
        return int(any(case.outcome == "failed" for case in run.cases))
    tested = run_device_tests(root, arguments)
    for item_id in tested.unknown:
        click.echo(f"regml: tests verify {item_id}, which is no item.", err=True)
    click.echo(tested.record.path)
    return 1 if tested.failed else 0
