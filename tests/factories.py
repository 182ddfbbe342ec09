"""Small valid items, records and a whole small project on which nothing is wrong.

``evidence_of(Parts())`` derives runs, results and approvals from the items, as real
runs would. A test changes the parts (then the runs see the change) or the evidence
(then the change came after the runs).
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any, TypeVar

from regml.digest import Artifact, canonical_json, sha256_of
from regml.files.dvc import LockedStage
from regml.files.history import Commit
from regml.files.markdown import LocatedItem, write_item
from regml.files.python_tests import WrittenTest
from regml.files.scores import CaseScore, read_case_scores
from regml.files.source_comments import SourceMark
from regml.items.base import Item, SafetyClass
from regml.items.config import (
    AgeBand,
    ChangeControl,
    Config,
    Device,
    Misuse,
    Population,
    Role,
    Signer,
    Sources,
)
from regml.items.data import (
    AnnotationProtocol,
    Annotator,
    DatasetManifest,
    DatasetRole,
    DatasetSpecification,
    FaceMeasure,
    FaceProtection,
    Flow,
    HeaderScan,
    Label,
    ManifestCase,
    Preparation,
    Similarity,
    Subgroup,
)
from regml.items.design import AnomalyReview, SoftwareItem, Soup, SupportLevel
from regml.items.documents import BuiltFile, DocumentPlan
from regml.items.lifecycle import (
    ChangeRequest,
    Criticality,
    ProblemReport,
    Step,
    TestProtocol,
)
from regml.items.links import AnyItem, references
from regml.items.plan import Activity, Maintenance
from regml.items.recorded import (
    Approval,
    ExecutedStep,
    Execution,
    Origin,
    Outcome,
    Person,
    Record,
    Release,
    StageRun,
    Statement,
    StepOutcome,
    TestCase,
    TestReport,
    TestRun,
)
from regml.items.requirements import (
    Acceptance,
    Bound,
    Category,
    Exclusion,
    Requirement,
    Statistic,
    UserNeed,
    VerificationMethod,
)
from regml.items.risk import (
    Cause,
    CauseCategory,
    ControlOption,
    Estimate,
    Risk,
    RiskControl,
    RiskPolicy,
    Scale,
    Significant,
)
from regml.items.vulnerabilities import VulnerabilityExport
from regml.records.environment_files import Resolver, environment_row
from regml.records.storage import KINDS
from regml.standards.outline import outline
from regml.trace.evidence import Evidence, Surroundings
from regml.trace.statistics import evaluate

CODE = "c0de" * 16
COMMIT = "abcdef012345" + "0" * 28
MANIFEST = "reports/dataset.json"
WEIGHTS = "model/weights.safetensors"
CARD = "model/model.json"
PROFILE = "d1" * 32
PREPARATION = {
    "code_sha256": "c2" * 32,
    "spacing_mm": 1.0,
    "interpolation": "cubic",
    "clip_percentiles": [0.5, 99.5],
}
PER_CASE = "reports/evaluation/per_case.csv"

I = TypeVar("I", bound=Item)  # noqa: E741 - stands for Item


# -- items ----------------------------------------------------------------------------


def need(**fields: Any) -> UserNeed:
    return UserNeed(**{"id": "UN-01", "title": "Fast volume", **fields})


def requirement(**fields: Any) -> Requirement:
    base = {
        "id": "SRS-001",
        "title": "Volumes",
        "category": Category.FUNCTIONAL,
        "refines": ("UN-01",),
        "text": "The software shall compute volumes in mm3.\n",
    }
    return Requirement(**{**base, **fields})


def performance(**fields: Any) -> Requirement:
    """A requirement with two criteria, one of them per site."""
    base = {
        "id": "SRS-002",
        "title": "Accuracy",
        "category": Category.PERFORMANCE,
        "acceptance": (
            Acceptance(metric="dice", bound=Bound.CI95_LOWER, at_least=0.8),
            Acceptance(
                metric="dice",
                statistic=Statistic.MINIMUM,
                at_least=0.5,
                subgroup="site",
            ),
        ),
    }
    return requirement(**{**base, **fields})


def analysed(**fields: Any) -> Requirement:
    base = {
        "id": "SRS-003",
        "title": "Bill of materials",
        "category": Category.OPERATION,
        "method": VerificationMethod.ANALYSIS,
        "method_rationale": "There is nothing to execute.",
    }
    return requirement(**{**base, **fields})


def risk(**fields: Any) -> Risk:
    base = {
        "id": "RISK-001",
        "title": "Wrong volume",
        "hazard": "Wrong information",
        "hazard_category": "MLH-06",
        "misuse": ("MU-01",),
        "sequence": ("Spacing is read wrongly",),
        "hazardous_situation": "A clinician acts on the volume",
        "harm": "Late work-up",
        "software_items": ("SW-01",),
        "causes": (
            Cause(text="Unit error", category=CauseCategory.DEFECT),
            Cause(text="No such spacing in training", category=CauseCategory.DATA),
            Cause(text="Learned scale", category=CauseCategory.MODEL),
        ),
        "initial": Estimate(severity=2, p1=3, p2=2, level="H"),
        "probability_basis": "expert: judged by two engineers",
        "controls": (control(),),
        "residual": Estimate(severity=2, p1=1, p2=1, level="L"),
        "disclosure": "Volumes rest on the spacing in the header",
        "signals": ("Complaints about volumes",),
    }
    return Risk(**{**base, **fields})


def control(**fields: Any) -> RiskControl:
    base = {
        "id": "RC-01",
        "option": ControlOption.INHERENT_SAFE_DESIGN,
        "text": "Spacing is checked",
        "implemented_by": ("SRS-004",),
        "effectiveness": ("SRS-004",),
        "no_new_risks_because": "Only refuses input",
    }
    return RiskControl(**{**base, **fields})


def software(**fields: Any) -> SoftwareItem:
    base = {
        "id": "SW-01",
        "title": "Volumetry",
        "safety_class": SafetyClass.B,
        "implements": ("SRS-001", "SRS-002", "SRS-003", "SRS-004"),
        "sources": ("device",),
        "uses": ("SOUP-001",),
        "machine_learning": True,
    }
    return SoftwareItem(**{**base, **fields})


def exclusion(**fields: Any) -> Exclusion:
    """What IEC 62304 5.2.2 lists and the device has not."""
    base = {
        "id": "NA-01",
        "title": "A function without surroundings",
        "excludes": tuple(f"IEC 62304 5.2.2 {letter}" for letter in "bcdefghjkl"),
        "text": "The device is one function that others call.\n",
    }
    return Exclusion(**{**base, **fields})


def checklist_exclusion(**fields: Any) -> Exclusion:
    """The rows of the ML hazard checklist that the one risk does not consider."""
    base = {
        "id": "NA-02",
        "title": "Other hazards of machine learning",
        "excludes": tuple(f"MLH-{n:02}" for n in range(1, 31) if n != 6),
        "text": "Nothing of the device was learned but a scale.\n",
    }
    return Exclusion(**{**base, **fields})


def soup(**fields: Any) -> Soup:
    base = {
        "id": "SOUP-001",
        "title": "NumPy",
        "package": "numpy",
        "version": "2.1.0",
        "supplier": "NumPy developers",
        "licence": "BSD-3-Clause",
        "functional": ("Arrays",),
        "environment": ("CPython 3.11",),
        "anomaly_source": "Issue tracker",
        "support": SupportLevel.MAINTAINED,
        "support_source": "Release schedule",
        "end_of_support": dt.date(2031, 1, 1),
    }
    version = fields.get("version", base["version"])
    base["review"] = AnomalyReview(
        date=dt.date(2026, 1, 2),
        version=version,
        source="Issue tracker",
        conclusion="Nothing that reaches the device",
    )
    return Soup(**{**base, **fields})


def specification(**fields: Any) -> DatasetSpecification:
    base = {
        "id": "DS-01",
        "title": "Development data",
        "role": DatasetRole.DEVELOPMENT,
        "refines": ("UN-01",),
        "population": "Adults",
        "inclusion": ("T1-weighted MR",),
        "source": "Hospital",
        "licence": "CC-BY-4.0",
        "ethics": "Waiver 12/2024",
        "modality": "MR",
        "annotation_protocol": "AP-01",
        "subgroups": (Subgroup(column="site", minimum_cases=2),),
        "deidentification_sha256": PROFILE,
        "faces": FaceProtection(
            measure=FaceMeasure.CROPPED,
            rationale="Only the hippocampus is kept",
            largest_extent_mm=80,
        ),
        "test_models": 2,
    }
    return DatasetSpecification(**{**base, **fields})


def protocol(**fields: Any) -> AnnotationProtocol:
    base = {
        "id": "AP-01",
        "title": "Outlines",
        "labels": (Label(value=1, name="anterior", definition="Head"),),
        "qualification": "Trained reader",
        "tool": "Any",
        "agreement_floor_dice": 0.8,
        "minimum_years_experience": 2,
    }
    return AnnotationProtocol(**{**base, **fields})


def manual_protocol(**fields: Any) -> TestProtocol:
    base = {
        "id": "VP-01",
        "title": "Review on screen",
        "verifies": ("SRS-001",),
        "steps": (Step(do="Open", expect="An image"),),
    }
    return TestProtocol(**{**base, **fields})


def change_request(**fields: Any) -> ChangeRequest:
    base = {
        "id": "CR-001",
        "title": "New spacing",
        "raised": dt.date(2026, 1, 2),
        "reason": "Asked for",
        "changes": ("SRS-001",),
        "impact": "SRS-001 and its test",
        "class_check": "Stays B",
        "risk_check": "No new cause",
        "verification": "The test of SRS-001 runs again",
        "verified_by": ("SRS-001",),
        "closed": dt.date(2026, 1, 5),
    }
    return ChangeRequest(**{**base, **fields})


def problem_report(**fields: Any) -> ProblemReport:
    base = {
        "id": "PR-001",
        "title": "A test fails",
        "reported": dt.date(2026, 1, 2),
        "reported_by": "Dora",
        "criticality": Criticality.MINOR,
        "affects": ("SRS-001",),
        "safety_impact": "None: the reader sees it",
        "risk_evaluation": "No risk changes",
        "residual": True,
        "residual_rationale": "It can be seen",
    }
    return ProblemReport(**{**base, **fields})


def changed(item: I, **fields: Any) -> I:
    """Return a valid copy of an item with other fields."""
    return type(item)(**{**dict(item), **fields})


ITEMS: tuple[AnyItem, ...] = (
    need(),
    requirement(),
    performance(),
    analysed(),
    requirement(id="SRS-004", title="Spacing", controls=("RISK-001",)),
    risk(),
    software(),
    soup(),
    soup(id="SOUP-002", title="Python", package="python", version="3.11.9"),
    specification(),
    protocol(),
    exclusion(),
    checklist_exclusion(),
    change_request(),
    problem_report(affects=("SW-01",)),
)


def located(item: AnyItem, path: str = "") -> LocatedItem:
    return LocatedItem(item, path or f"items/{item.id}.md", write_item(item))


# -- configuration --------------------------------------------------------------------


def pem(name: str) -> str:
    """Return something in the form of a public key; its id is that of the name."""
    body = base64.b64encode(name.encode()).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def key_of(name: str) -> str:
    return sha256_of(name.encode())


CONFIG = Config(
    device=Device(
        name="Device",
        version="1.0.0",
        manufacturer="Maker",
        safety_class=SafetyClass.B,
        class_rationale="Non-serious injury",
        documentation_level="Basic",
        documentation_rationale="No serious injury",
        intended_use="Volumes",
        users="Radiologists",
        not_for=("Children",),
        misuse=(Misuse(id="MU-01", text="Volumes of a phantom are reported"),),
        population=Population(
            ages=(AgeBand(from_years=18, to_years=90),),
            sexes=("F", "M"),
            field_strengths_t=(3.0,),
            vendors=("V",),
        ),
    ),
    sources=Sources(
        software=("device",), tests=("tests/device",), lock="requirements.txt"
    ),
    change_control=ChangeControl(since="v0"),
    signers=(
        Signer(
            name="Dora",
            email="dora@example.org",
            roles=(Role.DEVELOPER,),
            public_key=pem("dora"),
        ),
        Signer(
            name="Quinn",
            email="quinn@example.org",
            roles=(Role.QUALITY,),
            public_key=pem("quinn"),
        ),
    ),
    maintenance=Maintenance(supported_until=dt.date(2030, 1, 1)),
    qualified={"python": ("3.11",)},
    activities=(
        Activity(name="Training", clause="IEC 62304 5.1.1", shown_by=("train",)),
    ),
)


def _scale(*names: str) -> tuple[Scale, ...]:
    return tuple(
        Scale(value=value, name=name, meaning=name)
        for value, name in enumerate(names, start=1)
    )


POLICY = RiskPolicy(
    severity=_scale("minor", "serious", "fatal"),
    p1=_scale("rare", "possible", "frequent"),
    p2=_scale("rare", "likely"),
    probability=((1, 1), (1, 2), (2, 3)),
    matrix=(("L", "L", "M"), ("L", "M", "H"), ("M", "H", "H")),
    levels={"L": "low", "M": "medium", "H": "high"},
    acceptable=("L",),
    safety_class={1: SafetyClass.A, 2: SafetyClass.B, 3: SafetyClass.C},
    significant=Significant(severity=2, probability=1),
)


# -- data and scores ------------------------------------------------------------------


def case(number: int, **fields: Any) -> ManifestCase:
    split = fields.get("split", "test" if number % 2 else "train")
    base = {
        "case": f"HV-{number:02}",
        "patient": f"P-{number:02}",
        "study": f"1.2.{number}",
        "series": f"1.2.{number}.1",
        "site": "A" if number % 4 < 2 else "B",
        "vendor": "V",
        "split": split,
        "image": f"data/dataset/images/HV-{number:02}.nii.gz",
        "image_sha256": sha256_of(f"image {number}".encode()),
        "image_size_bytes": 100 + number,
        "label": f"data/dataset/labels/HV-{number:02}.nii.gz",
        "label_sha256": sha256_of(f"label {number}".encode()),
        "label_size_bytes": 10 + number,
        "sources": (sha256_of(f"dicom {number}".encode()),),
        "annotators": ("R-1", "R-2"),
        "sex": "F" if number % 4 < 2 else "M",
        "age_years": 30.0 + number,
        "field_strength_t": 2.89,
        "voxels_sha256": sha256_of(f"voxels {number}".encode()),
        "label_values": (1,),
        "same_grid": True,
        "agreement_dice": 0.9,
        "in_statistics": split == "train",
    }
    return ManifestCase(**{**base, **fields})


CASES = tuple(case(number) for number in range(12))


def score(name: str, dice: float, **fields: Any) -> CaseScore:
    base = {
        "case": name,
        "patient": f"P-{name}",
        "site": "A",
        "vendor": "V",
        "split": "test",
        "condition": "",
        "label": "whole",
        "metrics": {"dice": dice},
    }
    return CaseScore(**{**base, **fields})


def per_case_csv(cases: tuple[ManifestCase, ...]) -> str:
    """Return the scores of the test cases as the validate stage writes them."""
    head = "case,patient,site,vendor,split,condition,label,dice,status\n"
    return head + "".join(
        f"{c.case},{c.patient or ''},{c.site},{c.vendor},{c.split},,whole,"
        f"{0.85 + index / 100:.6f},ok\n"
        for index, c in enumerate(cases)
        if c.split == "test"
    )


# -- records --------------------------------------------------------------------------


def resolver(*environments: Mapping[str, Any]) -> Resolver:
    """Gives environments by digest, as their files in a project would."""
    known = {environment_row(one)["digest"]["sha256"]: one for one in environments}
    return known.__getitem__


def artifact(path: str, content: str | None = None) -> Artifact:
    data = (path if content is None else content).encode()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Artifact(path, sha256_of(data), md5, len(data))


def had(**versions: str) -> dict[str, dict[str, str | None]]:
    """Packages of an environment by name, as a recorder tells of them."""
    return {
        name: {"version": version, "sha256": sha256_of(f"{name} {version}".encode())}
        for name, version in versions.items()
    }


def origin(person: str = "Dora", **fields: Any) -> Origin:
    base = {
        "person": Person(person, f"{person.lower()}@example.org"),
        "started_utc": "2026-01-05T10:00:00Z",
        "finished_utc": "2026-01-05T10:05:00Z",
        "commit": COMMIT,
        "dirty": (),
        "diff_sha256": None,
        "code": CODE,
        "environment": {
            "python": {"version": "3.11.9"},
            "packages": had(numpy="2.1.0"),
            "cpu": {"model": "Some", "cores": 2},
        },
    }
    return Origin(**{**base, **fields})


def stage_run(stage: str, **fields: Any) -> StageRun:
    base = {
        "stage": stage,
        "origin": origin(),
        "command": f"regml record -- python -m pipelines.{stage}",
        "parameters": {"params.yaml": {stage: {"seed": 7}}},
        "inputs": (),
        "outputs": (),
        "outcome": Outcome.PASSED,
        "exit_status": 0,
        "resources": {"wall_seconds": 1.0},
        "log_sha256": sha256_of(b"log"),
        "notes": {},
    }
    return StageRun(**{**base, **fields})


def record(statement: Statement, *, number: int = 1, signer: str = "dora") -> Record:
    folder = KINDS
    sha256 = sha256_of(f"record {number}".encode())
    return Record(
        id=sha256[:12],
        sha256=sha256,
        path=f"records/{folder[type(statement)]}/{number:03}.json",
        previous=(),
        key_id=key_of(signer),
        statement=statement,
        environment=environment_row(statement.origin.environment)["name"],
    )


def approval(*items: AnyItem, known: Mapping[str, AnyItem], **fields: Any) -> Approval:
    """An approval of some items; ``known`` holds what they link to."""
    base = {
        "origin": origin("Quinn"),
        "role": "quality",
        "meaning": "approval",
        "fingerprints": {item.id: item.fingerprint() for item in items},
        "linked": {
            ref.target: known[ref.target].fingerprint()
            for item in items
            for ref in references(item)
            if ref.target in known
        },
        "contents": {
            known_or_signed.fingerprint(): canonical_json(
                known_or_signed.normative()
            ).decode()
            for item in items
            for known_or_signed in (
                item,
                *(known[r.target] for r in references(item) if r.target in known),
            )
        },
    }
    return Approval(**{**base, **fields})


def commit(**fields: Any) -> Commit:
    """A commit of Dora's, who develops, in answer to a change request."""
    base = {
        "sha": COMMIT,
        "parents": ("0" * 40,),
        "person": Person("Dora", "dora@example.org"),
        "time_utc": "2026-01-05T09:00:00Z",
        "subject": "Read spacing from the header",
        "body": "Change: CR-001",
        "paths": ("device/volume.py",),
    }
    return Commit(**{**base, **fields})


