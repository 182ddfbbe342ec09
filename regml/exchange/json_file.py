"""JSON of other tools: read so that every complaint names the file."""

import json
from pathlib import Path
from typing import Any

from regml.errors import BrokenFileError
from regml.files.text import read_text


def read_json(path: Path) -> dict[str, Any]:
    """Return the object a JSON file holds.

    Raises:
        BrokenFileError: It is not JSON, not an object, or a key stands twice in one.
    """
    try:
        value = json.loads(
            read_text(path, name=str(path)), object_pairs_hook=_unique(path)
        )
    except json.JSONDecodeError as error:
        raise BrokenFileError(
            path, f"is not JSON: {error.msg}.", line=error.lineno
        ) from error
    except RecursionError as error:
        raise BrokenFileError(path, "is nested too deeply.") from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise BrokenFileError(
            path, f"holds a number nobody can read: {error}."
        ) from error
    if not isinstance(value, dict):
        raise BrokenFileError(path, "is no JSON object.")
    return value


def objects(path: Path, value: Any, what: str) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        BrokenFileError: It is something else.
    """
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BrokenFileError(path, f"{what} is no list of objects.")
    return value


def _unique(path: Path) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    raise BrokenFileError(
                        path,
                        f"has the key {key!r} twice in one object.",
                        remedy="Give each item an id of its own.",
                    )
                seen.add(key)
        return found

    return build
