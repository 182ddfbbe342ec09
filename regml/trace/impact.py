"""What a change touches: items, tests, risks, documents, signatures and stages.

Every row says why, as the links that lead to it (:mod:`regml.trace.reach`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from regml.errors import UnknownIdError
from regml.files.config import CONFIG, POLICY
from regml.files.dvc import Stage
from regml.files.git import lies_in
from regml.items.base import Kind
from regml.items.recorded import StageRun, TestRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest, NodeType
from regml.trace.reach import NODES, PAST, Reached, kind, reach, shown
from regml.trace.signatures import signed_names, standing

Rows = tuple[tuple[str, str, str], ...]
"""Id, title and why."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What is changed, or thought of to be changed.

    Attributes:
        items: Why each item, test or source file counts as changed, by node id.
        documents: The same for documents.
        paths: Files that differ, relative to the project.
        stages: Why each stage is no longer as it ran, for other reasons than files.
        policy: Whether the risk policy differs.
        device: Whether ``regml.toml`` describes the device differently.
    """

    items: Mapping[str, str]
    documents: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    stages: Mapping[str, str] = field(default_factory=dict)
    policy: bool = False
    device: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change touches; each row has id, title and why.

    Attributes:
        changed: What it starts from.
        items: Requirements, software items, specifications, ... to look at again.
        tests: Tests and protocols to run again.
        risks: Risks to evaluate again.
        documents: Documents that present what is changed, to approve again.
        signatures: Signatures that no longer stand for what there is.
        stages: Stages to reproduce, in the order of the pipeline.
    """

    changed: Rows
    items: Rows
    tests: Rows
    risks: Rows
    documents: Rows
    signatures: Rows
    stages: Rows


def changed_by_name(graph: TraceGraph, names: Iterable[str]) -> Changed:
    """Return what is meant by ids, tests and paths that a person names.

    Raises:
        UnknownIdError: Something is neither an item, a test, a document nor a file.
    """
    items: dict[str, str] = {}
    documents: dict[str, str] = {}
    paths: set[str] = set()
    for name in names:
        if name in graph.evidence.tree:
            paths.add(name)
            found = tuple(_nodes_of(graph, name)) or (name,)
            items |= dict.fromkeys(found, "asked about")
            continue
        node = graph.find(name)
        if node.type is NodeType.DOCUMENT:
            documents[node.id] = "asked about"
        elif node.type in NODES:
            items[node.id] = "asked about"
            paths.add(node.where.rpartition(":")[0] or node.where)
        else:
            raise UnknownIdError(
                f"{name} is a {node.type}: it does not change, new ones come. Ask "
                "about an item, a test, a document or a file."
            )
    return Changed(
        items,
        documents,
        frozenset(paths - {""}),
        stages={
            stage.name: f"takes its parameters from {path}"
            for stage in graph.evidence.stages
            for path in sorted(paths & set(stage.params))
        },
        policy=POLICY in paths,
        device=CONFIG in paths,
    )


def changed_between(
    old: TraceGraph,
    new: TraceGraph,
    *,
    paths: Iterable[str],
    stages: Mapping[str, str],
) -> Changed:
    """Return what differs between two states of a project.

    Args:
        old: The earlier state.
        new: The later one.
        paths: Files that differ.
        stages: Why a stage is not as it was, e.g. other parameters, by its name.
    """
    items: dict[str, str] = {}
    for name in sorted({*_items(old), *_items(new)}):
        before, after = old.fingerprint(name), new.fingerprint(name)
        if before != after:
            items[name] = (
                "added" if before is None else "removed" if after is None else "changed"
            )
    touched = frozenset(paths)
    for path in sorted(touched):
        items |= {
            name: f"{path} changed"
            for name in _nodes_of(new, path)
            if name not in items and new.item(name) is None
        }
    documents = {
        plan.node_id: "its template changed"
        for plan in new.evidence.documents
        if plan.path in touched
    }
    return Changed(
        items,
        documents,
        touched,
        stages,
        policy=old.evidence.policy != new.evidence.policy,
        device=old.evidence.config.device != new.evidence.config.device,
    )


def impact(
    graph: TraceGraph, changed: Changed, before: TraceGraph | None = None
) -> Impact:
    """Return what a change touches.

    Args:
        graph: The present state.
        changed: What is changed.
        before: The state in which removed items and links still were.
    """
    reached = reach(graph, changed.items)
    named = {**changed.documents, **changed.items}
    if before is not None:
        for name, why in reach(before, changed.items).items():
            reached.setdefault(name, why)
    if changed.policy:
        for located in graph.evidence.items:
            if located.item.kind is Kind.RISK:
                reached.setdefault(located.item.id, ("the risk policy changed",))
    stages = _stages(graph, changed)
    tests = _tests(graph, reached, stages)
    told = {name: why for name, why in reached.items() if name not in changed.items}
    known = before or graph

    def rows(names: Mapping[str, Iterable[str]]) -> Rows:
        return tuple(
            (shown(name), _title(graph, known, name), "; ".join(why))
            for name, why in sorted(names.items())
        )

    return Impact(
        changed=rows({name: (why,) for name, why in named.items()}),
        items=rows({n: w for n, w in told.items() if _sort(n) == "items"}),
        tests=rows(tests),
        risks=rows({n: w for n, w in reached.items() if _sort(n) == "risks"}),
        documents=rows(_documents(graph, changed, stages)),
        signatures=rows(_signatures(graph, changed)),
        stages=tuple((name, "", "; ".join(why)) for name, why in stages.items()),
    )


