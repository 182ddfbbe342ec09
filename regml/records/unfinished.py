"""Marks of runs that are under way, so that one that leaves no record is still seen.

Signals to the recorder and every end of its command leave a record. Nothing helps
against ``kill -9`` of the recorder itself, or against the end of the machine. So a
mark is written before a run and taken away after its record; the recorder holds a lock
on it, which the system lets go when the recorder ends in whatever way. A mark that
nobody holds is a run without a record: ``regml verify`` says so, and the next recording
writes it into its own signed record before the mark goes.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from regml.digest import canonical_json
from regml.errors import RecordError

FOLDER = ".regml/running"
"""One file per run that is under way; never in git: it is about this machine."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that began and left no record.

    Attributes:
        stage: Name in ``dvc.yaml``; ``""`` where the mark cannot be read.
        started_utc: RFC 3339 with ``Z``.
        command: What was run.
        mark: The file that tells of it, relative to the project.
    """

    stage: str
    started_utc: str
    command: tuple[str, ...]
    mark: str


@dataclass(slots=True)
class Mark:
    """The mark of one run.

    Attributes:
        before: Runs of earlier recorders that left no record.
    """

    before: tuple[Unfinished, ...] = ()
    _held: list[tuple[Path, int]] = field(default_factory=list)

    def note(self) -> dict[str, Any]:
        """Return what the record of this run has to say about earlier ones."""
        return {"runs": [asdict(run) for run in self.before]}

    def recorded(self) -> None:
        """Take away the mark and those it tells of: there is a record now."""
        for path, _ in self._held:
            with suppress(OSError):
                path.unlink()


@contextmanager
def marked(
    root: Path, *, stage: str, started_utc: str, command: tuple[str, ...]
) -> Iterator[Mark]:
    """Keep a mark while the block runs, and after it unless it was recorded.

    Raises:
        RecordError: The mark cannot be written.
    """
    folder = root / FOLDER
    told = {"stage": stage, "started_utc": started_utc, "command": list(command)}
    own = f"{os.getpid()}-{os.urandom(4).hex()}"  # containers may share process ids
    path, draft = folder / f"{own}.json", folder / f"{own}.part"
    mark = Mark()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.before = tuple(_taken_over(root, mark))
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        mark._held.append((path, handle))
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, canonical_json(told))
        os.fsync(handle)
        draft.replace(path)  # held before anybody can see it
    except OSError as error:
        _let_go(mark)
        raise RecordError(
            f"{path}: cannot be written ({error.strerror}). "
            "Make room or give yourself access to it."
        ) from error
    try:
        yield mark
    finally:
        _let_go(mark)


def unfinished(root: Path) -> tuple[Unfinished, ...]:
    """Return the runs that left no record on this machine, oldest first."""
    found = []
    for path in _marks(root):
        with suppress(OSError), path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its recorder is at work
            if path.exists():  # else its recorder ended well just now
                found.append(_read(stream.read(), f"{FOLDER}/{path.name}"))
    return tuple(sorted(found, key=lambda run: (run.started_utc, run.mark)))


def _taken_over(root: Path, mark: Mark) -> Iterator[Unfinished]:
    """Hold the marks that nobody holds; two recorders never take the same one."""
    for path in _marks(root):
        with suppress(OSError):
            handle = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            mark._held.append((path, handle))
            if path.exists():
                yield _read(path.read_bytes(), f"{FOLDER}/{path.name}")


def _marks(root: Path) -> list[Path]:
    folder = root / FOLDER
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def _read(raw: bytes, name: str) -> Unfinished:
    try:
        row = json.loads(raw)
        return Unfinished(
            str(row["stage"]),
            str(row["started_utc"]),
            tuple(map(str, row["command"])),
            name,
        )
    except (ValueError, KeyError, TypeError):
        return Unfinished("", "", (), name)


def _let_go(mark: Mark) -> None:
    for _, handle in mark._held:
        with suppress(OSError):
            os.close(handle)
    mark._held.clear()
