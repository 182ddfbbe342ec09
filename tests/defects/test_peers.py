"""Eight defects that requirement tools are measured with; each is found by default."""

from dataclasses import replace

import pytest

from regml.files.python_tests import WrittenTest
from regml.findings import Severity
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, name_of
from tests.factories import evidence_of, located, requirement, with_item

UNTESTED = requirement(id="SRS-009")
ORPHAN = WrittenTest("tests/device/test_x.py::test_x", (), "tests/device/test_x.py", 4)

DEFECTS = (
    Defect(
        "T08",
        "dangling link",
        evidence_of(PARTS.but("SRS-004", refines=("UN-01", "UN-99999"))),
        "UN-99999, which does not exist",
    ),
    Defect(
        "T03",
        "uncovered requirement",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "SRS-009"),
            ).plus(UNTESTED)
        ),
        "No test, acceptance criterion or protocol verifies the requirement",
    ),
    Defect(
        "T05",
        "orphan test",
        replace(CLEAN, tests=(*CLEAN.tests, ORPHAN)),
        "verifies no requirement",
        severity=Severity.MINOR,
    ),
    Defect(
        "T10",
        "cycle",
        evidence_of(PARTS.but("SRS-004", refines=("UN-01", "SRS-004"))),
        "SRS-004 -> SRS-004",
    ),
    Defect(
        "T08",
        "duplicate id",
        replace(
            CLEAN, items=(*CLEAN.items, located(requirement(), "elsewhere/SRS-001.md"))
        ),
        "The id is used twice",
    ),
    Defect(
        "T11",
        "level skipped",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "UN-01"),
            )
        ),
        "'implements' names UN-01; only SRS may stand there",
    ),
    Defect(
        "T12",
        "parent text changed",
        with_item(CLEAN, "UN-01", text="The user needs the opposite now.\n"),
        "The link to UN-01 is suspect",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T12",
        "parent title changed",
        with_item(CLEAN, "UN-01", title="Opposite title"),
        "The link to UN-01 is suspect",
        severity=Severity.MAJOR,
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
