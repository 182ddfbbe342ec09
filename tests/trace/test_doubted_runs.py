"""Runs that nobody believes are shown, and nothing is taken from what they say."""

from dataclasses import replace

from regml.items.links import Link
from regml.items.recorded import (
    LogProblem,
    Outcome,
    ProblemKind,
    Record,
    StageRun,
)
from regml.trace.build import build_graph
from regml.trace.current import facts_of
from regml.trace.evidence import Evidence
from regml.trace.lineage import lineage
from regml.trace.model import TraceGraph
from regml.trace.nodes import ModelVersion
from regml.trace.own_results import Status, own_results
from tests.factories import MANIFEST, Parts, evidence_of, record

WHOLE = evidence_of(Parts())
OTHER = "7" * 64
TRAINED = tuple(r for r in WHOLE.records if facts_of(r, "model"))
EVIDENCE = replace(
    WHOLE, records=tuple(r for r in WHOLE.records if r not in TRAINED[1:])
)
"""With one training, and no repetition of it."""


def run_of(topic: str) -> tuple[Record, StageRun]:
    [found] = [r for r in EVIDENCE.records if facts_of(r, topic)]
    assert isinstance(found.statement, StageRun)
    return found, found.statement


def doubting(evidence: Evidence, *records: Record) -> TraceGraph:
    problems = (LogProblem(ProblemKind.BAD_SIGNATURE, r.path, "x") for r in records)
    return build_graph(replace(evidence, log_problems=tuple(problems)))


def forged_training(outcome: Outcome = Outcome.PASSED) -> Record:
    _, run = run_of("model")
    notes = {"model": {**run.notes["model"], "architecture": "Other"}}
    inputs = tuple(
        replace(a, sha256=OTHER) if a.path == MANIFEST else a for a in run.inputs
    )
    other = replace(run, notes=notes, outcome=outcome, inputs=inputs)
    return record(other, number=99)


def other_dataset() -> Record:
    _, run = run_of("dataset")
    outputs = tuple(
        replace(a, sha256=OTHER) if a.path == MANIFEST else a for a in run.outputs
    )
    return record(replace(run, outputs=outputs), number=98)


def model_of(graph: TraceGraph) -> tuple[str, ModelVersion]:
    node = graph.find("model@current")
    assert isinstance(node.value, ModelVersion)
    return node.id, node.value


def test_a_later_forgery_says_nothing_about_a_model() -> None:
    training, run = run_of("model")
    forged = forged_training()
    records = (*EVIDENCE.records, other_dataset(), forged)
    graph = doubting(replace(EVIDENCE, records=records), forged)
    name, model = model_of(graph)
    assert model.runs[-1] == training
    assert model.facts == run.notes["model"]
    assert f"dataset@{OTHER[:12]}" in graph.nodes
    trained_on = {edge.target for edge in graph.out(name, Link.TRAINED_ON)}
    assert trained_on
    assert f"dataset@{OTHER[:12]}" not in trained_on
    sections = {s.title: s for s in lineage(graph, name).sections}
    assert ("record", f"run@{training.id}") in sections["Training run"].facts
    others = sections[f"Other runs of {run.stage}"]
    assert others.table
    [row] = others.table.rows
    assert (row[0], row[4]) == (f"run@{forged.id}", "passed, not believed")


def test_a_failed_run_that_left_the_same_bytes_says_nothing_about_them() -> None:
    training, _ = run_of("model")
    failed = forged_training(Outcome.FAILED)
    graph = build_graph(replace(EVIDENCE, records=(*EVIDENCE.records, failed)))
    assert model_of(graph)[1].runs[-1] == training


def test_a_repetition_is_among_the_other_runs() -> None:
    assert len(TRAINED) == 2
    graph = build_graph(WHOLE)
    name, model = model_of(graph)
    assert model.runs == TRAINED
    [others] = [s for s in lineage(graph, name).sections if "Other runs" in s.title]
    assert others.table
    assert len(others.table.rows) == 1
    assert others.table.rows[0][5] == name


def test_what_is_known_of_a_model_that_only_a_forgery_made_is_shown() -> None:
    training, _ = run_of("model")
    name, _ = model_of(build_graph(EVIDENCE))
    graph = doubting(EVIDENCE, training)
    sections = {s.title: s for s in lineage(graph, name).sections}
    assert ("believed", "no") in sections["Training run"].facts
    assert graph.out(name, Link.TRAINED_ON)


def test_data_that_only_a_forgery_made_fulfil_no_specification() -> None:
    making, _ = run_of("dataset")
    specification = "DS-01"
    good = own_results(build_graph(EVIDENCE), specification)
    [made] = [r for r in good if r.source.startswith("dataset@")]
    assert made.status is Status.PASSED
    bad = own_results(doubting(EVIDENCE, making), specification)
    assert [r.detail for r in bad if r.status is Status.NOT_RUN] == [
        f"no believed run made {made.source}, which is to fulfil it"
    ]