def execution(
    *outcomes: StepOutcome,
    of: TestProtocol | None = None,
    known: Mapping[str, AnyItem] | None = None,
    **fields: Any,
) -> Execution:
    """An execution of a protocol; one outcome per step, all passed when left out."""
    carried_out = of or manual_protocol()
    items = known or {item.id: item for item in ITEMS}
    given = outcomes or (StepOutcome.PASSED,) * len(carried_out.steps)
    base = {
        "origin": origin("Quinn"),
        "protocol": carried_out.id,
        "fingerprints": {
            carried_out.id: carried_out.fingerprint(),
            **{name: items[name].fingerprint() for name in carried_out.verifies},
        },
        "steps": tuple(
            ExecutedStep(step.do, step.expect, outcome, "seen")
            for step, outcome in zip(carried_out.steps, given, strict=True)
        ),
        "models": {WEIGHTS: artifact(WEIGHTS).sha256},
    }
    return Execution(**{**base, **fields})


def imported(*cases: TestCase, suite: str = "report.xml", **fields: Any) -> TestRun:
    """Results of another runner, imported as of now."""
    items = {item.id: item for item in ITEMS}
    named = {item_id for case in cases for item_id in case.verifies}
    base = {
        "origin": origin(),
        "command": f"regml test import {suite}",
        "cases": tuple(replace(case, suite=suite) for case in cases),
        "fingerprints": {
            name: items[name].fingerprint() for name in sorted(named) if name in items
        },
        "models": {WEIGHTS: artifact(WEIGHTS).sha256},
        "reports": (TestReport(suite, sha256_of(suite.encode()), "junit"),),
    }
    return TestRun(**{**base, **fields})


