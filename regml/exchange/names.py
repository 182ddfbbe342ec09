"""Which of our ids each foreign item gets; the same ones again at the next import."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regml.exchange.foreign import ForeignItem
from regml.items.base import Kind
from regml.items.links import AnyItem

_DIGITS = 3
"""How many digits a new number has where the project has no example."""


@dataclass(frozen=True, slots=True)
class Name:
    """What an item is called here."""

    id: str
    kind: Kind


def assign(
    items: Iterable[tuple[ForeignItem, Kind]], existing: Iterable[AnyItem]
) -> dict[str, Name]:
    """Return our id for each foreign id.

    An item that was imported before keeps its id; one of our ids stays as it is; else
    the foreign number is kept where it is free, and the next free one taken where not.
    """
    there = tuple(existing)
    before = {(i.kind, i.foreign_id): i.id for i in there if i.foreign_id}
    taken = {item.id for item in there}
    names: dict[str, Name] = {}
    rest = []
    for foreign, kind in items:
        stated = foreign.attributes.get("foreign_id")
        old = before.get((kind, foreign.id))
        if old is None and _is_ours(foreign.id, kind):
            owner = next((i for i in there if i.id == foreign.id), None)
            free = owner is None or not owner.foreign_id or owner.foreign_id == stated
            old = foreign.id if free else None
        if old is None:
            rest.append((foreign, kind))
        else:
            names[foreign.id] = Name(old, kind)
            taken.add(old)
    late = []
    for foreign, kind in rest:
        wanted = _with_number_of(foreign.id, kind, _width(kind, there))
        if wanted is None or wanted in taken:
            late.append((foreign, kind))
        else:
            names[foreign.id] = Name(wanted, kind)
            taken.add(wanted)
    for foreign, kind in late:
        new = _next_free(kind, taken, _width(kind, there))
        names[foreign.id] = Name(new, kind)
        taken.add(new)
    return names


def lookup(names: Mapping[str, Name], existing: Iterable[AnyItem]) -> dict[str, Name]:
    """Return what each id can mean: ours, a foreign one imported before, a new one."""
    known: dict[str, Name] = {}
    for item in existing:
        known[item.id] = Name(item.id, item.kind)
        if item.foreign_id:
            known.setdefault(item.foreign_id, Name(item.id, item.kind))
    return known | dict(names)


def _is_ours(text: str, kind: Kind) -> bool:
    return re.fullmatch(rf"{kind.value}-[0-9]{{2,}}", text) is not None


def _with_number_of(text: str, kind: Kind, width: int) -> str | None:
    number = re.search(r"(?<![0-9.\-])[-_. ]?([0-9]{1,9})$", text)
    return f"{kind.value}-{number[1].zfill(width)}" if number else None


def _next_free(kind: Kind, taken: set[str], width: int) -> str:
    numbers = [int(i.rpartition("-")[2]) for i in taken if i.startswith(f"{kind}-")]
    return f"{kind.value}-{str(max(numbers, default=0) + 1).zfill(width)}"


def _width(kind: Kind, existing: Iterable[AnyItem]) -> int:
    widths = [len(i.id.rpartition("-")[2]) for i in existing if i.kind is kind]
    return min(widths, default=_DIGITS)
