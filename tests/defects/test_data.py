"""D: data that leak, differ from their manifest, or come from nowhere."""

from dataclasses import replace

import pytest

from regml.findings import Severity
from regml.items.data import DatasetRole
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, more_cases, name_of
from tests.defects.test_dataset import another_dataset
from tests.factories import CASES, MANIFEST, amid, artifact, case, evidence_of

DEFECTS = (
    Defect(
        "D01",
        "a patient in the splits of two datasets",
        another_dataset(patient="P-00"),
        "Patient P-00 is in train of reports/dataset.json and in test of "
        "reports/other.json",
        also=frozenset({"D14"}),
    ),
    Defect(
        "D01",
        "a patient in two splits",
        evidence_of(more_cases(case(12, patient="P-01"))),
        "splits test and train",
    ),
    Defect(
        "D02",
        "a case without patient",
        evidence_of(more_cases(case(12, patient=None))),
        "1 of 13 cases have no patient (HV-12)",
    ),
    Defect(
        "D02",
        "cases of nobody knows whom, all in one split",
        evidence_of(
            replace(
                PARTS,
                cases=tuple(
                    replace(c, patient="NaN") if c.split == "train" else c
                    for c in CASES
                ),
            )
        ),
        "6 of 12 cases have no patient (HV-00, HV-02, HV-04, ...)",
    ),
    Defect(
        "D02",
        "a split by case with a limitation",
        evidence_of(replace(PARTS, split_unit="case", limitation="LIM-01 pairing")),
        "LIM-01 pairing",
        severity=Severity.MAJOR,
    ),
    Defect(
        "D02",
        "a split by case without a limitation",
        evidence_of(replace(PARTS, split_unit="case")),
        "cannot be excluded",
    ),
    Defect(
        "D04",
        "an edited manifest",
        replace(
            CLEAN,
            workspace={**CLEAN.workspace, MANIFEST: artifact(MANIFEST, "edited")},
        ),
        "changed after it was recorded",
    ),
    Defect(
        "D04",
        "a missing image",
        amid(CLEAN, data_sizes={**CLEAN.surroundings.data_sizes, CASES[0].image: None}),
        "absent",
    ),
    Defect(
        "D04",
        "a cut image",
        amid(CLEAN, data_sizes={**CLEAN.surroundings.data_sizes, CASES[0].image: 1}),
        "another size",
    ),
    Defect(
        "D05",
        "data without licence",
        evidence_of(PARTS.but("DS-01", licence=None, ethics=None)),
        "no licence and no ethics",
    ),
    Defect(
        "D05",
        "an external test set without source",
        evidence_of(PARTS.but("DS-01", source=None, role=DatasetRole.EXTERNAL_TEST)),
        "which has no source",
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
