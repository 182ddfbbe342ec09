"""What a document shows as a table."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns.

    Attributes:
        columns: Their names.
        rows: A cell per column; ids in a cell become links.
        empty: The sentence to print when there is no row.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "None."


def table(
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    empty: str = "None.",
) -> Table:
    """Return a table of anything that has a text; ``None`` becomes an empty cell."""
    return Table(
        tuple(columns),
        tuple(tuple(cell_text(cell) for cell in row) for row in rows),
        empty,
    )


def short(value: float) -> str:
    """Return a number with four digits, and every digit before the point.

    >>> short(0.123456), short(10137.4)
    ('0.1235', '10137')
    """
    return f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def all_well(among: Sized, words: str, none: str) -> str:
    """Return that all is well, unless there is nothing of which it could be said.

    >>> all_well([], "Every requirement is passed.", "0 requirements.")
    '0 requirements.'
    """
    return words if len(among) else none


def cell_text(value: object) -> str:
    """Return how a value reads in a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return short(value)
        case str():
            return value
        case tuple() | list():
            return ", ".join(cell_text(part) for part in value)
        case _:
            return str(value)
