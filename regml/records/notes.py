"""Facts that a stage adds to its own record."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regml.digest import canonical_json
from regml.errors import RecordError
from regml.items.notes import misread

NOTES_VARIABLE = "REGML_NOTES"
"""Environment variable with the file notes go to; set by the recorder."""


def note(topic: str, facts: Mapping[str, Any]) -> None:
    """Add facts to the record of the running stage; does nothing outside a recording.

    Notes under one topic are joined; a later fact replaces an earlier one.

    Args:
        topic: What they are about, e.g. ``model``.
        facts: JSON values; numbers have to be finite.

    Raises:
        RecordError: They are not JSON, have another form than the topic asks for, or
            the file cannot be written.
    """
    file = os.environ.get(NOTES_VARIABLE)
    if not file:
        return
    try:
        line = canonical_json({"topic": topic, "facts": dict(facts)}) + b"\n"
    except (TypeError, ValueError) as error:
        raise RecordError(
            f"the note {topic!r} is not JSON ({error}). "
            "Give numbers, texts, lists and dicts only; None for what is undefined."
        ) from error
    if why := misread(topic, facts):
        raise RecordError(
            f"the note {topic!r} cannot be read: {why}. Give it this form, or use a "
            "topic of your own."
        )
    try:
        # one write in append mode: workers of one stage do not cut each other's lines
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
    except OSError as error:
        raise RecordError(
            f"{file}: the note {topic!r} cannot be written ({error.strerror}). "
            "Make room, then run the stage again."
        ) from error


def read_notes(path: Path) -> dict[str, dict[str, Any]]:
    """Return the facts by topic; a line that a killed stage cut short is left out.

    Raises:
        OSError: The file cannot be read.
    """
    notes: dict[str, dict[str, Any]] = {}
    if not path.exists():
        return notes
    for line in path.read_bytes().splitlines():
        try:
            row = json.loads(line)
            notes.setdefault(str(row["topic"]), {}).update(row["facts"])
        except (ValueError, KeyError, TypeError):
            continue
    return notes
