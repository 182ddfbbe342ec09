"""The log: an append-only list of signed records, each naming those before it.

``records/log.jsonl`` has one line per record. What is *believed* is inside the signed
payloads: each names the digests of the log heads it was made on, so that a record that
is edited, removed, slipped in or moved breaks a link that somebody signed. Two git
branches give two heads; the next record names both.

A reader cannot see that the newest records were cut off, nor what the holder of a
trusted key rewrote since the last anchor (a signed tag, the head printed in the DHF).
"""

import fcntl
import gc
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from regml.digest import canonical_json, sha256_of
from regml.errors import RecordError, UnknownIdError
from regml.items.recorded import (
    Approval,
    Execution,
    LogProblem,
    Record,
    Release,
    StageRun,
    Statement,
    TestRun,
    Waiver,
)
from regml.records import statement as statements
from regml.records.dsse import seal
from regml.records.environment_files import keep_environment
from regml.records.keys import Signatory, SigningKey
from regml.records.log_problems import order_problems, time_problems, unlisted_problems
from regml.records.opening import Opener
from regml.records.storage import FOLDER, KINDS, LOG, write_whole

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LOCK = ".regml/log.lock"

_OWN_LINE = re.compile(
    r'{"path":"([^"\\\x00-\x1f]*)","previous":\[(?:"([0-9a-f]+(?:","[0-9a-f]+)*)")?\],'
    r'"sha256":"([0-9a-f]+)"}'
)
"""A line as we write it; any other is read as JSON, which takes five times as long."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        path: Of the record's file, relative to the project.
        previous: sha256 of the log heads before it.
        sha256: Of the record's file.
    """

    path: str
    previous: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Log:
    """All records of a project and what keeps them from being believed.

    Attributes:
        records: Those that can be read and are signed by a trusted key, in order.
        problems: Sorted.
        heads: sha256 of the records no other record names.
        entries: Its lines, each once.
        environments: Files that records name as what they were made in, and whether
            each is as it was signed.
        unnamed: What else lies among them. It is no evidence and does no harm: a
            recorder that is killed leaves such a file, and so does an older log.
    """

    records: tuple[Record, ...]
    problems: tuple[LogProblem, ...]
    heads: tuple[str, ...]
    entries: tuple[Entry, ...]
    environments: Mapping[str, bool]
    unnamed: tuple[str, ...]

    @property
    def listed(self) -> int:
        """How many records the log lists."""
        return len(self.entries)


def append(root: Path, statement: Statement, key: SigningKey) -> Record:
    """Sign a statement and add it to the log; all of it or nothing.

    The time the statement was finished is the moment of signing, taken under the lock:
    along the log, time never runs backwards by accident.

    Raises:
        RecordError: It cannot be written; names file and remedy.
    """
    with locked(root):
        entries = read_entries(root)
        previous = log_heads(entries)
        origin = replace(statement.origin, finished_utc=utc_now())
        stamped = replace(statement, origin=origin)
        environment = keep_environment(root, origin.environment)
        envelope = seal(canonical_json(statements.write(stamped, previous)), key)
        digest = sha256_of(envelope)
        entry = Entry(_file_name(stamped, digest), previous, digest)
        _store(root, entry, envelope)
    return Record(
        digest[:12], digest, entry.path, previous, key.id, stamped, environment
    )


def read_log(root: "Traversable", signers: Iterable[Signatory]) -> Log:
    """Read every record, check every signature and every link between them.

    Args:
        root: The project.
        signers: Whose signatures count.

    Raises:
        RecordError: The log itself cannot be read.
        SigningKeyError: A signer's key in ``regml.toml`` cannot be used.
    """
    opener = Opener(root, signers)
    with _writers_wait(root):
        entries = tuple(dict.fromkeys(read_entries(root)))  # a merge may double lines
        unlisted = tuple(unlisted_problems(root, {entry.path for entry in entries}))
    problems: list[LogProblem] = [*order_problems(entries)]
    records = []
    with no_garbage():
        for entry in _first_of_each(entries):
            match opener.open(entry):
                case Record() as record:
                    records.append(record)
                case LogProblem() as problem:
                    problems.append(problem)
    problems += time_problems(records)
    problems += unlisted
    return Log(
        tuple(records),
        tuple(sorted(problems)),
        log_heads(entries),
        entries,
        opener.environments.named(),
        tuple(opener.environments.unnamed()),
    )


