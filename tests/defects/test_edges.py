"""What is just not enough, and what just is: the edges of the rules."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.findings import Severity
from regml.items.base import Kind, SafetyClass
from regml.items.config import AgeBand
from regml.items.data import (
    DatasetRole,
    FaceMeasure,
    FaceProtection,
    Flow,
    HeaderScan,
    Similarity,
)
from regml.items.design import Exploitability
from regml.items.recorded import (
    LogProblem,
    Outcome,
    ProblemKind,
    StageRun,
    TestCase,
    TestRun,
)
from regml.items.requirements import Category
from regml.items.risk import Estimate, Lowers
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import check
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    findings,
    name_of,
)
from tests.defects.test_dataset import (
    all_cases,
    another_dataset,
    manifest,
    more_models,
    one,
    population,
    reader,
)
from tests.defects.test_soup import AFFECTED, assessment, known
from tests.factories import (
    CASES,
    MANIFEST,
    approval,
    control,
    document,
    evidence_of,
    execution,
    export,
    imported,
    manual_protocol,
    need,
    origin,
    record,
    release,
    requirement,
    risk,
    software,
    with_records,
    with_run,
)

MAJOR, MINOR = Severity.MAJOR, Severity.MINOR
VP = manual_protocol(verifies=("SRS-004",))
BY_HAND = evidence_of(replace(PARTS.plus(VP), tests=PARTS.tests[:1]))
HIGH = Estimate(severity=2, p1=3, p2=2, level="H")


def _faces(**fields: Any) -> FaceProtection:
    base = {"measure": FaceMeasure.CROPPED, "rationale": "x", "largest_extent_mm": 80}
    return FaceProtection(**{**base, **fields})


def _plan_signed(**fields: Any) -> Evidence:
    """The only signature under the plan of the data is another one."""
    known = {item.id: item for item in PARTS.items}
    signer = fields.pop("signer", "quinn")
    signed = approval(known["DS-01"], known=known, **fields)
    return replace(
        CLEAN,
        records=tuple(
            record(signed, number=7, signer=signer)
            if "DS-01" in getattr(r.statement, "fingerprints", ())
            and r.statement.origin.person.name == "Quinn"
            else r
            for r in CLEAN.records
        ),
    )


def _third_model(**facts: object) -> Evidence:
    """The first of three measurements notes something else."""
    evidence = more_models(2)
    at = next(
        n
        for n, r in enumerate(evidence.records)
        if isinstance(r.statement, StageRun) and r.statement.stage == "validate"
    )
    old = evidence.records[at]
    assert isinstance(old.statement, StageRun)
    noted = {**old.statement.notes["evaluation"], **facts}
    new = replace(old, statement=replace(old.statement, notes={"evaluation": noted}))
    records = (*evidence.records[:at], new, *evidence.records[at + 1 :])
    return replace(evidence, records=records)


def _again(evidence: Evidence) -> Evidence:
    """The first run of the log is repeated."""
    first = evidence.records[0]
    return replace(
        evidence, records=(record(first.statement, number=90), *evidence.records)
    )


def _first_measured_in_doubt() -> Evidence:
    evidence = more_models(2)
    path = next(
        r.path
        for r in evidence.records
        if isinstance(r.statement, StageRun) and r.statement.stage == "validate"
    )
    problem = LogProblem(ProblemKind.BAD_SIGNATURE, path, "no.")
    return replace(evidence, log_problems=(problem,))


DEFECTS = (
    Defect(
        "T02",
        "a need that only a dataset specification refines",
        evidence_of(
            PARTS.plus(need(id="UN-02")).but("DS-01", refines=("UN-01", "UN-02"))
        ),
        "No software requirement refines the user need",
        severity=MAJOR,
    ),
    Defect(
        "T03",
        "a requirement that only a retired protocol verifies",
        evidence_of(
            PARTS.but("SW-01", implements=(*software().implements, "SRS-009")).plus(
                requirement(id="SRS-009"),
                manual_protocol(verifies=("SRS-009",), retired="Given up"),
            )
        ),
        "No test, acceptance criterion or protocol verifies",
    ),
    Defect(
        "T15",
        "a control that only a protocol shows, which nobody carried out",
        BY_HAND,
        "No record stands behind control RC-01",
        also=frozenset({"T04", "R06"}),
    ),
    Defect(
        "T15",
        "a model made before the first commit from data made after it",
        with_run(CLEAN, "train", origin=origin(commit=None)),
        "The walk breaks at this model: no commit of the code that made it",
        also=frozenset({"M03", "M04"}),
    ),
    Defect(
        "T15",
        "a control whose tests ran before the first commit",
        replace(
            CLEAN,
            records=tuple(
                replace(r, statement=replace(r.statement, origin=origin(commit=None)))
                if isinstance(r.statement, TestRun)
                else r
                for r in CLEAN.records
            ),
        ),
        "No record stands behind control RC-01",
        also=frozenset({"M04"}),
    ),
    Defect(
        "T13",
        "a number that is no limit",
        evidence_of(
            PARTS.but(
                "SRS-001",
                category=Category.PERFORMANCE,
                text="The software shall use 2 cores.\n",
            )
        ),
        "no measurable limit",
        severity=MINOR,
    ),
    Defect(
        "T13",
        "a limit without a number",
        evidence_of(
            PARTS.but(
                "SRS-001",
                category=Category.PERFORMANCE,
                text="The software shall take less than its predecessor.\n",
            )
        ),
        "no measurable limit",
        severity=MINOR,
    ),
    Defect(
        "T07",
        "a submodule of no software item",
        replace(
            evidence_of(PARTS.but("SW-01", sources=("device/volume.py",))),
            pointers=frozenset({"device/vendored"}),
        ),
        "The source file belongs to no software item",
        severity=MAJOR,
    ),
    Defect(
        "R08",
        "an item of a lower class than the system",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=(),
                    without_requirements="A frame",
                    safety_class=SafetyClass.A,
                )
            )
        ),
        "the software system is class B, and nothing says how the two are segregated",
    ),
    Defect(
        "R08",
        "a tool of a lower class than the item it is a part of",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=(),
                    without_requirements="A frame",
                    safety_class=SafetyClass.A,
                    part_of="SW-01",
                    in_device=False,
                )
            )
        ),
        "SW-01 is class B, and nothing says how the two are segregated",
    ),
    Defect(
        "R08",
        "a part of an item without class",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=(),
                    without_requirements="A frame",
                    safety_class=None,
                    in_device=False,
                ),
                software(
                    id="SW-03",
                    implements=(),
                    without_requirements="A part",
                    part_of="SW-02",
                ),
            )
        ),
        "SW-02 is class C, and nothing says how the two are segregated",
    ),
    Defect(
        "R11",
        "a probability of harm that falls by itself",
        evidence_of(
            PARTS.but(
                "RISK-001",
                residual=Estimate(severity=2, p1=3, p2=1, level="M"),
                benefit_risk="It is",
                controls=(control(lowers=(Lowers.SEVERITY,)),),
            )
        ),
        "no control lowers the probability",
        severity=MAJOR,
    ),
    *(
        Defect(
            "R15",
            f"a risk changed where a document {what} is approved",
            replace(
                evidence_of(PARTS),
                items=evidence_of(PARTS.but("RISK-001", harm="Another")).items,
                documents=(
                    *CLEAN.documents,
                    document("another", number="90", **fields),
                ),
            ),
            "1 of 1 risks are not approved",
            also=frozenset({"C11"}),
        )
        for what, fields in (
            ("without risks", {"clauses": ("ISO 14971 9",)}),
            ("of another clause", {"items": (Kind.RISK,)}),
        )
    ),
    Defect(
        "D03",
        "an image without a digest of its voxels",
        one("HV-05", voxels_sha256=None),
        "(1 case without digest of voxels)",
    ),
    Defect(
        "D04",
        "a manifest that is not there",
        replace(CLEAN, manifests={}, workspace={}),
        f"The dataset manifest {MANIFEST} is not in the work tree",
    ),
    Defect(
        "D06",
        "a second look at no file",
        manifest(headers=HeaderScan(files=0)),
        "were looked at again",
    ),
    Defect(
        "D07",
        "a crop whose size nobody measured",
        manifest(largest_extent_mm=None),
        "have no recorded size",
        severity=MAJOR,
    ),
    Defect(
        "D08",
        "a grid that nobody compared",
        one("HV-04", same_grid=None),
        "does not say what the label holds (HV-04)",
    ),
    Defect(
        "D09",
        "a reader of unknown experience",
        reader(years_experience=None),
        "no experience is recorded where 2 years are asked for",
        severity=MAJOR,
    ),
    Defect(
        "D09",
        "outlines that no run behind dvc.lock imported",
        replace(CLEAN, lock=tuple(s for s in CLEAN.lock if s.name != "annotate")),
        "under a protocol that no believed run behind dvc.lock names",
        severity=MAJOR,
    ),
    Defect(
        "D13",
        "a case more than was used",
        manifest(
            flow=Flow(found=11, left_out_by_import=0, left_out_by_gate=0, used=11)
        ),
        "11 used, and 12 cases in the manifest",
        severity=MAJOR,
    ),
    Defect(
        "D15",
        "a plan that was only reviewed",
        _plan_signed(meaning="review"),
        "was approved (by nobody yet)",
        severity=MAJOR,
    ),
    Defect(
        "D15",
        "a plan that only a developer signed",
        _plan_signed(signer="dora"),
        "was approved (by nobody yet)",
        severity=MAJOR,
        also=frozenset({"C12"}),
    ),
    Defect(
        "D15",
        "weights of unknown path",
        _third_model(weights="elsewhere"),
        "3 models were measured on the test split",
        severity=MAJOR,
    ),
)

CALM = (
    (
        "T01",
        "a requirement that controls a risk and refines nothing",
        evidence_of(PARTS.but("SRS-004", refines=())),
    ),
    (
        "T01",
        "a requirement whose only reason is a risk that names it",
        evidence_of(PARTS.but("SRS-004", refines=(), controls=())),
    ),
    (
        "T02",
        "a need that software cannot answer",
        evidence_of(PARTS.plus(need(id="UN-02", not_software="A matter of training"))),
    ),
    (
        "T03",
        "a requirement that only another runner verifies",
        with_records(
            evidence_of(PARTS.plus(requirement(id="SRS-009"))),
            imported(TestCase("gtest.Spacing", ("SRS-009",), Outcome.PASSED, 0.1)),
        ),
    ),
    (
        "T05",
        "a test that was removed",
        replace(
            CLEAN,
            tests=CLEAN.tests[:1],
        ),
    ),
    (
        "T06",
        "a software item that says why it implements nothing",
        evidence_of(
            PARTS.plus(
                software(id="SW-02", implements=(), without_requirements="A frame")
            )
        ),
    ),
    (
        "T06",
        "a whole whose part implements something",
        evidence_of(
            PARTS.plus(
                software(id="SW-02", implements=()),
                software(id="SW-03", part_of="SW-02"),
            )
        ),
    ),
    (
        "T15",
        "a control that only a protocol shows, which was carried out",
        with_records(BY_HAND, execution(of=VP, known={i.id: i for i in PARTS.items})),
    ),
    (
        "T15",
        "a release without model and data",
        replace(
            CLEAN,
            records=(
                *CLEAN.records,
                record(release(model=None, dataset=None), number=100, signer="quinn"),
            ),
        ),
    ),
    (
        "T09",
        "a retired requirement of a retired need",
        evidence_of(
            PARTS.plus(
                need(id="UN-02", retired="Given up"),
                requirement(id="SRS-009", refines=("UN-02",), retired="Given up"),
            )
        ),
    ),
    (
        "R07",
        "a tool that takes part in a control",
        evidence_of(PARTS.but("SW-01", in_device=False, safety_class=SafetyClass.A)),
    ),
    (
        "R07",
        "a retired item that took part in a control",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02",
                    implements=("SRS-004",),
                    safety_class=SafetyClass.A,
                    retired="Merged",
                )
            )
        ),
    ),
    (
        "R07",
        "an item without class, which counts as C",
        evidence_of(PARTS.but("SW-01", safety_class=None)),
    ),
    (
        "R08",
        "a tool of a low class that is a part of nothing",
        evidence_of(
            PARTS.plus(
                software(id="SW-02", in_device=False, safety_class=SafetyClass.A)
            )
        ),
    ),
    (
        "T07",
        "a source in a submodule",
        replace(
            evidence_of(PARTS.but("SW-01", sources=("device", "device/lib/a.c"))),
            pointers=frozenset({"device/lib"}),
        ),
    ),
    (
        "R08",
        "a tool without class that is a part of nothing",
        evidence_of(
            PARTS.plus(software(id="SW-02", in_device=False, safety_class=None))
        ),
    ),
    (
        "R08",
        "a tool without class that is a part of the device's item",
        evidence_of(
            PARTS.plus(
                software(
                    id="SW-02", in_device=False, safety_class=None, part_of="SW-01"
                )
            )
        ),
    ),
    (
        "R09",
        "a control that names the risk it brings",
        evidence_of(
            PARTS.but(
                "RISK-001",
                controls=(control(no_new_risks_because=None, new_risks=("RISK-002",)),),
            ).plus(risk(id="RISK-002"))
        ),
    ),
    (
        "R10",
        "a high residual risk that the benefit outweighs",
        evidence_of(PARTS.but("RISK-001", residual=HIGH, benefit_risk="It does")),
    ),
    (
        "R11",
        "an estimate that stays as it is without any control of it",
        evidence_of(
            PARTS.but(
                "RISK-001",
                residual=HIGH,
                benefit_risk="It does",
                controls=(control(lowers=()),),
            )
        ),
    ),
    (
        "R11",
        "a severity that a control lowers",
        evidence_of(
            PARTS.but(
                "RISK-001",
                residual=Estimate(severity=1, p1=3, p2=2, level="M"),
                controls=(control(lowers=(Lowers.SEVERITY,)),),
            )
        ),
    ),
    (
        "R14",
        "a significant risk that need not be disclosed",
        evidence_of(
            PARTS.but("RISK-001", disclosure=None, no_disclosure_because="Nobody acts")
        ),
    ),
    (
        "C04",
        "a package of which no end of support can be named",
        evidence_of(
            PARTS.but("SOUP-001", end_of_support=None, no_end_because="None is given")
        ),
    ),
    (
        "C04",
        "a package that is supported as long as the device",
        evidence_of(PARTS.but("SOUP-001", end_of_support=dt.date(2030, 1, 1))),
    ),
    (
        "C05",
        "a vulnerability that names the risk it touches",
        known(AFFECTED, assessment(Exploitability.AFFECTED, risks=("RISK-001",))),
    ),
    *(
        (
            "C05",
            f"an export without an entry that was {what}",
            replace(
                known(AFFECTED, assessed),
                vulnerabilities=(export(PARTS.items),),
            ),
        )
        for what, assessed in (
            ("fixed", assessment(Exploitability.FIXED)),
            (
                "assessed for another version",
                assessment(Exploitability.NOT_AFFECTED, version="2.0.0"),
            ),
        )
    ),
    (
        "D01",
        "a patient in the test split of two datasets",
        another_dataset(patient="P-01"),
    ),
    (
        "D01",
        "a patient in a dataset that is not split yet",
        another_dataset(patient="P-01", split="all"),
    ),
    (
        "D03",
        "a search where there is one split only",
        evidence_of(
            replace(
                PARTS,
                manifest={
                    "cases": tuple(replace(c, split="train") for c in CASES),
                    "similarity": Similarity(threshold=1.0, nearest=None),
                },
            )
        ),
    ),
    (
        "D07",
        "images of no head",
        evidence_of(PARTS.but("DS-01", modality="US", faces=None)),
    ),
    (
        "D07",
        "large images that are defaced",
        evidence_of(
            replace(
                PARTS.but("DS-01", faces=_faces(measure=FaceMeasure.DEFACED)),
                manifest={"largest_extent_mm": 240.0},
            )
        ),
    ),
    (
        "D07",
        "images that reach as far as they may",
        evidence_of(
            replace(
                PARTS.but("DS-01", faces=_faces()),
                manifest={"largest_extent_mm": 80.0},
            )
        ),
    ),
    (
        "D07",
        "fixtures of the de-identification",
        evidence_of(PARTS.but("DS-01", role=DatasetRole.DEIDENTIFICATION, faces=None)),
    ),
    ("D09", "a reader with just enough experience", reader(years_experience=2)),
    ("D10", "readers who agree just well enough", all_cases(agreement_dice=0.8)),
    (
        "D14",
        "an age at the beginning of its band",
        population(
            ages=(
                AgeBand(from_years=41, to_years=90),
                AgeBand(from_years=18, to_years=40),
            )
        ),
    ),
    ("D14", "one case that does not say its age", one("HV-05", age_years=None)),
    (
        "D13",
        "a de-identification that did not count",
        evidence_of(replace(PARTS, deidentification={"series": None})),
    ),
    ("D15", "as many models as planned", more_models(1)),
    (
        "D15",
        "a model nobody recorded, measured again",
        _again(more_models(1, recorded=False)),
    ),
    ("D15", "a model measured on another split", _third_model(split="tuning")),
    ("D15", "a measurement that is in doubt", _first_measured_in_doubt()),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_what_is_just_not_enough_is_found(defect: Defect) -> None:
    assert_fires(defect)


@pytest.mark.parametrize(
    ("rule", "evidence"),
    [(rule, evidence) for rule, _, evidence in CALM],
    ids=[f"{rule} {what}" for rule, what, _ in CALM],
)
def test_what_is_just_enough_is_no_finding(rule: str, evidence: Evidence) -> None:
    assert [f for f in findings(evidence) if f.rule == rule] == []


@pytest.mark.parametrize(
    ("left_out", "learns", "subjects"),
    [("", False, 30), ("DS-01", True, 30), ("DS-01", False, 0)],
)
def test_the_checklist_is_put_where_anything_is_learned(
    left_out: str, learns: bool, subjects: int
) -> None:
    parts = PARTS.but("SW-01", machine_learning=learns)
    evidence = evidence_of(parts.but("RISK-001", hazard_category="energy"))
    kept = tuple(f for f in evidence.items if f.item.id != left_out)
    [outcome] = check(build_graph(replace(evidence, items=kept)), ["R13"])
    assert outcome.subjects == subjects
