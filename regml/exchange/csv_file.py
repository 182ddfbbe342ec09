"""CSV, in the dialects that spreadsheets write, and one that they cannot misread."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from regml.errors import BrokenFileError
from regml.exchange.archive import content_of
from regml.exchange.foreign import Reading, Remark
from regml.exchange.mapping import Mapping
from regml.exchange.table import Row, header, is_ours, reading, table
from regml.items.links import AnyItem

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")
_DELIMITERS: Final = ",;\t|"
_SAID: Final = re.compile(rf"sep=([{_DELIMITERS}])\r?\n")
"""A first line by which a spreadsheet says what separates cells."""
_LARGEST_CELL: Final = 16 * 1024 * 1024


def read(source: Path, mapping: Mapping) -> Reading:
    """Read a CSV file: UTF-8 with or without BOM; comma, semicolon, tab or bar.

    Raises:
        BrokenFileError: It is no table.
    """
    try:
        text = content_of(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            source,
            f"is not UTF-8 (byte {error.start}).",
            remedy="Save it as 'CSV UTF-8'.",
        ) from error
    if "\0" in text.partition("\n")[0]:
        raise BrokenFileError(source, "is no text.", remedy="Save it as 'CSV UTF-8'.")
    lines = _parse(source, text)
    if not lines:
        raise BrokenFileError(source, "is empty.")
    columns = header(source, lines[0][1], f"{source}:{lines[0][0]}")
    ours = is_ours(columns)
    rows, remarks = [], []
    for number, cells in lines[1:]:
        where = f"{source}:{number}"
        if any(cells[len(columns) :]):
            remarks.append(
                Remark(
                    "has more cells than the header; the rest is left out.", where=where
                )
            )
        if len(cells) < len(columns) and any(cells):
            remarks.append(
                Remark(
                    f"has {len(cells)} cells and the header {len(columns)}; those "
                    "that lack were taken as empty.",
                    "Look for a line end that stands in a cell without quotes.",
                    where=where,
                )
            )
        values = [_unguarded(cell) for cell in cells] if ours else cells
        rows.append(Row(where, dict(zip(columns, values, strict=False))))
    found = reading(rows, mapping, ours=ours)
    return replace(found, remarks=(*remarks, *found.remarks))


def write(items: Iterable[AnyItem]) -> bytes:
    """Return a CSV file with one row per item.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, which
    :func:`read` takes off again.
    """
    columns, rows = table(items)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows([[_guarded(cell) for cell in row] for row in rows])
    return out.getvalue().encode()


def _parse(source: Path, text: str) -> list[tuple[int, list[str]]]:
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=lambda sign: _outside_quotes(first, sign))
    if said := _SAID.match(text):
        delimiter, text = said[1], "\n" + text[said.end() :]
    limit = csv.field_size_limit(_LARGEST_CELL)
    try:
        parser = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, strict=True
        )
        rows, start = [], 1
        for row in parser:
            if row:
                rows.append((start, row))
            start = parser.line_num + 1
    except csv.Error as error:
        raise BrokenFileError(
            source,
            f"is not CSV: {error}.",
            remedy="A cell with quotes doubles them.",
            line=parser.line_num,
        ) from error
    finally:
        csv.field_size_limit(limit)
    return rows


def _outside_quotes(line: str, sign: str) -> int:
    return re.sub(r'"[^"]*"', "", line).count(sign)


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
