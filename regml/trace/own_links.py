"""Link types of the project's own, as ``regml.toml`` declares them."""

from collections.abc import Mapping
from functools import lru_cache

from regml.items.config import LinkType
from regml.trace.model import TraceGraph


@lru_cache(maxsize=4)
def link_types(graph: TraceGraph) -> Mapping[str, LinkType]:
    """Return the project's own link types by name."""
    return {row.name: row for row in graph.evidence.config.link_types}


def from_the_other_side(graph: TraceGraph, link: str) -> str:
    """Return how a link reads from what it leads to; our own keep their name."""
    declared = link_types(graph).get(link)
    return declared.inverse if declared else link
