"""What a specification said when data were made by it, not what it says today."""

from dataclasses import dataclass

from regml.items.base import Item
from regml.items.recorded import Record
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT

AS_NOW = "as it is now"


@dataclass(frozen=True, slots=True)
class Worded:
    """An item in the wording that counted for a run.

    Attributes:
        item: It; in today's wording where the other is nowhere.
        said: Which wording that is, in half a sentence.
        former: Whether it is another wording than today's.
    """

    item: Item
    said: str
    former: bool = False


def worded(graph: TraceGraph, item_id: str, record: Record | None) -> Worded | None:
    """Return an item as it was at the commit of a run; ``None`` where there is none.

    Args:
        graph: The evidence, with ``wordings``.
        item_id: Of a specification or protocol.
        record: Of the run that it counted for; without one, today's wording is given.
    """
    now = graph.item(item_id)
    if now is None:
        return None
    if record is None:
        return Worded(now, AS_NOW)
    origin = record.statement.origin
    commit = (origin.commit or "")[:SHORT]
    path = graph.where(item_id).rpartition(":")[0]
    if path in origin.dirty:
        return Worded(
            now,
            f"{AS_NOW}; in run {record.id} it differed from commit {commit}, and "
            "nobody knows how",
        )
    then = graph.evidence.wordings.get((origin.commit or "", item_id))
    if then is None:
        return Worded(
            now,
            f"{AS_NOW}; how it was in run {record.id}, at commit "
            f"{commit or 'unknown'}, is in no commit that is here",
        )
    if then.fingerprint() == now.fingerprint():
        return Worded(now, f"{AS_NOW} and was in run {record.id}")
    return Worded(
        then,
        f"of commit {commit}, as it was in run {record.id}; it changed since",
        former=True,
    )
