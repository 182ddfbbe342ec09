"""HTML of documents, as pages of the portal."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from regml.dhf.render import Document
from regml.errors import BrokenFileError


@dataclass(frozen=True, slots=True)
class Heading:
    """A place in a document that can be linked.

    Attributes:
        level: 2 for a section of the document, 3 for one of its sections.
        anchor: Unique in the document.
        title: As it is read.
    """

    level: int
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A document as HTML.

    Attributes:
        document: What it shows.
        path: Of the page, below ``html/``.
        body: Its whole text.
        headings: In their order, without the title.
    """

    document: Document
    path: str
    body: Markup
    headings: tuple[Heading, ...]

    @property
    def title(self) -> str:
        """Number and title."""
        return f"{self.document.plan.number} {self.document.plan.title}"


def document_page(document: Document, *, figures: Collection[str]) -> DocumentPage:
    """Return a document as HTML: CommonMark with tables, as for paper.

    Args:
        document: Its Markdown links pages relative to ``html/documents/`` and shows
            figures relative to ``html/``.
        figures: Paths that figures may have.

    Raises:
        BrokenFileError: It shows a figure that is none of them.
    """
    parser = _parser()
    tokens = parser.parse(document.markdown)
    for image in _images(tokens):
        source = str(image.attrs.get("src", ""))
        if source not in figures:
            raise BrokenFileError(
                document.plan.path,
                f"shows {source}, which is no figure of this project.",
                remedy="Name one of the PNG files below reports/ with figure(...).",
            )
        image.attrs["src"] = f"../{source}"
    headings = tuple(_headings(tokens))
    return DocumentPage(
        document,
        f"documents/{document.plan.name}.html",
        Markup(parser.renderer.render(tokens, parser.options, {})),  # noqa: S704 - html is off
        headings,
    )


def _parser() -> MarkdownIt:
    """Return the parser that reads what pandoc reads for paper."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _opened)
    parser.add_render_rule("table_close", _closed)
    return parser


def _opened(*_: object) -> str:
    return '<div class="wide"><table>\n'


def _closed(*_: object) -> str:
    return "</table></div>\n"


def _images(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "image":
            yield token
        if token.children:
            yield from _images(token.children)


def _headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Give each heading below the title, after it got an anchor of its own."""
    used: set[str] = set()
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag != "h1":
            title = _plain(inline)
            word = re.sub(r"[^\w]+", "-", title.lower()).strip("-") or "section"
            others = (f"{word}-{number}" for number in count(2))
            anchor = next(a for a in chain([word], others) if a not in used)
            used.add(anchor)
            opening.attrs["id"] = anchor
            yield Heading(int(opening.tag[1:]), anchor, title)


def _plain(inline: Token) -> str:
    shown = [child for child in inline.children or () if child.nesting == 0]
    return "".join(child.content or " " for child in shown).strip()
