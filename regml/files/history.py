"""What git knows of the past of a project: its commits and who wrote what last."""

import datetime as dt
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regml.files.git import ARGUMENTS_AT_ONCE, list_files
from regml.files.repository import (
    in_repository,
    prefix_in_repository,
    repository_of,
    run_git,
)
from regml.items.recorded import Person

_START: Final = "/"
"""Begins a commit in what we ask git for; no path is that."""

_FORMAT: Final = f"--format={_START}%x00%H%x00%P%x00%aN%x00%aE%x00%ct%x00%B%x00"
_LOG: Final = (
    "log",
    "-z",
    "--name-only",
    "--no-renames",
    "--no-show-signature",
    "--encoding=UTF-8",
    "--diff-merges=combined",
    _FORMAT,
)
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ID: Final = re.compile(r"[0-9a-f]{7,64}")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the project's history.

    Attributes:
        sha: In full.
        parents: The commits it was made on; the first commit has none.
        person: Who wrote the change, by the names of ``.mailmap``.
        time_utc: When it was committed, RFC 3339 with ``Z``.
        subject: First line of the message.
        body: The rest of it.
        paths: Files it touches, relative to the project, sorted; a merge touches what
            is in none of the commits it joins.
    """

    sha: str
    parents: tuple[str, ...]
    person: Person
    time_utc: str
    subject: str
    body: str
    paths: tuple[str, ...]


def start_of(root: Path, since: str | dt.date) -> str | None:
    """Return where a history begins: a commit, a day, or ``None`` if git knows neither.

    A shallow clone does not know its history: nobody can tell what is missing. A branch
    or ``HEAD`` is no beginning either: it moves on with each commit.

    Args:
        root: The project.
        since: A day, a tag, or a commit by its id.
    """
    if not in_repository(root) or is_shallow(root):
        return None
    text = str(since)
    if _DAY.fullmatch(text):
        return text
    named = text if _ID.fullmatch(text) else f"refs/tags/{text}"
    name = f"{named}^{{commit}}"
    found = run_git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", name, refusal=True
    )
    return found.decode().strip() or None


def history(
    root: Path, since: str | dt.date, until: str = "HEAD"
) -> tuple[Commit, ...]:
    """Return the commits after a point in time that touch the project, newest first.

    Args:
        root: The project.
        since: A day, which counts, or a commit, which does not.
        until: The last commit.

    Raises:
        ConfigError: git does not know one of them.
    """
    text = str(since)
    by_day = bool(_DAY.fullmatch(text))
    span = (until,) if by_day else (until, f"^{text}")
    found = _commits(root, span, (".",) if _prefix(root) else ())
    return tuple(c for c in found if not by_day or c.time_utc[:10] >= text)


def last_changes(
    root: Path, paths: Iterable[str], until: str = "HEAD"
) -> dict[str, Commit]:
    """Return the last commit that touched each of some files, by path.

    Files that were never committed are left out; in a shallow clone all are, since its
    oldest commit seems to have touched everything.
    """
    wanted = sorted(set(paths))
    if not wanted or not in_repository(root) or is_shallow(root):
        return {}
    few = len(wanted) <= ARGUMENTS_AT_ONCE
    places = wanted if few else sorted({path.partition("/")[0] for path in wanted})
    missing = set(wanted)
    found: dict[str, Commit] = {}
    for commit in _commits(root, (until,), tuple(places)):
        for path in missing.intersection(commit.paths):
            found[path] = commit
        missing -= found.keys()
        if not missing:
            break
    return found


def removals(root: Path, places: tuple[str, ...], until: str) -> Iterator[Commit]:
    """Give each commit that removed files at some places, newest first.

    Its paths are those of the removed files; one that was moved is removed at the old
    place.
    """
    yield from _commits(root, ("--diff-filter=D", until), places)


def changed_files(root: Path, since: str) -> frozenset[str]:
    """Return the files of the work tree that differ from a revision, also new ones.

    Raises:
        ConfigError: git does not know the revision.
    """
    told = run_git(
        root, "diff", "--name-only", "--no-renames", "--relative", "-z", since, "--"
    )
    differing = {os.fsdecode(path) for path in told.split(b"\0") if path}
    return frozenset(differing | list_files(root).untracked)


def commit_times(root: Path, commits: Iterable[str]) -> dict[str, str]:
    """Return when commits were made, RFC 3339 with ``Z``; unknown ones are left out."""
    wanted = sorted({sha for sha in commits if _SHA.fullmatch(sha)})
    if not wanted or not in_repository(root):
        return {}
    found: dict[str, str] = {}
    for start in range(0, len(wanted), ARGUMENTS_AT_ONCE):
        some = wanted[start : start + ARGUMENTS_AT_ONCE]
        told = run_git(
            root, "log", "--no-walk", "--ignore-missing", "--format=%H %ct", *some, "--"
        )
        for row in told.decode().splitlines():
            sha, _, seconds = row.partition(" ")
            found[sha] = _time(seconds)
    return found


def is_shallow(root: Path) -> bool:
    """Tell whether git knows only the newest part of the history here.

    A repository that is a folder says so by a file (gitrepository-layout(5)).
    """
    top = repository_of(root)
    if top is not None and (top / ".git").is_dir():
        return (top / ".git" / "shallow").exists()
    return run_git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _commits(
    root: Path, span: tuple[str, ...], places: tuple[str, ...]
) -> Iterator[Commit]:
    """Give commits with the files they touch, newest first."""
    prefix = _prefix(root)
    beside = ("--full-history", "--", *places) if places else ("--",)
    told = run_git(root, *_LOG, *span, *beside).decode("utf-8", "replace")
    tokens = iter(told.split("\0"))
    for token in tokens:
        if token == _START:
            break
    else:
        return
    ended = False
    while not ended:
        sha, parents, name, email, seconds, message = (next(tokens) for _ in range(6))
        paths: list[str] = []
        ended = True
        for token in tokens:
            if token == _START:
                ended = False
                break
            if path := token.removeprefix("\n"):
                paths.append(path)
        subject, _, body = message.strip().partition("\n")
        yield Commit(
            sha=sha,
            parents=tuple(parents.split()),
            person=Person(name, email),
            time_utc=_time(seconds),
            subject=subject,
            body=body.strip(),
            paths=tuple(
                sorted(p.removeprefix(prefix) for p in paths if p.startswith(prefix))
            ),
        )


def _prefix(root: Path) -> str:
    """Return the project's folder inside the repository, with ``/``; else ``""``."""
    if repository_of(root) is not None:
        return prefix_in_repository(root)
    return run_git(root, "rev-parse", "--show-prefix").decode().rstrip("\n")


def _time(seconds: str) -> str:
    moment = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
