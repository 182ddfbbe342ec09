"""R: risks that are not estimated, controlled or shown to be controlled."""

import pytest

from regml.items.base import SafetyClass
from regml.items.risk import Estimate
from tests.defects.cases import PARTS, Defect, assert_fires, name_of
from tests.factories import control, evidence_of, risk

DEFECTS = (
    Defect(
        "R01",
        "a risk without harm",
        evidence_of(PARTS.but("RISK-001", harm=None, sequence=())),
        "no sequence, harm",
    ),
    Defect(
        "R02",
        "a level that the matrix does not give",
        evidence_of(
            PARTS.but("RISK-001", residual=Estimate(severity=2, p1=3, p2=2, level="L"))
        ),
        "the matrix makes it H",
    ),
    Defect(
        "R02",
        "an estimate off the scale",
        evidence_of(
            PARTS.but("RISK-001", residual=Estimate(severity=2, p1=9, p2=2, level="L"))
        ),
        "p1 9 is not on the scale",
    ),
    Defect(
        "R03",
        "a high risk without control",
        evidence_of(PARTS.plus(risk(id="RISK-002", controls=()))),
        "has no control",
    ),
    Defect(
        "R05",
        "a control the requirement does not know",
        evidence_of(
            PARTS.but(
                "RISK-001", controls=(control(implemented_by=("SRS-004", "SRS-001")),)
            )
        ),
        "does not name RISK-001",
    ),
    Defect(
        "R05",
        "a requirement the risk does not know",
        evidence_of(PARTS.but("SRS-001", controls=("RISK-001",))),
        "whose controls do not name SRS-001",
    ),
    Defect(
        "R06",
        "a control whose effect nobody shows",
        evidence_of(PARTS.but("RISK-001", controls=(control(effectiveness=()),))),
        "'effectiveness' is empty",
    ),
    Defect(
        "R07",
        "an item of too low a class",
        evidence_of(PARTS.but("SW-01", safety_class=SafetyClass.A)),
        "asks for class B",
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