def locked(run: StageRun) -> LockedStage:
    return LockedStage(
        name=run.stage,
        command=run.command,
        deps={artifact_.path: artifact_.md5 for artifact_ in run.inputs},
        params=dict(run.parameters),
        outs={artifact_.path: artifact_.md5 for artifact_ in run.outputs},
    )


# -- a whole project ------------------------------------------------------------------


def _tests() -> tuple[WrittenTest, ...]:
    path = "tests/device/test_volumes.py"
    return tuple(
        WrittenTest(f"{path}::test_{name}", verifies, path, line)
        for name, verifies, line in (
            ("volume", ("SRS-001",), 3),
            ("spacing", ("SRS-004",), 9),
        )
    )


@dataclass(frozen=True)
class Parts:
    """What a project is made of before anything runs."""

    items: tuple[AnyItem, ...] = ITEMS
    cases: tuple[ManifestCase, ...] = CASES
    split_unit: str = "patient"
    limitation: str | None = None
    packages: Mapping[str, str] = field(default_factory=lambda: {"numpy": "2.1.0"})
    tests: tuple[WrittenTest, ...] = field(default_factory=_tests)
    implements: tuple[SourceMark, ...] = (SourceMark("device/volume.py", 1, "SRS-001"),)
    outcome: Outcome = Outcome.PASSED
    origin: Origin = field(default_factory=origin)
    model_note: Mapping[str, Any] = field(
        default_factory=lambda: {
            "weights": WEIGHTS,
            "architecture": "DynUNet",
            "parameters": 1000,
            "seed": 7,
            "hyperparameters": {"steps": 10},
            "card": CARD,
            "manifest": MANIFEST,
            "metrics": {"tuning_dice": 0.88},
            "initial_weights": {
                "source": "none, random initialisation",
                "seed": 7,
            },
        }
    )
    manifest: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    deidentification: Mapping[str, Any] = field(default_factory=dict)
    annotation: Mapping[str, Any] = field(default_factory=dict)
    row: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def but(self, item_id: str, **fields: Any) -> "Parts":
        """Return these parts with other fields in one item."""
        return replace(
            self,
            items=tuple(
                changed(item, **fields) if item.id == item_id else item
                for item in self.items
            ),
        )

    def plus(self, *items: AnyItem) -> "Parts":
        """Return these parts with more items."""
        return replace(self, items=(*self.items, *items))


