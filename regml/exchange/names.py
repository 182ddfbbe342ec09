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
    items: Iterable[tuple[ForeignItem, Kind]],
    existing: Iterable[AnyItem],
    given: Iterable[str] = (),
) -> dict[str, Name]:
    """Return our id for each foreign id.

    An item that was imported before keeps its id; one of our ids stays as it is; else
    the foreign number is kept where it is free, and the next free one taken where not.

    Args:
        items: Foreign items with their kinds.
        existing: Items of the project.
        given: Ids that removed items had; no other item gets one of them.
    """
    there = {item.id: item for item in existing}
    before = {(i.kind, i.foreign_id): i.id for i in there.values() if i.foreign_id}
    numbers = _Numbers([*there, *given], there)
    names: dict[str, Name] = {}
    rest = []
    for foreign, kind in items:
        old = before.get((kind, foreign.id))
        if old is None and _may_keep(foreign, kind, there.get(foreign.id)):
            old = foreign.id
        if old is None:
            rest.append((foreign, kind))
        else:
            numbers.take(old)
            names[foreign.id] = Name(old, kind)
    late = []
    for foreign, kind in rest:
        wanted = numbers.like(foreign.id, kind)
        if wanted is None:
            late.append((foreign, kind))
        else:
            numbers.take(wanted)
            names[foreign.id] = Name(wanted, kind)
    for foreign, kind in late:
        names[foreign.id] = Name(numbers.next(kind), kind)
    return names


class _Numbers:
    """Which ids are taken.

    Args:
        taken: Ids that no new item gets.
        shown: Ids whose number of digits is to be followed.
    """

    def __init__(self, taken: Iterable[str], shown: Iterable[str]) -> None:
        self._taken: set[str] = set()
        self._highest: dict[str, int] = {}
        self._width: dict[str, int] = {}
        for name in shown:
            prefix, _, number = name.rpartition("-")
            width = self._width.get(prefix, len(number))
            self._width[prefix] = min(width, len(number))
        for name in taken:
            self.take(name)

    def take(self, name: str) -> None:
        """Note that an id is taken."""
        prefix, _, number = name.rpartition("-")
        self._taken.add(name)
        self._highest[prefix] = max(self._highest.get(prefix, 0), int(number))

    def like(self, text: str, kind: Kind) -> str | None:
        """Return the id with the number of a foreign one, where it is free."""
        number = re.search(r"(?<![0-9.\-])[-_. ]?([0-9]{1,9})$", text)
        if number is None:
            return None
        wanted = self._name(kind, number[1])
        return None if wanted in self._taken else wanted

    def next(self, kind: Kind) -> str:
        """Return the next free id and take it."""
        name = self._name(kind, str(self._highest.get(kind.value, 0) + 1))
        self.take(name)
        return name

    def _name(self, kind: Kind, number: str) -> str:
        return f"{kind.value}-{number.zfill(self._width.get(kind.value, _DIGITS))}"


def lookup(names: Mapping[str, Name], existing: Iterable[AnyItem]) -> dict[str, Name]:
    """Return what each id can mean: ours, a foreign one imported before, a new one."""
    known: dict[str, Name] = {}
    for item in existing:
        known[item.id] = Name(item.id, item.kind)
        if item.foreign_id:
            known.setdefault(item.foreign_id, Name(item.id, item.kind))
    return known | dict(names)


def _may_keep(foreign: ForeignItem, kind: Kind, owner: AnyItem | None) -> bool:
    """Tell whether a foreign id is one of ours and means the same item here."""
    if re.fullmatch(rf"{kind.value}-[0-9]{{2,}}", foreign.id) is None:
        return False
    stated = foreign.attributes.get("foreign_id")
    return owner is None or not owner.foreign_id or owner.foreign_id == stated
