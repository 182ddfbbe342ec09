"""What a project says does not apply to it, by the key of the row."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from regml.items.config import Role
from regml.items.requirements import Exclusion
from regml.trace.model import TraceGraph
from regml.trace.results import approved_now


@dataclass(frozen=True, slots=True)
class Excluded:
    """A row that an exclusion names.

    Attributes:
        item: The exclusion.
        approved: Whether quality approved it as it is now; only then it counts.
    """

    item: Exclusion
    approved: bool


def exclusion_of(graph: TraceGraph, key: str) -> Excluded | None:
    """Return what excludes a row, an approved exclusion first.

    Args:
        graph: The evidence.
        key: Of the row, e.g. ``IEC 62304 5.2.2 d`` or ``MLH-07``; case and number of
            spaces do not matter.
    """
    found = [
        Excluded(item, approved_now(graph, item.id, (Role.QUALITY,)))
        for item in _by_key(graph).get(_plain(key), ())
    ]
    return next((row for row in found if row.approved), found[0] if found else None)


def excluded_keys(graph: TraceGraph) -> tuple[tuple[str, Exclusion], ...]:
    """Return every key that an exclusion in force names, with the exclusion."""
    return tuple(
        (key, item) for item in graph.items(Exclusion) for key in item.excludes
    )


@lru_cache(maxsize=1)
def _by_key(graph: TraceGraph) -> Mapping[str, tuple[Exclusion, ...]]:
    found: dict[str, tuple[Exclusion, ...]] = {}
    for key, item in excluded_keys(graph):
        found[_plain(key)] = (*found.get(_plain(key), ()), item)
    return found


def _plain(key: str) -> str:
    return " ".join(key.split()).casefold()
