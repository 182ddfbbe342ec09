"""How far a change reaches, and by which links.

What is *changed in meaning* (a need, a requirement, a risk) reaches what was derived
from it; what is *changed in making* (a source file, a software item, SOUP) reaches the
requirements it implements.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

from regml.items.base import Kind
from regml.items.links import Link
from regml.trace.model import TraceGraph
from regml.trace.nodes import BACKWARD, Edge, NodeType

_WORK: Final = frozenset({Kind.SOFTWARE_ITEM, Kind.SOUP})
"""Kinds that say how something is made, not what it has to do."""

PAST: Final = frozenset({Kind.CHANGE_REQUEST, Kind.PROBLEM_REPORT})
"""Kinds that ask for changes; a change does not touch them."""

NODES: Final = frozenset({NodeType.ITEM, NodeType.TEST, NodeType.FILE})


class _As(Enum):
    """In which way something is reached; only some ways lead on."""

    MEANING = auto()
    WORK = auto()
    MADE = auto()
    """A requirement whose making changed: its tests and its risks follow."""
    LEAF = auto()


Reached = dict[str, tuple[str, ...]]
"""The links that lead to each node, in words."""


def reach(graph: TraceGraph, starts: Iterable[str]) -> Reached:
    """Return everything a change reaches, with the shortest way to it."""
    reached: Reached = {}
    seen: set[tuple[str, _As]] = set()
    todo: deque[tuple[str, _As]] = deque()
    for name in sorted(starts):
        if name in graph.nodes and graph.nodes[name].type in NODES:
            reached[name] = ()
            todo.append((name, _start(graph, name)))
    while todo:
        name, way = todo.popleft()
        if (name, way) in seen:
            continue
        seen.add((name, way))
        for edge, other, next_way in _next(graph, name, way):
            if graph.nodes[other].type not in NODES or kind(other) in PAST:
                continue
            reached.setdefault(other, (*reached[name], _sentence(edge)))
            todo.append((other, next_way))
    return reached


def _start(graph: TraceGraph, name: str) -> _As:
    if graph.nodes[name].type is NodeType.FILE or kind(name) in _WORK:
        return _As.WORK
    return _As.MADE if graph.nodes[name].type is NodeType.TEST else _As.MEANING


def _next(graph: TraceGraph, name: str, way: _As) -> Iterator[tuple[Edge, str, _As]]:
    """Give the links that lead on from a node, with their other end."""
    match way:
        case _As.MEANING:
            yield from _from_meaning(graph, name)
        case _As.WORK:
            yield from _from_work(graph, name)
        case _As.MADE:
            yield from _from_made(graph, name)


def _from_meaning(graph: TraceGraph, name: str) -> Iterator[tuple[Edge, str, _As]]:
    """What was derived from an item, what implements and verifies it, its risks."""
    leaves = {Link.VERIFIES, Link.IMPLEMENTS, Link.PART_OF, Link.CONTROLS, Link.AFFECTS}
    for edge in graph.into(name):
        leaf = edge.link in leaves or edge.link in BACKWARD
        if edge.link is not Link.SOLVED_BY:
            yield edge, edge.source, _As.LEAF if leaf else _As.MEANING
    for edge in graph.out(name, Link.CONTROLS, *BACKWARD):
        yield edge, edge.target, _As.LEAF


def _from_work(graph: TraceGraph, name: str) -> Iterator[tuple[Edge, str, _As]]:
    """Which software item something belongs to, and which requirements that fulfils."""
    for edge in graph.out(name, Link.PART_OF):
        yield edge, edge.target, _As.WORK
    for edge in graph.out(name, Link.IMPLEMENTS):
        yield edge, edge.target, _As.MADE
    for edge in graph.out(name, Link.AFFECTS):
        yield edge, edge.target, _As.LEAF
    for edge in graph.into(name, Link.USES):
        yield edge, edge.source, _As.WORK
    for edge in graph.into(name, Link.CONTRIBUTED_BY):
        yield edge, edge.source, _As.LEAF


def _from_made(graph: TraceGraph, name: str) -> Iterator[tuple[Edge, str, _As]]:
    """What verifies a requirement, and the risks that it controls."""
    for edge in graph.out(name, Link.VERIFIES):
        yield edge, edge.target, _As.LEAF
    for edge in graph.into(name, Link.VERIFIES):
        yield edge, edge.source, _As.LEAF
    for edge in graph.out(name, Link.CONTROLS):
        yield edge, edge.target, _As.LEAF
    for edge in graph.into(name, Link.IMPLEMENTED_BY, Link.EFFECTIVE_BY):
        yield edge, edge.source, _As.LEAF


def _sentence(edge: Edge) -> str:
    link = str(edge.link).replace("_", " ")
    return f"{shown(edge.source)} {link} {shown(edge.target)}"


def shown(name: str) -> str:
    """Return the id of a node as people read it."""
    return name.removeprefix("test:").removeprefix("file:")


def kind(name: str) -> str:
    """Return what the id of an item begins with; anything for other nodes."""
    return name.partition("-")[0]
