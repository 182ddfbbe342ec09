"""C: the record log, its clocks, and what dvc.lock says (IEC 62304 8; 21 CFR 11)."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Final

from regml.files.dvc import LockedStage, differences
from regml.files.dvc_elsewhere import other_locks
from regml.findings import Severity
from regml.items.recorded import (
    LogProblem,
    ProblemKind,
    Record,
    StageRun,
)
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.rules.base import Gap, rule


def _log(graph: TraceGraph) -> Iterator[Record | LogProblem]:
    doubted = {problem.path for problem in graph.evidence.log_problems}
    yield from (r for r in graph.evidence.records if r.path not in doubted)
    yield from graph.evidence.log_problems


# 21 CFR 11.10 (e)
@rule(
    "C14",
    "Every record of the log is signed by a known person, unchanged and in its place "
    "(a log cut off at its end shows only against a head kept elsewhere).",
    _log,
    clauses=("21 CFR 11.10 (e)",),
)
def can_be_believed(graph: TraceGraph, subject: Record | LogProblem) -> Iterator[Gap]:
    """Takes over what reading the log found."""
    if isinstance(subject, LogProblem):
        yield Gap(
            subject.path,
            f"{subject.kind.value.capitalize()}: {subject.message}",
            _REMEDY.get(subject.kind, _RESTORE),
            subject.path,
        )


_RESTORE = (
    "Get the file back from git ('git log -- records') and find out what happened."
)
_REMEDY: Mapping[ProblemKind, str] = {
    ProblemKind.UNKNOWN_SIGNER: "Add the signer with their public key to "
    "regml.toml, or find out who wrote the record.",
    ProblemKind.KEY_OUT_OF_TIME: "Have it signed or run again with a key that is valid "
    "now; correct the days of the key in regml.toml only if they are wrong.",
    ProblemKind.NOT_LISTED: "Find out where it comes from; 'regml record relist' lists "
    "again what a trusted key signed.",
    ProblemKind.IGNORED: "Take the pattern out of the ignore files "
    "('git check-ignore -v' names it), add the file and commit it.",
    ProblemKind.TIME: "Set the clock of the machine right; the order of the log stays "
    "as it is.",
}


def _locked(graph: TraceGraph) -> tuple[LockedStage | str, ...]:
    """Return what dvc.lock tells of, and each lock of another pipeline by its path."""
    return (*graph.evidence.lock, *other_locks(graph.evidence.tree))


# IEC 62304 8.3
@rule(
    "C19",
    "Every stage in dvc.lock is explained by a believed, passed run.",
    _locked,
    clauses=("IEC 62304 8.3",),
)
def is_explained(graph: TraceGraph, locked: LockedStage | str) -> Iterator[Gap]:
    """Same command, parameters, inputs and outputs; otherwise says what differs."""
    if isinstance(locked, str):
        yield Gap(
            locked,
            f"{locked} tells of a pipeline that nobody records: only dvc.yaml and "
            "dvc.lock beside regml.toml are read.",
            "Move its stages into the dvc.yaml beside regml.toml (with 'wdir'), or "
            "give its folder a regml.toml of its own.",
            locked,
        )
        return
    if graph.current.explained[locked.name]:
        return
    runs = [
        record
        for record in graph.current.believed
        if isinstance(record.statement, StageRun)
        and record.statement.stage == locked.name
    ]
    why = "no believed run of the stage is recorded"
    if runs and isinstance(run := runs[-1].statement, StageRun):
        why = f"the last run ({runs[-1].id}) does not fit: "
        why += "; ".join(differences(locked, run)[:3])
    yield Gap(
        locked.name,
        f"Nothing explains what dvc.lock says about {locked.name}: {why}.",
        _recorded_again(graph, locked.name),
        "dvc.lock",
    )


def _recorded_again(graph: TraceGraph, name: str) -> str:
    bare = any(s.name == name and not s.recorded for s in graph.evidence.stages)
    first = (
        "Begin its cmd in dvc.yaml with 'regml record -- ', then run " if bare else ""
    )
    return f"{first or 'Run '}'dvc repro -f -s {name}' so that the run is recorded."


TOLERANCE: Final = dt.timedelta(minutes=2)
"""How far clocks may be apart."""

DAY: Final = dt.timedelta(days=1)
"""A record of today is of tomorrow where a build is dated by its commit."""

_UTC: Final = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


# 21 CFR 11.10 (e)
@rule(
    "C20",
    "Every time in a record is in UTC and fits the clocks of git and of the run.",
    lambda graph: graph.current.believed,
    severity=Severity.MINOR,
    clauses=("21 CFR 11.10 (e)",),
)
def has_sound_times(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """A clock that was wrong shows against other clocks only."""
    origin = record.statement.origin
    for name, time in (("start", origin.started_utc), ("end", origin.finished_utc)):
        if _moment(time) is None:
            yield _clock(record, f"its {name}, {time!r}, is no time in UTC")
            return
    started, finished = _moment(origin.started_utc), _moment(origin.finished_utc)
    assert started is not None  # noqa: S101 - looked at above
    assert finished is not None  # noqa: S101 - looked at above
    if finished.date() - DAY > graph.evidence.today:
        yield _clock(record, f"it is of {origin.finished_utc}, which is in the future")
    if finished + TOLERANCE < started:
        yield _clock(
            record,
            f"it ended at {origin.finished_utc}, before it began at "
            f"{origin.started_utc}",
        )
    elif isinstance(record.statement, StageRun):
        lasted = dt.timedelta(seconds=record.statement.resources.get("wall_seconds", 0))
        if finished - started + TOLERANCE < lasted:
            yield _clock(
                record,
                f"the run took {lasted.total_seconds():.0f} s, its start and end are "
                f"only {(finished - started).total_seconds():.0f} s apart",
            )
    made = _committed(graph, origin.commit)
    if made is not None and finished + TOLERANCE < made:
        yield _clock(
            record,
            f"it ended at {origin.finished_utc}, before its own commit "
            f"{(origin.commit or '')[:SHORT]} was made at {made:%Y-%m-%dT%H:%M:%SZ}",
        )


def _clock(record: Record, what: str) -> Gap:
    return Gap(
        record.path,
        f"The clock behind {record.id} cannot have been right: {what}.",
        "Keep the machine's clock in step (NTP) and in UTC; note the deviation in a "
        "problem report.",
        record.path,
    )


def _moment(time: str) -> dt.datetime | None:
    if not _UTC.match(time):
        return None
    try:
        return dt.datetime.fromisoformat(time)
    except ValueError:
        return None


def _committed(graph: TraceGraph, commit: str | None) -> dt.datetime | None:
    time = graph.evidence.surroundings.commit_times.get(commit or "")
    return _moment(time) if time else None


RULES = (
    can_be_believed,
    is_explained,
    has_sound_times,
)
