"""T10, T15: the graph can be walked from end to end, and never in a circle."""

from collections.abc import Iterator, Mapping
from typing import Final

from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.notes import MADE, UNREADABLE
from regml.items.recorded import Record, Release, StageRun
from regml.items.risk import Risk, RiskControl
from regml.trace.current import facts_of, noted_artifact
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.own_links import link_types
from regml.trace.rules.base import Gap, rule

ACYCLIC: Final = (Link.REFINES, Link.PART_OF)
"""Links along which nothing may come back to itself."""

EVIDENCE: Final = (
    *(Link.VERIFIES, Link.APPROVES, Link.FULFILS, Link.ANNOTATED_BY),
    Link.EXECUTES,
)
"""Links by which records speak for an item."""

_UNPLANNED: Final = "no dataset specification it fulfils"

Chain = tuple[str, ...]


def _chains(graph: TraceGraph) -> tuple[Chain, ...]:
    """Return every item that refines or is a part, with the circle it closes if any."""
    chains: list[Chain] = []
    own = ((row.name,) for row in link_types(graph).values() if row.acyclic)
    for links in (ACYCLIC, *own):
        targets: dict[str, list[str]] = {}
        for edge in graph.edges:
            if edge.link in links and graph.item(edge.source):
                targets.setdefault(edge.source, []).append(edge.target)
        circles = {min(circle): circle for circle in circles_of(targets)}
        chains += [circles.get(name, (name,)) for name in sorted(targets)]
    return tuple(chains)


def circles_of(targets: Mapping[str, list[str]]) -> Iterator[Chain]:
    """Give circles of a directed graph, at least one of each knot, each node once.

    A circle starts and ends with its least node.

    >>> list(circles_of({"b": ["a"], "a": ["b"], "c": ["a"]}))
    [('a', 'b', 'a')]
    """
    done: set[str] = set()
    for start in sorted(targets):
        path = {} if start in done else {start: iter(sorted(targets[start]))}
        while path:
            last = next(reversed(path))
            below = next(path[last], None)
            if below is None:
                del path[last]
                done.add(last)
            elif below in path and below not in done:
                nodes = list(path)
                circle = nodes[nodes.index(below) :]
                done.update(circle)
                yield _from_least(circle)
            elif below not in path and below not in done:
                path[below] = iter(sorted(targets.get(below, ())))


def _from_least(circle: list[str]) -> Chain:
    at = circle.index(min(circle))
    return (*circle[at:], *circle[:at], circle[at])


# IEC 62304 5.1.1 c
@rule(
    "T10",
    "No item refines itself or is a part of itself, directly or not.",
    _chains,
    clauses=("IEC 62304 5.1.1",),
)
def has_no_circle(graph: TraceGraph, chain: Chain) -> Iterator[Gap]:
    """A circle of reasons has no reason."""
    first, *others = chain
    if others:
        yield Gap(
            first,
            f"The item leads back to itself: {' -> '.join(chain)}.",
            f"Remove the link that does not belong there, for example {others[0]} "
            f"from {first}.",
            graph.where(first, others[0]),
        )


Step = tuple[str, Risk | None, RiskControl | None]
"""A node of the walk, or a risk with one of its controls."""


def _steps(graph: TraceGraph) -> tuple[Step, ...]:
    """Return releases, data, model and results of now, and the controls behind them."""
    current = graph.current
    found = [
        f"release@{record.id}"
        for record in current.believed
        if isinstance(record.statement, Release)
    ]
    found += [
        f"dataset@{current.manifest.sha256[:SHORT]}" if current.manifest else "",
        f"model@{current.model.sha256[:SHORT]}" if current.model else "",
        f"evaluation@{current.evaluation.id}" if current.evaluation else "",
    ]
    found += [f"run@{record.id}" for record in _spoken(graph) if _unheard(record)]
    nodes: tuple[Step, ...] = tuple((n, None, None) for n in found if n in graph.nodes)
    if current.model is None:
        return nodes
    return nodes + tuple(
        (risk.id, risk, control)
        for risk in graph.items(Risk)
        for control in risk.controls
        if control.implemented_by or control.effectiveness
    )


# IEC 62304 8.3, Regulation (EU) 2024/1689 Annex IV 2
@rule(
    "T15",
    "Dataset, model, evaluation, release and risk control can be walked in both "
    "directions, from the images and the code to the risk and back.",
    _steps,
    clauses=("IEC 62304 8.3", "AI Act Annex IV 2"),
)
def can_be_walked(graph: TraceGraph, step: Step) -> Iterator[Gap]:
    """What an auditor walks: model to dataset to code, risk to result to model."""
    name, risk, control = step
    if risk and control:
        yield from _of_control(graph, risk, control)
        return
    if name.startswith("run@"):
        yield from _of_run(graph, name)
        return
    missing = [what for what, there in _neighbours(graph, name).items() if not there]
    if missing:
        kind = name.partition("@")[0]
        yield Gap(
            name,
            f"The walk breaks at this {kind}: {'; '.join(missing)}.",
            "Bring back the records of what was released, or release again."
            if kind == "release"
            else "Write one (regml new ds TITLE), and let the manifest name its id "
            "under 'specification'."
            if missing == [_UNPLANNED]
            else "Reproduce the stages from the first that is missing: 'dvc repro', "
            "with each stage under 'regml record' and its inputs declared in dvc.yaml.",
            graph.nodes[name].where,
        )


