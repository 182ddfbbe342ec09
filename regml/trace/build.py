"""From what lies in a project to the one graph; opens no file, judges nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from regml.digest import Artifact
from regml.items.design import SoftwareItem
from regml.items.links import Link, references
from regml.items.recorded import (
    Approval,
    Execution,
    Origin,
    Outcome,
    Record,
    Release,
    StageRun,
    TestRun,
    Waiver,
)
from regml.trace.current import current_state, facts_of, noted_artifact
from regml.trace.evidence import Evidence
from regml.trace.known_tests import known_tests
from regml.trace.model import TraceGraph
from regml.trace.nodes import (
    SHORT,
    AcceptanceRow,
    DatasetVersion,
    Edge,
    Evaluation,
    ModelVersion,
    Node,
    NodeType,
)

Part: TypeAlias = Iterator[Node | Edge]
"""What each builder gives: nodes and edges, in any order."""


@dataclass
class _Versions:
    """Datasets and models by digest, and who produced which bytes last."""

    datasets: dict[str, DatasetVersion] = field(default_factory=dict)
    models: dict[str, ModelVersion] = field(default_factory=dict)


def build_graph(evidence: Evidence) -> TraceGraph:
    """Build the graph; links to things that do not exist are kept and marked."""
    current = current_state(evidence)
    versions = _versions(evidence, current.doubted)
    nodes: dict[str, Node] = {}
    edges: dict[Edge, None] = {}
    for part in (
        _items(evidence),
        _documents(evidence),
        _tests(evidence, current.believed),
        _sources(evidence),
        _datasets(versions),
        _models(versions, current.doubted),
        _runs(evidence.records, versions),
        _test_runs(evidence.records, versions),
        _executions(evidence.records, versions),
        _approvals(evidence.records),
        _waivers(evidence.records),
        _releases(evidence.records, versions),
    ):
        for entry in part:
            if isinstance(entry, Node):
                nodes.setdefault(entry.id, entry)
            else:
                edges[entry] = None
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in nodes:
                nodes[end] = Node(end, NodeType.MISSING, "does not exist")
    return TraceGraph(evidence, current, nodes.values(), edges)


def _items(evidence: Evidence) -> Part:
    for located in evidence.items:
        item = located.item
        yield Node(item.id, NodeType.ITEM, item.title, located, f"{located.path}:1")
        for reference in references(item):
            yield Edge(reference.source, reference.link, reference.target)


def _documents(evidence: Evidence) -> Part:
    for plan in evidence.documents:
        yield Node(plan.node_id, NodeType.DOCUMENT, plan.title, plan, f"{plan.path}:1")


def _tests(evidence: Evidence, believed: Iterable[Record]) -> Part:
    for key, known in known_tests(evidence.tests, believed, code=evidence.code):
        test = known.written
        where = f"{test.path}:{test.line}" if test else ""
        title = known.name.rpartition("::")[2].replace("_", " ")
        yield Node(key, NodeType.TEST, title, known, where)
        for target in known.verifies:
            yield Edge(key, Link.VERIFIES, target)
        for record in known.records:
            yield Edge(key, Link.PRODUCED_BY, f"tests@{record.id}")


def _sources(evidence: Evidence) -> Part:
    owners = [
        (source.rstrip("/"), located.item.id)
        for located in evidence.items
        if isinstance(located.item, SoftwareItem)
        for source in located.item.sources
    ]
    for path, owner in owners:
        yield Node(f"file:{path}", NodeType.FILE, path, None, path)
        yield Edge(f"file:{path}", Link.PART_OF, owner)
    for mark in evidence.implements:
        name = f"file:{mark.path}"
        yield Node(name, NodeType.FILE, mark.path, None, f"{mark.path}:{mark.line}")
        yield Edge(name, Link.IMPLEMENTS, mark.id)
        for path, owner in owners:
            if mark.path.startswith(f"{path}/"):
                yield Edge(name, Link.PART_OF, owner)


def _versions(evidence: Evidence, doubted: Collection[str]) -> _Versions:
    """Collect versions; what a run says that counts more stands in front of others."""

    def counts(record: Record) -> tuple[bool, bool]:
        run = record.statement
        passed = isinstance(run, StageRun) and run.outcome is Outcome.PASSED
        return record.path not in doubted, passed

    found = _Versions()
    present = {
        evidence.workspace[path].sha256: (path, manifest)
        for path, manifest in sorted(evidence.manifests.items())
        if path in evidence.workspace
    }
    for record in sorted(evidence.records, key=counts):
        manifest = noted_artifact(record, "dataset", "manifest")
        if manifest:
            facts = facts_of(record, "dataset")
            older = found.datasets.get(manifest.sha256)
            found.datasets[manifest.sha256] = DatasetVersion(
                manifest.sha256,
                manifest.path,
                (*(older.runs if older else ()), record),
                facts,
                present.get(manifest.sha256, (None, None))[1]
                or evidence.earlier.get(manifest.sha256),
            )
        weights = noted_artifact(record, "model", "weights")
        if weights:
            before = found.models.get(weights.sha256)
            found.models[weights.sha256] = ModelVersion(
                weights.sha256,
                weights.path,
                (*(before.runs if before else ()), record),
                facts_of(record, "model"),
            )
    for sha256, (path, content) in present.items():
        if sha256 not in found.datasets:
            found.datasets[sha256] = DatasetVersion(sha256, path, (), {}, content)
    return found


def _datasets(versions: _Versions) -> Part:
    for sha256, dataset in versions.datasets.items():
        name = f"dataset@{sha256[:SHORT]}"
        specification = (
            dataset.manifest.specification
            if dataset.manifest
            else dataset.facts.get("specification")
        )
        title = f"dataset version for {specification or 'no specification'}"
        yield Node(name, NodeType.DATASET, title, dataset, dataset.path)
        if isinstance(specification, str):
            yield Edge(name, Link.FULFILS, specification)
        for record in dataset.runs:
            yield Edge(name, Link.PRODUCED_BY, f"run@{record.id}")


def _models(versions: _Versions, doubted: Collection[str]) -> Part:
    for sha256, model in versions.models.items():
        name = f"model@{sha256[:SHORT]}"
        title = str(model.facts.get("architecture", "model"))
        yield Node(name, NodeType.MODEL, title, model, model.path)
        unbelieved = all(record.path in doubted for record in model.runs)
        for record in model.runs:
            yield Edge(name, Link.PRODUCED_BY, f"run@{record.id}")
            if record.path in doubted and not unbelieved:
                continue  # it does not say on what a model was trained that others made
            for artifact in _inputs(record):
                if artifact.sha256 in versions.datasets:
                    dataset = f"dataset@{artifact.sha256[:SHORT]}"
                    yield Edge(name, Link.TRAINED_ON, dataset)


def _runs(records: Iterable[Record], versions: _Versions) -> Part:
    producers: dict[str, str] = {}
    for record in records:
        run = record.statement
        if not isinstance(run, StageRun):
            continue
        name = f"run@{record.id}"
        title = f"{run.stage} {run.outcome} {run.origin.started_utc}"
        yield Node(name, NodeType.STAGE_RUN, title, record, record.path)
        yield from _commit(name, run.origin)
        for artifact in run.inputs:
            if producers.get(artifact.sha256, name) != name:
                yield Edge(name, Link.DERIVED_FROM, producers[artifact.sha256])
        protocol = facts_of(record, "annotations").get("protocol")
        if isinstance(protocol, str):
            yield Edge(name, Link.ANNOTATED_BY, protocol)
        yield from _evaluation(record, versions)
        if run.outcome is Outcome.PASSED:
            producers.update({out.sha256: name for out in run.outputs})


def _evaluation(record: Record, versions: _Versions) -> Part:
    facts = facts_of(record, "evaluation")
    if not facts:
        return
    name = f"evaluation@{record.id}"
    found = Evaluation(record, facts, tuple(_rows(facts)))
    title = f"evaluation with {len(found.rows)} acceptance results"
    yield Node(name, NodeType.EVALUATION, title, found, record.path)
    yield Edge(name, Link.PRODUCED_BY, f"run@{record.id}")
    for artifact in _inputs(record):
        if artifact.sha256 in versions.models:
            yield Edge(name, Link.EVALUATES, f"model@{artifact.sha256[:SHORT]}")
        if artifact.sha256 in versions.datasets:
            yield Edge(name, Link.EVALUATED_ON, f"dataset@{artifact.sha256[:SHORT]}")
    for row in found.rows:
        yield Edge(name, Link.VERIFIES, row.requirement)


def _rows(facts: Mapping[str, Any]) -> Iterator[AcceptanceRow]:
    """Give the acceptance rows of an evaluation; what is no row is left out."""
    for row in facts.get("acceptance", ()):
        if isinstance(row, Mapping) and isinstance(row.get("requirement"), str):
            yield AcceptanceRow(
                requirement=row["requirement"],
                criterion=int(row.get("criterion", 0)),
                fingerprint=str(row.get("fingerprint", "")),
                group=row.get("group"),
                value=row.get("value"),
                low=row.get("low"),
                high=row.get("high"),
                compared=row.get("compared"),
                cases=int(row.get("cases") or 0),
                outcome=str(row.get("outcome", "")),
                reason=str(row.get("reason") or ""),
                facts=row,
            )


def _test_runs(records: Iterable[Record], versions: _Versions) -> Part:
    for record in records:
        run = record.statement
        if not isinstance(run, TestRun):
            continue
        name = f"tests@{record.id}"
        title = f"{len(run.cases)} tests {run.origin.started_utc}"
        yield Node(name, NodeType.TEST_RUN, title, record, record.path)
        yield from _commit(name, run.origin)
        for sha256 in run.models.values():
            if sha256 in versions.models:
                yield Edge(name, Link.USES, f"model@{sha256[:SHORT]}")


def _executions(records: Iterable[Record], versions: _Versions) -> Part:
    for record in records:
        done = record.statement
        if not isinstance(done, Execution):
            continue
        name = f"execution@{record.id}"
        person = done.origin.person.name
        title = f"{done.protocol} {done.verdict} by {person} {done.origin.started_utc}"
        yield Node(name, NodeType.EXECUTION, title, record, record.path)
        yield Edge(name, Link.EXECUTES, done.protocol)
        yield from _commit(name, done.origin)
        for sha256 in done.models.values():
            if sha256 in versions.models:
                yield Edge(name, Link.USES, f"model@{sha256[:SHORT]}")


def _approvals(records: Iterable[Record]) -> Part:
    for record in records:
        approval = record.statement
        if not isinstance(approval, Approval):
            continue
        name = f"approval@{record.id}"
        person = approval.origin.person.name
        title = f"{approval.meaning} by {person} {approval.origin.started_utc}"
        yield Node(name, NodeType.APPROVAL, title, record, record.path)
        yield from _commit(name, approval.origin)
        for item_id in approval.fingerprints:
            yield Edge(name, Link.APPROVES, item_id)


def _waivers(records: Iterable[Record]) -> Part:
    for record in records:
        waiver = record.statement
        if not isinstance(waiver, Waiver):
            continue
        name = f"waiver@{record.id}"
        person = waiver.origin.person.name
        title = f"{waiver.rule} waived by {person} until {waiver.until}"
        yield Node(name, NodeType.WAIVER, title, record, record.path)
        yield from _commit(name, waiver.origin)
        for subject, item in waiver.subjects.items():
            if item:
                yield Edge(name, Link.WAIVES, subject)


def _releases(records: Iterable[Record], versions: _Versions) -> Part:
    for record in records:
        release = record.statement
        if not isinstance(release, Release):
            continue
        name = f"release@{record.id}"
        person = release.origin.person.name
        title = f"{release.version} by {person} {release.origin.finished_utc}"
        if release.of:
            title += f", back to release@{release.of}"
        yield Node(name, NodeType.RELEASE, title, record, record.path)
        commit = f"commit@{release.commit[:SHORT]}"
        yield Node(commit, NodeType.COMMIT, release.commit)
        yield Edge(name, Link.AT_COMMIT, commit)
        if release.model in versions.models:
            yield Edge(name, Link.RELEASES, f"model@{release.model[:SHORT]}")
        if release.dataset in versions.datasets:
            yield Edge(name, Link.RELEASES, f"dataset@{release.dataset[:SHORT]}")
        for document in release.documents:
            yield Edge(name, Link.RELEASES, document)


def _commit(source: str, origin: Origin) -> Part:
    if origin.commit:
        name = f"commit@{origin.commit[:SHORT]}"
        yield Node(name, NodeType.COMMIT, origin.commit)
        yield Edge(source, Link.AT_COMMIT, name)


def _inputs(record: Record) -> tuple[Artifact, ...]:
    run = record.statement
    return run.inputs if isinstance(run, StageRun) else ()