def read_entries(root: "Traversable") -> tuple[Entry, ...]:
    """Read the lines of the log; a project without records has none.

    Raises:
        RecordError: A line is none of ours; names it.
    """
    try:
        lines = (root / LOG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise RecordError(
            f"{LOG}: cannot be read ({why}). Restore it: git checkout -- {LOG}."
        ) from error
    return tuple(_entry(line, number) for number, line in enumerate(lines, 1))


def log_heads(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the digests of the records that no other record names, sorted."""
    known = tuple(entries)
    named = {digest for entry in known for digest in entry.previous}
    return tuple(sorted({entry.sha256 for entry in known} - named))


def utc_now() -> str:
    """Return the time as RFC 3339 in UTC, to the millisecond."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def _store(root: Path, entry: Entry, envelope: bytes) -> None:
    """Write the record, then the log that lists it; both or neither."""
    path = root / entry.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, envelope)
        try:
            write_whole(root / LOG, _with_line(root / LOG, entry))
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RecordError(
            f"{entry.path}: the record cannot be written ({error.strerror}). "
            f"Make room or give yourself access to {root / FOLDER}, then run it again."
        ) from error


def _with_line(log: Path, entry: Entry) -> bytes:
    before = log.read_bytes() if log.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + as_line(entry)


def as_line(entry: Entry) -> bytes:
    """Return an entry as the log holds it."""
    line = {"path": entry.path, "previous": entry.previous, "sha256": entry.sha256}
    return canonical_json(line) + b"\n"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the project's log alone; others wait."""
    path = root / LOCK
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(path.open("ab")), fcntl.LOCK_EX)
        except OSError as error:
            raise RecordError(
                f"{path}: the log cannot be locked ({error.strerror}). "
                "Make room or give yourself access to it."
            ) from error
        yield


@contextmanager
def _writers_wait(root: "Traversable") -> Iterator[None]:
    """Keep record and line together while we look; where nobody wrote, do nothing.

    A revision has no lock file: nobody writes there.
    """
    lock_file = root / LOCK
    if not isinstance(lock_file, Path):
        yield
        return
    try:
        lock = lock_file.open("rb")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _file_name(statement: Statement, digest: str) -> str:
    finished = statement.origin.finished_utc
    stamp = finished[:19].replace("-", "").replace(":", "") + "Z"
    match statement:
        case StageRun():
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", statement.stage)
        case TestRun():
            name = "tests"
        case Approval():
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", statement.meaning)
        case Waiver():
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", statement.rule)
        case Execution():
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", statement.protocol)
        case Release():
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", statement.version)
    return f"{FOLDER}/{KINDS[type(statement)]}/{stamp}-{name}-{digest[:8]}.json"


def _entry(line: str, number: int) -> Entry:
    if found := _OWN_LINE.fullmatch(line):
        path, previous, sha256 = found.groups()
        return Entry(path, tuple(previous.split('","')) if previous else (), sha256)
    try:
        row = json.loads(line)
        previous = tuple("".join([digest]) for digest in row["previous"])  # only text
        return Entry(str(row["path"]), previous, str(row["sha256"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(
            f"{LOG}:{number}: is not a line of the log. After a merge conflict keep "
            "the lines of both sides; else restore the file from git."
        ) from error


@contextmanager
def no_garbage() -> Iterator[None]:
    """Read many records in half the time: all is kept, so there is none to collect."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _first_of_each(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.sha256, entry)
    return tuple(first.values())


def find_record(root: "Traversable", wanted: str) -> str:
    """Return the path of the record whose id begins with some hex digits.

    Raises:
        UnknownIdError: None does, or several do.
        RecordError: The log cannot be read.
    """
    plain = wanted.rpartition("@")[2]
    found = {
        entry.path for entry in read_entries(root) if entry.sha256.startswith(plain)
    }
    match sorted(found):
        case [path]:
            return path
        case []:
            raise UnknownIdError(f"{wanted}: no such file and no such record.")
        case _:
            raise UnknownIdError(f"{wanted}: several records begin so. Type more.")
