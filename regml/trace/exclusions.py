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
        approved: Whether quality approved it as it is now.
    """

    item: Exclusion
    approved: bool

    @property
    def counts(self) -> bool:
        """Whether it says why and is approved: a signature gives no reason."""
        return self.approved and self.item.says_why

    @property
    def lacks(self) -> tuple[str, str] | None:
        """What keeps it from counting, with what to do; ``None`` when it counts."""
        if not self.item.says_why:
            return (
                "does not say why",
                f"Write the reason below the front matter of {self.item.id}, and let "
                "quality sign it.",
            )
        if not self.approved:
            return (
                "quality has not approved it as it is now",
                f"Sign it: 'regml approve --meaning approval {self.item.id}'.",
            )
        return None


def excluded_by(graph: TraceGraph, item: Exclusion) -> Excluded:
    """Return an exclusion with whether quality approved it as it is now."""
    return Excluded(item, approved_now(graph, item.id, (Role.QUALITY,)))


def exclusion_of(graph: TraceGraph, key: str) -> Excluded | None:
    """Return what excludes a row, an exclusion that counts first.

    Args:
        graph: The evidence.
        key: Of the row, e.g. ``IEC 62304 5.2.2 d`` or ``MLH-07``; case and number of
            spaces do not matter.
    """
    found = [excluded_by(graph, item) for item in _by_key(graph).get(_plain(key), ())]
    return next((row for row in found if row.counts), found[0] if found else None)


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
