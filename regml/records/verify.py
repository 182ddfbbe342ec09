"""Everything that records, ``dvc.lock`` and the bytes on disk say, held against it.

Trusts no modification time and no database: what is compared is hashed here and now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.digest import Artifact
from regml.files.dvc import (
    LockedStage,
    Stage,
    differences,
    read_lock,
    read_stages,
)
from regml.files.git import list_files
from regml.items.recorded import LogProblem, Outcome, Record, StageRun
from regml.records.anchors import Anchor, cut_off, released_anchors
from regml.records.bills import compare_bills
from regml.records.expected import Maker, expected_inputs, expected_outputs
from regml.records.held import cached, difference
from regml.records.keys import Signatory
from regml.records.log import no_garbage, read_log
from regml.records.overlooked import lost_code, not_locked, not_read
from regml.records.registered import compare_registry
from regml.records.timestamps import check_stamps
from regml.records.tracked import compare_tracked
from regml.records.unfinished import unfinished


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
        heads: sha256 of the newest ones; who keeps them elsewhere has an anchor.
        believed: Records that are whole and signed by a trusted key.
        environments: Files that say in which environment records were made, and
            whether each is as it was signed.
        bills: Bills of materials that releases signed, and whether each is as it was.
        unnamed: What lies among these files and no record names.
        locked: Stages ``dvc.lock`` tells of.
        explained: Those with a passed record that says the same.
        outputs: Outputs whose bytes were hashed.
        inputs: What runs read that no stage made and git does not hold, and whose
            bytes were hashed.
        cached: Outputs that are not in place, but whole in DVC's cache.
        absent: Outputs that are not on this machine, sorted; DVC can bring them.
        anchors: Heads kept elsewhere that were looked up, by where they were kept.
        stamped: What time stamps say that hold, one sentence each.
        tracked: Recorded runs that MLflow's database was compared with.
        registered: Recorded releases that MLflow's registry was compared with.
        unseen: What could not be compared, and why, one sentence each.
        problems: Sorted; empty when all that was looked at holds.
    """

    listed: int
    heads: tuple[str, ...]
    believed: int
    environments: Mapping[str, bool]
    bills: Mapping[str, bool]
    unnamed: tuple[str, ...]
    locked: int
    explained: int
    outputs: int
    inputs: int
    cached: int
    absent: tuple[str, ...]
    anchors: tuple[str, ...]
    stamped: tuple[str, ...]
    tracked: int
    registered: int
    unseen: tuple[str, ...]
    problems: tuple[LogProblem | OutputProblem, ...]


def verify_project(
    root: Path, signers: Iterable[Signatory], *, full: bool = True
) -> tuple[LogProblem | OutputProblem, ...]:
    """Return every problem of :func:`verify`."""
    return verify(root, signers, full=full).problems


def verify(
    root: Path,
    signers: Iterable[Signatory],
    *,
    full: bool = True,
    anchors: Iterable[Anchor] = (),
    store: Path | None = None,
    certificate: Path | None = None,
) -> Verification:
    """Check every signature, every link, every locked stage and every byte.

    Args:
        root: The project.
        signers: Whose signatures count.
        full: Also hash the data on disk and in the cache.
        anchors: Heads of the log that were kept elsewhere.
        store: Another MLflow database than ``mlflow.db`` of the project.
        certificate: PEM of the authority that stamped heads of the log.

    Raises:
        RegmlError: The log, ``dvc.lock`` or ``dvc.yaml`` cannot be read.
    """
    with no_garbage():  # it would be looked for among all records, several times
        return _verify(root, signers, full, tuple(anchors), store, certificate)


