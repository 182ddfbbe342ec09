"""What a change touches: items, tests, risks, documents, signatures and stages.

Every row says why, as the links that lead to it (:mod:`regml.trace.reach`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from regml.files.dvc import Stage
from regml.files.git import lies_in
from regml.items.base import Kind
from regml.items.recorded import StageRun, TestRun
from regml.trace.differing import Changed
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest
from regml.trace.reach import PAST, Reached, kind, reach, shown
from regml.trace.signatures import signed_names, standing

Rows = tuple[tuple[str, str, str], ...]
"""Id, title and why."""


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


def _sort(name: str) -> str:
    """Return the heading a node belongs under."""
    if name.startswith("test:") or kind(name) == Kind.TEST_PROTOCOL:
        return "tests"
    return "risks" if kind(name) == Kind.RISK else "items"


def _title(graph: TraceGraph, before: TraceGraph, name: str) -> str:
    node = graph.nodes.get(name) or before.nodes.get(name)
    return node.title if node else ""
