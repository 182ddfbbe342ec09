"""``regml test``: run tests, import results of others, carry out protocols."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regml.cli import project_root

if TYPE_CHECKING:
    from regml.files.answers import Answer
    from regml.items.lifecycle import Step
    from regml.items.recorded import Record, TestRun
    from regml.records.device_tests import Tested
    from regml.records.executions import Prepared


class TestGroup(click.Group):
    """``regml test [-- PYTEST]`` and its subcommands in one."""

    __test__ = False  # not a test class for pytest

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take everything that is for pytest out of the arguments."""
        end = args.index("--") if "--" in args else len(args)
        own, pytest = args[:end], args[end + 1 :]
        words = [word for word in own if not word.startswith("-")]
        if not words or words[0] not in self.commands:
            own = [word for word in own if word.startswith("-")]
            ctx.meta["pytest"] = (*words, *pytest)
            return super().parse_args(ctx, own)
        return super().parse_args(ctx, args)


@click.group(
    cls=TestGroup,
    invoke_without_command=True,
    subcommand_metavar="[-- PYTEST] | COMMAND ...",
)
@click.option(
    "--unless-current",
    is_flag=True,
    help="Run nothing while the latest complete run stands: same code, model, wording.",
)
@click.pass_context
def test(ctx: click.Context, *, unless_current: bool) -> int | None:
    """Run the device's tests and leave a signed record.

    What stands behind -- goes to pytest. Results of other runners are taken over with
    'regml test import', protocols carried out with 'regml test execute'. Exit status
    0: all passed, 1: some failed, 2: there are none, or they could not be run.
    """
    if ctx.invoked_subcommand:
        return None
    from regml.records.device_tests import run_device_tests

    root = project_root(ctx.obj)
    if unless_current and (standing := _standing(root)):
        path, run = standing
        click.echo("regml: the latest test run still stands; nothing to run.", err=True)
        click.echo(path)
        return int(any(case.outcome == "failed" for case in run.cases))
    tested = run_device_tests(root, ctx.meta.get("pytest", ()))
    _tell(tested)
    return 1 if tested.failed else 0


@test.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option(
    "--suite",
    metavar="NAME",
    help="What these are results of, e.g. windows; else the name of the file. Newer "
    "results replace older ones of the same suite.",
)
@click.option(
    "--commit",
    metavar="REV",
    help="What the tests ran at, where it is not the present state.",
)
@click.option(
    "--complete",
    is_flag=True,
    help="The files hold every test of their suite; what is missing was removed.",
)
@click.option(
    "--again",
    is_flag=True,
    help="The tests ran again and wrote the very same bytes as an imported file.",
)
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[Path, ...],
    *,
    suite: str | None,
    commit: str | None,
    complete: bool,
    again: bool,
) -> int:
    """Take over results of any test runner: JUnit XML or Robot Framework output.

    A test names what it verifies by a property or attribute 'verifies', by a tag, or by
    'verifies:SRS-001' in its name. Exit status 0: all passed, 1: some failed or name
    items that do not exist, 2: a file could not be read, and nothing was recorded.
    """
    from regml.records.test_imports import ImportOptions, import_results

    options = ImportOptions(suite, commit, complete, again)
    tested = import_results(project_root(ctx.obj), files, options)
    _tell(tested)
    return 1 if tested.failed or tested.unknown else 0


@test.command()
@click.argument("protocol", metavar="ID")
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="YAML with one answer per step, for those without a terminal.",
)
@click.pass_context
def execute(ctx: click.Context, protocol: str, *, answers: Path | None) -> int:
    """Carry out a protocol step by step and sign what was seen.

    Nothing is written before the last step was answered and the signature confirmed.
    Exit status 0: passed, 1: failed, blocked or not finished, 2: could not be done.
    """
    from regml.items.recorded import Execution
    from regml.records.executions import answers_of, prepare, sign_execution

    prepared = prepare(project_root(ctx.obj), protocol)
    if answers:
        given = answers_of(prepared, answers)
        said, comment = given.steps, given.comment or ""
    else:
        try:
            said, comment = _ask(prepared)
        except click.Abort:
            click.echo(
                "\nregml: stopped, so nothing was written. Without a terminal, give "
                "the answers with --answers FILE.",
                err=True,
            )
            raise
    record = sign_execution(prepared, said, comment=comment)
    done = record.statement
    assert isinstance(done, Execution)  # noqa: S101 - just signed
    click.echo(record.path)
    name = prepared.signer.name
    click.echo(f"regml: {done.protocol} {done.verdict}, signed by {name}.", err=True)
    return int(done.verdict != "passed")


def _ask(prepared: "Prepared") -> tuple[tuple["Answer", ...], str]:
    """Lead through the steps; whoever stops before the end leaves nothing behind."""
    protocol = prepared.protocol
    click.echo(f"{protocol.id} {protocol.title}")
    click.echo(f"verifies {', '.join(protocol.verifies)}")
    if protocol.preparation:
        click.echo("\nPreparation:")
        for line in protocol.preparation:
            click.echo(f"- {line}")
        click.confirm("Is all of this ready?", abort=True)
    answers = tuple(
        _ask_step(step, number, len(protocol.steps))
        for number, step in enumerate(protocol.steps, start=1)
    )
    comment = click.prompt("\nComment", default="", show_default=False)
    click.echo("")
    for number, answer in enumerate(answers, start=1):
        click.echo(f"{number}. {answer.outcome}: {answer.observed or 'as expected'}")
    name = prepared.signer.name
    click.confirm(f"Sign these {len(answers)} steps as {name}?", abort=True)
    return answers, comment.strip()


def _ask_step(step: "Step", number: int, total: int) -> "Answer":
    from regml.files.answers import Answer, Word

    click.echo(f"\nStep {number} of {total}")
    click.echo(f"  do      {step.do}")
    click.echo(f"  expect  {step.expect}")
    words = click.Choice([word.value for word in Word], case_sensitive=False)
    word = Word(click.prompt("Outcome", type=words))
    if word is Word.PASS:
        observed = click.prompt("Observed", default="as expected")
    else:
        observed = ""
        while not observed.strip():
            observed = click.prompt("Observed (what was seen, or in the way)")
    return Answer(outcome=word, observed=observed.strip() or None)


def _standing(root: Path) -> "tuple[str, TestRun] | None":
    from regml.project import open_project
    from regml.trace.results import standing_test_run

    return standing_test_run(open_project(root).graph)


def _tell(tested: "Tested") -> None:
    for item_id in tested.unknown:
        click.echo(f"regml: tests verify {item_id}, which is no item.", err=True)
    _tell_counts(tested.record)
    click.echo(tested.record.path)


def _tell_counts(record: "Record") -> None:
    """Say what was imported; pytest has said it itself."""
    from regml.items.recorded import TestRun

    run = record.statement
    if isinstance(run, TestRun) and run.reports:
        outcomes = [str(case.outcome) for case in run.cases]
        told = ", ".join(
            f"{outcomes.count(name)} {name}" for name in ("passed", "failed", "skipped")
        )
        named = sum(1 for case in run.cases if case.verifies)
        click.echo(
            f"regml: {len(run.cases)} tests ({told}); {named} name what they verify.",
            err=True,
        )
