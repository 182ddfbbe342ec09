"""R: risks that are not estimated, controlled or shown to be controlled."""

from dataclasses import replace

import pytest

from regml.findings import Severity
from regml.items.base import Kind, SafetyClass
from regml.items.risk import (
    Cause,
    CauseCategory,
    ControlOption,
    Estimate,
    Lowers,
)
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    findings,
    name_of,
)
from tests.factories import (
    CONFIG,
    checklist_exclusion,
    control,
    document,
    evidence_of,
    requirement,
    risk,
    software,
    specification,
    with_item,
)

MAJOR = Severity.MAJOR
OTHER = checklist_exclusion()

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
        also=frozenset({"R11"}),
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
        evidence_of(
            PARTS.but("SW-01", safety_class=SafetyClass.A, segregation="A process")
        ),
        "asks for class B",
    ),
    Defect(
        "R07",
        "an item of too low a class that does a part of a control",
        evidence_of(
            PARTS.plus(
                requirement(
                    id="SRS-005", refines=("SRS-004",), text="It shall refuse 0 mm.\n"
                ),
                software(
                    id="SW-02",
                    implements=("SRS-005",),
                    sources=(),
                    safety_class=SafetyClass.A,
                    segregation="A process",
                ),
            )
        ),
        "is class A and implements SRS-005, a control of RISK-001",
        also=frozenset({"T03", "R06"}),
    ),
    Defect(
        "R04",
        "only information for safety",
        evidence_of(
            PARTS.but(
                "RISK-001",
                controls=(control(option=ControlOption.INFORMATION_FOR_SAFETY),),
            )
        ),
        "no other kind of control",
        severity=MAJOR,
    ),
    Defect(
        "R04",
        "protection without a word about design",
        evidence_of(
            PARTS.but(
                "RISK-001",
                controls=(
                    control(),
                    control(id="RC-02", option=ControlOption.PROTECTIVE_MEASURE),
                ),
            )
        ),
        "nothing says why no safer option was taken",
        severity=MAJOR,
    ),
    Defect(
        "R08",
        "a part of a lower class than its whole",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=(),
                    without_requirements="A helper",
                    part_of="SW-01",
                    safety_class=SafetyClass.A,
                )
            )
        ),
        "SW-01 is class B, and nothing says how the two are segregated",
    ),
    Defect(
        "R08",
        "a part of a higher class than its whole",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=(),
                    without_requirements="A frame",
                    safety_class=SafetyClass.A,
                    segregation="A process",
                ),
                software(
                    id="SW-03",
                    implements=(),
                    without_requirements="A helper",
                    part_of="SW-02",
                ),
            )
        ),
        "The software item is class B and a part of SW-02, which is class A",
    ),
    Defect(
        "R08",
        "an item without class",
        evidence_of(PARTS.but("SW-01", safety_class=None)),
        "without a class and counts as C",
    ),
    Defect(
        "R09",
        "a control whose side effects nobody looked at",
        evidence_of(
            PARTS.but("RISK-001", controls=(control(no_new_risks_because=None),))
        ),
        "whether control RC-01 brings new risks",
        severity=MAJOR,
    ),
    Defect(
        "R09",
        "a control that brings the risk it is a control of",
        evidence_of(
            PARTS.but(
                "RISK-001",
                controls=(control(no_new_risks_because=None, new_risks=("RISK-001",)),),
            )
        ),
        "whether control RC-01 brings new risks",
        severity=MAJOR,
    ),
    Defect(
        "R10",
        "a high residual risk without benefit",
        evidence_of(
            PARTS.but("RISK-001", residual=Estimate(severity=2, p1=3, p2=2, level="H"))
        ),
        "The residual risk is high (H)",
    ),
    Defect(
        "R10",
        "a residual risk that nobody estimated",
        evidence_of(PARTS.but("RISK-001", residual=None)),
        "what remains of it is not estimated",
    ),
    Defect(
        "R11",
        "a severity that falls by itself",
        evidence_of(
            PARTS.but("RISK-001", residual=Estimate(severity=1, p1=1, p2=1, level="L"))
        ),
        "severity falls from 2 to 1, and no control lowers the severity",
        severity=MAJOR,
    ),
    Defect(
        "R11",
        "a probability that falls by itself",
        evidence_of(
            PARTS.but("RISK-001", controls=(control(lowers=(Lowers.SEVERITY,)),))
        ),
        "no control lowers the probability",
        severity=MAJOR,
    ),
    Defect(
        "R11",
        "a probability that falls without any control",
        evidence_of(
            PARTS.plus(
                risk(
                    id="RISK-002",
                    controls=(),
                    initial=Estimate(severity=1, p1=2, p2=1, level="L"),
                    residual=Estimate(severity=1, p1=1, p2=1, level="L"),
                )
            )
        ),
        "probability falls from p1 2, p2 1 to p1 1, p2 1, and no control",
        severity=MAJOR,
    ),
    Defect(
        "R12",
        "a learned item that fails by defects only",
        evidence_of(
            PARTS.but(
                "RISK-001",
                causes=(Cause(text="Unit error", category=CauseCategory.DEFECT),),
            )
        ),
        "no cause in the data and none in the model",
        severity=MAJOR,
    ),
    Defect(
        "R12",
        "a learned item that only a cause names",
        evidence_of(
            PARTS.but(
                "RISK-001",
                software_items=(),
                causes=(
                    Cause(
                        text="Unit error",
                        category=CauseCategory.DEFECT,
                        items=("SW-01",),
                    ),
                ),
            )
        ),
        "no cause in the data and none in the model",
        severity=MAJOR,
    ),
    Defect(
        "R12",
        "an item in which no cause lies",
        evidence_of(
            PARTS.plus(
                software(id="SW-02", implements=(), without_requirements="A helper")
            ).but(
                "RISK-001",
                software_items=("SW-02",),
                causes=tuple(
                    Cause(text="Wrong scale", category=category, items=("SW-01",))
                    for category in (CauseCategory.DATA, CauseCategory.MODEL)
                ),
            )
        ),
        "no cause lies in it",
        severity=MAJOR,
    ),
    Defect(
        "R12",
        "a model that no software item holds",
        evidence_of(PARTS.but("SW-01", machine_learning=False)),
        "no software item says that it learned from data",
        severity=MAJOR,
    ),
    Defect(
        "R13",
        "a hazard that nobody considered",
        evidence_of(PARTS.but("NA-02", excludes=OTHER.excludes[1:])),
        "No risk considers cases selected from a part",
        severity=MAJOR,
    ),
    Defect(
        "R13",
        "a hazard that is not on the list",
        evidence_of(PARTS.but("RISK-001", covers=("MLH-77",))),
        "no row of the ML hazard checklist",
        severity=MAJOR,
    ),
    Defect(
        "R13",
        "an exclusion of what a risk considers",
        evidence_of(PARTS.but("RISK-001", covers=("MLH-07",))),
        "which RISK-001 considers",
        severity=MAJOR,
    ),
    Defect(
        "R13",
        "an approved exclusion that gives no reason",
        evidence_of(PARTS.but("NA-02", text="")),
        "and does not say why",
        severity=MAJOR,
    ),
    Defect(
        "R13",
        "an exclusion that was changed after its approval",
        with_item(CLEAN, "NA-02", title="Others"),
        "quality has not approved it as it is now",
        severity=MAJOR,
        also=frozenset({"C11"}),
    ),
    Defect(
        "R14",
        "a significant residual risk that is kept back",
        evidence_of(PARTS.but("RISK-001", disclosure=None)),
        "the labelling says nothing about it",
        severity=MAJOR,
    ),
    Defect(
        "R14",
        "a significant risk that nothing controls",
        evidence_of(
            PARTS.plus(
                risk(
                    id="RISK-002",
                    initial=Estimate(severity=2, p1=1, p2=1, level="L"),
                    controls=(),
                    residual=None,
                    disclosure=None,
                )
            )
        ),
        "the labelling says nothing about it",
        severity=MAJOR,
    ),
    Defect(
        "R15",
        "a risk changed after its approval",
        with_item(CLEAN, "RISK-001", harm="Another"),
        "1 of 1 risks are not approved by quality as they are now: RISK-001",
        also=frozenset({"C11"}),
    ),
    Defect(
        "R15",
        "a risk management file that nobody approved",
        replace(
            CLEAN,
            documents=(
                *CLEAN.documents,
                document(
                    "risk-management-file",
                    number="90",
                    items=(Kind.RISK,),
                    clauses=("ISO 14971 9",),
                ),
            ),
        ),
        "'Risk management file' is not approved by quality as it is now",
    ),
    Defect(
        "R16",
        "a misuse that nobody considered",
        evidence_of(PARTS.but("RISK-001", misuse=())),
        "Volumes of a phantom are reported",
        severity=MAJOR,
    ),
    Defect(
        "R16",
        "a misuse that is not on the list",
        evidence_of(PARTS.but("RISK-001", misuse=("MU-01", "MU-09"))),
        "MU-09, which regml.toml does not list",
        severity=MAJOR,
    ),
    Defect(
        "R16",
        "no misuse foreseen",
        replace(
            evidence_of(PARTS.but("RISK-001", misuse=())),
            config=CONFIG.model_copy(
                update={"device": CONFIG.device.model_copy(update={"misuse": ()})}
            ),
        ),
        "No foreseeable misuse is listed",
        severity=MAJOR,
    ),
    Defect(
        "R17",
        "a significant residual risk that nobody watches",
        evidence_of(PARTS.but("RISK-001", signals=())),
        "nothing is watched after release",
        severity=Severity.MINOR,
    ),
)


def test_the_remedy_names_only_what_is_not_verified() -> None:
    targets = ("SRS-001", "DS-02")
    evidence = evidence_of(
        PARTS.but("SRS-001", controls=("RISK-001",))
        .but("RISK-001", controls=(control(effectiveness=targets),))
        .plus(specification(id="DS-02"))
    )
    [found] = [f for f in findings(evidence) if f.rule == "R06"]
    assert found.message.endswith("not verified: DS-02 is not run.")
    assert found.remedy == "See what is lacking: 'regml show DS-02'."


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
