"""Is something done that a plan names? Derived from runs, results and signatures."""

from regml.items.base import Kind
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.results import Status, requirement_status
from regml.trace.signatures import missing_approvers

_WITH_STATUS = (
    Kind.REQUIREMENT,
    Kind.TEST_PROTOCOL,
    Kind.DATASET_SPECIFICATION,
    Kind.ANNOTATION_PROTOCOL,
    Kind.PCCP_MODIFICATION,
)


def what_is_missing(graph: TraceGraph, name: str) -> str:
    """Return what keeps a stage, a document or an item from being done; else ``""``.

    A stage is done when a recorded run explains its outputs, a document when everyone
    it names approved it as it is, an item when it is verified or approved as it is.
    """
    if name in graph.current.explained:
        run = graph.current.explained[name]
        return "" if run else f"no recorded run explains the stage {name}"
    if any(stage.name == name for stage in graph.evidence.stages):
        return f"the stage {name} was never run"
    node = graph.nodes.get(name)
    if node is None or node.type is NodeType.MISSING:
        return f"there is no item, document or stage {name}"
    item = graph.item(name)
    if item is not None and item.kind in _WITH_STATUS:
        return _unverified(graph, name)
    missing = " and ".join(missing_approvers(graph, name))
    return f"not approved by {missing} as it is: {name}" if missing else ""


def _unverified(graph: TraceGraph, name: str) -> str:
    found = requirement_status(graph, name)
    if found.status is Status.PASSED:
        return ""
    why = next((r.detail for r in found.results if r.status is found.status), "")
    return f"{name} is {found.status}" + (f" ({why})" if why else "")
