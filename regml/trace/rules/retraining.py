"""M: a model that was trained anew after a release stays within an approved plan."""

from collections.abc import Iterator, Mapping
from typing import Any

from regml.files.git import lies_in
from regml.items.lifecycle import PccpModification
from regml.items.recorded import Record, Release, StageRun
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, ModelVersion
from regml.trace.rules.base import Gap, rule
from regml.trace.rules.training import input_of, plain
from regml.trace.signatures import approved_as_it_is


def _since_release(graph: TraceGraph) -> list[tuple[Record, Release, str]]:
    """Return the last release with a model, and the sha256 of the present one."""
    releases = [
        (record, record.statement)
        for record in graph.current.believed
        if isinstance(record.statement, Release) and record.statement.model
    ]
    if not releases or graph.current.model is None:
        return []
    record, release = releases[-1]
    return [(record, release, graph.current.model.sha256)]


# FD&C Act section 515C
@rule(
    "M14",
    "A model that was trained anew since the release stays within an approved change "
    "control plan, and was measured.",
    _since_release,
    clauses=("FD&C Act 515C",),
)
def stays_within_the_plan(
    graph: TraceGraph, subject: tuple[Record, Release, str]
) -> Iterator[Gap]:
    """Compares parameters, command and code of both trainings with the ranges."""
    _, release, present = subject
    released = release.model or ""
    if present == released:
        return
    name, old = f"model@{present[:SHORT]}", f"model@{released[:SHORT]}"
    if not graph.current.evaluation:
        yield Gap(
            name,
            f"{name} was trained after {release.version} was released, and no believed "
            "evaluation of it explains dvc.lock.",
            "Carry out the protocol of the plan: run 'dvc repro'.",
            "dvc.lock",
        )
    before = _trained(graph, old)
    if before is None:
        yield Gap(
            name,
            f"{release.version} was released with {old}, whose training is not in the "
            "believed records, so that the change cannot be compared with the plan.",
            "Get the records of the released model back from the archive.",
            "records/log.jsonl",
        )
        return
    outside = list(_outside(graph, _settings(graph, before)))
    if outside:
        yield Gap(
            name,
            f"{name} differs from the released {old} in what no approved modification "
            f"of the change control plan allows: {'; '.join(outside)}.",
            "Train within the ranges of an approved PCCP item, or take the change "
            "through a change request and a new submission.",
            "dvc.lock",
        )


def _trained(graph: TraceGraph, model: str) -> Record | None:
    """Return the last believed run that made a model."""
    node = graph.nodes.get(model)
    runs = node.value.runs if node and isinstance(node.value, ModelVersion) else ()
    believed = [run for run in runs if run.path not in graph.current.doubted]
    return believed[-1] if believed else None


def _outside(graph: TraceGraph, before: Mapping[str, Any]) -> Iterator[str]:
    """Give each setting that changed beyond what a modification allows."""
    training = graph.current.training
    after = _settings(graph, training) if training else {}
    ranges = [
        limit
        for item in graph.items(PccpModification)
        if approved_as_it_is(graph, item.id)
        for limit in item.ranges
    ]
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new or any(
            limit.parameter == key and limit.allows(new) for limit in ranges
        ):
            continue
        yield f"{key} from {old} to {new}"


def _settings(graph: TraceGraph, record: Record) -> Mapping[str, Any]:
    """Return all that was set for a training, by dotted name, its dataset and code."""
    run = record.statement
    if not isinstance(run, StageRun):
        return {}
    facts = facts_of(record, "model")
    software = graph.evidence.config.sources.software
    found: dict[str, Any] = {"command": run.command}
    found |= {
        source.path: source.sha256[:SHORT]
        for source in run.inputs
        if lies_in(source.path, software)
    }
    for values in run.parameters.values():
        found.update(_flat(values))
    found.update(_flat(facts.get("hyperparameters"), f"{run.stage}."))
    manifest = input_of(record, str(facts.get("manifest", "")))
    if manifest:
        found["dataset"] = manifest.sha256[:SHORT]
    return found


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return
    for key, below in value.items():
        if isinstance(below, Mapping):
            yield from _flat(below, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", plain(below)


RULES = (stays_within_the_plan,)
