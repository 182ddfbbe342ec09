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
    ExcludedCase,
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
    amid,
    artifact,
    case,
    deidentify_run,
    evidence_of,
    locked,
    manifest_of,
    origin,
    record,
    stage_run,
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


def three_readers(*names: str, agreement_dice: float) -> Evidence:
    """Return a project in which a third reader outlined some cases as well."""
    known = manifest_of(PARTS).annotators
    third = known[0].model_copy(update={"reader": "R-3"})
    read: dict[str, Any] = {"agreement_dice": agreement_dice}
    read["annotators"] = ("R-1", "R-2", "R-3")
    rows = (replace(c, **read) if c.case in names else c for c in CASES)
    return manifest(annotators=(*known, third), cases=tuple(rows))


def more_models(count: int, *, recorded: bool = True) -> Evidence:
    """Return a project in which other models were measured before the present one."""
    _, train, validate = stage_runs(PARTS)
    older = []
    for number in range(count):
        weights = artifact(train.outputs[0].path, f"other {number}")
        inputs = (*validate.inputs[:2], weights)
        if recorded:
            other = {"params.yaml": {"train": {"seed": number}}}
            trained = replace(train, outputs=(weights,), parameters=other)
            older.append(record(trained, number=60 + 2 * number))
        older.append(record(replace(validate, inputs=inputs), number=61 + 2 * number))
    return replace(CLEAN, records=(*older, *CLEAN.records))


_DEIDENTIFIED = deidentify_run(PARTS).notes["deidentification"]


def _second_site(first: dict[str, Any]) -> Evidence:
    """Return a project whose images come from two sites, each with its own stage."""
    runs = [
        replace(
            deidentify_run(PARTS),
            stage=f"deidentify@{site}",
            outputs=(artifact(f"data/deidentified/{site}"),),
            notes={"deidentification": {**_DEIDENTIFIED, "series": 6, **facts}},
        )
        for site, facts in (("a", first), ("b", {}))
    ]
    lock = [s for s in CLEAN.lock if s.name != "deidentify"]
    return replace(
        CLEAN,
        lock=(*lock, *map(locked, runs)),
        records=(
            *(record(run, number=70 + n) for n, run in enumerate(runs)),
            *CLEAN.records,
        ),
    )


def _not_from_the_hospital() -> Evidence:
    """Return a project that de-identified something and used other images."""
    evidence = CLEAN
    for stage, *others in (("annotate",), ("preprocess", "data/annotations")):
        inputs = tuple(artifact(name) for name in ("data/downloaded", *others))
        evidence = with_run(evidence, stage, inputs=inputs)
        deps = {a.path: a.md5 for a in inputs}
        lock = (replace(s, deps=deps) if s.name == stage else s for s in evidence.lock)
        evidence = replace(evidence, lock=tuple(lock))
    return evidence


