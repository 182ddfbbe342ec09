from dataclasses import replace

import pytest

from regml.errors import UnknownIdError
from regml.items.links import Link
from regml.items.recorded import Outcome
from regml.trace.build import build_graph
from regml.trace.nodes import SHORT, KnownTest, NodeType
from tests.factories import (
    MANIFEST,
    WEIGHTS,
    Parts,
    artifact,
    evidence_of,
    run_of_tests,
    stage_run,
    stage_runs,
    with_records,
    with_run,
)

PARTS = Parts()
EVIDENCE = evidence_of(PARTS)
GRAPH = build_graph(EVIDENCE)
MODEL = f"model@{artifact(WEIGHTS).sha256[:SHORT]}"
DATASET = f"dataset@{EVIDENCE.workspace[MANIFEST].sha256[:SHORT]}"
PREPROCESS, TRAIN, VALIDATE, *_ = EVIDENCE.records


def edges(source: str) -> set[tuple[str, str]]:
    return {(edge.link, edge.target) for edge in GRAPH.out(source)}


def test_a_model_rests_on_its_dataset_by_digest() -> None:
    assert edges(MODEL) == {
        *((Link.PRODUCED_BY, f"run@{run.id}") for run in GRAPH.runs("train")),
        (Link.TRAINED_ON, DATASET),
    }


def test_a_claimed_dataset_is_no_link() -> None:
    """The note says which manifest; the recorder saw none."""
    run = stage_run(
        "train",
        outputs=(artifact("model/other"),),
        notes={"model": {"weights": "model/other", "manifest": MANIFEST}},
    )
    graph = build_graph(with_records(EVIDENCE, run))
    other = f"model@{artifact('model/other').sha256[:SHORT]}"
    assert graph.out(other, Link.TRAINED_ON) == ()


def test_an_evaluation_joins_model_data_and_requirements() -> None:
    assert edges(f"evaluation@{VALIDATE.id}") == {
        (Link.PRODUCED_BY, f"run@{VALIDATE.id}"),
        (Link.EVALUATES, MODEL),
        (Link.EVALUATED_ON, DATASET),
        (Link.VERIFIES, "SRS-002"),
    }


def test_runs_are_derived_from_the_runs_that_made_their_inputs() -> None:
    derived = {e.target for e in GRAPH.out(f"run@{TRAIN.id}", Link.DERIVED_FROM)}
    assert derived == {f"run@{PREPROCESS.id}"}


def test_from_an_image_to_the_requirement_and_back() -> None:
    """The walk of an auditor: dataset, model, result, requirement, need."""
    assert {MODEL, f"evaluation@{VALIDATE.id}"} <= GRAPH.affected(DATASET)
    reasons = GRAPH.reasons(f"evaluation@{VALIDATE.id}")
    assert {"SRS-002", "UN-01", MODEL, DATASET, "DS-01", "AP-01"} <= reasons


def test_a_risk_is_the_reason_of_the_requirement_that_controls_it() -> None:
    assert "RISK-001" in GRAPH.reasons("SRS-004")
    assert "SRS-004" in GRAPH.affected("RISK-001")
    assert "SRS-004" not in GRAPH.reasons("RISK-001")


def test_dangling_links_are_kept_and_marked() -> None:
    graph = build_graph(evidence_of(PARTS.but("SRS-002", refines=("UN-77",))))
    assert graph.node("UN-77").type is NodeType.MISSING
    assert [edge.source for edge in graph.into("UN-77")] == ["SRS-002"]


def test_failed_runs_are_nodes_and_produce_nothing_that_others_rest_on() -> None:
    failed = replace(stage_runs(PARTS)[1], outcome=Outcome.FAILED)
    graph = build_graph(with_records(EVIDENCE, failed))
    assert len(graph.runs("train")) == len(GRAPH.runs("train")) + 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SRS-001", "SRS-001"),
        ("srs-001", "SRS-001"),
        (MODEL[:11], MODEL),
        (f"model@{artifact(WEIGHTS).sha256}", MODEL),
        ("model@current", MODEL),
        ("dataset@current", DATASET),
        ("evaluation@current", f"evaluation@{VALIDATE.id}"),
        (TRAIN.id, f"run@{TRAIN.id}"),
        (
            "tests/device/test_volumes.py::test_volume",
            "test:tests/device/test_volumes.py::test_volume",
        ),
        ("device/volume.py", "file:device/volume.py"),
    ],
)
def test_people_may_abbreviate(text: str, found: str) -> None:
    assert GRAPH.find(text).id == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SRS-00", "Did you mean SRS-00"),
        (VALIDATE.id, "may be any of evaluation@"),
        ("quite else", "'regml list' shows"),
    ],
)
def test_an_unknown_id_names_what_could_be_meant(text: str, message: str) -> None:
    with pytest.raises(UnknownIdError, match=message):
        GRAPH.find(text)


def test_without_a_lock_nothing_is_current() -> None:
    graph = build_graph(replace(EVIDENCE, lock=()))
    with pytest.raises(UnknownIdError, match="no believed run explains"):
        graph.find("model@current")


def test_a_model_that_nobody_noted_is_told_from_a_run_that_is_missing() -> None:
    graph = build_graph(with_run(EVIDENCE, "train", notes={}))
    with pytest.raises(UnknownIdError, match=r"none noted what its model is"):
        graph.find("model@current")


def test_the_copy_for_networkx_has_the_same_nodes_and_edges() -> None:
    copy = GRAPH.to_networkx()
    assert set(copy.nodes) == set(GRAPH.nodes)
    assert copy.number_of_edges() == len(GRAPH.edges)


def test_parameters_of_a_test_are_cases_of_one_node() -> None:
    run, name = run_of_tests(PARTS), PARTS.tests[0].name
    cases = tuple(replace(run.cases[0], name=f"{name}[{x}]") for x in "ab")
    before = replace(EVIDENCE, records=EVIDENCE.records[:3])
    graph = build_graph(with_records(before, replace(run, cases=cases)))
    value = graph.node(f"test:{name}").value
    assert isinstance(value, KnownTest)
    assert len(value.cases) == 2
