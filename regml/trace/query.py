"""Questions to the graph, answered with a table, a tree or a page of facts."""

from collections.abc import Callable, Iterable, Iterator

from regml.items.documents import DocumentPlan
from regml.items.recorded import Approval, Execution, Record, Waiver
from regml.trace.item_states import item_state
from regml.trace.model import TraceGraph
from regml.trace.own_links import from_the_other_side
from regml.trace.page import Branch, Page, Section, Table, Tree, plain
from regml.trace.results import requirement_status
from regml.trace.signatures import missing_approvers
from regml.trace.waivers import why_not


def trace_tree(graph: TraceGraph, text: str) -> Tree:
    """Return what a node rests on and what rests on it, all the way.

    Raises:
        UnknownIdError: Nothing fits the text.
    """
    node = graph.find(text)
    return Tree(
        node,
        _branches(graph, node.id, graph.rests_on, {node.id}),
        _branches(graph, node.id, _carried(graph), {node.id}),
        requirement_status(graph, node.id).results if graph.item(node.id) else (),
    )


def item_page(graph: TraceGraph, text: str) -> Page:
    """Return one node with its fields and all its direct links.

    Raises:
        UnknownIdError: Nothing fits the text.
    """
    node = graph.find(text)
    sections = [Section("", (("what", str(node.type)), ("where", node.where)))]
    item = graph.item(node.id)
    if isinstance(node.value, Record):
        sections.append(Section("", tuple(_signed(graph, node.value))))
    if isinstance(node.value, DocumentPlan):
        sections.append(Section("", tuple(_planned(graph, node.value))))
    if item:
        values = item.model_dump(mode="json", exclude={"id", "title", "text"})
        facts = tuple((name, plain(value)) for name, value in values.items() if value)
        sections = [
            Section("", (("state", item_state(graph, node.id)), *facts)),
            Section("Text", (("", item.text.strip()),)),
        ]
    sections += [
        Section("Rests on", table=_links(graph, graph.rests_on(node.id))),
        Section("Is the reason of", table=_links(graph, _carried(graph)(node.id))),
    ]
    if item and (reasons := requirement_status(graph, node.id).results):
        rows = tuple((r.source, str(r.status), r.detail) for r in reasons)
        sections.append(
            Section("Results", table=Table(("evidence", "status", "why"), rows))
        )
    return Page(f"{node.id} {node.title}", node.id, tuple(sections))


def _planned(graph: TraceGraph, plan: DocumentPlan) -> Iterator[tuple[str, str]]:
    """Give what a document presents, and who has yet to approve it as it is."""
    signed, presented = graph.signable([plan.node_id])[:2]
    missing = missing_approvers(graph, plan.node_id)
    yield "purpose", plan.purpose
    yield "serves", ", ".join(plan.clauses)
    yield "presents", ", ".join([*presented, *(f"{v}@current" for v in plan.versions)])
    yield "approved", f"not by {' and '.join(missing)}" if missing else "as it is now"
    yield "fingerprint", signed[plan.node_id]


def _signed(graph: TraceGraph, record: Record) -> Iterator[tuple[str, str]]:
    """Give what a signature says; runs have pages of their own (``regml lineage``)."""
    match record.statement:
        case Waiver() as said:
            yield "now", why_not(graph, record) or "holds"
            yield "rule", said.rule
            yield "until", said.until.isoformat()
            yield "because", said.because
            for subject, told in said.messages.items():
                yield from ((subject, message) for message in told)
        case Approval() as said:
            yield "meaning", said.meaning
            yield "items", ", ".join(said.fingerprints)
            yield "comment", said.comment
        case Execution() as done:
            yield "verdict", str(done.verdict)
            for number, step in enumerate(done.steps, 1):
                seen = f": {step.observed}" if step.observed else ""
                yield f"step {number}", f"{step.do} {step.outcome}{seen}"
            if done.comment:
                yield "comment", done.comment
            yield "by", done.origin.person.name
            yield "signed", done.origin.finished_utc
            return
        case _:
            return
    yield "by", f"{said.origin.person.name} ({said.role})"
    yield "signed", said.origin.finished_utc


def _links(graph: TraceGraph, links: Iterable[tuple[str, str]]) -> Table:
    return Table(
        ("link", "id", "title"),
        tuple((str(link), name, graph.nodes[name].title) for name, link in links),
    )


def _carried(graph: TraceGraph) -> Callable[[str], tuple[tuple[str, str], ...]]:
    """Return what gives the links to a node, each as it reads from there."""

    def carried(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (other, from_the_other_side(graph, link))
            for other, link in graph.carries(name)
        )

    return carried


def _branches(
    graph: TraceGraph,
    name: str,
    neighbours: Callable[[str], tuple[tuple[str, str], ...]],
    seen: set[str],
) -> tuple[Branch, ...]:
    """Return the tree below a node; each node's children are shown once."""
    links: dict[str, list[str]] = {}
    for other, link in neighbours(name):
        links.setdefault(other, []).append(link)
    found = []
    for other, named in links.items():
        repeated = other in seen
        seen.add(other)
        children = () if repeated else _branches(graph, other, neighbours, seen)
        more = repeated and bool(neighbours(other))
        found.append(Branch(tuple(named), graph.nodes[other], children, more))
    return tuple(found)
