"""Anchors: heads of the log that somebody kept, so that a log cut short is seen.

Nothing inside a log tells that its newest records were cut off. What tells is a head
that was written down elsewhere: in a release record, in a Design History File that was
handed over, in a tag, or on paper. The log has to list it still; as each record names
those before it, everything up to that head is then there as well.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regml.errors import BrokenFileError, UnknownIdError
from regml.files.repository import in_repository
from regml.files.revision import open_revision
from regml.items.recorded import LogProblem, ProblemKind, Record, Release
from regml.records.log import Entry, log_heads, read_entries
from regml.records.storage import LOG

_DIGEST = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Heads of the log, and where they were kept.

    Attributes:
        name: How messages call it.
        heads: sha256 of records, in full or their first digits.
    """

    name: str
    heads: tuple[str, ...]


def read_anchor(root: Path, text: str) -> Anchor:
    """Return the anchor that somebody names.

    Args:
        root: The project.
        text: A file with ``heads`` (``state.json`` of a Design History File), a
            revision of git, e.g. a signed tag, or the digits of a head.

    Raises:
        BrokenFileError: The file or the revision says no heads.
        UnknownIdError: It is none of these.
    """
    if Path(text).is_file():
        return Anchor(text, _heads_in(Path(text)))
    if len(text) == 64 and _DIGEST.fullmatch(text):
        return Anchor(f"the head {text[:12]}", (text,))
    entries = _entries_at(root, text)
    if entries == ():
        raise BrokenFileError(
            f"revision {text}",
            "has no record in its log, so nothing can be held against it.",
            remedy="Name a later one.",
        )
    if entries is not None:
        return Anchor(f"revision {text}", log_heads(entries))
    if _DIGEST.fullmatch(text):
        return Anchor(f"the head {text[:12]}", (text,))
    raise UnknownIdError(
        f"{text}: is no file, no revision of git and no head of the log. Name the "
        "state.json of a Design History File, a tag, or the digits of a head."
    )


def _entries_at(root: Path, revision: str) -> tuple[Entry, ...] | None:
    """Return the log at a revision; ``None`` where git is not or does not know it."""
    if not in_repository(root):
        return None
    try:
        return read_entries(open_revision(root, revision))
    except UnknownIdError:
        return None


def released_anchors(records: Iterable[Record]) -> Iterator[Anchor]:
    """Return the heads that each release was made on."""
    for record in records:
        if isinstance(record.statement, Release):
            release = record.statement
            name = f"the release record {record.id} of version {release.version}"
            yield Anchor(name, release.heads)


def cut_off(anchor: Anchor, listed: Collection[str]) -> Iterator[LogProblem]:
    """Say which heads of an anchor the log does not list."""
    for head in anchor.heads:
        if not any(digest.startswith(head) for digest in listed):
            yield LogProblem(
                ProblemKind.MISSING,
                LOG,
                f"lists {len(listed)} records, but not {head[:12]}, which "
                f"{anchor.name} names as its head: records were cut off at the end, or "
                "the log was written anew since; get it back from whoever has a copy",
            )


def _heads_in(path: Path) -> tuple[str, ...]:
    try:
        document = json.loads(path.read_bytes())
        heads = tuple(str(head) for head in document["heads"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenFileError(
            str(path),
            "names no heads of the log.",
            remedy="Name the state.json of a Design History File.",
        ) from error
    if not heads:
        raise BrokenFileError(
            str(path),
            "was made when the log had no record, so nothing can be held against it.",
            remedy="Name a later one.",
        )
    if not all(_DIGEST.fullmatch(head) for head in heads):
        raise BrokenFileError(str(path), "has heads that are no digests.")
    return heads
