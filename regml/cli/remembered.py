"""Answers of commands that only read, given again while nothing has changed.

A check of thousands of items takes seconds, and is mostly asked again of a project
that is as it was. The answer is kept outside the project, in the user's own cache
folder, with a digest of all it could rest on; where one bit of that differs, the
command runs. What it rests on is not what some command is known to read, but all there
is (ADR 25):

- the content of every file that git tracks or would offer to track,
- name, size and times of every other file in the project's folder; the time of the
  last change of its entry (``ctime``), which no program sets, is one of them,
- names in DVC's cache; branches, tags, settings and index of git,
- arguments, environment, terminal, the day, regml itself and what is installed.

Nothing is kept for a project with checks of its own, whose code may look anywhere.
"""

import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import regml
from regml.digest import canonical_json, sha256_of
from regml.errors import RegmlError
from regml.files.dvc_cache import cache_objects
from regml.files.git import list_files
from regml.files.repository import repository_of, run_git

SWITCH = "REGML_NO_CACHE"
"""Set to anything, every command runs."""

OWN_CHECKS = "checks"
"""Not taken from its reader, whose import costs more than an answer."""

SETTLED_SECONDS = 2.0
"""A file that is only looked at from outside must have been left alone for as long."""

LARGEST = 64 * 1024 * 1024
"""Characters of an answer that is worth keeping."""

KEPT_ANSWERS = 200
"""How many answers are kept; the oldest go first."""

_PASSING = {"_", "SHLVL", "OLDPWD"}
"""Variables that differ from shell to shell and mean nothing."""

Command = Callable[[], int]

_Row = tuple[str, int, int, int, int]
"""Path, size, time of change, of its entry, and inode of a file."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A project from outside.

    Attributes:
        rows: Its files, without those of git and of DVC's cache.
        cached: The files of that cache; of those that list others, with their digest.
        digest: Of both, and of how the files of git's own folder look.
    """

    rows: list[_Row]
    cached: list[tuple[str, str | None]]
    digest: str


@dataclass(frozen=True, slots=True)
class _State:
    """A project at one moment.

    Attributes:
        content: Digest of what an answer could rest on.
        outside: That of the look before any file was opened.
        newest: When the newest file changed that was not opened, in seconds since 1970.
    """

    content: str
    outside: str
    newest: float


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a command printed, and how it ended."""

    state: str
    status: int
    out: str
    err: str


class _Recorder(io.StringIO):
    """Takes what is printed; looks like the stream it stands for."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._terminal = stream.isatty()

    def isatty(self) -> bool:
        """Tell what the stream it stands for would."""
        return self._terminal


def remembered(root: Path, arguments: Sequence[str], command: Command) -> int:
    """Print the answer of a command and return its exit status.

    Args:
        root: The project.
        arguments: Of the command line.
        command: Runs it: prints, and returns the exit status.

    Raises:
        RegmlError: The command raised it.
    """
    if os.environ.get(SWITCH) or not (before := _state(root, arguments)):
        return command()
    place = _place(root, arguments)
    answer = _read(place)
    if answer is None or answer.state != before.content:
        out, err = _Recorder(sys.stdout), _Recorder(sys.stderr)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = command()
        finally:
            _print(out.getvalue(), err.getvalue())
        answer = _Answer(before.content, status, out.getvalue(), err.getvalue())
        _keep(place, answer, root, before)
        return status
    _print(answer.out, answer.err)
    return answer.status


def _print(out: str, err: str) -> None:
    sys.stderr.write(err)
    sys.stdout.write(out)
    sys.stdout.flush()


def _state(root: Path, arguments: Sequence[str]) -> _State | None:
    """Return what an answer rests on; ``None`` where that cannot be told for sure."""
    top = repository_of(root)
    if (
        top is None
        or not (top / ".git").is_dir()  # else more lies elsewhere
        or "GIT_DIR" in os.environ
        or any("@{" in word for word in arguments)  # the time, or what git did lately
        or (root / OWN_CHECKS).exists()
    ):
        return None
    try:
        look = _look(root, top)
        listing = list_files(root)
        around = hashlib.sha256(canonical_json(_around(arguments)))
        around.update(run_git(root, "show-ref", "--head", refusal=True))
        around.update(run_git(root, "config", "--list", "-z"))
        for names in (listing.tracked, listing.untracked, listing.gone):
            around.update(canonical_json(sorted(names)))
        around.update(canonical_json([{**listing.links}, {**listing.submodules}]))
        for name in ("shallow", "info/attributes", "info/exclude"):
            around.update(canonical_json(_digest(top / ".git" / name)))
        around.update(repr(look.cached).encode())
        opened = listing.names
        others = [row for row in look.rows if row[0] not in opened]
        around.update(repr(others).encode())
        _read_into(around, root, [row[0] for row in look.rows if row[0] in opened])
    except (OSError, RegmlError):
        return None  # the command itself says what is wrong
    newest = max((max(row[2:4]) for row in others), default=0)
    return _State(around.hexdigest(), look.digest, newest / 1e9)


