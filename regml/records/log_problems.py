"""What speaks against a log: the order of its lines, its times, files beside it."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regml.items.recorded import LogProblem, ProblemKind, Record
from regml.records.storage import FOLDER, KINDS, LOG

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.records.log import Entry


def order_problems(entries: "Sequence[Entry]") -> Iterator[LogProblem]:
    """Say which records are listed again, lost, or listed before one they follow."""
    listed = {entry.sha256 for entry in entries}
    seen: set[str] = set()
    for entry in entries:
        if entry.sha256 in seen:
            yield LogProblem(
                ProblemKind.CHANGED,
                LOG,
                f"lists {entry.path}, which is a copy of an earlier record: "
                "old evidence was put forward as new",
            )
        for digest in entry.previous:
            if digest not in listed:
                yield LogProblem(
                    ProblemKind.MISSING,
                    entry.path,
                    f"it follows record {digest[:12]}, which the log no longer lists: "
                    "evidence was removed",
                )
            elif digest not in seen:
                yield LogProblem(
                    ProblemKind.CHANGED,
                    LOG,
                    f"lists {entry.path} before a record it follows: lines were moved",
                )
        seen.add(entry.sha256)


def time_problems(records: Iterable[Record]) -> Iterator[LogProblem]:
    """Say where along the log time runs backwards, or within a record."""
    finished: dict[str, str] = {}
    for record in records:
        origin = record.statement.origin
        times = [finished[digest] for digest in record.previous if digest in finished]
        if times and max(times) > origin.finished_utc:
            yield LogProblem(
                ProblemKind.TIME,
                record.path,
                f"it says {origin.finished_utc}, but follows a record of {max(times)}: "
                "a clock was wrong or set back",
            )
        if origin.started_utc > origin.finished_utc:
            yield LogProblem(
                ProblemKind.TIME,
                record.path,
                f"it finished at {origin.finished_utc}, before it started at "
                f"{origin.started_utc}: a clock was wrong or set back",
            )
        finished[record.sha256] = origin.finished_utc


def unlisted_problems(
    root: "Traversable", listed: Collection[str]
) -> Iterator[LogProblem]:
    """Say which records lie there that the log does not list."""
    for path in unlisted_paths(root, listed):
        yield LogProblem(
            ProblemKind.NOT_LISTED,
            path,
            "the log does not list it: it was slipped in, or the log was cut or "
            "replaced by an older one ('dvc exp apply' does that)",
        )


def unlisted_paths(root: "Traversable", listed: Collection[str]) -> Iterator[str]:
    """Give the path of each record that lies there but is not among some."""
    for kind in KINDS.values():
        folder = root / FOLDER / kind
        for name in sorted(_names(folder)):
            path = f"{FOLDER}/{kind}/{name}"
            if name.endswith(".json") and path not in listed:
                yield path


def _names(folder: "Traversable") -> list[str]:
    if not folder.is_dir():
        return []
    if isinstance(folder, Path):
        return os.listdir(folder)  # noqa: PTH208 - no path for each of 10,000 records
    return [file.name for file in folder.iterdir()]