def stage_runs(parts: Parts) -> tuple[StageRun, StageRun, StageRun]:
    """Return the runs of preprocess, train and validate."""
    manifest = artifact(MANIFEST, repr(parts.cases))
    data, weights = artifact("data/dataset"), artifact(WEIGHTS)
    per_case = artifact(PER_CASE, per_case_csv(parts.cases))
    scores = read_case_scores(per_case_csv(parts.cases))
    preprocess = stage_run(
        "preprocess",
        origin=parts.origin,
        inputs=(artifact("data/deidentified"), artifact("data/annotations")),
        outputs=(data, manifest),
        notes={"dataset": {"manifest": MANIFEST, "specification": "DS-01"}},
    )
    train = stage_run(
        "train",
        origin=parts.origin,
        inputs=(data, manifest),
        outputs=(weights,),
        notes={"model": dict(parts.model_note)},
    )
    validate = stage_run(
        "validate",
        origin=parts.origin,
        inputs=(data, manifest, weights),
        outputs=(per_case,),
        notes={
            "evaluation": {
                "per_case": PER_CASE,
                "weights": WEIGHTS,
                "acceptance": acceptance_rows(parts),
                "metrics": {"whole": fmean(s.metrics["dice"] for s in scores)},
                "subgroups": [
                    {"column": "site", "group": site, "mean": 0.9} for site in "AB"
                ],
                "interval": {"unit": "patient"},
                "preparation": PREPARATION,
                **parts.evaluation,
            }
        },
    )
    return preprocess, train, validate


