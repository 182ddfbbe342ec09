"""Formatted text of ReqIF as Markdown; what has no Markdown form is named."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_BLOCKS: Final = {
    "div",
    "p",
    "ul",
    "ol",
    "li",
    "br",
    "pre",
    "blockquote",
    "table",
    "tr",
}
_SIGNS: Final = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "tt": "`"}
_PLAIN: Final = {"THE-VALUE", "span", "a", "u", "ins", *_BLOCKS, *_SIGNS} - {
    "table",
    "tr",
}
_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}


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


def prose(element: "Element") -> Prose:
    """Return the Markdown of an XHTML value."""
    attachments: dict[str, None] = {}
    lost: dict[str, None] = {}
    pieces = list(_pieces(element, attachments, lost, ""))
    lines = [line.rstrip() for line in "".join(pieces).split("\n")]
    text: list[str] = []
    for line in lines:
        if line or (text and text[-1]):
            text.append(line)
    return Prose("\n".join(text).strip("\n"), tuple(attachments), tuple(lost))


def _pieces(
    element: "Element", attachments: dict[str, None], lost: dict[str, None], mark: str
) -> Iterator[str]:
    name = str(element.tag).rpartition("}")[2]
    if name == "object":
        attachments[str(element.get("data", "an object"))] = None
    elif name not in _PLAIN and name not in _HEADINGS:
        lost[name] = None
    yield _before(name, mark)
    yield _clean(element.text)
    for number, child in enumerate(element, start=1):
        inner = f"{number}. " if name == "ol" else "- "
        yield from _pieces(child, attachments, lost, inner)
        yield _clean(child.tail)
    yield _after(name)


def _before(name: str, mark: str) -> str:
    if name in _HEADINGS:
        return f"\n{_HEADINGS[name]} "
    if name == "li":
        return f"\n{mark}"
    if name in {"td", "th"}:
        return " "
    return "\n" if name in _BLOCKS else _SIGNS.get(name, "")


def _after(name: str) -> str:
    if name == "p" or name in _HEADINGS:
        return "\n\n"
    if name in {"div", "ul", "ol", "table"}:
        return "\n"
    return _SIGNS.get(name, "")


def _clean(text: str | None) -> str:
    """Return text without the line ends and indents of the XML file."""
    if not text:
        return ""
    words = " ".join(text.split())
    start = " " if text[0].isspace() and words else ""
    end = " " if text[-1].isspace() and words else ""
    return f"{start}{words}{end}" if words else ("" if "\n" in text else " ")
