"""Formatted text of ReqIF as Markdown; what has no Markdown form is named."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SIGNS: Final = {
    **dict.fromkeys(("b", "strong"), "**"),
    **dict.fromkeys(("i", "em"), "*"),
    **dict.fromkeys(("code", "tt"), "`"),
    **dict.fromkeys(("s", "del", "strike"), "~~"),
}
_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
_KEPT: Final = {
    *("THE-VALUE", "div", "p", "ul", "ol", "li", "pre", "blockquote", "table"),
    *("caption", *_HEADINGS),
}
_BLOCKS: Final = {*_KEPT, "dl", "dt", "dd", "hr", "address", "tr", "td", "th"}
_PLAIN: Final = {"span", "a", "br", *_SIGNS, *_KEPT}
_ENDS: Final = "\r\n"
_BREAK: Final = "\0"
"""Stands for a line end that the text asks for while its blanks are still counted."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A formatted text.

    Attributes:
        text: As Markdown, without the last line end.
        attachments: Files it shows.
        lost: Markup whose form was lost.
    """

    text: str
    attachments: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a text has and Markdown has not, in the order of the text."""

    attachments: dict[str, None] = field(default_factory=dict)
    lost: dict[str, None] = field(default_factory=dict)


def prose(element: "Element") -> Prose:
    """Return the Markdown of an XHTML value."""
    seen = _Seen()
    text = "\n\n".join(_blocks(element, seen))
    return Prose(text, tuple(seen.attachments), tuple(seen.lost))


def _blocks(element: "Element", seen: _Seen) -> Iterator[str]:
    """Give the paragraphs, lists and tables in an element, each without empty ends."""
    line = [element.text or ""]
    for child in element:
        if _is_block(child):
            yield from _paragraph(line)
            yield from _block(child, seen)
            line = []
        else:
            line.append(_inline(child, seen))
        line.append(child.tail or "")
    yield from _paragraph(line)


def _paragraph(pieces: Iterable[str]) -> Iterator[str]:
    words = re.sub(r"[ \t\r\n]+", " ", "".join(pieces))
    text = re.sub(rf" ?{_BREAK} ?", "\n", words).strip()
    if text:
        yield text


def _is_block(element: "Element") -> bool:
    return any(_name(part) in _BLOCKS for part in element.iter())


def _block(element: "Element", seen: _Seen) -> Iterator[str]:
    match name := _name(element):
        case "ul" | "ol":
            yield from _list(element, seen)
        case "table":
            yield from _table(element, seen)
        case "pre":
            yield f"```\n{''.join(element.itertext()).strip(_ENDS)}\n```"
        case "blockquote":
            yield _indented("\n\n".join(_blocks(element, seen)), "> ", "> ")
        case _ if name in _HEADINGS:
            text = " ".join(_blocks(element, seen)).replace("\n", " ")
            if text:
                yield f"{_HEADINGS[name]} {text}"
        case _:
            _note(element, seen)
            if _struck(element):
                seen.lost[name] = None
            yield from _blocks(element, seen)


def _list(element: "Element", seen: _Seen) -> Iterator[str]:
    items = []
    first = element.get("start", "1")
    number = int(first) if first.isascii() and first.isdigit() else 1
    for child in element:
        mark = f"{number}. " if _name(element) == "ol" else "- "
        number += 1
        inner = list(
            _blocks(child, seen) if _name(child) == "li" else _block(child, seen)
        )
        loose = any(not re.match(r"- |\d+\. ", block) for block in inner[1:])
        text = ("\n\n" if loose else "\n").join(inner)
        items.append(_indented(text, mark, " " * len(mark)))
    if items:
        yield "\n".join(items)


def _table(element: "Element", seen: _Seen) -> Iterator[str]:
    """Give the caption, then the rows; a cell of Markdown is one line."""
    rows: list[list[str]] = []
    head = False
    for part in _rows(element):
        if _name(part) == "caption":
            yield from _blocks(part, seen)
            continue
        cells = [cell for cell in part if _name(cell) in {"td", "th"}]
        head = head or (not rows and all(_name(cell) == "th" for cell in cells))
        rows.append([_cell(cell, seen) for cell in cells])
    if not rows:
        return
    if not head:
        rows.insert(0, [])
    width = max(len(row) for row in rows)
    full = [row + [""] * (width - len(row)) for row in rows]
    full.insert(1, ["---"] * width)
    yield "\n".join(f"| {' | '.join(row)} |" for row in full)


def _rows(table: "Element") -> Iterator["Element"]:
    for part in table:
        if _name(part) in {"thead", "tbody", "tfoot"}:
            yield from part
        elif _name(part) in {"tr", "caption"}:
            yield part


def _cell(cell: "Element", seen: _Seen) -> str:
    blocks = list(_blocks(cell, seen))
    merged = any(cell.get(name, "1") != "1" for name in ("colspan", "rowspan"))
    if merged or len(blocks) > 1 or "\n" in "".join(blocks):
        seen.lost["table"] = None
    return " ".join(" ".join(blocks).split()).replace("|", "\\|")


def _inline(element: "Element", seen: _Seen) -> str:
    name = _name(element)
    if name == "br":
        return _BREAK
    _note(element, seen)
    inner = (element.text or "") + "".join(
        _inline(child, seen) + (child.tail or "") for child in element
    )
    sign = _SIGNS.get(name, "")
    if _struck(element):
        sign = "~~"
    words = inner.strip()
    if not words:
        return inner
    before, after = inner[: inner.index(words)], inner[inner.index(words) :]
    after = after.removeprefix(words)
    if name == "a" and (address := element.get("href", "")) not in {"", words}:
        words = f"[{words}]({address})"
    elif name in {"sup", "sub"}:
        words = f"{'^' if name == 'sup' else '_'}{words}"
    return f"{before}{sign}{words}{sign}{after}"


def _struck(element: "Element") -> bool:
    """Tell whether a text is shown as taken back."""
    return "line-through" in element.get("style", "")


def _note(element: "Element", seen: _Seen) -> None:
    name = _name(element)
    if name == "object":
        seen.attachments[element.get("data", "an object")] = None
    elif name == "img":
        seen.attachments[element.get("src", "a picture")] = None
    elif name not in _PLAIN:
        seen.lost[name] = None


def _indented(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        f"{others if number else first}{line}".rstrip()
        for number, line in enumerate(lines)
    )


def _name(element: "Element") -> str:
    return str(element.tag).rpartition("}")[2]