def _stages(graph: TraceGraph, changed: Changed) -> dict[str, tuple[str, ...]]:
    """Return the stages to reproduce with their reasons, in the order of the pipeline.

    As DVC sees it: a stage runs again when something it declares to read changes.
    """
    found: dict[str, tuple[str, ...]] = {}
    made: dict[str, str] = {}
    while True:
        before = len(found)
        for stage in graph.evidence.stages:
            if stage.name not in found:
                why = tuple(_reasons(stage, changed, made))
                if why:
                    found[stage.name] = why
                    made |= {out.path: stage.name for out in stage.outs}
        if len(found) == before:
            return found


def _reasons(stage: Stage, changed: Changed, made: Mapping[str, str]) -> Iterator[str]:
    if stage.name in changed.stages:
        yield changed.stages[stage.name]
    for path in sorted(changed.paths):
        if lies_in(path, stage.deps):
            yield f"reads {path}"
    for path, maker in sorted(made.items()):
        if any(lies_in(path, (dep,)) or lies_in(dep, (path,)) for dep in stage.deps):
            yield f"reads {path}, which {maker} makes anew"


def _tests(
    graph: TraceGraph, reached: Reached, stages: Mapping[str, tuple[str, ...]]
) -> Reached:
    """Return the tests and protocols to run again; also those that use a new model."""
    found = {name: why for name, why in reached.items() if _sort(name) == "tests"}
    training, model = graph.current.training, graph.current.model
    stage = training.statement if training else None
    if isinstance(stage, StageRun) and stage.stage in stages and model:
        for name, node in graph.nodes.items():
            test = node.value
            known = isinstance(test, KnownTest) and test.record
            run = known.statement if known else None
            if isinstance(run, TestRun) and model.path in run.models:
                found.setdefault(
                    name, (f"ran with the model that {stage.stage} makes anew",)
                )
    return found


def _documents(
    graph: TraceGraph, changed: Changed, stages: Mapping[str, tuple[str, ...]]
) -> Reached:
    """Return the documents whose content changes: what they present changes."""
    current = graph.current
    makers = {
        "dataset": current.data,
        "model": current.training,
        "evaluation": current.evaluation,
    }
    found: dict[str, list[str]] = {n: [why] for n, why in changed.documents.items()}
    for plan in graph.evidence.documents:
        why = found.setdefault(plan.node_id, [])
        why += [
            f"presents {name}"
            for name in sorted(changed.items)
            if kind(name) in plan.items
        ]
        for version in plan.versions:
            record = makers.get(version)
            run = record.statement if record else None
            if isinstance(run, StageRun) and run.stage in stages:
                why.append(f"presents the {version} that {run.stage} makes anew")
        if changed.policy and Kind.RISK in plan.items:
            why.append("presents the risk policy")
        if changed.device:
            why.append("presents the device")
    return {name: tuple(why) for name, why in found.items() if why}


def _signatures(graph: TraceGraph, changed: Changed) -> Reached:
    """Return the signatures under what is changed, or that confirm a link to it."""
    found: Reached = {}
    for name in signed_names(graph):
        signed = standing(graph, name)
        if signed is None:
            continue
        by = f"{signed.said.meaning} by {signed.person.name}"
        if name in changed.items:
            found[name] = (f"{by}: {name} itself",)
        elif graph.item(name) and kind(name) not in PAST:
            targets = {edge.target for edge in graph.out(name)}
            if linked := sorted(targets & set(changed.items)):
                found[name] = (f"{by}: its link to {', '.join(linked)}",)
    return found


def _nodes_of(graph: TraceGraph, path: str) -> Iterator[str]:
    """Give what a file is in the graph: an item, tests, a source of a software item."""
    for located in graph.evidence.items:
        if located.path == path:
            yield located.item.id
    for test in graph.evidence.tests:
        if test.path == path:
            yield f"test:{test.name.partition('[')[0]}"
    for name, node in graph.nodes.items():
        if node.type is NodeType.FILE:
            source = name.removeprefix("file:")
            if source == path or path.startswith(f"{source}/"):
                yield name


def _items(graph: TraceGraph) -> Iterator[str]:
    for located in graph.evidence.items:
        yield located.item.id


def _sort(name: str) -> str:
    """Return the heading a node belongs under."""
    if name.startswith("test:") or kind(name) == Kind.TEST_PROTOCOL:
        return "tests"
    return "risks" if kind(name) == Kind.RISK else "items"


def _title(graph: TraceGraph, before: TraceGraph, name: str) -> str:
    node = graph.nodes.get(name) or before.nodes.get(name)
    return node.title if node else ""
