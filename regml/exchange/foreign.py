"""What other tools' files hold, before it is known what it means here."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float | bool | dt.date | None | Sequence[Any] | Mapping[str, Any]
"""A value as JSON, YAML or a spreadsheet knows it."""


@dataclass(frozen=True, slots=True)
class ForeignLink:
    """One link as the other tool states it.

    Attributes:
        role: What the tool calls it, e.g. ``links`` or ``Parent``.
        target: The foreign id it points to.
    """

    role: str
    target: str


@dataclass(frozen=True, slots=True)
class ForeignItem:
    """One item of another tool.

    Attributes:
        id: What the tool calls it.
        type: Its type there: document, directive, node type, sheet.
        where: File, and line or id in it.
        attributes: Everything else by the tool's own names, in the tool's order.
        links: Links to other items.
    """

    id: str
    type: str
    where: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[ForeignLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that an import or export could not carry over.

    Attributes:
        message: What, in one sentence.
        remedy: What to do about it.
        subject: The item it is about; empty when it is about the whole.
        where: File, and line or id in it.
    """

    message: str
    remedy: str = ""
    subject: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything one source holds.

    Attributes:
        items: In the order of the source.
        remarks: What the reader saw and could not take.
        ours: True when regml wrote it; then texts are taken to the last character.
        columns: Names of the columns, where the source is a table.
    """

    items: tuple[ForeignItem, ...]
    remarks: tuple[Remark, ...] = ()
    ours: bool = False
    columns: tuple[str, ...] = ()
