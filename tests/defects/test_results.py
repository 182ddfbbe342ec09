"""Seeded defects of results that other runners or people left."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.files.runner_reports import read_report
from regml.files.source_comments import UnreadSource
from regml.findings import Severity
from regml.items.lifecycle import Step
from regml.items.recorded import Outcome, StepOutcome, TestCase
from regml.trace.evidence import Evidence
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    findings,
    name_of,
)
from tests.factories import (
    Parts,
    evidence_of,
    execution,
    imported,
    manual_protocol,
    origin,
    problem_report,
    with_item,
    with_records,
)

ROBOT = b"""\
<robot generator="Robot 7.5"><suite name="Volume"><test name="Spacing is refused">
<tag>verifies:SRS-004</tag><status status="FAIL" elapsed="0.5">accepted</status>
</test></suite></robot>
"""
CASE = TestCase("Spacing", ("SRS-004",), Outcome.PASSED, 0.1)
REPORTED = problem_report(id="PR-009", affects=("SRS-004",))
WITH_PROTOCOL = evidence_of(PARTS.plus(manual_protocol()))


def _failing_robot(parts: Parts) -> Evidence:
    """What 'regml test import output.xml' makes of the file."""
    [test] = read_report(ROBOT, name="output.xml").tests
    case = TestCase(
        f"{test.group}::{test.name}", test.verifies, test.outcome, test.seconds
    )
    return with_records(evidence_of(parts), imported(case, suite="output.xml"))


def _reported_before(**fields: Any) -> Evidence:
    """A test fails after the report about the same requirement was answered."""
    report = problem_report(id="PR-009", affects=("SRS-001", "SRS-004"), **fields)
    return evidence_of(replace(PARTS, outcome=Outcome.FAILED).plus(report))


DEFECTS = (
    Defect(
        "C08",
        "a failure that only a report answers that was none after all before",
        _reported_before(no_problem="The disk was full", residual=False),
        "no later pass and no problem report",
        also=frozenset({"T04", "R06", "C07"}),
    ),
    Defect(
        "T04",
        "a failing Robot Framework test with a problem report",
        _failing_robot(PARTS.plus(REPORTED)),
        "not met: failed in run",
        also=frozenset({"R06"}),
    ),
    Defect(
        "C08",
        "a failing Robot Framework test that nobody reported",
        _failing_robot(PARTS),
        "The test 'Spacing is refused' failed",
        also=frozenset({"T04", "R06"}),
    ),
    Defect(
        "T04",
        "results imported before the code changed",
        with_records(CLEAN, imported(CASE, origin=origin(code="old", commit="9" * 40))),
        "(commit 999999999999, code old, current is code ",
        also=frozenset({"R06"}),
    ),
    Defect(
        "T04",
        "results imported for an older model",
        with_records(CLEAN, imported(CASE, models={"model/weights": "3f9a12" * 10})),
        "ran with model@3f9a123f9a12, current is model@",
        also=frozenset({"R06"}),
    ),
    Defect(
        "T04",
        "a protocol executed before its wording changed",
        with_item(
            with_records(WITH_PROTOCOL, execution()),
            "VP-01",
            steps=(Step(do="Open", expect="Two images"),),
        ),
        "was executed before VP-01 got its present wording",
    ),
    Defect(
        "T04",
        "a protocol that was blocked",
        with_records(WITH_PROTOCOL, execution(StepOutcome.BLOCKED)),
        "was blocked in step 1, executed by Quinn",
        also=frozenset({"C07"}),
    ),
    Defect(
        "C08",
        "a failed protocol that nobody reported",
        with_records(WITH_PROTOCOL, execution(StepOutcome.FAILED)),
        "The protocol VP-01 failed",
        also=frozenset({"T04", "C07"}),
    ),
    Defect(
        "M04",
        "a protocol carried out on uncommitted changes",
        with_records(
            WITH_PROTOCOL,
            execution(origin=origin("Quinn", dirty=("device/volume.py",))),
        ),
        "The execution of VP-01 was made with uncommitted changes",
    ),
    Defect(
        "M04",
        "results imported onto uncommitted changes",
        with_records(CLEAN, imported(CASE, origin=origin(dirty=("device/volume.py",)))),
        "The import of test results was made with uncommitted changes",
    ),
    Defect(
        "T08",
        "a test of another runner that names nothing",
        with_records(CLEAN, imported(replace(CASE, verifies=("SRS-999", "SRS-004")))),
        "'verifies' names SRS-999",
    ),
    Defect(
        "T11",
        "a test of another runner that verifies a software item",
        with_records(CLEAN, imported(replace(CASE, verifies=("SW-01", "SRS-004")))),
        "'verifies' names SW-01",
    ),
    Defect(
        "T08",
        "a comment that cannot be read",
        replace(
            CLEAN,
            unread_sources=(UnreadSource("device/a.c", 3, "it is not UTF-8 (byte 9)"),),
        ),
        "cannot be read: it is not UTF-8",
        severity=Severity.MAJOR,
    ),
)


def test_a_report_that_is_none_after_all_answers_what_failed_before_it() -> None:
    after = _reported_before(
        no_problem="The disk was full", residual=False, reported=dt.date(2026, 1, 6)
    )
    assert "C08" not in {finding.rule for finding in findings(after)}


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
