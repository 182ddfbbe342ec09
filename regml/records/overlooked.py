"""What a verification cannot look at, or would look past: said, so that none is silent.

A signed record that holds says little when the commit of its code is lost, when
``dvc.lock`` no longer tells of its stage, or when DVC runs pipelines that nobody
records.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from regml.files.dvc import LOCK, LockedStage, Stage
from regml.files.dvc_elsewhere import other_locks
from regml.files.kept_commits import CUT, lost_commits
from regml.items.recorded import LogProblem, Outcome, ProblemKind, Record, StageRun


def lost_code(
    root: Path, records: Sequence[Record], behind: Collection[Record]
) -> tuple[list[LogProblem], list[str]]:
    """Say which records were made of code that nobody can look at any more.

    Args:
        root: The project.
        records: Those that are believed.
        behind: Those of them that explain ``dvc.lock``.

    Returns:
        Problems of what ``dvc.lock`` rests on and of records that begin a log of their
        own, and a sentence about the others.
    """
    lost = lost_commits(root, {r.statement.origin.commit or "" for r in records})
    if not lost:
        return [], []
    counts = {record.path for record in behind}
    begun = [record.path for record in records if not record.previous]
    counts |= set(begun if len(begun) > 1 else ())
    problems, others = [], []
    for record in records:
        why = lost.get(record.statement.origin.commit or "")
        if why is None:
            continue
        if record.path in counts and why != CUT:
            problems.append(_lost(record, why))
        else:
            others.append(record)
    return problems, list(_summed_up(others, lost))


def _lost(record: Record, why: str) -> LogProblem:
    commit = (record.statement.origin.commit or "")[:12]
    return LogProblem(
        ProblemKind.COMMIT,
        record.path,
        f"it was made at commit {commit}, {why}: nobody can look at the code it was "
        "made with; bring the commit back and keep it with a tag, or run it again",
    )


def _summed_up(records: Sequence[Record], lost: Mapping[str, str]) -> Iterator[str]:
    for why in sorted(set(lost.values())):
        some = [r for r in records if lost.get(r.statement.origin.commit or "") == why]
        if some:
            records_there = "1 record" if len(some) == 1 else f"{len(some)} records"
            yield (
                f"the code of {records_there}, such as {some[-1].id}, was at a commit "
                f"{why}"
            )


def not_locked(
    stages: Iterable[Stage], locked: Iterable[LockedStage], records: Iterable[Record]
) -> Iterator[str]:
    """Say which stages ran, of which ``dvc.lock`` does not tell."""
    told = {stage.name for stage in locked}
    passed = {
        record.statement.stage: record.id
        for record in records
        if isinstance(record.statement, StageRun)
        and record.statement.outcome is Outcome.PASSED
    }
    for stage in stages:
        if stage.name not in told and stage.name in passed:
            yield (
                f"{LOCK} does not tell of stage {stage.name}, which passed in record "
                f"{passed[stage.name]}: nothing says which of its runs counts; 'dvc "
                "repro' writes it anew"
            )


def not_read(names: Iterable[str]) -> Iterator[str]:
    """Say which other pipelines lie in the project."""
    for name in other_locks(names):
        yield (
            f"{name} is not read, only {LOCK} beside regml.toml is: what the pipeline "
            "there makes is explained by nobody"
        )
