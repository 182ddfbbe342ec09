"""XLSX workbooks: one sheet per kind, every cell a text."""

import io
import itertools
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Set
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from regml.errors import BrokenFileError, ConfigError
from regml.exchange.archive import content_of, unpack
from regml.exchange.foreign import Reading, Remark
from regml.exchange.mapping import Mapping
from regml.exchange.table import Row, header, is_ours, reading, table
from regml.exchange.xml_file import parse_xml
from regml.items.links import AnyItem

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

LONGEST_CELL: Final = 32_767
"""Characters that a cell can hold; the format's own limit."""

_PACKED_AT = (1980, 1, 1, 0, 0, 0)
_SHOWN: Final = {
    "pictures": "xl/media/",
    "charts": "xl/charts/chart",
    "embedded files": "xl/embeddings/",
}
"""Parts of a workbook that are no cells."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\r\ufffe\uffff]")


def read(source: Path, mapping: Mapping) -> Reading:
    """Read every sheet; its name is the type of rows that state none.

    Raises:
        BrokenFileError: It is no workbook, or a cell holds a formula or an error.
    """
    content = content_of(source)
    parts = _checked(source, content)
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about looks: styles, lists
            book = openpyxl.load_workbook(io.BytesIO(content))
            struck = _struck(openpyxl.load_workbook, content, parts)
    except (LookupError, ValueError, TypeError, AttributeError, OSError) as error:
        raise BrokenFileError(
            source, f"is no workbook that can be read ({error}).", remedy=_SAVE_AGAIN
        ) from error
    rows: list[Row] = []
    remarks = list(_pictures(source, parts))
    whose = []
    for sheet in book.worksheets:
        lines = [
            line for line in sheet.iter_rows() if any(c.value is not None for c in line)
        ]
        if not lines:
            continue
        name = f"{source}!{sheet.title}"
        columns = header(source, [_value(name, cell) for cell in lines[0]], name)
        whose.append(is_ours(columns))
        remarks += [
            remark
            for line in lines[1:]
            for cell in line
            for remark in _beside(name, cell, struck)
        ]
        merged = _merged(sheet, lines[0][0].row)
        remarks += [
            Remark(
                "is merged; its first cell was taken for each of its rows.",
                where=f"{name}!{area}",
            )
            for area in dict.fromkeys(area for area, _ in merged.values())
        ]
        for line in lines[1:]:
            values = [
                _value(name, merged.get(cell.coordinate, ("", cell))[1])
                for cell in line
            ]
            beyond = [v for v in values[len(columns) :] if v is not None]
            if beyond:
                raise BrokenFileError(
                    f"{name}:{line[0].row}",
                    f"has more cells than the header, which is row {lines[0][0].row}.",
                    remedy="Remove what stands above the header, and name every "
                    "column.",
                )
            given = dict(zip(columns, values, strict=False))
            rows.append(Row(f"{name}:{line[0].row}", given, sheet.title))
    if not whose:
        raise BrokenFileError(source, "has no rows.")
    found = reading(rows, mapping, ours=all(whose))
    return replace(found, remarks=(*remarks, *found.remarks))


def write(items: Iterable[AnyItem], *, created: str) -> bytes:
    """Return a workbook with one sheet per kind; the same items give the same bytes.

    Raises:
        ConfigError: A text is longer than a cell can be.
    """
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for kind, group in itertools.groupby(items, key=lambda item: item.kind):
        sheet = book.create_sheet(kind.value)
        columns, rows = table(group)
        for number, row in enumerate([columns, *rows], start=1):
            for place, text in enumerate(row, start=1):
                if text:
                    _write_cell(
                        sheet.cell(number, place), text, row[0], columns[place - 1]
                    )
        sheet.freeze_panes = "C2"
    if not book.worksheets:
        book.create_sheet("items")
    out = io.BytesIO()
    book.save(out)
    return _repacked(out.getvalue(), created)


def _write_cell(cell: Any, text: str, item_id: str, column: str) -> None:
    escaped = _escape(text)
    if len(escaped) > LONGEST_CELL:
        raise ConfigError(
            f"{item_id}: {column!r} has {len(escaped):,} characters; a cell of a "
            f"workbook holds {LONGEST_CELL:,}. Export as csv instead."
        )
    cell.value = escaped
    cell.data_type = "s"  # also where it begins with '=' or looks like an error
    cell.quotePrefix = True  # and stays a text when a person edits it


def _value(sheet: str, cell: "Cell") -> Any:
    """Return what a cell holds.

    Raises:
        BrokenFileError: It is a formula or an error.
    """
    if cell.data_type in {"f", "e"}:
        what = "a formula" if cell.data_type == "f" else "an error value"
        raise BrokenFileError(
            f"{sheet}!{cell.coordinate}",
            f"holds {what} ({str(cell.value)[:60]}).",
            remedy="Replace it by its value: copy, then paste as values.",
        )
    return _unescape(cell.value) if isinstance(cell.value, str) else cell.value


def _merged(sheet: "Worksheet", head: int) -> dict[str, tuple[str, "Cell"]]:
    """Return, for each cell below the first one of a merged area, area and first."""
    return {
        sheet.cell(row, area.min_col).coordinate: (
            area.coord,
            sheet.cell(area.min_row, area.min_col),
        )
        for area in sheet.merged_cells.ranges
        if area.min_row > head
        for row in range(area.min_row + 1, area.max_row + 1)
    }


def _beside(sheet: str, cell: "Cell", struck: Set[str]) -> Iterator[Remark]:
    """Remark on what a cell shows beyond its value."""
    where = f"{sheet}!{cell.coordinate}"
    if comment := getattr(cell, "comment", None):
        yield Remark(
            f"has a comment, which is not imported: {' '.join(comment.text.split())}",
            where=where,
        )
    link = getattr(cell, "hyperlink", None)
    address = (link.target or link.location or "") if link else ""
    if address and address not in str(cell.value):
        yield Remark(f"leads to {address}, which is not imported.", where=where)
    whole = cell.value is not None and cell.has_style and cell.font.strike
    if whole or f"{cell.parent.title}!{cell.coordinate}" in struck:
        yield Remark(
            "has text that is struck through; it is imported like any other.",
            "Remove it in the source, or from the item.",
            where=where,
        )


def _struck(
    load: Callable[..., Any], content: bytes, parts: MappingOf[str, bytes]
) -> set[str]:
    """Return the cells of which a part is struck through.

    Read apart, because the library takes escapes off a text when it keeps its fonts.
    """
    texts = [
        part
        for name, part in parts.items()
        if name.startswith(("xl/sharedStrings", "xl/worksheets/"))
    ]
    if not any(b"strike" in part for part in texts):
        return set()
    return {
        f"{sheet.title}!{cell.coordinate}"
        for sheet in load(io.BytesIO(content), rich_text=True).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, list)
        for part in cell.value
        if not isinstance(part, str) and part.font is not None and part.font.strike
    }


def _pictures(source: Path, parts: MappingOf[str, bytes]) -> Iterator[Remark]:
    for what, folder in _SHOWN.items():
        count = sum(name.startswith(folder) for name in parts)
        if count:
            yield Remark(
                f"holds {what} ({count}), which are not imported.", where=str(source)
            )


def _escape(text: str) -> str:
    """Write what XML cannot hold as the format does: ``_x0001_``."""
    text = _ESCAPED.sub(lambda found: f"_x005F{found[0]}", text)
    return _ILLEGAL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _checked(source: Path, content: bytes) -> MappingOf[str, bytes]:
    """Return the parts of a workbook once it is sure that nothing in them unfolds."""
    parts = unpack(source, content)
    for name, part in parts.items():
        if name.endswith((".xml", ".rels", ".vml")):
            parse_xml(part, f"{source}!{name}")
    return parts


def _repacked(content: bytes, created: str) -> bytes:
    """Return the archive without the times at which it was packed and saved."""
    stamp = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as packed,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in packed.namelist():
            part = packed.read(name)
            if name == "docProps/core.xml":
                part = stamp.sub(rb"\g<1>" + created.encode(), part)
            info = zipfile.ZipInfo(name, _PACKED_AT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, part)
    return out.getvalue()


_SAVE_AGAIN = "Save it as .xlsx with a spreadsheet program."
