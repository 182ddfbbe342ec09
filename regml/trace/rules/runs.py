"""M: what runs say of how they were made, so that they can be made again."""

from collections.abc import Iterator, Mapping
from typing import Any

from regml.items.installed import installed
from regml.items.lifecycle import TestProtocol
from regml.items.recorded import Execution, Record, StageRun, TestRun
from regml.trace.current import facts_of, stage_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion, KnownTest, NodeType
from regml.trace.results import decisive_execution
from regml.trace.rules.base import Gap, rule


# IEC 62304 5.8.5
@rule(
    "M03",
    "The training record says data, commit, packages, hardware, seed and "
    "hyperparameters.",
    lambda graph: [graph.current.training] if graph.current.training else [],
    clauses=("IEC 62304 5.8.5",),
)
def is_repeatable(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Without any one of these nobody can train the model again."""
    model, run = graph.current.model, record.statement
    name = f"model@{model.sha256[:SHORT]}" if model else f"run@{record.id}"
    origin, facts = run.origin, facts_of(record, "model")
    environment = origin.environment
    inputs = run.inputs if isinstance(run, StageRun) else ()
    needed: Mapping[str, Any] = {
        "dataset by digest": any(_is_dataset(graph, a.sha256) for a in inputs),
        "commit": origin.commit,
        "packages": installed(environment),
        "hardware": any(environment.get(key) for key in HARDWARE),
        "seed": facts.get("seed") is not None,
        "hyperparameters": facts.get("hyperparameters"),
    }
    missing = [what for what, value in needed.items() if not value]
    if missing:
        yield Gap(
            name,
            f"The training record {record.id} does not say: {', '.join(missing)}.",
            "Let the training stage note them, commit, and run it again with "
            f"'dvc repro -f -s {stage_of(record)}'.",
            record.path,
        )


HARDWARE = ("processor", "cpu", "cpus", "gpu", "gpus", "hardware")
"""Keys of a recorded environment that tell of the machine."""


def _is_dataset(graph: TraceGraph, sha256: str) -> bool:
    node = graph.nodes.get(f"dataset@{sha256[:SHORT]}")
    return node is not None and isinstance(node.value, DatasetVersion)


def runs_that_count(graph: TraceGraph) -> list[Record]:
    """Return the runs that explain the lock, and those of each test's latest result."""
    found = {r.path: r for r in graph.current.explained.values() if r}
    for node in graph.nodes.values():
        if node.type is NodeType.TEST and isinstance(node.value, KnownTest):
            known = node.value
            for record in () if known.gone else known.records:
                if record.statement.origin.code == graph.evidence.code:
                    found[record.path] = record
        elif isinstance(graph.item(node.id), TestProtocol):
            done = decisive_execution(graph, node.id)
            if done and done[1].origin.code == graph.evidence.code:
                found[done[0].path] = done[0]
    return [found[path] for path in sorted(found)]


# IEC 62304 5.1.11
@rule(
    "M04",
    "Runs behind dvc.lock and the latest test results were made from a committed tree, "
    "and its commit is still there.",
    runs_that_count,
    clauses=("IEC 62304 5.1.11",),
)
def is_from_a_clean_tree(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """What is verified has to be under configuration control before."""
    origin, run = record.statement.origin, record.statement
    match run:
        case TestRun():
            subject, what, again = f"tests@{record.id}", "test run", "regml test"
            if run.reports:
                what, again = "import of test results", "regml test import"
        case Execution():
            subject, what = f"execution@{record.id}", f"execution of {run.protocol}"
            again = f"regml test execute {run.protocol}"
        case _:
            subject, what = f"run@{record.id}", f"run of {stage_of(record)}"
            again = f"dvc repro -f -s {stage_of(record)}"
    if origin.commit is None:
        yield Gap(
            subject,
            f"The {what} was made before the first commit.",
            f"Commit, then run '{again}'.",
            record.path,
        )
    elif origin.dirty:
        few = ", ".join(origin.dirty[:3]) + (", ..." if len(origin.dirty) > 3 else "")
        yield Gap(
            subject,
            f"The {what} was made with uncommitted changes ({few}).",
            f"Commit, then run '{again}'.",
            record.path,
        )
    if why := graph.evidence.surroundings.lost_commits.get(origin.commit or ""):
        yield Gap(
            subject,
            f"The {what} was made at commit {(origin.commit or '')[:SHORT]}, {why}.",
            "Bring the commit back and keep it with a tag ('git fetch', in a shallow "
            f"clone 'git fetch --unshallow'), or run '{again}' at one that stays.",
            record.path,
        )


RULES = (is_repeatable, is_from_a_clean_tree)
