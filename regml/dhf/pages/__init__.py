"""What the page of each piece of evidence says."""

from collections.abc import Iterable

from regml.dhf.context import Figure
from regml.dhf.context.common import evidence_of, facts, shown
from regml.dhf.context.items import item_section
from regml.dhf.pages.base import Content
from regml.dhf.pages.records import record_page
from regml.dhf.pages.versions import dataset_page, evaluation_page, model_page
from regml.dhf.table import table
from regml.files.markdown import LocatedItem
from regml.items.base import Kind
from regml.items.documents import DocumentPlan
from regml.items.links import Link
from regml.items.recorded import Record
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion, Evaluation, KnownTest, ModelVersion, Node
from regml.trace.results import requirement_status

_WITH_STATUS = {
    Kind.USER_NEED,
    Kind.REQUIREMENT,
    Kind.RISK,
    Kind.TEST_PROTOCOL,
    Kind.DATASET_SPECIFICATION,
    Kind.ANNOTATION_PROTOCOL,
    Kind.PCCP_MODIFICATION,
    Kind.EXCLUSION,
    Kind.EXTERNAL_EVIDENCE,
}


def content(graph: TraceGraph, node: Node, figures: Iterable[Figure]) -> Content:
    """Return what the page of a node says."""
    match node.value:
        case LocatedItem():
            return _item(graph, node.value)
        case Record():
            return record_page(graph, node.value)
        case DatasetVersion():
            return dataset_page(graph, node.id, node.value)
        case ModelVersion():
            return model_page(graph, node.id, node.value)
        case Evaluation():
            return evaluation_page(graph, node.value, figures)
        case KnownTest():
            return _test(graph, node.id, node.value)
        case DocumentPlan() | None:
            return Content(facts([("Where", node.where), ("Name", node.title)]))


def _item(graph: TraceGraph, found: LocatedItem) -> Content:
    item = found.item
    section = item_section(graph, item)
    status = requirement_status(graph, item.id) if item.kind in _WITH_STATUS else None
    return Content(
        facts=section.facts,
        status="retired" if item.retired else str(status.status) if status else "",
        reasons=tuple(shown(reason) for reason in status.reasons) if status else (),
        prose=item.text,
        sections=(
            *section.tables,
            (
                "File",
                facts(
                    [
                        ("Path", found.path),
                        ("Fingerprint of its content", item.fingerprint()),
                        ("Retired, because", item.retired),
                    ]
                ),
            ),
        ),
    )


def _test(graph: TraceGraph, node_id: str, test: KnownTest) -> Content:
    runs = [edge.target for edge in graph.out(node_id, Link.PRODUCED_BY)]
    models = {m.target for run in runs for m in graph.out(run, Link.USES)}
    results = {
        item_id: [
            r for r in requirement_status(graph, item_id).results if r.source == node_id
        ]
        for item_id in test.verifies
        if item_id in graph.nodes
    }
    return Content(
        facts=facts(
            [
                ("Test", test.name),
                ("Written in", graph.nodes[node_id].where),
                ("Verifies", test.verifies),
                ("Latest recorded run", tuple(runs)),
                ("Model it ran with", tuple(sorted(models))),
            ]
        ),
        status=str(test.outcome or "not run"),
        sections=(
            (
                "What it says about each item",
                table(
                    ("Item", "Result", "Because", "Evidence"),
                    [
                        (item_id, r.status, r.detail, evidence_of([r]))
                        for item_id, found in results.items()
                        for r in found
                    ],
                    empty="It verifies nothing that exists.",
                ),
            ),
            (
                "Cases of the latest run",
                table(
                    ("Case", "Outcome", "Seconds", "Message"),
                    [
                        (c.name, c.outcome, f"{c.seconds:.3f}", c.message)
                        for c in test.cases
                    ],
                    empty="Not run.",
                ),
            ),
        ),
    )
