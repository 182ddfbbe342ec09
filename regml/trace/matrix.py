"""The traceability matrix: one row per path through the columns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from regml.errors import UnknownIdError
from regml.items.base import Kind
from regml.items.links import Link
from regml.items.requirements import Requirement, UserNeed
from regml.items.risk import Risk
from regml.trace.model import TraceGraph
from regml.trace.own_links import link_types
from regml.trace.page import NONE, Table
from regml.trace.results import Status, requirement_status

MATRIX: Final = ("need", "srs", "sw", "test", "result")
"""Columns of the matrix from user needs to results."""


def matrix(graph: TraceGraph, kinds: Sequence[str] = MATRIX) -> Table:
    """Return a traceability matrix: one row per path through the columns.

    What is not there is shown as ``none``. A column is filled from the nearest column
    to its left that leads to it; software items share a cell. Items of the second
    column that no row reached follow at the end, except behind risks.

    Args:
        graph: The evidence.
        kinds: Columns: need, srs, sw, test, result, risk, control; behind a column of
            items also any kind that a link type of the project leads to or from.

    Raises:
        UnknownIdError: A column is unknown, or no column before it leads to it.
    """
    starts = _starts(graph)
    if not kinds or kinds[0] not in starts:
        raise UnknownIdError(
            f"a matrix does not begin with {kinds[0] if kinds else 'nothing'!r}. "
            f"Begin with {', '.join(starts)}."
        )
    for index, kind in enumerate(kinds[1:], start=1):
        _step(graph, kinds[:index], kind)
    rows = _rows(graph, kinds, [(start,) for start in starts[kinds[0]](graph)])
    if len(kinds) > 1 and kinds[0] != "risk" and kinds[1] in starts:
        seen = {row[1] for row in rows}
        left = [name for name in starts[kinds[1]](graph) if name not in seen]
        rows += _rows(graph, kinds, [(NONE, name) for name in left])
    return Table(tuple(kinds), tuple(dict.fromkeys(rows)))


Row: TypeAlias = tuple[str, ...]


def _rows(graph: TraceGraph, kinds: Sequence[str], rows: list[Row]) -> list[Row]:
    """Fill rows to the right until every column has a cell."""
    while rows and len(rows[0]) < len(kinds):
        at = len(rows[0])
        kind = kinds[at]
        source, step = _step(graph, kinds[:at], kind)
        grown = []
        for row in rows:
            cell = row[source]
            found = [] if cell == NONE else step(graph, cell, row, kinds)
            if kind == "sw" and found:
                found = [", ".join(found)]
            grown += [(*row, value) for value in found or [NONE]]
        rows = grown
    return rows


Step: TypeAlias = Callable[[TraceGraph, str, Row, Sequence[str]], list[str]]


def _step(graph: TraceGraph, before: Sequence[str], kind: str) -> tuple[int, Step]:
    """Return the nearest column to the left that leads to a kind, and how."""
    steps = {**_own_steps(graph), **STEPS}
    for index in range(len(before) - 1, -1, -1):
        if (before[index], kind) in steps:
            return index, steps[before[index], kind]
    leading = ", ".join(sorted(a for a, b in steps if b == kind))
    if not leading:
        known = ", ".join(sorted({b for _, b in steps}))
        raise UnknownIdError(f"there is no column {kind!r}. Columns: {known}.")
    raise UnknownIdError(
        f"no column before {kind!r} leads to it. Put one of {leading} before it."
    )


def _sources(*links: str, prefixes: tuple[str, ...]) -> Step:
    """Return a step against some links, to nodes whose id begins in some way."""

    def step(graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]) -> list[str]:
        found = (edge.source for edge in graph.into(cell, *links))
        return sorted({name for name in found if name.startswith(prefixes)})

    return step


def _targets(*links: str, prefixes: tuple[str, ...]) -> Step:
    """Return a step along some links, to nodes whose id begins in some way."""

    def step(graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]) -> list[str]:
        found = (edge.target for edge in graph.out(cell, *links))
        return sorted({name for name in found if name.startswith(prefixes)})

    return step


def _own_steps(graph: TraceGraph) -> dict[tuple[str, str], Step]:
    """Return the steps along the project's own link types, in both directions."""
    steps: dict[tuple[str, str], Step] = {}
    links: dict[tuple[Kind, Kind], list[str]] = {}
    for row in link_types(graph).values():
        for source in row.from_:
            for target in row.to:
                links.setdefault((source, target), []).append(row.name)
    for (source, target), names in links.items():
        there, back = _column(source), _column(target)
        steps[there, back] = _targets(*names, prefixes=(f"{target}-",))
        if there != back:
            steps[back, there] = _sources(*names, prefixes=(f"{source}-",))
    return steps


