"""Every rule has a seeded defect, and what holds for the rules together."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from regml.files.catalogues import shipped_catalogues
from regml.items.base import SafetyClass
from regml.items.recorded import Approval, LogProblem, Outcome, ProblemKind
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import RULES, check
from tests.defects.cases import CLEAN, PARTS, Defect, findings
from tests.factories import (
    approval,
    located,
    problem_report,
    requirement,
    run_of_tests,
    stage_run,
    with_item,
    with_records,
)

FAILED_TEST = replace(PARTS, outcome=Outcome.FAILED)


def seeded() -> Iterator[Defect]:
    """Give the defects of every group: each module beside this one has its own."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        if file.stem != Path(__file__).stem:
            yield from import_module(f"tests.defects.{file.stem}").DEFECTS


def test_every_rule_has_a_seeded_defect() -> None:
    assert {defect.rule for defect in seeded()} == {rule.id for rule in RULES}


def test_a_later_pass_answers_a_failure() -> None:
    failed = replace(run_of_tests(PARTS), cases=run_of_tests(FAILED_TEST).cases)
    evidence = with_records(CLEAN, failed, run_of_tests(PARTS))
    assert findings(evidence) == []


def test_a_rule_that_a_class_does_not_ask_for_is_off_and_says_why() -> None:
    outcomes = check(build_graph(CLEAN), safety_class=SafetyClass.A)
    off = {outcome.rule: outcome.off for outcome in outcomes if outcome.off}
    assert set(off) == {r.id for r in RULES if SafetyClass.A not in r.classes}
    assert {"T06", "R05", "C02"} <= set(off)
    assert off["T06"] == "class A does not ask for IEC 62304 5.3.1"


def test_no_rule_is_off_for_a_class_that_one_of_its_clauses_is_asked_of() -> None:
    [clauses] = [c for c in shipped_catalogues() if c.standard == "IEC 62304"]
    levels = {row.id: row.levels for row in clauses.rows}
    for rule in RULES:
        cited = [c.split(" ")[2] for c in rule.clauses if c.startswith("IEC 62304 ")]
        for safety_class in set(SafetyClass) - set(rule.classes):
            asked = [levels[c] or tuple(SafetyClass) for c in cited if c in levels]
            assert asked, rule.id
            assert all(safety_class not in wanted for wanted in asked), rule.id


def test_a_class_that_is_too_low_for_its_risks_is_found_also_when_it_is_a() -> None:
    """Else a class typed too low would turn off the check that sees it."""
    device = CLEAN.config.device.model_copy(update={"safety_class": SafetyClass.A})
    config = CLEAN.config.model_copy(update={"device": device})
    as_a = with_item(CLEAN, "SW-01", safety_class=SafetyClass.A)
    found = findings(replace(as_a, config=config))
    told = [f.message for f in found if f.rule == "R07"]
    assert "is class A and implements SRS-004, a control of RISK-001" in told[0]


def test_a_rule_without_subjects_says_so() -> None:
    config = CLEAN.config.model_copy(update={"change_control": None})
    bare = Evidence(config, CLEAN.policy)
    outcomes = check(build_graph(bare))
    assert all(o.subjects == 0 and o.findings == () for o in outcomes)


def test_an_approval_by_a_developer_is_no_recorded_analysis() -> None:
    *_, last = (r for r in CLEAN.records if isinstance(r.statement, Approval))
    by_dora = replace(last, key_id=CLEAN.records[0].key_id)
    others = tuple(r for r in CLEAN.records if r is not last)
    evidence = replace(CLEAN, records=(*others, by_dora))
    found = [f for f in findings(evidence) if f.rule == "T04"]
    assert [f.subject for f in found] == ["SRS-003"]


def test_an_edited_record_is_no_evidence() -> None:
    problem = LogProblem(ProblemKind.BAD_SIGNATURE, CLEAN.records[3].path, "no.")
    found = {f.rule for f in findings(replace(CLEAN, log_problems=(problem,)))}
    assert {"T04", "C14"} <= found


def test_a_signed_item_that_was_removed_is_found() -> None:
    ghost = requirement(id="SRS-050")
    evidence = with_records(CLEAN, approval(ghost, known={}))
    found = [f for f in findings(evidence) if f.rule == "C11"]
    assert [f.subject for f in found] == ["SRS-050"]
    assert "was removed" in found[0].message


def test_a_failed_stage_is_answered_by_a_report_that_names_its_record() -> None:
    failed = with_records(CLEAN, stage_run("train", outcome=Outcome.FAILED))
    text = f"Run {failed.records[-1].id} broke.\n"
    report = problem_report(id="PR-009", affects=(), text=text)
    answered = replace(failed, items=(*failed.items, located(report)))
    assert findings(answered) == []