def _spoken(graph: TraceGraph) -> list[Record]:
    """Return the runs that explain dvc.lock."""
    return [record for record in graph.current.explained.values() if record]


def _unheard(record: Record) -> list[str]:
    """Return what a run noted and no version or result can be made of."""
    run = record.statement
    if not isinstance(run, StageRun):
        return []
    found = [
        f"its note '{topic}' cannot be read: {why}"
        for topic, why in run.notes.get(UNREADABLE, {}).items()
    ]
    for topic, key in MADE:
        if facts_of(record, topic) and not noted_artifact(record, topic, key):
            named = facts_of(record, topic).get(key)
            found.append(
                f"its note '{topic}' names {named!r} as '{key}', which is no output of "
                f"the stage {run.stage}"
                if named
                else f"its note '{topic}' does not name its '{key}'"
            )
    return found


def _of_run(graph: TraceGraph, name: str) -> Iterator[Gap]:
    """A dataset, model or result that nobody can see is none."""
    value = graph.nodes[name].value
    for what in _unheard(value) if isinstance(value, Record) else ():
        yield Gap(
            name,
            f"The walk breaks at this run: {what}.",
            "Correct what the stage gives to regml.note, or its 'outs' in dvc.yaml, "
            "and reproduce it.",
            graph.nodes[name].where,
        )


def _neighbours(graph: TraceGraph, name: str) -> Mapping[str, bool]:
    """Return what has to stand beside a node on the walk, and whether it does."""
    of_kind = {
        "dataset": _of_dataset,
        "model": _of_model,
        "evaluation": _of_evaluation,
        "release": _of_release,
    }
    rows = of_kind[name.partition("@")[0]](graph, name)
    return {"no commit of the code that made it": _has_commit(graph, name), **rows}


def _has_commit(graph: TraceGraph, name: str) -> bool:
    """Tell whether a record, or one that made it, was left at a commit of its own.

    That what it was made from has a commit says nothing about it.
    """
    made_by = (edge.target for edge in graph.out(name, Link.PRODUCED_BY))
    return any(graph.out(record, Link.AT_COMMIT) for record in (name, *made_by))


def _of_dataset(graph: TraceGraph, name: str) -> Mapping[str, bool]:
    fulfilled = graph.out(name, Link.FULFILS)
    trained = graph.into(name, Link.TRAINED_ON) or not graph.current.model
    return {
        _UNPLANNED: any(graph.item(edge.target) for edge in fulfilled),
        "no model was trained on it": bool(trained),
    }


def _of_model(graph: TraceGraph, name: str) -> Mapping[str, bool]:
    evaluated = graph.into(name, Link.EVALUATES) or not graph.current.evaluation
    return {
        "no dataset version it was trained on": bool(graph.out(name, Link.TRAINED_ON)),
        "no evaluation of it": bool(evaluated),
    }


def _of_evaluation(graph: TraceGraph, name: str) -> Mapping[str, bool]:
    return {
        "no recorded model that it evaluates": bool(graph.out(name, Link.EVALUATES)),
        "no dataset version it was made on": bool(graph.out(name, Link.EVALUATED_ON)),
        "no requirement it speaks for": bool(graph.out(name, Link.VERIFIES)),
    }


def _of_release(graph: TraceGraph, name: str) -> Mapping[str, bool]:
    """A release without a model, or without data, is asked for neither."""
    value = graph.nodes[name].value
    said = value.statement if isinstance(value, Record) else None
    if not isinstance(said, Release):
        return {}
    released = {edge.target for edge in graph.out(name, Link.RELEASES)}
    models = sorted(n for n in released if n.startswith("model@"))
    datasets = {n for n in released if n.startswith("dataset@")}
    trained = {e.target for n in models for e in graph.out(n, Link.TRAINED_ON)}
    evaluated = any(graph.into(n, Link.EVALUATES) for n in models)
    return {
        "no recorded model that it releases": bool(models) or not said.model,
        "no recorded dataset that it names": bool(datasets) or not said.dataset,
        "its model was trained on another dataset": not models
        or not datasets
        or bool(trained & datasets),
        "no evaluation of its model": evaluated or not models,
    }


def _of_control(graph: TraceGraph, risk: Risk, control: RiskControl) -> Iterator[Gap]:
    """One record behind one of its items is enough: the rest is for R06."""
    targets = tuple(dict.fromkeys((*control.implemented_by, *control.effectiveness)))
    protocols = [
        edge.source
        for target in targets
        for edge in graph.into(target, Link.VERIFIES)
        if isinstance(graph.item(edge.source), TestProtocol)
    ]
    found = (*targets, *protocols)
    sources = [e.source for name in found for e in graph.into(name, *EVIDENCE)]
    if not any(_is_recorded(graph, source, risk.id) for source in sources):
        yield Gap(
            f"{risk.id}/{control.id}",
            f"No record stands behind control {control.id}: the walk from {risk.id} "
            f"ends at {', '.join(targets)}.",
            f"Run what verifies {', '.join(targets)}: 'dvc repro' and 'regml test', or "
            "sign with 'regml approve'.",
            graph.where(risk.id, control.id),
        )


def _is_recorded(graph: TraceGraph, source: str, risk: str) -> bool:
    """Tell whether evidence leads to a commit, and back to the risk."""
    return _has_commit(graph, source) and risk in graph.reasons(source)


RULES = (has_no_circle, can_be_walked)