def deidentify_run(parts: Parts) -> StageRun:
    """Return the run before :func:`stage_runs`: the data came from a hospital."""
    return stage_run(
        "deidentify",
        origin=parts.origin,
        outputs=(artifact("data/deidentified"),),
        notes={
            "deidentification": {
                "configuration_sha256": PROFILE,
                "series": len(parts.cases),
                "residual_identifiers": 0,
                **parts.deidentification,
            }
        },
    )


def annotate_run(parts: Parts) -> StageRun:
    """Return the run that imported the outlines, between the two."""
    known = {item.id: item for item in parts.items}
    return stage_run(
        "annotate",
        origin=parts.origin,
        inputs=(artifact("data/deidentified"),),
        outputs=(artifact("data/annotations"),),
        notes={
            "annotations": {
                "protocol": "AP-01",
                "protocol_fingerprint": known["AP-01"].fingerprint(),
                **parts.annotation,
            }
        },
    )


def manifest_of(parts: Parts) -> DatasetManifest:
    trained = dt.date(2025, 3, 1)
    base = {
        "specification": "DS-01",
        "split_unit": parts.split_unit,
        "limitation": parts.limitation,
        "cases": parts.cases,
        "annotators": tuple(
            Annotator(
                reader=name,
                qualification="radiologist",
                years_experience=9,
                trained_on=trained,
            )
            for name in ("R-1", "R-2")
        ),
        "flow": Flow(
            found=len(parts.cases),
            left_out_by_import=0,
            left_out_by_gate=0,
            used=len(parts.cases),
        ),
        "similarity": Similarity(threshold=0.97, nearest=0.5),
        "preparation": Preparation.model_validate(PREPARATION),
        "headers": HeaderScan(files=100),
        "largest_extent_mm": 60.0,
    }
    return DatasetManifest(**{**base, **parts.manifest})


