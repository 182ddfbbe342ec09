"""Items as rows of a table, and back."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Final

from regml.errors import BrokenFileError
from regml.exchange.cells import cells, plain
from regml.exchange.foreign import ForeignItem, Reading, Remark, Value
from regml.exchange.mapping import LINKS, Mapping, usual
from regml.items.links import AnyItem

HEAD: Final = ("id", "kind")
"""The first columns of a table of ours; ``title`` and the fields follow."""

MAPPING: Final[Mapping] = usual(
    {
        "ID": "id",
        "Id": "id",
        "UID": "id",
        "Key": "id",
        "Requirement ID": "id",
        "Kind": "type",
        "kind": "type",
        "Type": "type",
        "type": "type",
        "Title": "title",
        "Name": "title",
        "name": "title",
        "Summary": "title",
        "summary": "title",
        "Text": "text",
        "Description": "text",
        "description": "text",
        "Statement": "text",
        "Requirement": "text",
        "Rationale": "text/Rationale",
        "rationale": "text/Rationale",
        "Parent": LINKS,
        "Parents": LINKS,
        "parent": LINKS,
        "parents": LINKS,
        "Links": LINKS,
        "links": LINKS,
        "Traces to": LINKS,
    }
)
"""What the usual columns become."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a foreign table.

    Attributes:
        where: File, sheet and line.
        cells: Value by column.
        sheet: Name of the sheet; empty in a file with one table.
    """

    where: str
    cells: MappingOf[str, Value]
    sheet: str = ""


def header(path: object, names: Sequence[Value], where: str) -> list[str]:
    """Return the names of all columns.

    Raises:
        BrokenFileError: There is none, or two are the same.
    """
    columns = [plain(name).strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise BrokenFileError(where, "has no header row.")
    for number, name in enumerate(columns, start=1):
        if not name:
            raise BrokenFileError(where, f"column {number} has no name.")
        if name in columns[: number - 1]:
            raise BrokenFileError(where, f"has two columns {name!r}.")
    return columns


def reading(rows: Iterable[Row], mapping: Mapping, *, ours: bool) -> Reading:
    """Return the items of a table; a mapping says which column holds the id."""
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(row.cells)
        roles = {name: mapping.target("", name) for name in row.cells}
        item_id = _special(row, roles, "id")
        if not any(plain(value).strip() for value in row.cells.values()):
            continue
        if not item_id:
            remarks.append(
                Remark(
                    "a row without id was not imported.",
                    "Say which column holds it in the mapping: fields: {COLUMN: id}.",
                    where=row.where,
                )
            )
            continue
        start = re.match(r"[A-Za-z]+", item_id)
        type_ = _special(row, roles, "type") or row.sheet or (start[0] if start else "")
        attributes = {
            name: value
            for name, value in row.cells.items()
            if roles[name] not in {"id", "type"} and name != "id"
        }
        items.append(ForeignItem(item_id, type_, row.where, attributes))
    return Reading(tuple(items), tuple(remarks), ours, tuple(columns))


def table(items: Iterable[AnyItem]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of some items: only columns that one of them uses."""
    found = list(items)
    fields: dict[str, None] = {"title": None}
    stated = [cells(item) for item in found]
    for one in stated:
        fields |= dict.fromkeys(one)
    columns = [*HEAD, *fields, "text"]
    rows = []
    for item, one in zip(found, stated, strict=True):
        values = {"id": item.id, "kind": item.kind.value, "text": item.text}
        for name, value in one.items():
            values[name] = ", ".join(value) if isinstance(value, tuple) else value
        rows.append([values.get(name, "") for name in columns])
    return columns, rows


def is_ours(columns: Sequence[str]) -> bool:
    """Tell whether a header is one that :func:`table` makes."""
    return tuple(columns[:2]) == HEAD and columns[-1] == "text" and "title" in columns


def _special(row: Row, roles: MappingOf[str, str | None], role: str) -> str:
    """Return the id or type that a row states, by the mapping or the column's name."""
    for name, value in row.cells.items():
        if roles[name] == role or (roles[name] is None and name == role):
            return plain(value).strip()
    return ""
