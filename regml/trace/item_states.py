"""What is known about an item, in a few words."""

from typing import Final

from regml.items.base import Kind
from regml.trace.model import TraceGraph
from regml.trace.results import requirement_status
from regml.trace.signatures import APPROVING, approved_as_it_is, standing

WITH_RESULTS: Final = frozenset(
    {Kind.USER_NEED, Kind.REQUIREMENT, Kind.RISK, Kind.TEST_PROTOCOL}
)
"""Kinds of item whose state tells first what results say."""


def item_state(graph: TraceGraph, item_id: str) -> str:
    """Return what is known about an item: retired, verified, approved or not."""
    item = graph.item(item_id)
    if item is None:
        return "missing"
    if item.retired:
        return "retired"
    states = []
    if item.kind in WITH_RESULTS:
        states.append(str(requirement_status(graph, item_id).status))
    signed = standing(graph, item_id)
    if signed is None:
        states.append("not signed")
    elif signed.fingerprint != graph.fingerprint(item_id):
        states.append("changed since signed")
    elif signed.said.meaning in APPROVING and not approved_as_it_is(graph, item_id):
        states.append(f"{signed.said.meaning} signed, not by all who have to")
    else:
        states.append(f"{signed.said.meaning} signed")
    return ", ".join(states)
