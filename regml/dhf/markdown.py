"""Markdown in which no word of a user can act: text, prose, tables, figures, links.

Everything a template puts out passes :meth:`Writer.finalize`, which escapes what is not
already :class:`Markdown`. Prose is parsed and written again from its tokens, so that it
keeps its lists and emphasis and loses raw HTML, roles, directives and images.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from regml.dhf.table import Table

IDS = re.compile(
    r"\b(?:(?:UN|SRS|DS|AP|RISK|SW|SOUP|VP|CR|PR|PCCP|NA|EXT)-\d{2,}"
    r"|(?:run|tests|approval|waiver|dataset|model|evaluation)@[0-9a-f]{12})\b"
    r"|[\w./-]+\.py(?:::\w+)+"
)
"""How items, records and tests are named in a text."""

_SPECIAL = re.compile(r"[\\`*{}\[\]<>|&~$^]|(?<![^\W_])_|_(?![^\W_])")
_LINE_START = re.compile(r"^([-+=%:#])|^(\d+)([.)])(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


class Markdown(str):
    """Text that is meant as Markdown and may stand in a document as it is."""

    __slots__ = ()


def printable(text: str) -> str:
    """Replace characters that no document may hold, among them direction overrides."""
    return _CONTROL.sub("\ufffd", text)


def escape(text: str) -> str:
    """Return Markdown on one line that shows a text exactly."""
    line = " ".join(printable(text).split())
    line = _SPECIAL.sub(r"\\\g<0>", line)
    return _LINE_START.sub(_escape_start, line)


def _escape_start(match: re.Match[str]) -> str:
    return f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}"


def code_block(content: str) -> str:
    """Return a block that shows a text letter by letter; nothing in it can end it."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{content.rstrip()}\n{fence}"


def parser() -> MarkdownIt:
    """Return the parser for users' prose: CommonMark and tables, no HTML, no images."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@cache
def _reader() -> MarkdownIt:
    return parser()


@dataclass(frozen=True)
class Writer:
    """Writes Markdown that links what has a page.

    Attributes:
        links: Where each id's page is, relative to the documents.
    """

    links: Mapping[str, str] = field(default_factory=dict)

    def finalize(self, value: object) -> str:
        """Return what a template's expression puts into the document.

        Raises:
            TypeError: The value is no text and no number: the template forgot to
                say how to lay it out.
        """
        match value:
            case Markdown():
                return value
            case str():
                return self.text(value)
            case bool():
                return "yes" if value else "no"
            case int() | float():
                return str(value)
            case _:
                raise TypeError(f"cannot print a {type(value).__name__} as it is")

    def text(self, text: str) -> Markdown:
        """Return one line of text in which known ids are links."""
        return Markdown(self._linked(text).strip())

    def lines(self, texts: Iterable[str]) -> Markdown:
        """Return a bulleted list; "None." when there is nothing to list."""
        lines = [f"- {self.text(text)}" for text in texts]
        return Markdown("\n".join(lines) or "None.")

    def table(self, table: Table) -> Markdown:
        """Return a table, or the sentence that says why there is none."""
        if not table.rows:
            return Markdown(f"*{escape(table.empty)}*")
        rule = f"|{' --- |' * len(table.columns)}"
        rows = [self._row(table.columns), rule, *map(self._row, table.rows)]
        return Markdown("\n".join(rows))

    def figure(self, path: str, caption: str) -> Markdown:
        """Return a figure with its caption.

        Args:
            path: Relative to the documents.
            caption: What it shows.
        """
        return Markdown(f"![{escape(caption)}]({path})\n\n*{escape(caption)}*")

    def prose(self, text: str) -> Markdown:
        """Return a user's prose: headings become bold lines, HTML becomes text."""
        root = SyntaxTreeNode(_reader().parse(printable(text)))
        return Markdown(self._blocks(root.children))

    def _linked(self, text: str) -> str:
        """Escape a text, link its ids, and keep one blank at either end it had."""
        parts, end = [], 0
        for match in IDS.finditer(text):
            href = self.links.get(match[0]) or self.links.get(f"test:{match[0]}")
            if href is not None:
                parts.append(_keep_edges(text[end : match.start()]))
                parts.append(f"[{escape(match[0])}]({href})")
                end = match.end()
        return "".join([*parts, _keep_edges(text[end:])])

    def _row(self, cells: Sequence[str]) -> str:
        return f"| {' | '.join(self.finalize(cell) or ' ' for cell in cells)} |"

    def _blocks(self, nodes: Sequence[SyntaxTreeNode]) -> str:
        return "\n\n".join(self._block(node) for node in nodes)

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "paragraph":
                return self._inline(node)
            case "heading":
                return f"**{escape(_plain(node))}**"
            case "bullet_list" | "ordered_list":
                return "\n".join(self._items(node))
            case "blockquote":
                return _prefix(self._blocks(node.children), "> ", "> ")
            case "fence" | "code_block":
                return code_block(node.content)
            case "table":
                return self.table(_table(node))
            case "hr":
                return "\\* \\* \\*"
            case _:
                return escape(node.content if not node.children else _plain(node))

    def _items(self, node: SyntaxTreeNode) -> Iterator[str]:
        start = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, start):
            mark = "- " if node.type == "bullet_list" else f"{number}. "
            yield _prefix(self._blocks(item.children), mark, " " * len(mark))

    def _inline(self, block: SyntaxTreeNode) -> str:
        return "".join(self._span(node) for node in block.children[0].children)

    def _span(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "text":
                return self._linked(node.content)
            case "code_inline":
                return _code(node.content)
            case "strong" | "em":
                mark = "**" if node.type == "strong" else "*"
                return f"{mark}{''.join(map(self._span, node.children))}{mark}"
            case "link":
                target = str(node.attrs.get("href", ""))
                return f"{escape(_plain(node))} ({_code(target)})"
            case "softbreak" | "hardbreak":
                return " "
            case _:
                return escape(node.content)


def _keep_edges(text: str) -> str:
    """Escape a text and keep one blank at either end where it had some."""
    inner = escape(text)
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and inner else ""
    return f"{before}{inner}{after}"


def _plain(node: SyntaxTreeNode) -> str:
    if node.type in {"softbreak", "hardbreak"}:
        return " "
    if not node.children:
        return node.content
    return "".join(_plain(child) for child in node.children)


def _code(content: str) -> str:
    """Return a code span; plain text where a span could end a table cell or itself."""
    content = " ".join(printable(content).split())
    return escape(content) if re.search(r"[`|]", content) else f"`{content}`"


def _prefix(text: str, first: str, other: str) -> str:
    head, *rest = text.split("\n")
    lines = [first + head, *(other + line if line else other.rstrip() for line in rest)]
    return "\n".join(lines)


def _table(node: SyntaxTreeNode) -> Table:
    rows = [
        tuple(_plain(cell) for cell in row.children)
        for part in node.children
        for row in part.children
    ]
    return Table(rows[0], tuple(rows[1:]))
