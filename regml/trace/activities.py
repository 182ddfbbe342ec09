"""Is something done that a plan names? Derived from runs, results and signatures."""

from regml.items.base import Kind
from regml.items.config import Role
from regml.items.documents import DocumentPlan
from regml.trace.model import NodeType, TraceGraph
from regml.trace.results import Status, approved_now, requirement_status

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
    if isinstance(node.value, DocumentPlan):
        return _unsigned(graph, node.value)
    item = graph.item(name)
    if item is not None and item.kind in _WITH_STATUS:
        status = requirement_status(graph, name).status
        return "" if status is Status.PASSED else f"{name} is {status}"
    signed = approved_now(graph, name, (Role.QUALITY,))
    return "" if signed else f"quality has not approved {name} as it is"


def _unsigned(graph: TraceGraph, plan: DocumentPlan) -> str:
    """Return which of its approvers have not signed a document as it is."""
    known = {str(role) for role in Role}
    missing = [
        role
        for role in plan.approvers
        if role not in known or not approved_now(graph, plan.node_id, (Role(role),))
    ]
    if not missing:
        return ""
    return f"{' and '.join(missing)} have not approved {plan.node_id} as it is"
