"""T: requirements without reason, place or result, and links that break."""

from dataclasses import replace

import pytest

from regml.files.python_tests import WrittenTest
from regml.files.source_comments import SourceMark
from regml.findings import Severity
from regml.items.recorded import Outcome
from regml.items.requirements import Acceptance, VerificationMethod
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, name_of, retired
from tests.factories import (
    evidence_of,
    located,
    manual_protocol,
    problem_report,
    requirement,
    software,
    with_item,
)

FAILED_TEST = replace(PARTS, outcome=Outcome.FAILED)
UNKNOWN_TEST = WrittenTest("tests/device/test_x.py::test_x", ("SRS-999",), "tests/x", 4)
TO_A_CONTROL = WrittenTest("tests/device/test_x.py::test_x", ("SW-01",), "tests/x", 4)

DEFECTS = (
    Defect(
        "T01",
        "a requirement without reason",
        evidence_of(PARTS.but("SRS-001", refines=())),
        "refines no user need",
    ),
    Defect(
        "T03",
        "a requirement without test",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "SRS-009"),
            ).plus(requirement(id="SRS-009"))
        ),
        "No test",
    ),
    Defect(
        "T03",
        "an analysis without rationale",
        evidence_of(PARTS.but("SRS-003", method_rationale=None)),
        "verified by analysis",
    ),
    Defect(
        "T04",
        "a test that never ran",
        replace(
            CLEAN,
            tests=(*CLEAN.tests, replace(UNKNOWN_TEST, verifies=("SRS-001",))),
        ),
        "not run",
    ),
    Defect(
        "T04",
        "wording changed after the test",
        with_item(CLEAN, "SRS-004", text="The software shall do more.\n"),
        "stale",
        also=frozenset({"R06"}),
    ),
    Defect(
        "T04",
        "a failed test with a problem report",
        evidence_of(FAILED_TEST.plus(problem_report(affects=("SRS-001", "SRS-004")))),
        "not met",
        also=frozenset({"R06"}),
    ),
    Defect(
        "T04",
        "a failed acceptance criterion with a problem report",
        evidence_of(
            PARTS.but(
                "SRS-002", acceptance=(Acceptance(metric="dice", at_least=0.99),)
            ).plus(problem_report(affects=("SRS-002",)))
        ),
        "below 0.99",
    ),
    Defect(
        "T04",
        "an analysis nobody signed",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "SRS-009"),
            ).plus(
                requirement(
                    id="SRS-009",
                    method=VerificationMethod.INSPECTION,
                    method_rationale="To be seen",
                )
            )
        ),
        "no signed inspection by quality",
    ),
    Defect(
        "T04",
        "a protocol nobody executed",
        evidence_of(PARTS.plus(manual_protocol())),
        "was executed",
    ),
    Defect(
        "T06",
        "a requirement without place",
        evidence_of(PARTS.but("SW-01", implements=("SRS-001", "SRS-002", "SRS-004"))),
        "No software item",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T06",
        "an idle software item",
        evidence_of(PARTS.plus(software(id="SW-02", implements=()))),
        "does not say why",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T08",
        "a link to nothing",
        evidence_of(PARTS.but("SRS-002", refines=("UN-01", "UN-77"))),
        "UN-77",
    ),
    Defect(
        "T08",
        "a test of nothing",
        replace(CLEAN, tests=(*CLEAN.tests, UNKNOWN_TEST)),
        "SRS-999",
    ),
    Defect(
        "T08",
        "a comment about nothing",
        replace(CLEAN, implements=(SourceMark("device/a.py", 7, "SRS-999"),)),
        "SRS-999",
    ),
    Defect(
        "T08",
        "an id used twice",
        replace(
            CLEAN, items=(*CLEAN.items, located(CLEAN.items[1].item, "x/SRS-001.md"))
        ),
        "used twice",
    ),
    Defect("T09", "a retired reason", retired("AP-01"), "retired: Replaced"),
    Defect(
        "T11",
        "a link of the wrong kind",
        evidence_of(PARTS.but("SRS-002", refines=("UN-01", "SW-01"))),
        "only SRS, UN may stand there",
    ),
    Defect(
        "T11",
        "a test of a software item",
        replace(CLEAN, tests=(*CLEAN.tests, TO_A_CONTROL)),
        "only RISK, SRS, UN",
    ),
    Defect(
        "T12",
        "a need changed after approval",
        with_item(CLEAN, "UN-01", title="Very fast volume"),
        "suspect",
        severity=Severity.MAJOR,
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
