"""C: problems that stay or are closed without proof."""

import datetime as dt
from typing import Any

import pytest

from regml.items.lifecycle import Criticality
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.problems import ProblemState, problem_state
from tests.defects.cases import PARTS, Defect, assert_fires, findings, name_of
from tests.factories import change_request, evidence_of


def report(**fields: Any) -> Evidence:
    return evidence_of(PARTS.but("PR-001", **fields))


def resolved(
    *, closed: dt.date | None = dt.date(2026, 1, 9), **fields: Any
) -> Evidence:
    resolving = change_request(id="CR-009", resolves=("PR-001",), closed=closed)
    return evidence_of(PARTS.but("PR-001", residual=False, **fields).plus(resolving))


DEFECTS = (
    Defect(
        "C09",
        "an open problem that nobody said may stay",
        report(residual=False),
        "nothing says that it may stay in a release",
    ),
    Defect(
        "C09",
        "an open problem whose change is not closed",
        resolved(closed=None),
        "CR-009 is not closed",
    ),
    Defect(
        "C09",
        "an anomaly without risk evaluation",
        report(risk_evaluation=None),
        "stays in the software without evaluation of the risk",
    ),
    Defect(
        "C09",
        "an anomaly without rationale",
        report(residual_rationale=None),
        "without rationale",
    ),
    Defect(
        "C10",
        "a problem of a day to come",
        report(reported=dt.date(2026, 2, 2)),
        "was reported on 2026-02-02, a day that is to come",
    ),
    Defect(
        "C10",
        "a problem without safety assessment",
        report(safety_impact=None),
        "does not say what the problem means for safety",
    ),
    Defect(
        "C10",
        "a safety problem that touches no risk",
        report(criticality=Criticality.SAFETY),
        "names no risk that it touches",
    ),
    Defect(
        "C10",
        "a problem closed by its change alone",
        resolved(),
        "it names no result that would show it",
        also=frozenset({"C07"}),
    ),
    Defect(
        "C10",
        "a problem closed without a passed result",
        resolved(verified_by=("SRS-009",)),
        "SRS-009 is",
        also=frozenset({"C07", "T08"}),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def test_passed_results_close_a_problem() -> None:
    evidence = resolved(verified_by=("SRS-001",))
    graph = build_graph(evidence)
    found = graph.item("PR-001")
    assert problem_state(graph, found) is ProblemState.CLOSED  # type: ignore[arg-type]  # a problem report
    assert {f.rule for f in findings(evidence)} == {"C07"}  # the change is not signed


def test_what_is_no_problem_needs_no_change() -> None:
    assert findings(report(residual=False, no_problem="The same as PR-000")) == []
