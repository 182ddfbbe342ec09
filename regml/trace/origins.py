"""Who chose the data, who outlined them, how they were prepared: parts of a page."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from regml.items.data import (
    AnnotationProtocol,
    Annotator,
    DatasetManifest,
    DatasetSpecification,
)
from regml.items.recorded import Approval, Record, StageRun
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion, NodeType
from regml.trace.page import NONE, Section, Table, plain
from regml.trace.signatures import approvals_of
from regml.trace.wordings import AS_NOW, Worded, worded


def signatures(graph: TraceGraph, wording: Worded, what: str) -> Section:
    """Return who wrote an item last and who signed it, also other contents of it.

    Args:
        graph: The evidence.
        wording: A specification or protocol, as it counted.
        what: What those people decided, for the heading.
    """
    item = wording.item
    written = graph.evidence.surroundings.last_changes.get(_path(graph, item.id))
    facts = [("item", f"{item.id} {item.title}")]
    if written:
        when = f"{written.time_utc}, commit {written.sha[:SHORT]}"
        what_of_it = "changed since by" if wording.former else "last written by"
        facts.append((what_of_it, f"{written.person.name}, {when}"))
    rows = tuple(
        (
            approval.origin.person.name,
            approval.role,
            approval.meaning,
            approval.origin.finished_utc,
            _signed(graph, wording, approval),
            f"approval@{record.id}",
        )
        for record in approvals_of(graph, item.id)
        if isinstance(approval := record.statement, Approval)
    )
    columns = ("who", "role", "meaning", "when", "signed", "record")
    facts.append(("signatures", str(len(rows)) if rows else "nobody signed it"))
    table = Table(columns, rows) if rows else None
    return Section(f"Who decided on {what}", tuple(facts), table, item.id)


def annotated_by(
    graph: TraceGraph, spec: DatasetSpecification, record: Record | None
) -> Worded | None:
    """Return the annotation protocol as it was when outlines were imported by it.

    Args:
        graph: The evidence.
        spec: As the dataset was selected by it.
        record: Of the run that made the dataset.
    """
    imports = [r for r in _runs_before(graph, record) if facts_of(r, "annotations")]
    found = worded(graph, spec.annotation_protocol or "", (*imports, record)[0])
    return found if found and isinstance(found.item, AnnotationProtocol) else None


def annotators(manifest: DatasetManifest) -> Section:
    """Return the readers of a dataset with what qualifies them."""
    count = Counter(reader for case in manifest.cases for reader in case.annotators)
    known = {reader.reader: reader for reader in manifest.annotators}
    rows = tuple(
        (name, *_qualified(known.get(name)), str(count[name]))
        for name in sorted(count.keys() | known.keys())
    )
    columns = ("reader", "qualification", "years", "trained on the protocol", "cases")
    return Section("Who annotated", table=Table(columns, rows))


def preprocessing(
    graph: TraceGraph, manifest: DatasetManifest | None, record: Record | None
) -> Section:
    """Return how images were brought to what the network sees, as far as recorded."""
    facts: list[tuple[str, str]] = []
    if manifest and manifest.preparation:
        facts += [
            (name.replace("_", " "), plain(value))
            for name, value in manifest.preparation.model_dump(mode="json").items()
        ]
    run = record.statement if record else None
    if isinstance(run, StageRun):
        facts.append(("run", f"run@{record.id}" if record else NONE))
        facts.append(("command", run.command))
        facts += _values(run.parameters)
    for before in _runs_before(graph, record):
        for topic, names in (
            ("deidentification", ("configuration_sha256", "residual_identifiers")),
            ("annotations", ("protocol", "consensus")),
        ):
            noted = facts_of(before, topic)
            facts += [
                (f"{topic}: {name.replace('_', ' ')}", plain(noted[name]))
                for name in names
                if noted.get(name) is not None
            ]
    return Section("Preprocessing", tuple(facts) or (("recorded", NONE),))


def images(
    graph: TraceGraph,
    name: str,
    find: Callable[[DatasetVersion], DatasetManifest | None],
) -> Iterator[Section]:
    """Give every image of a dataset, or of those that a model or evaluation rests on.

    Args:
        graph: The evidence.
        name: Node of any of them.
        find: Where a manifest comes from.
    """
    for reached in sorted({name, *graph.reasons(name)}):
        dataset = graph.nodes[reached].value
        if not isinstance(dataset, DatasetVersion):
            continue
        manifest = find(dataset)
        rows = tuple(
            (
                case.case,
                case.patient or "unknown",
                case.site,
                case.split,
                ", ".join(case.annotators) or NONE,
                case.image_sha256,
                case.label_sha256,
            )
            for case in (manifest.cases if manifest else ())
        )
        columns = (
            *("case", "patient", "site", "split", "annotators"),
            *("image sha256", "label sha256"),
        )
        yield Section(f"Images of {reached}", table=Table(columns, rows), node=reached)


def released_as(graph: TraceGraph, name: str) -> str:
    """Return the versions under which a model or dataset was released."""
    found = []
    for edge in graph.into(name, "releases"):
        node = graph.nodes[edge.source]
        if node.type is NodeType.RELEASE:
            found.append(node.title)
    return "; ".join(found) or "never released"


def _runs_before(graph: TraceGraph, record: Record | None) -> Iterator[Record]:
    if record is None:
        return
    names, todo = {f"run@{record.id}"}, [f"run@{record.id}"]
    while todo:
        for edge in sorted(graph.out(todo.pop(0), "derived_from")):
            value = graph.nodes[edge.target].value
            if edge.target not in names and isinstance(value, Record):
                names.add(edge.target)
                todo.append(edge.target)
                yield value


def _values(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for values in parameters.values():
        for name, value in values.items() if isinstance(values, Mapping) else ():
            yield f"parameters: {name}", plain(value)


def _qualified(reader: Annotator | None) -> tuple[str, str, str]:
    if reader is None:
        return "not listed", "", ""
    years = reader.years_experience
    return (
        reader.qualification or "nobody said",
        "" if years is None else f"{years:g}",
        reader.trained_on.isoformat() if reader.trained_on else "not recorded",
    )


def _signed(graph: TraceGraph, wording: Worded, approval: Approval) -> str:
    """Say which content of an item a signature is for."""
    name = wording.item.id
    signed = approval.fingerprints.get(name)
    if wording.former and signed == wording.item.fingerprint():
        return "as it was then"
    return AS_NOW if signed == graph.fingerprint(name) else "another content"


def _path(graph: TraceGraph, item_id: str) -> str:
    return graph.where(item_id).rpartition(":")[0]
