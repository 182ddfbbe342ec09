"""The forms in which questions are answered: tables, trees and pages of facts."""

from dataclasses import dataclass
from typing import Final

from regml.trace.nodes import Node
from regml.trace.results import Result

NONE = "none"
"""What stands in a cell where something should be and is not."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns.

    Attributes:
        columns: Names, in order.
        rows: One text per column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> list[dict[str, str]]:
        """Return the rows as dictionaries, e.g. for ``pandas.DataFrame``."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Branch:
    """A node in a tree, with the links that lead to it.

    Attributes:
        links: Between this node and the one above.
        node: The node.
        children: What follows from here.
        repeated: True when its children are shown elsewhere in the tree.
    """

    links: tuple[str, ...]
    node: Node
    children: tuple["Branch", ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A node with everything it rests on and everything that rests on it.

    Attributes:
        node: The node.
        reasons: What it rests on.
        evidence: What rests on it.
        results: What verifies it and how that went, for an item.
    """

    node: Node
    reasons: tuple[Branch, ...]
    evidence: tuple[Branch, ...]
    results: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a page.

    Attributes:
        title: Its heading.
        facts: Names and values, in order.
        table: A table below them.
        node: Id of the node it is about; empty when there is none.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Facts about one thing, in the order in which an auditor asks for them."""

    title: str
    node: str
    sections: tuple[Section, ...]


EMPTY: Final[tuple[object, ...]] = (None, "", (), [], {})
"""Values that say nothing; a zero does."""


def plain(value: object) -> str:
    """Return a value as text; nested values as short ``key: value`` lists."""
    match value:
        case dict():
            return ", ".join(
                f"{k}: ({plain(v)})" if isinstance(v, dict) else f"{k}: {plain(v)}"
                for k, v in value.items()
                if v not in EMPTY
            )
        case list() | tuple():
            return "; ".join(
                f"({plain(v)})" if isinstance(v, list | tuple) else plain(v)
                for v in value
            )
        case _:
            return str(value)