def _verify(
    root: Path,
    signers: Iterable[Signatory],
    full: bool,
    anchors: tuple[Anchor, ...],
    store: Path | None,
    certificate: Path | None,
) -> Verification:
    log = read_log(root, signers)
    stages, locked, listing = read_stages(root), read_lock(root), list_files(root)
    explanations = {stage.name: explanation(stage, log.records) for stage in locked}
    problems: list[LogProblem | OutputProblem] = list(log.problems)
    problems += [
        _unexplained(stage, log.records)
        for stage in locked
        if explanations[stage.name] is None
    ]
    kept = (*anchors, *released_anchors(log.records))
    listed = {entry.sha256 for entry in log.entries}
    problems += [problem for anchor in kept for problem in cut_off(anchor, listed)]
    problems += _gaps(root)
    behind = [record for record in explanations.values() if record]
    lost, lost_too = lost_code(root, log.records, behind)
    problems += lost
    bills = compare_bills(root, log.records)
    problems += [OutputProblem(path, "", said) for path, said in bills.problems]
    tracked = compare_tracked(root, log.records, store)
    problems += [OutputProblem(*problem) for problem in tracked.problems]
    registry = compare_registry(root, log.records, store)
    problems += [OutputProblem(path, "", said) for path, said in registry.problems]
    times = {r.sha256: r.statement.origin.finished_utc for r in log.records}
    stamps = check_stamps(root, dict.fromkeys(listed, "") | times, certificate)
    problems += stamps.problems
    expected = expected_outputs(log.records, explanations, stages) if full else {}
    read = expected_inputs(root, explanations, expected, listing) if full else {}
    held = _hold(root, expected, stages)
    return Verification(
        listed=log.listed,
        heads=log.heads,
        believed=len(log.records),
        environments=log.environments,
        bills=bills.named,
        unnamed=(*log.unnamed, *bills.unnamed),
        locked=len(locked),
        explained=sum(run is not None for run in explanations.values()),
        outputs=held.hashed,
        inputs=len(read),
        cached=held.cached,
        absent=held.absent,
        anchors=tuple(anchor.name for anchor in kept),
        stamped=stamps.held,
        tracked=tracked.compared,
        registered=registry.compared,
        unseen=(
            *tracked.unseen,
            *registry.unseen,
            *stamps.unseen,
            *lost_too,
            *not_locked(stages, locked, log.records),
            *not_read(listing.names),
        ),
        problems=(*problems, *held.problems, *_changed_inputs(root, read)),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """How the outputs on this machine compare with the records."""

    hashed: int
    cached: int
    absent: tuple[str, ...]
    problems: tuple[OutputProblem, ...]


def _hold(
    root: Path, expected: dict[Artifact, Maker], stages: Iterable[Stage]
) -> _Held:
    small = {out.path for stage in stages for out in stage.outs if not out.cache}
    problems: list[OutputProblem] = []
    absent = []
    hashed = whole = 0
    for artifact, maker in expected.items():
        if (root / artifact.path).exists():
            hashed += 1
            problems += _compare(root, artifact, maker)
        elif artifact.path in small:
            problems.append(_gone(artifact, maker))
        elif (kept := cached(root, artifact)) is None:
            absent.append(artifact.path)
        elif kept.sha256 == artifact.sha256:
            whole += 1
        else:
            problems.append(_spoilt(artifact, kept, maker))
    return _Held(hashed, whole, tuple(sorted(absent)), tuple(problems))


def _gaps(root: Path) -> list[OutputProblem]:
    """Say which runs began here and left no record."""
    return [
        OutputProblem(
            run.mark,
            run.stage,
            f"a run of stage {run.stage or '(unreadable)'} began at "
            f"{run.started_utc or 'an unknown time'} and left no record: its recorder "
            "was killed or could not write, or the machine stopped, and what the run "
            "wrote is not recorded; "
            "run the stage again, and the next record will tell of it",
        )
        for run in unfinished(root)
    ]


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
        told = "; ".join(differences(locked, latest[1]))
        why = f"in the latest passed run (record {latest[0]}) {told}"
    return OutputProblem(
        "dvc.lock",
        locked.name,
        f"stage {locked.name} is not explained by any record: {why}. What dvc.lock "
        "names was not made by a recorded run; reproduce it: "
        f"dvc repro -f {locked.name}",
    )


def _latest_run(
    stage: str, records: Sequence[Record], *, passed: bool
) -> tuple[str, StageRun] | None:
    """Return the latest run of a stage and the id of its record."""
    for record in reversed(records):
        run = record.statement
        if (
            isinstance(run, StageRun)
            and run.stage == stage
            and (not passed or run.outcome is Outcome.PASSED)
        ):
            return record.id, run
    return None


def _changed_inputs(root: Path, read: dict[Artifact, Maker]) -> list[OutputProblem]:
    problems = []
    for artifact, maker in read.items():
        told = _difference(root, artifact)
        if told:
            problems.append(
                OutputProblem(
                    artifact.path,
                    maker.stage,
                    f"is not what {maker} read: {told}: the "
                    "results do not belong to it; bring it back with 'dvc checkout', "
                    "or reproduce",
                )
            )
    return problems


def _compare(root: Path, artifact: Artifact, maker: Maker) -> list[OutputProblem]:
    told = _difference(root, artifact)
    if told is None:
        return []
    return [
        OutputProblem(
            artifact.path,
            maker.stage,
            f"differs from what {maker} made: {told}: it was "
            "changed afterwards; bring it back with 'dvc checkout' or 'git checkout', "
            "or reproduce it",
        )
    ]


def _difference(root: Path, artifact: Artifact) -> str | None:
    try:
        return difference(root, artifact)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _spoilt(artifact: Artifact, kept: Artifact, maker: Maker) -> OutputProblem:
    return OutputProblem(
        artifact.path,
        maker.stage,
        f"is not in place, and DVC's cache holds something else than {maker} made: "
        f"{kept.size_bytes:,} bytes (sha256 {kept.sha256[:12]}) "
        f"instead of {artifact.size_bytes:,} ({artifact.sha256[:12]}): the cache was "
        "changed; delete the object there and pull it from a remote that verifies",
    )


def _gone(artifact: Artifact, maker: Maker) -> OutputProblem:
    return OutputProblem(
        artifact.path,
        maker.stage,
        f"is missing, though {maker} made it: it was removed; "
        "bring it back with 'git checkout', or reproduce it",
    )