def card_of(parts: Parts) -> dict[str, Any]:
    """Return the model card as the train stage writes it."""
    note = parts.model_note
    return {
        "weights_sha256": artifact(WEIGHTS).sha256,
        "dataset_manifest_sha256": artifact(MANIFEST, repr(parts.cases)).sha256,
        "preparation": PREPARATION,
        "seed": note["seed"],
        "hyperparameters": note["hyperparameters"],
        "tuning": {"dice": note["metrics"]["tuning_dice"]},
        **parts.card,
    }


def acceptance_rows(parts: Parts) -> list[dict[str, Any]]:
    scores = read_case_scores(per_case_csv(parts.cases))
    return [
        parts.row(
            {
                "requirement": item.id,
                "criterion": index,
                "fingerprint": item.fingerprint(),
                **criterion.model_dump(mode="json"),
                **asdict(result),
                "outcome": result.outcome.value,
            }
        )
        for item in parts.items
        if isinstance(item, Requirement) and not item.retired
        for index, criterion in enumerate(item.acceptance)
        for result in evaluate(criterion, scores)
    ]


def run_of_tests(parts: Parts) -> TestRun:
    known = {item.id: item for item in parts.items}
    return TestRun(
        origin=parts.origin,
        command="regml test",
        cases=tuple(
            TestCase(test.name, test.verifies, parts.outcome, 0.1)
            for test in parts.tests
        ),
        fingerprints={
            name: known[name].fingerprint()
            for test in parts.tests
            for name in test.verifies
            if name in known
        },
        models={WEIGHTS: artifact(WEIGHTS).sha256},
        complete=True,
    )


