"""Which result counts, why it is old, and how a failure reaches needs and risks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.files.dvc import LockedStage
from regml.items.recorded import Outcome, StepOutcome, TestCase
from regml.items.requirements import Acceptance, Bound
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.matrix import matrix
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest
from regml.trace.query import item_page
from regml.trace.results import Status, requirement_status, standing_test_run
from tests.factories import (
    MANIFEST,
    WEIGHTS,
    Parts,
    artifact,
    changed,
    control,
    evidence_of,
    execution,
    imported,
    manual_protocol,
    origin,
    requirement,
    run_of_tests,
    with_item,
    with_records,
    with_run,
)
from tests.factories import case as a_case

PARTS = Parts()
CLEAN = evidence_of(PARTS)
RUN = run_of_tests(PARTS)
OTHER = "1234567890ab" + "f" * 28
PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


def case(name: str, outcome: Outcome, *verifies: str) -> TestCase:
    return TestCase(name, verifies or ("SRS-004",), outcome, 0.1)


def status(evidence: Evidence, item_id: str) -> Status:
    return requirement_status(build_graph(evidence), item_id).status


def why(evidence: Evidence, item_id: str) -> str:
    return "; ".join(requirement_status(build_graph(evidence), item_id).reasons)


# -- upwards --------------------------------------------------------------------------

BROKEN = with_records(CLEAN, imported(case("Spacing::Broken", FAILED)))


def test_a_failing_test_fails_requirement_need_and_risk() -> None:
    graph = build_graph(BROKEN)
    found = {
        name: requirement_status(graph, name)
        for name in ("SRS-004", "UN-01", "RISK-001", "SRS-001")
    }
    assert {name: s.status for name, s in found.items()} == {
        "SRS-004": Status.FAILED,
        "UN-01": Status.FAILED,
        "RISK-001": Status.FAILED,
        "SRS-001": Status.PASSED,
    }
    for name in ("UN-01", "RISK-001"):
        [reason] = found[name].reasons
        assert "SRS-004: Spacing::Broken failed in run" in reason


def test_a_failure_is_shown_wherever_the_need_and_the_risk_are() -> None:
    graph = build_graph(BROKEN)
    for name in ("UN-01", "RISK-001"):
        page = item_page(graph, name)
        assert dict(page.sections[0].facts)["state"].startswith("failed")
        table = page.sections[-1].table
        assert table is not None
        assert ("SRS-004", "failed") in {row[:2] for row in table.rows}
    assert ("UN-01", "failed") in matrix(graph, ("need", "result")).rows
    assert matrix(graph, ("risk", "result")).rows == (("RISK-001", "failed"),)


def test_a_failure_reaches_parents_of_parents_and_says_the_way() -> None:
    child = requirement(id="SRS-010", refines=("SRS-004",))
    evidence = evidence_of(PARTS.plus(child))
    run = imported(case("Deep", FAILED, "SRS-010"))
    run = replace(run, fingerprints={"SRS-010": child.fingerprint()})
    graph = build_graph(with_records(evidence, run))
    assert requirement_status(graph, "SRS-004").status is Status.FAILED
    [reason] = requirement_status(graph, "RISK-001").reasons
    assert reason.startswith("SRS-010: Deep failed")
    assert reason.endswith("(through SRS-004)")


def test_needs_in_a_circle_have_a_status_too() -> None:
    loop = PARTS.but("SRS-001", refines=("SRS-004",)).but(
        "SRS-004", refines=("SRS-001",)
    )
    assert status(evidence_of(loop), "SRS-001") is Status.PASSED


def test_a_retired_requirement_says_nothing_about_its_need() -> None:
    assert status(with_item(BROKEN, "SRS-004", retired="Gone"), "UN-01") in {
        Status.PASSED,
        Status.STALE,
    }


def test_a_risk_whose_control_nobody_shows_is_not_verified() -> None:
    controls = (control(effectiveness=()),)
    evidence = evidence_of(PARTS.but("RISK-001", controls=controls))
    assert status(evidence, "RISK-001") is Status.NOT_RUN
    assert "nothing shows that control RC-01 is effective" in why(evidence, "RISK-001")


def test_a_need_without_requirements_has_no_test() -> None:
    need = changed(PARTS.items[0], id="UN-09")
    assert status(evidence_of(PARTS.plus(need)), "UN-09") is Status.NO_TEST


# -- the latest result of each case ---------------------------------------------------


def known(evidence: Evidence, name: str) -> KnownTest:
    value = build_graph(evidence).node(f"test:{name}").value
    assert isinstance(value, KnownTest)
    return value


def test_an_imported_failure_does_not_vanish_behind_a_newer_pytest_run() -> None:
    assert status(with_records(BROKEN, RUN), "SRS-004") is Status.FAILED


def test_a_pytest_failure_does_not_vanish_behind_a_newer_import() -> None:
    failed = replace(RUN, cases=tuple(replace(c, outcome=FAILED) for c in RUN.cases))
    evidence = with_records(CLEAN, failed, imported(case("Spacing::Fine", PASSED)))
    assert status(evidence, "SRS-004") is Status.FAILED


def test_a_failure_of_one_platform_stays_until_that_platform_passes() -> None:
    bad = imported(case("Spacing", FAILED), suite="windows")
    good = imported(case("Spacing", PASSED), suite="linux")
    assert status(with_records(CLEAN, bad, good), "SRS-004") is Status.FAILED
    mended = imported(case("Spacing", PASSED), suite="windows")
    assert status(with_records(CLEAN, bad, good, mended), "SRS-004") is Status.PASSED


def test_a_pass_does_not_outlive_a_later_failure() -> None:
    good = imported(case("Spacing", PASSED))
    bad = imported(case("Spacing", FAILED))
    assert status(with_records(CLEAN, good, bad), "SRS-004") is Status.FAILED
    assert status(with_records(CLEAN, bad, good), "SRS-004") is Status.PASSED


def test_one_parameter_does_not_speak_for_another() -> None:
    name = PARTS.tests[1].name
    both = tuple(
        case(f"{name}[{x}]", outcome) for x, outcome in (("1", PASSED), ("2", FAILED))
    )
    first = replace(RUN, cases=both, complete=True)
    only = replace(RUN, cases=both[:1], command="regml test -- -k 1", complete=False)
    assert status(with_records(CLEAN, first, only), "SRS-004") is Status.FAILED
    assert known(with_records(CLEAN, first, only), name).outcome is FAILED


def test_a_parameter_that_is_gone_with_new_code_says_nothing_any_more() -> None:
    name = PARTS.tests[1].name
    old = replace(RUN, origin=origin(code="old"), cases=(case(f"{name}[2]", FAILED),))
    new = replace(RUN, cases=(case(f"{name}[1]", PASSED),))
    assert status(with_records(CLEAN, old, new), "SRS-004") is Status.PASSED


def test_results_of_another_runner_stay_when_the_code_changes_but_are_stale() -> None:
    evidence = replace(BROKEN, code="new", commit=OTHER)
    reasons = why(evidence, "SRS-004")
    assert status(evidence, "SRS-004") is Status.STALE
    assert "test:Spacing::Broken: ran with other source code than there is" in reasons
    then = CLEAN.code[:12]
    assert f"(commit abcdef012345, code {then}, current is code new)" in reasons
    assert "; it had failed" in reasons


def test_only_a_complete_import_says_that_a_test_is_gone() -> None:
    good = imported(case("Other", PASSED))
    bad = imported(case("Spacing", FAILED))
    assert status(with_records(CLEAN, bad, good), "SRS-004") is Status.FAILED
    whole = replace(good, complete=True)
    assert status(with_records(CLEAN, bad, whole), "SRS-004") is Status.PASSED
    assert known(with_records(CLEAN, bad, whole), "Spacing").gone


def test_a_written_test_that_a_complete_run_left_out_was_not_run() -> None:
    old = replace(RUN, origin=origin(code="old"))
    new = replace(RUN, cases=RUN.cases[:1])
    evidence = replace(
        CLEAN, records=tuple(r for r in CLEAN.records if "/tests/" not in r.path)
    )
    evidence = with_records(evidence, old, new)
    assert status(evidence, "SRS-004") is Status.NOT_RUN
    assert "left out of the latest complete run" in why(evidence, "SRS-004")


@pytest.mark.parametrize(
    ("later", "stands"),
    [
        ((), True),
        ((imported(case("Spacing", FAILED)),), True),
        ((replace(RUN, cases=RUN.cases[:1], complete=False),), True),
        ((replace(RUN, cases=(case("x", FAILED),), complete=False),), False),
        ((replace(RUN, origin=origin(code="old")),), False),
        ((replace(RUN, models={WEIGHTS: "other"}),), False),
        ((replace(RUN, models={}),), False),
    ],
)
def test_the_latest_complete_run_stands_while_nothing_speaks_against_it(
    later: Any, stands: bool
) -> None:
    found = standing_test_run(build_graph(with_records(CLEAN, *later)))
    assert (found is not None) is stands


# -- why a result is old --------------------------------------------------------------


def test_a_test_names_both_models() -> None:
    run = replace(imported(case("Spacing", PASSED)), models={WEIGHTS: "3f9a12" * 10})
    now = artifact(WEIGHTS).sha256[:12]
    said = why(with_records(CLEAN, run), "SRS-004")
    assert f"ran with model@3f9a123f9a12, current is model@{now}" in said


def _evaluated_on(path: str, content: str) -> Evidence:
    """The evaluation read something else, and dvc.lock says so as well."""
    inputs = tuple(
        artifact(path, content) if name == path else artifact(name, text)
        for name, text in (
            ("data/dataset", None),
            (MANIFEST, repr(PARTS.cases)),
            (WEIGHTS, None),
        )
    )

    def locked(stage: LockedStage) -> LockedStage:
        if stage.name != "validate":
            return stage
        return replace(stage, deps={a.path: a.md5 for a in inputs})

    evidence = with_run(CLEAN, "validate", inputs=inputs)
    return replace(evidence, lock=tuple(locked(stage) for stage in evidence.lock))


@pytest.mark.parametrize(
    ("path", "now", "words", "name"),
    [
        (
            MANIFEST,
            artifact(MANIFEST, repr(PARTS.cases)),
            "evaluated on dataset",
            "dataset",
        ),
        (WEIGHTS, artifact(WEIGHTS), "evaluated model", "model"),
    ],
)
def test_an_evaluation_names_what_it_was_made_on(
    path: str, now: Any, words: str, name: str
) -> None:
    evidence = _evaluated_on(path, "older")
    then = artifact(path, "older").sha256[:12]
    said = why(evidence, "SRS-002")
    assert f"{words} {then}, current is {name} {now.sha256[:12]}" in said
    assert f"{words} {then}" in why(evidence, "UN-01")


def test_an_evaluation_names_both_commits() -> None:
    evidence = with_run(CLEAN, "validate", origin=origin(code="old", commit=OTHER))
    said = why(evidence, "SRS-002")
    assert "evaluated with other source code than there is now (commit 1234" in said


REACHED = Acceptance(metric="dice", bound=Bound.CI95_LOWER, at_least=0.8)


@pytest.mark.parametrize(
    ("asked", "expected", "words"),
    [
        ({"minimum_cases": 7}, Status.NOT_RUN, "whole: not evaluable: 6 of at least 7"),
        ({"label": "anteriour"}, Status.NOT_RUN, "anteriour: not evaluable: 0 of"),
        (
            {"subgroup": "site", "minimum_cases": 5},
            Status.NOT_RUN,
            "whole: no group had enough cases (A: not evaluable: 3 of at least 5",
        ),
        ({"subgroup": "vendor", "minimum_cases": 5}, Status.PASSED, ""),
    ],
)
def test_a_criterion_on_which_nothing_was_decided_is_no_pass(
    asked: dict[str, Any], expected: Status, words: str
) -> None:
    """Also where another criterion of the same requirement was met."""
    second = Acceptance(**{"metric": "dice", "at_least": 0.1, **asked})
    evidence = evidence_of(PARTS.but("SRS-002", acceptance=(REACHED, second)))
    assert status(evidence, "SRS-002") is expected
    assert words in why(evidence, "SRS-002")


def test_a_small_group_beside_a_decided_one_is_said_and_no_more() -> None:
    by_site = Acceptance(metric="dice", at_least=0.1, subgroup="site", minimum_cases=4)
    parts = replace(PARTS, cases=(*PARTS.cases, a_case(13)))
    evidence = evidence_of(parts.but("SRS-002", acceptance=(by_site,)))
    assert status(evidence, "SRS-002") is Status.PASSED


# -- protocols ------------------------------------------------------------------------

WITH_PROTOCOL = evidence_of(PARTS.plus(manual_protocol()))
GOOD, BAD = execution(), execution(StepOutcome.FAILED)
BLOCKED = execution(StepOutcome.BLOCKED)


@pytest.mark.parametrize(
    ("executions", "expected"),
    [
        ((), Status.NOT_RUN),
        ((GOOD,), Status.PASSED),
        ((BAD,), Status.FAILED),
        ((BLOCKED,), Status.NOT_RUN),
        ((GOOD, BAD), Status.FAILED),
        ((BAD, GOOD), Status.PASSED),
        ((BAD, BLOCKED), Status.FAILED),
        ((GOOD, BLOCKED), Status.NOT_RUN),
        ((execution(StepOutcome.SKIPPED),), Status.NOT_RUN),
    ],
)
def test_the_latest_execution_counts_and_a_failure_needs_a_pass(
    executions: Any, expected: Status
) -> None:
    graph = build_graph(with_records(WITH_PROTOCOL, *executions))
    assert requirement_status(graph, "VP-01").status is expected
    assert requirement_status(graph, "SRS-001").status is expected
    assert requirement_status(graph, "UN-01").status is expected


def _graph(evidence: Evidence) -> TraceGraph:
    return build_graph(with_records(evidence, GOOD))


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (
            _graph(with_item(WITH_PROTOCOL, "VP-01", title="Look")),
            "was executed before VP-01 got its present wording",
        ),
        (
            _graph(with_item(WITH_PROTOCOL, "SRS-001", title="Other")),
            "was executed before SRS-001 got its present wording",
        ),
        (
            _graph(replace(WITH_PROTOCOL, code="new", commit=OTHER)),
            "was executed with other source code than there is now (commit abcdef",
        ),
        (
            build_graph(
                with_records(WITH_PROTOCOL, replace(GOOD, models={WEIGHTS: "e" * 64}))
            ),
            "was executed with model@eeeeeeeeeeee, current is model@",
        ),
        (
            build_graph(with_records(WITH_PROTOCOL, replace(GOOD, models={}))),
            "was executed where no model was, current is model@",
        ),
    ],
)
def test_an_execution_is_stale_and_says_what_changed(
    graph: TraceGraph, said: str
) -> None:
    for name in ("SRS-001", "VP-01"):
        found = requirement_status(graph, name)
        assert found.status is Status.STALE
        assert said in "; ".join(found.reasons)


def test_a_doubted_execution_is_none() -> None:
    from regml.items.recorded import LogProblem, ProblemKind

    evidence = with_records(WITH_PROTOCOL, GOOD)
    path = evidence.records[-1].path
    problem = LogProblem(ProblemKind.BAD_SIGNATURE, path, "forged")
    graph = build_graph(replace(evidence, log_problems=(problem,)))
    assert requirement_status(graph, "VP-01").status is Status.NOT_RUN


def test_a_retired_protocol_is_not_asked_for() -> None:
    evidence = with_item(WITH_PROTOCOL, "VP-01", retired="Automated")
    assert status(evidence, "SRS-001") is Status.PASSED


# -- whatever happens -----------------------------------------------------------------

NAMES, SUITES = ("a", "b"), ("linux", "windows")
RUNS = st.lists(
    st.tuples(
        st.sampled_from(SUITES),
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from([PASSED, FAILED])),
    ).filter(lambda run: bool(run[1])),
    max_size=5,
)


@given(RUNS)
def test_a_failure_counts_until_the_same_test_passes_in_the_same_suite(
    runs: list[tuple[str, dict[str, Outcome]]],
) -> None:
    last: dict[tuple[str, str], Outcome] = {}
    for suite, outcomes in runs:
        last |= {(suite, name): outcome for name, outcome in outcomes.items()}
    evidence = with_records(
        CLEAN,
        *(
            imported(*(case(n, o) for n, o in outcomes.items()), suite=suite)
            for suite, outcomes in runs
        ),
    )
    expected = Status.FAILED if FAILED in last.values() else Status.PASSED
    assert status(evidence, "SRS-004") is expected
    assert status(evidence, "RISK-001") is expected


# -- markers of single parameters -----------------------------------------------------


def test_a_parameter_may_verify_what_its_function_does_not() -> None:
    name = PARTS.tests[1].name
    cases = (case(f"{name}[1]", PASSED), case(f"{name}[2]", FAILED, "SRS-001"))
    run = replace(RUN, cases=(*RUN.cases[:1], *cases))
    before = tuple(r for r in CLEAN.records if "/tests/" not in r.path)
    evidence = with_records(replace(CLEAN, records=before), run)
    assert "SRS-001" in known(evidence, name).verifies
    assert status(evidence, "SRS-001") is Status.FAILED
    changed_since = replace(evidence, code="new")
    assert known(changed_since, name).verifies == ("SRS-004",)
