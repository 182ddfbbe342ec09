"""The audit log: one line per run, append-only, chained by digests.

A line holds digests, codes and times. Paths, names and ids of patients never enter it:
even a folder name may be somebody's name.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from regml.digest import canonical_json, sha256_of
from regml.errors import BrokenFileError

START = "0" * 64
"""What stands for the line before the first one."""

FIELDS = frozenset(
    {
        "device_version",
        "error",
        "event",
        "flags",
        "input_sha256",
        "mask_sha256",
        "model_sha256",
        "outcome",
        "reason",
        "rejections",
        "reviewer",
        "seconds",
    }
)
"""What a line may say besides its time and the digest of the line before."""


# regml: implements SRS-042
# regml: implements SRS-050
def append(log: Path, facts: Mapping[str, Any], *, at: datetime) -> None:
    """Add a line at the end of the log, chained to the line before it.

    Args:
        log: The JSON Lines file; created when absent.
        facts: What happened; only names in :data:`FIELDS`.
        at: When, with a time zone.

    Raises:
        ValueError: A name is not in :data:`FIELDS`, or the time has no zone.
        BrokenFileError: The log was changed since its last line was written.
    """
    if unknown := sorted(set(facts) - FIELDS):
        raise ValueError(f"the audit log has no place for {', '.join(unknown)}")
    if at.tzinfo is None:
        raise ValueError("a time in the audit log needs a zone")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        previous = _check(log, stream.read())[1]
        entry = {**facts, "at": at.isoformat(timespec="seconds"), "previous": previous}
        stream.write(canonical_json(entry) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(log: Path) -> tuple[dict[str, Any], ...]:
    """Return every line of the log, oldest first; none when there is no log.

    Raises:
        BrokenFileError: A line was edited, removed or added by someone else.
    """
    return _check(log, log.read_bytes())[0] if log.exists() else ()


def _check(log: Path, content: bytes) -> tuple[tuple[dict[str, Any], ...], str]:
    """Return the lines and the digest of the last one."""
    entries: list[dict[str, Any]] = []
    previous = START
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = json.loads(line)
        except ValueError as e:
            raise BrokenFileError(log, "this line is not JSON.", line=number) from e
        if not isinstance(entry, dict) or entry.get("previous") != previous:
            raise BrokenFileError(
                log,
                "this line does not follow the one before it: the log was changed.",
                remedy="Keep the file as it is and start an investigation.",
                line=number,
            )
        entries.append(entry)
        previous = sha256_of(line)
    return tuple(entries), previous