def document(name: str, **fields: Any) -> DocumentPlan:
    """A document that presents no items, so that it changes with its template only."""
    base = {
        "id": name,
        "number": "05",
        "title": name.replace("-", " ").capitalize(),
        "purpose": "Says it.",
        "owner": "quality",
        "approvers": ("quality",),
        "path": f"dhf_templates/{name}.md.j2",
        "body": "",
        "first_line": 9,
        "sha256": sha256_of(name.encode()),
    }
    return DocumentPlan(**{**base, **fields})


def release(**fields: Any) -> Release:
    base = {
        "origin": origin(
            "Quinn",
            started_utc="2026-01-20T10:00:00Z",
            finished_utc="2026-01-20T10:05:00Z",
        ),
        "role": "quality",
        "version": "1.0.0",
        "model": artifact(WEIGHTS).sha256,
        "dataset": artifact(MANIFEST, repr(CASES)).sha256,
        "commit": COMMIT,
        "heads": (),
        "documents": {},
        "artifacts": (artifact(WEIGHTS),),
    }
    return Release(**{**base, **fields})


def export(items: Iterable[AnyItem], **fields: Any) -> VulnerabilityExport:
    """An export that was asked about every SOUP item and knew of nothing."""
    base = {
        "exported": dt.date(2026, 1, 20),
        "source": "A database",
        "packages": {i.package: i.version for i in items if isinstance(i, Soup)},
        "path": "maintenance/vulnerabilities/2026-01-20.json",
    }
    return VulnerabilityExport(**{**base, **fields})