def _look(root: Path, top: Path) -> _Look:
    """Return what can be said of a project whose files stay closed.

    Where it is the same before and after a command, nobody wrote in between, not even
    git.
    """
    cache, git = cache_objects(root), top / ".git"
    rows = _walk(root, {f"{root}/.git", str(cache)})
    inside = _walk(git, {f"{git}/{name}" for name in ("objects", "logs", "lfs")})
    cached = sorted(_names(cache))
    return _Look(rows, cached, sha256_of(repr((rows, inside, cached)).encode()))


def _read_into(digest: "hashlib._Hash", root: Path, names: Iterable[str]) -> None:
    top = os.fspath(root)
    for name in names:
        with open(f"{top}/{name}", "rb") as file:  # noqa: PTH123 - thousands of them
            digest.update(f"{name}\0{sha256_of(file.read())}\n".encode())


def _walk(root: Path, skipped: Collection[str] = ()) -> list[_Row]:
    """Return path, size, times and inode of each file; of a folder the path alone.

    Args:
        root: Where it begins.
        skipped: Folders by path or by name.
    """
    rows = []
    folders = [(os.fspath(root), "")]
    while folders:
        folder, below = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                path = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.path not in skipped and entry.name not in skipped:
                        rows.append((path, -1, 0, 0, 0))
                        folders.append((entry.path, f"{path}/"))
                    continue
                with suppress(FileNotFoundError):
                    rows.append(_row(path, entry.stat(follow_symlinks=False)))
                    if entry.is_symlink():
                        rows.append(_row(path, entry.stat()))
    return sorted(rows)


def _row(path: str, seen: os.stat_result) -> _Row:
    return path, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def _names(cache: Path) -> Iterator[tuple[str, str | None]]:
    """Give the files of DVC's cache, and the digests of those that list others."""
    folders = [os.fspath(cache)] if cache.is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    lists = entry.name.endswith(".dir")
                    yield entry.path, _digest(Path(entry.path)) if lists else None


def _digest(path: Path) -> str | None:
    return sha256_of(path.read_bytes()) if path.is_file() else None


def _around(arguments: Sequence[str]) -> list[object]:
    """Return what is not the project: question, user, terminal, day and software."""
    environment = {k: v for k, v in os.environ.items() if k not in _PASSING}
    terminal = sys.stdout.isatty(), sys.stderr.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if terminal[0] else 0
    package = Path(regml.__file__).parent
    software = _walk(package, {"__pycache__"})
    installed = [
        sorted(os.listdir(folder))  # noqa: PTH208 - names are all we need
        for folder in sys.path
        if folder and Path(folder).is_dir()
    ]
    return [
        list(arguments),
        str(Path.cwd()),
        environment,
        terminal,
        width,
        _today(),
        sys.version,
        software,
        installed,
    ]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _place(root: Path, arguments: Sequence[str]) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = sha256_of(canonical_json([str(root), list(arguments)]))
    return Path(base).expanduser() / "regml" / "answers" / f"{name}.json"


def _read(place: Path) -> _Answer | None:
    try:
        return _Answer(**json.loads(place.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(place: Path, answer: _Answer, root: Path, before: _State) -> None:
    """Keep an answer, unless something changed while it was made, or may just have."""
    if len(answer.out) + len(answer.err) > LARGEST:
        return
    if time.time() - before.newest < SETTLED_SECONDS:
        return
    row = {"state": answer.state, "status": answer.status}
    row |= {"out": answer.out, "err": answer.err}
    with suppress(OSError):  # no home, no room: the answer is printed all the same
        top = repository_of(root)
        if top is None or _look(root, top).digest != before.outside:
            return
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.write_bytes(canonical_json(row))
        draft.replace(place)
        kept = sorted(
            place.parent.glob("*.json"), key=lambda file: file.stat().st_mtime
        )
        for old in kept[:-KEPT_ANSWERS]:
            old.unlink(missing_ok=True)
