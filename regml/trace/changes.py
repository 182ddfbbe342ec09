"""What differs between two contents of one item, field by field."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

LONG: Final = 80
"""From this length on, a text is compared line by line."""


@dataclass(frozen=True, slots=True, order=True)
class FieldChange:
    """One field that is not what it was.

    Attributes:
        field: Its name; ``controls.RC-01.text`` inside a list whose entries have ids.
        before: What it was, as text; ``None`` when it was not there.
        after: What it is; ``None`` when it is gone.
    """

    field: str
    before: str | None
    after: str | None

    def lines(self) -> Iterator[str]:
        """Give the change in words a person reads: one line, or a text difference."""
        old, new = self.before, self.after
        if old is None:
            yield f"{self.field}: added {_quoted(new)}"
        elif new is None:
            yield f"{self.field}: removed {_quoted(old)}"
        elif max(len(old), len(new)) < LONG and "\n" not in old + new:
            yield f"{self.field}: {_quoted(old)} -> {_quoted(new)}"
        else:
            yield f"{self.field}:"
            compared = difflib.unified_diff(
                old.splitlines(), new.splitlines(), n=1, lineterm=""
            )
            for line in list(compared)[2:]:
                if not line.startswith("@@"):
                    yield f"  {line}"


def field_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """Return the fields in which two contents differ, sorted by name.

    Args:
        before: Normative fields as JSON values, as :meth:`Item.normative` gives them.
        after: The same of the later content.
    """
    return tuple(sorted(_changes("", before, after)))


def _changes(name: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before == after:
        return
    old, new = _by_key(before), _by_key(after)
    if old is None or new is None:
        yield FieldChange(name, _text(before), _text(after))
        return
    if isinstance(before, list) and set(old) == set(new) and list(old) != list(new):
        yield FieldChange(f"{name} (order)", ", ".join(old), ", ".join(new))
    for key in sorted(old.keys() | new.keys()):
        place = f"{name}.{key}" if name else key
        yield from _changes(place, old.get(key), new.get(key))


def _by_key(value: Any) -> Mapping[str, Any] | None:
    """Return a mapping, or a list whose entries have ids as one; else nothing."""
    if isinstance(value, Mapping):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(entry, Mapping) and "id" in entry for entry in value)
    ):
        named = {str(entry["id"]): entry for entry in value}
        return named if len(named) == len(value) else None
    return None


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value
        case list() if all(isinstance(entry, str) for entry in value):
            return ", ".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _quoted(text: str | None) -> str:
    return f'"{text}"'