def evidence_of(parts: Parts) -> Evidence:
    """Return what lies in the project after everything ran and was approved."""
    known = {item.id: item for item in parts.items}
    runs = stage_runs(parts)
    signed = [known[name] for name in ("SRS-001", "SRS-003", "CR-001") if name in known]
    reviewed = [i for i in parts.items if i.id.startswith(("RISK-", "NA-"))]
    statements: tuple[Statement, ...] = (*runs, run_of_tests(parts))
    before = (deidentify_run(parts), annotate_run(parts))
    return Evidence(
        config=CONFIG,
        policy=POLICY,
        items=tuple(located(item) for item in parts.items),
        lock=tuple(locked(run) for run in (*runs, *before)),
        records=(
            *(record(s, number=n) for n, s in enumerate(statements)),
            record(approval(*reviewed, known=known), number=8, signer="quinn"),
            *(record(run, number=n) for n, run in enumerate(before, start=4)),
            record(runs[1], number=6),  # the training was repeated
            record(approval(known["DS-01"], known=known), number=7, signer="quinn"),
            record(approval(*signed, known=known), number=9, signer="quinn"),
            record(
                release(dataset=artifact(MANIFEST, repr(parts.cases)).sha256),
                number=10,
                signer="quinn",
            ),
        ),
        documents=tuple(document(needed.id) for needed in outline()),
        built=BuiltFile("build/dhf", (), (), (), COMMIT, (), {}),
        vulnerabilities=(export(parts.items),),
        commit=COMMIT,
        code=CODE,
        tree=frozenset(
            {"regml.toml", "device/volume.py", "tests/device/test_volumes.py"}
        ),
        packages=parts.packages,
        today=dt.date(2026, 2, 1),
        look_around=lambda: around(parts),
        tests=parts.tests,
        implements=parts.implements,
        manifests={MANIFEST: manifest_of(parts)},
        cards={CARD: card_of(parts)},
        scores={PER_CASE: read_case_scores(per_case_csv(parts.cases))},
        workspace={
            MANIFEST: artifact(MANIFEST, repr(parts.cases)),
            PER_CASE: artifact(PER_CASE, per_case_csv(parts.cases)),
        },
    )


def around(parts: Parts) -> Surroundings:
    """Return what lies around the project: one commit, and all data checked out."""
    return Surroundings(
        kept={artifact(WEIGHTS).sha256: "cache of DVC"},
        controlled_since="0" * 40,
        history=(commit(),),
        last_changes={f"items/{item.id}.md": commit() for item in parts.items},
        commit_times={COMMIT: "2026-01-05T09:00:00Z"},
        data_sizes={
            name: size
            for c in parts.cases
            for name, size in (
                (c.image, c.image_size_bytes),
                (c.label, c.label_size_bytes),
            )
        },
    )


def amid(evidence: Evidence, **fields: Any) -> Evidence:
    """Return evidence with something else around it."""
    around = replace(evidence.surroundings, **fields)
    return replace(evidence, look_around=lambda: around)


def with_item(evidence: Evidence, item_id: str, **fields: Any) -> Evidence:
    """Return evidence in which an item was changed after everything ran."""
    return replace(
        evidence,
        items=tuple(
            located(changed(found.item, **fields), found.path)
            if found.item.id == item_id
            else found
            for found in evidence.items
        ),
    )


def with_run(evidence: Evidence, stage: str, **fields: Any) -> Evidence:
    """Return evidence in which the record of a stage says something else."""
    return replace(
        evidence,
        records=tuple(
            replace(r, statement=replace(r.statement, **fields))
            if isinstance(r.statement, StageRun) and r.statement.stage == stage
            else r
            for r in evidence.records
        ),
    )


def with_records(evidence: Evidence, *statements: Statement) -> Evidence:
    """Return evidence with more records at the end of the log."""
    more = (record(s, number=100 + n) for n, s in enumerate(statements))
    return replace(evidence, records=(*evidence.records, *more))