def another_dataset(**fields: Any) -> Evidence:
    """Return a project with a second dataset: one test case, made by its own stage."""
    path, first = "reports/other.json", manifest_of(PARTS)
    run = stage_run(
        "collect",
        inputs=(artifact("data/deidentified"), artifact("data/annotations")),
        outputs=(artifact(path),),
    )
    second = first.model_copy(
        update={
            "cases": (replace(case(21), case="HV-20", **fields),),
            "flow": Flow(found=12, left_out_by_import=11, left_out_by_gate=0, used=1),
            "excluded": tuple(
                ExcludedCase(case=c.case, reason="Not of this site") for c in CASES[1:]
            ),
        }
    )
    evidence = evidence_of(
        PARTS.but("DS-01", subgroups=(Subgroup(column="site", minimum_cases=1),))
    )
    return replace(
        evidence,
        lock=(*evidence.lock, locked(run)),
        records=(*evidence.records, record(run, number=72)),
        manifests={**evidence.manifests, path: second},
        workspace={**evidence.workspace, path: artifact(path)},
        look_around=amid(evidence, data_sizes={}).look_around,
    )


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
        "the same voxels in the splits of two datasets",
        another_dataset(voxels_sha256=CASES[0].voxels_sha256),
        "HV-00 (train of reports/dataset.json) and HV-20 (test of reports/other.json) "
        "are the same voxels",
        also=frozenset({"D14"}),
    ),
    Defect(
        "D03",
        "a search that could find nothing",
        manifest(similarity=Similarity(threshold=1.5, nearest=0.99)),
        "its threshold is 1.5, and no correlation is above 1",
    ),
    Defect(
        "D03",
        "a search that compared no two splits",
        manifest(similarity=Similarity(threshold=0.97, nearest=None)),
        "it names no largest correlation between splits",
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
        "No believed run behind dvc.lock says how the data of reports/dataset.json",
    ),
    Defect(
        "D06",
        "data that no de-identification led to",
        _not_from_the_hospital(),
        "No believed run behind dvc.lock says how the data of reports/dataset.json",
    ),
    Defect(
        "D06",
        "the first of two sites left an identifier",
        _second_site(first={"residual_identifiers": 3}),
        "it noted 3 in its output",
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
        "heads by another word for the modality",
        evidence_of(PARTS.but("DS-01", faces=None, modality="T1-weighted MRI")),
        "does not say how a face is kept out",
        severity=MAJOR,
    ),
    Defect(
        "D07",
        "heads of which only the images say so",
        evidence_of(
            replace(
                PARTS.but("DS-01", faces=None, modality="OT"),
                manifest={"cases": (replace(CASES[0], modality="MR"), *CASES[1:])},
            )
        ),
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
        "a case that nobody is known to have outlined",
        one("HV-04", annotators=()),
        "does not say who outlined 1 case (HV-04)",
        severity=MAJOR,
    ),
    Defect(
        "D09",
        "outlines without a protocol",
        evidence_of(PARTS.but("DS-01", annotation_protocol=None)),
        "DS-01 names no annotation protocol",
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
        "a test case that one reader outlined twice",
        one("HV-05", annotators=("R-1", "R-1")),
        "Fewer readers than the 2 of AP-01 outlined 1 case of the test split (HV-05)",
        severity=MAJOR,
    ),
    Defect(
        "D10",
        "readers who do not agree",
        three_readers(*(c.case for c in CASES), agreement_dice=0.7),
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
        "no test case at all",
        cases(
            lambda c: replace(c, split="train", in_statistics=True),
        ),
        "covers that",
        severity=MAJOR,
        also=frozenset({"D11", "M08"}),
    ),
    Defect(
        "D14",
        "a population without any limit",
        population(vendors=(), field_strengths_t=(), sexes=()),
        "does not declare the population",
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
        "models on the test split that nobody recorded",
        more_models(2, recorded=False),
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


def test_two_sites_with_a_stage_each_add_up() -> None:
    assert findings(_second_site(first={})) == []


def test_a_second_dataset_of_other_patients_shares_nothing_with_the_first() -> None:
    rules = {f.rule for f in findings(another_dataset())}
    assert not rules & {"D01", "D03", "D06", "D13"}


def test_a_manifest_that_no_stage_makes_any_more_is_compared_with_none() -> None:
    evidence = another_dataset(patient="P-00")
    assert "D01" in {f.rule for f in findings(evidence)}
    lock = tuple(s for s in evidence.lock if s.name != "collect")
    past = replace(evidence, lock=lock)
    assert "D01" not in {f.rule for f in findings(past)}


def test_a_third_reader_settles_a_disputed_case() -> None:
    assert findings(three_readers("HV-05", agreement_dice=0.61)) == []


def test_a_reader_who_looks_again_settles_nothing() -> None:
    again = one("HV-05", agreement_dice=0.61, annotators=("R-1", "R-2", "R-1"))
    assert {f.rule for f in findings(again)} == {"D10"}