def _column(kind: Kind) -> str:
    return "need" if kind is Kind.USER_NEED else kind.value.lower()


def _starts(graph: TraceGraph) -> dict[str, Callable[[TraceGraph], list[str]]]:
    """Return the columns a matrix may begin with; own link types add theirs."""
    own = {
        _column(kind): partial(_ids_of, kind)
        for row in link_types(graph).values()
        for kind in row.from_ + row.to
    }
    return {**own, **STARTS}


def _ids_of(kind: Kind, graph: TraceGraph) -> list[str]:
    return [
        located.item.id
        for located in graph.evidence.items
        if located.item.kind is kind and not located.item.retired
    ]


def _tests(graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]) -> list[str]:
    """Give what verifies a requirement: results that count, and planned ones."""
    return list(
        dict.fromkeys(r.source for r in requirement_status(graph, cell).results)
    )


def _verdicts(
    graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]
) -> list[str]:
    """Give what a test says about the requirement of its row."""
    about = row[kinds.index("srs")]
    results = requirement_status(graph, about).results
    found = {
        f"{r.status}: {r.detail}" if r.status is not Status.PASSED else str(r.status)
        for r in results
        if r.source == cell
    }
    return ["; ".join(sorted(found))] if found else []


def _status(graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]) -> list[str]:
    return [str(requirement_status(graph, cell).status)]


def _controls(
    graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]
) -> list[str]:
    risk = graph.item(cell)
    controls = risk.controls if isinstance(risk, Risk) else ()
    return [f"{cell}/{control.id}" for control in controls]


def _implementing(
    graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]
) -> list[str]:
    name, _, control_id = cell.partition("/")
    risk = graph.item(name)
    controls = risk.controls if isinstance(risk, Risk) else ()
    return [
        target
        for control in controls
        if control.id == control_id
        for target in control.implemented_by
    ]


def _refining(
    graph: TraceGraph, cell: str, row: Row, kinds: Sequence[str]
) -> list[str]:
    """Give the requirements behind a need, also those derived from another one."""
    found: set[str] = set()
    waiting = [cell]
    while waiting:
        for edge in graph.into(waiting.pop(), Link.REFINES):
            if edge.source.startswith("SRS-") and edge.source not in found:
                found.add(edge.source)
                waiting.append(edge.source)
    return sorted(found)


STEPS: Final[Mapping[tuple[str, str], Step]] = {
    ("need", "srs"): _refining,
    ("srs", "need"): _targets(Link.REFINES, prefixes=("UN-",)),
    ("srs", "sw"): _sources(Link.IMPLEMENTS, prefixes=("SW-",)),
    ("sw", "srs"): _targets(Link.IMPLEMENTS, prefixes=("SRS-",)),
    ("srs", "risk"): _targets(Link.CONTROLS, prefixes=("RISK-",)),
    ("risk", "srs"): _sources(Link.CONTROLS, prefixes=("SRS-",)),
    ("risk", "control"): _controls,
    ("control", "srs"): _implementing,
    ("srs", "test"): _tests,
    ("test", "result"): _verdicts,
    ("srs", "result"): _status,
    ("need", "result"): _status,
    ("risk", "result"): _status,
}
"""How one column follows from another."""

STARTS: Final[Mapping[str, Callable[[TraceGraph], list[str]]]] = {
    "need": lambda graph: [item.id for item in graph.items(UserNeed)],
    "srs": lambda graph: [item.id for item in graph.items(Requirement)],
    "risk": lambda graph: [item.id for item in graph.items(Risk)],
    "sw": partial(_ids_of, Kind.SOFTWARE_ITEM),
}
"""Columns a matrix may begin with."""
