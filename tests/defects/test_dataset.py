"""D: data that are twice there, badly de-identified, badly labelled, or too few."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from regml.findings import Severity
from regml.items.config import AgeBand, Population
from regml.items.data import (
    AlikePair,
    Annotator,
    Flow,
    HeaderScan,
    ManifestCase,
    Similarity,
    Subgroup,
)
from regml.trace.evidence import Evidence
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, findings, name_of
from tests.factories import (
    CASES,
    artifact,
    evidence_of,
    manifest_of,
    origin,
    record,
    stage_runs,
    with_run,
)

MAJOR = Severity.MAJOR


def manifest(**fields: Any) -> Evidence:
    return evidence_of(replace(PARTS, manifest=fields))


def cases(change: Callable[[ManifestCase], ManifestCase]) -> Evidence:
    """Return a project whose manifest has other rows, scores being as they were."""
    return manifest(cases=tuple(change(c) for c in CASES))


def one(name: str, **fields: Any) -> Evidence:
    return cases(
        lambda c: replace(c, **fields) if c.case == name else c,
    )


def all_cases(**fields: Any) -> Evidence:
    return cases(lambda c: replace(c, **fields))


def population(**fields: Any) -> Evidence:
    base = {"vendors": ("V",), "field_strengths_t": (3.0,), "sexes": ("F", "M")}
    device = CLEAN.config.device.model_copy(
        update={"population": Population(**{**base, **fields})}
    )
    return replace(CLEAN, config=CLEAN.config.model_copy(update={"device": device}))


def undeclared() -> Evidence:
    device = CLEAN.config.device.model_copy(update={"population": None})
    return replace(CLEAN, config=CLEAN.config.model_copy(update={"device": device}))


def reader(**fields: Any) -> Evidence:
    return manifest(
        annotators=tuple(
            Annotator(**{**dict(known), **fields}) if known.reader == "R-1" else known
            for known in manifest_of(PARTS).annotators
        )
    )


def more_models(count: int) -> Evidence:
    """Return a project in which other models were measured before the present one."""
    _, train, validate = stage_runs(PARTS)
    older = []
    for number in range(count):
        weights = artifact(train.outputs[0].path, f"other {number}")
        inputs = (*validate.inputs[:2], weights)
        older += [
            record(replace(train, outputs=(weights,)), number=60 + 2 * number),
            record(replace(validate, inputs=inputs), number=61 + 2 * number),
        ]
    return replace(CLEAN, records=(*older, *CLEAN.records))


DEFECTS = (
    Defect(
        "D03",
        "the same voxels in two splits",
        one("HV-01", voxels_sha256=CASES[0].voxels_sha256),
        "HV-00 (train) and HV-01 (test) are the same voxels",
    ),
    Defect(
        "D03",
        "nearly the same image in two splits",
        manifest(
            similarity=Similarity(
                threshold=0.97,
                nearest=0.991,
                pairs=(AlikePair(case="HV-02", other="HV-03", correlation=0.991),),
            )
        ),
        "correlate with 0.991",
    ),
    Defect(
        "D03",
        "nobody compared images",
        manifest(similarity=None),
        "does not say whether images of different splits",
    ),
    Defect(
        "D06",
        "no record of the de-identification",
        replace(CLEAN, lock=tuple(s for s in CLEAN.lock if s.name != "deidentify")),
        "No believed run behind dvc.lock says how the data were de-identified",
    ),
    Defect(
        "D06",
        "another profile than agreed",
        evidence_of(
            replace(PARTS, deidentification={"configuration_sha256": "ee" * 32})
        ),
        "DS-01 agrees on d1d1d1d1d1d1",
    ),
    Defect(
        "D06",
        "no profile was agreed",
        evidence_of(PARTS.but("DS-01", deidentification_sha256=None)),
        "names no configuration that was agreed on",
    ),
    Defect(
        "D06",
        "an identifier in the output",
        evidence_of(replace(PARTS, deidentification={"residual_identifiers": 2})),
        "it noted 2 in its output",
    ),
    Defect(
        "D06",
        "a second look that finds a birth date",
        manifest(headers=HeaderScan(files=100, found={"PatientBirthDate": 12})),
        "PatientBirthDate in 12",
    ),
    Defect(
        "D06",
        "nobody looked again",
        manifest(headers=None),
        "were looked at again",
    ),
    Defect(
        "D07",
        "heads without a word on faces",
        evidence_of(PARTS.but("DS-01", faces=None)),
        "does not say how a face is kept out",
        severity=MAJOR,
    ),
    Defect(
        "D07",
        "a crop that is none",
        manifest(largest_extent_mm=240.0),
        "images of reports/dataset.json reach 240 mm",
        severity=MAJOR,
    ),
    Defect(
        "D08",
        "a label with a stray value",
        one("HV-04", label_values=(1, 7)),
        "values that the annotation protocol does not have (HV-04)",
    ),
    Defect("D08", "an empty label", one("HV-04", label_values=()), "is empty (HV-04)"),
    Defect(
        "D08",
        "a label elsewhere",
        one("HV-04", same_grid=False),
        "do not lie on the same grid (HV-04)",
    ),
    Defect(
        "D08",
        "labels nobody read",
        all_cases(label_values=None),
        "In 12 cases of reports/dataset.json the manifest does not say",
    ),
    Defect(
        "D09",
        "a reader without qualification",
        reader(qualification=None, trained_on=None),
        "no qualification is recorded and no training on the protocol is recorded",
        severity=MAJOR,
    ),
    Defect(
        "D09",
        "a reader with too little experience",
        reader(years_experience=1),
        "an experience of 1 years is recorded where 2 years are asked for",
        severity=MAJOR,
    ),
    Defect(
        "D09",
        "a reader nobody knows",
        manifest(annotators=manifest_of(PARTS).annotators[:1]),
        "nothing is recorded about them",
        severity=MAJOR,
    ),
    Defect(
        "D09",
        "outlines under an older protocol",
        evidence_of(
            replace(PARTS, annotation={"protocol_fingerprint": "0123456789abcdef"})
        ),
        "in the version 0123456789ab",
        severity=MAJOR,
    ),
    Defect(
        "D10",
        "a disputed test case",
        one("HV-05", agreement_dice=0.61),
        "(HV-05: 0.610)",
        severity=MAJOR,
    ),
    Defect(
        "D10",
        "test cases that one reader outlined",
        one("HV-05", agreement_dice=None),
        "is not known for 1 of 6 cases",
        severity=MAJOR,
    ),
    Defect(
        "D10",
        "readers who do not agree",
        all_cases(agreement_dice=0.7, annotators=("R-1", "R-2", "R-1")),
        "Dice 0.700, below the floor of AP-01",
        severity=MAJOR,
    ),
    Defect(
        "D11",
        "too few test cases of a site",
        evidence_of(
            PARTS.but("DS-01", subgroups=(Subgroup(column="site", minimum_cases=4),))
        ),
        "has 3 cases with site A; DS-01 plans at least 4",
        severity=MAJOR,
    ),
    Defect(
        "D12",
        "statistics of a test case",
        one("HV-03", in_statistics=True),
        "do not belong to the training split (HV-03 (test))",
    ),
    Defect(
        "D12",
        "statistics of nobody knows whom",
        all_cases(in_statistics=None),
        "does not say for 12 cases",
    ),
    Defect(
        "D13",
        "a lost image",
        manifest(
            flow=Flow(found=12, left_out_by_import=1, left_out_by_gate=0, used=12)
        ),
        "12 found less 1 left out are not the 12 used",
        severity=MAJOR,
    ),
    Defect(
        "D13",
        "a series that the de-identification lost",
        evidence_of(replace(PARTS, deidentification={"series": 14})),
        "14 series left the de-identification and 12 were found",
        severity=MAJOR,
    ),
    Defect(
        "D13",
        "nobody counted",
        manifest(flow=None),
        "does not say how many were found",
        severity=MAJOR,
    ),
    Defect(
        "D14",
        "a vendor without test cases",
        population(vendors=("V", "W")),
        "declared for vendor W, and no test case",
        severity=MAJOR,
    ),
    Defect(
        "D14",
        "an age band without test cases",
        population(
            ages=(
                AgeBand(from_years=18, to_years=64),
                AgeBand(from_years=65, to_years=90),
            )
        ),
        "declared for age 65 to 90 years",
        severity=MAJOR,
    ),
    Defect(
        "D14",
        "test cases that are too young",
        population(ages=(AgeBand(from_years=34, to_years=90),)),
        "2 cases of the test split are of an age",
        severity=MAJOR,
    ),
    Defect(
        "D14",
        "images that do not say the field strength",
        all_cases(field_strength_t=None),
        "(6 cases do not say)",
        severity=MAJOR,
    ),
    Defect(
        "D14",
        "no population is declared",
        undeclared(),
        "does not declare the population",
        severity=MAJOR,
    ),
    Defect(
        "D15",
        "too many models on one test split",
        more_models(2),
        "3 models were measured on the test split",
        severity=MAJOR,
    ),
    Defect(
        "D15",
        "no plan how many models",
        evidence_of(PARTS.but("DS-01", test_models=None)),
        "does not say how many may be",
        severity=MAJOR,
    ),
    Defect(
        "D15",
        "a test split that was read before its plan was approved",
        with_run(CLEAN, "validate", origin=origin(started_utc="2026-01-04T10:00:00Z")),
        "before its plan DS-01 was approved (only on 2026-01-05",
        severity=MAJOR,
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def test_a_third_reader_settles_a_disputed_case() -> None:
    settled = one("HV-05", agreement_dice=0.61, annotators=("R-1", "R-2", "R-1"))
    assert findings(settled) == []
