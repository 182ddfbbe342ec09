"""Evidence kept outside of the project: which item names it, and whether it counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from regml.items.external import ExternalEvidence
from regml.standards.citation import plain
from regml.trace.model import TraceGraph
from regml.trace.signatures import approved_as_it_is, approvers


@dataclass(frozen=True, slots=True)
class Kept:
    """What an item says about evidence kept elsewhere.

    Attributes:
        words: Which document it is, or why it does not count.
        step: What to do so that it counts; empty where it does.
    """

    words: str
    step: str = ""


def kept_elsewhere(graph: TraceGraph, citations: Iterable[str]) -> Kept | None:
    """Return what names evidence for a clause, the best first; ``None`` if nothing."""
    wanted = {plain(citation) for citation in citations}
    found = [
        _look(graph, item)
        for item in graph.items(ExternalEvidence)
        if wanted & {plain(clause) for clause in item.clauses}
    ]
    return min(found, key=lambda kept: bool(kept.step), default=None)


def _look(graph: TraceGraph, item: ExternalEvidence) -> Kept:
    if item.valid_until and item.valid_until < graph.evidence.today:
        return Kept(
            f"{item.id} ran out on {item.valid_until}",
            f"Bring {item.id} up to date and have quality approve it.",
        )
    if not approved_as_it_is(graph, item.id):
        roles = " and ".join(approvers(graph, item.id))
        return Kept(
            f"{item.id} is not approved by {roles} as it is now",
            f"regml approve {item.id} --meaning approval",
        )
    return Kept(f"{item.id} {item.document}, {item.version}")
