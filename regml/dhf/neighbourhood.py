"""Where a node stands among its direct neighbours: boxes and lines of a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

from regml.dhf.context.common import shown
from regml.trace.model import TraceGraph

WIDTH, HEIGHT, GAP = 230, 26, 8
"""Size of a box and the space below it, in SVG units."""
COLUMN = 330
"""Distance between the left edges of two columns, in SVG units."""
SHOWN = 8
"""How many neighbours one side shows; the lists beside it show all."""
LETTERS = 34
"""How many letters fit into a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """One node on the drawing; ``href`` is empty where there is no page."""

    x: int
    y: int
    text: str
    href: str
    middle: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes in three columns, and a line from each to the one in the middle.

    Attributes:
        width: In SVG units.
        height: In SVG units.
        boxes: All boxes.
        lines: x1, y1, x2, y2 of each line; it points to the reason.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[tuple[int, int, int, int], ...]


def neighbourhood(
    graph: TraceGraph, node_id: str, hrefs: dict[str, str]
) -> Drawing | None:
    """Return the drawing of a node, or ``None`` when it has no neighbours.

    What rests on the node is on its left, what it rests on is on its right.
    """
    left = sorted({edge.source for edge in graph.into(node_id)} - {node_id})
    right = sorted({edge.target for edge in graph.out(node_id)} - {node_id})
    if not left and not right:
        return None
    rows = max(1, *(min(len(side), SHOWN + 1) for side in (left, right)))
    height = rows * (HEIGHT + GAP) + GAP
    middle = Box(
        COLUMN, (height - HEIGHT) // 2, _short(shown(node_id)), "", middle=True
    )
    before = _column(left, 0, height, hrefs)
    after = _column(right, 2 * COLUMN, height, hrefs)
    y = middle.y + HEIGHT // 2
    lines = [(b.x + WIDTH, b.y + HEIGHT // 2, middle.x, y) for b in before]
    lines += [(middle.x + WIDTH, y, b.x, b.y + HEIGHT // 2) for b in after]
    width = 2 * COLUMN + WIDTH
    return Drawing(width, height, (*before, middle, *after), tuple(lines))


def _column(
    names: Sequence[str], x: int, height: int, hrefs: dict[str, str]
) -> list[Box]:
    texts = [(_short(shown(name)), hrefs.get(name, "")) for name in names[:SHOWN]]
    if len(names) > SHOWN:
        texts.append((f"and {len(names) - SHOWN} more below", ""))
    top = (height - len(texts) * (HEIGHT + GAP) + GAP) // 2
    return [
        Box(x, top + row * (HEIGHT + GAP), text, href)
        for row, (text, href) in enumerate(texts)
    ]


def _short(text: str) -> str:
    text = text.rpartition("::")[2] or text
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
