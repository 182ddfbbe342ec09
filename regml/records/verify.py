"""Everything that records, ``dvc.lock`` and the bytes on disk say, held against it.

Trusts no modification time and no database: what is compared is hashed here and now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.digest import Artifact
from regml.files.dvc import LockedStage, differences, read_lock, read_stages
from regml.items.recorded import LogProblem, Outcome, Record, StageRun
from regml.records.contents import read_contents
from regml.records.keys import Signatory
from regml.records.log import read_log


@dataclass(frozen=True, slots=True, order=True)
class OutputProblem:
    """Something on disk or in ``dvc.lock`` that no record vouches for.

    Attributes:
        path: A file of the project, or ``dvc.lock``.
        stage: The stage it belongs to.
        message: What differs and what that means, in one sentence.
    """

    path: str
    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at, and what was found.

    Attributes:
        listed: Records the log lists.
        believed: Records that are whole and signed by a trusted key.
        locked: Stages ``dvc.lock`` tells of.
        explained: Those with a passed record that says the same.
        outputs: Outputs whose bytes were hashed.
        absent: Outputs that are not on this machine, sorted; DVC can bring them.
        problems: Sorted; empty when all that was looked at holds.
    """

    listed: int
    believed: int
    locked: int
    explained: int
    outputs: int
    absent: tuple[str, ...]
    problems: tuple[LogProblem | OutputProblem, ...]


def verify_project(
    root: Path, signers: Iterable[Signatory], *, full: bool = True
) -> tuple[LogProblem | OutputProblem, ...]:
    """Return every problem of :func:`verify`."""
    return verify(root, signers, full=full).problems


def verify(
    root: Path, signers: Iterable[Signatory], *, full: bool = True
) -> Verification:
    """Check every signature, every link, every locked stage and every byte.

    Args:
        root: The project.
        signers: Whose signatures count.
        full: Also hash the outputs on disk.

    Raises:
        RegmlError: The log, ``dvc.lock`` or ``dvc.yaml`` cannot be read.
    """
    log = read_log(root, signers)
    locked = read_lock(root)
    explanations = {stage.name: explanation(stage, log.records) for stage in locked}
    problems: list[LogProblem | OutputProblem] = list(log.problems)
    problems += [
        _unexplained(stage, log.records)
        for stage in locked
        if explanations[stage.name] is None
    ]
    expected = _expected_outputs(log.records, explanations) if full else {}
    small = {
        out.path for stage in read_stages(root) for out in stage.outs if not out.cache
    }
    absent = []
    for artifact, stage in expected.items():
        if (root / artifact.path).exists():
            problems += _compare(root, artifact, stage)
        elif artifact.path in small:
            problems.append(_gone(artifact, stage))
        else:
            absent.append(artifact.path)
    return Verification(
        listed=log.listed,
        believed=len(log.records),
        locked=len(locked),
        explained=sum(run is not None for run in explanations.values()),
        outputs=sum((root / artifact.path).exists() for artifact in expected),
        absent=tuple(sorted(absent)),
        problems=tuple(problems),
    )


def explanation(locked: LockedStage, records: Sequence[Record]) -> Record | None:
    """Return the latest record that tells the same as ``dvc.lock``, or ``None``."""
    for record in reversed(records):
        run = record.statement
        if (
            isinstance(run, StageRun)
            and run.stage == locked.name
            and not differences(locked, run)
        ):
            return record
    return None


def _unexplained(locked: LockedStage, records: Sequence[Record]) -> OutputProblem:
    latest = _latest_run(locked.name, records, passed=True)
    if latest is None:
        why = "no signed record of a passed run"
    else:
        told = "; ".join(differences(locked, latest))
        why = f"in the latest passed run {told}"
    return OutputProblem(
        "dvc.lock",
        locked.name,
        f"stage {locked.name} is not explained by any record: {why}. What dvc.lock "
        "names was not made by a recorded run; reproduce it: "
        f"dvc repro -f {locked.name}",
    )


def _latest_run(
    stage: str, records: Sequence[Record], *, passed: bool
) -> StageRun | None:
    for record in reversed(records):
        run = record.statement
        if (
            isinstance(run, StageRun)
            and run.stage == stage
            and (not passed or run.outcome is Outcome.PASSED)
        ):
            return run
    return None


def _expected_outputs(
    records: Sequence[Record], explanations: dict[str, Record | None]
) -> dict[Artifact, str]:
    """Return what should be on disk, with its stage.

    Of a locked stage that is what the explaining run made; of another stage what its
    latest run left.
    """
    runs: dict[str, StageRun] = {}
    for record in records:
        if isinstance(record.statement, StageRun):
            runs[record.statement.stage] = record.statement
    for stage, explaining in explanations.items():
        if explaining and isinstance(explaining.statement, StageRun):
            runs[stage] = explaining.statement
    return {
        artifact: stage
        for stage, run in sorted(runs.items())
        for artifact in run.outputs
    }


def _compare(root: Path, artifact: Artifact, stage: str) -> list[OutputProblem]:
    try:
        now = read_contents(root, [artifact.path])[0].artifact
    except OSError as error:
        return [
            OutputProblem(
                artifact.path, stage, f"cannot be read ({error.strerror}): not verified"
            )
        ]
    if now.sha256 == artifact.sha256:
        return []
    same_size = now.size_bytes == artifact.size_bytes
    return [
        OutputProblem(
            artifact.path,
            stage,
            f"differs from what the recorded run of {stage} made "
            f"(sha256 {now.sha256[:12]} instead of {artifact.sha256[:12]}"
            f"{', same size' if same_size else ''}): it was changed afterwards; "
            f"bring it back with 'dvc checkout' or 'git checkout', or reproduce it",
        )
    ]


def _gone(artifact: Artifact, stage: str) -> OutputProblem:
    return OutputProblem(
        artifact.path,
        stage,
        f"is missing, though the recorded run of {stage} made it: it was removed; "
        "bring it back with 'git checkout', or reproduce it",
    )
