"""One seeded defect per line: the rule it is seeded for fires, and no other one."""

from dataclasses import dataclass, replace

import pytest

from regml.files.python_tests import SourceMark, WrittenTest
from regml.findings import Finding, Severity
from regml.items.base import SafetyClass
from regml.items.recorded import LogProblem, Outcome, ProblemKind
from regml.items.requirements import Acceptance, VerificationMethod
from regml.items.risk import Estimate
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import RULES, check
from tests.factories import (
    CASES,
    MANIFEST,
    PER_CASE,
    WEIGHTS,
    Parts,
    approval,
    artifact,
    case,
    control,
    evidence_of,
    located,
    manual_protocol,
    origin,
    problem_report,
    requirement,
    risk,
    run_of_tests,
    score,
    software,
    soup,
    stage_run,
    stage_runs,
    with_item,
    with_records,
    with_run,
)

PARTS = Parts()
CLEAN = evidence_of(PARTS)


@dataclass(frozen=True)
class Defect:
    """A way to break the clean project.

    Attributes:
        rule: The rule it is seeded for.
        what: What is broken.
        evidence: The broken project.
        says: A part of what the finding has to say.
        also: Rules that rightly fire as well.
        severity: Of the finding.
    """

    rule: str
    what: str
    evidence: Evidence
    says: str
    also: frozenset[str] = frozenset()
    severity: Severity = Severity.BLOCKER


def findings(evidence: Evidence) -> list[Finding]:
    outcomes = check(build_graph(evidence))
    return [finding for outcome in outcomes for finding in outcome.findings]


def _more_cases(*cases: object) -> Parts:
    return replace(PARTS, cases=(*CASES, *cases))  # type: ignore[arg-type]  # cases


def _retired(item_id: str) -> Evidence:
    return with_item(CLEAN, item_id, retired="Replaced")


def _without_runs(evidence: Evidence, *stages: str) -> Evidence:
    names = {"preprocess", "train", "validate"} & set(stages)
    return replace(
        evidence,
        records=tuple(
            r
            for r in evidence.records
            if getattr(r.statement, "stage", None) not in names
        ),
    )


def _other_weights_evaluated() -> Evidence:
    """The evaluation read other weights, and dvc.lock says so as well."""
    inputs = (artifact("data/dataset"), artifact(WEIGHTS, "older"))
    manifest = artifact(MANIFEST, repr(CASES))
    evidence = with_run(CLEAN, "validate", inputs=(*inputs, manifest))
    lock = tuple(
        replace(s, deps={**s.deps, WEIGHTS: inputs[1].md5})
        if s.name == "validate"
        else s
        for s in evidence.lock
    )
    return replace(evidence, lock=lock)


def _other_lock(stage: str, **fields: object) -> Evidence:
    return replace(
        CLEAN,
        lock=tuple(
            replace(s, **fields) if s.name == stage else s  # type: ignore[arg-type]  # fields of LockedStage
            for s in CLEAN.lock
        ),
    )


def _dishonest(row: dict[str, object]) -> dict[str, object]:
    return {**row, "value": 0.99}


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
    Defect("T09", "a retired reason", _retired("AP-01"), "retired: Replaced"),
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
    Defect(
        "D01",
        "a patient in two splits",
        evidence_of(_more_cases(case(12, patient="P-01"))),
        "splits test and train",
    ),
    Defect(
        "D02",
        "a case without patient",
        evidence_of(_more_cases(case(12, patient=None))),
        "1 of 13 cases have no patient (HV-12)",
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
        replace(CLEAN, data_sizes={**CLEAN.data_sizes, CASES[0].image: None}),
        "absent",
    ),
    Defect(
        "D04",
        "a cut image",
        replace(CLEAN, data_sizes={**CLEAN.data_sizes, CASES[0].image: 1}),
        "another size",
    ),
    Defect(
        "D05",
        "data without licence",
        evidence_of(PARTS.but("DS-01", licence=None, ethics=None)),
        "no licence and no ethics",
    ),
    Defect(
        "M01",
        "other weights in the lock",
        _other_lock("train", outs={WEIGHTS: "0" * 32}),
        "no believed training run",
        also=frozenset({"C19"}),
    ),
    Defect(
        "M01",
        "other weights in the evaluation",
        _other_weights_evaluated(),
        "training produced model@",
        also=frozenset({"T04", "M02"}),
    ),
    Defect(
        "M02",
        "code changed after the evaluation",
        with_run(CLEAN, "validate", origin=origin(code="old" * 20)),
        "the source code changed",
    ),
    Defect(
        "M02",
        "wording changed after the evaluation",
        with_item(CLEAN, "SRS-002", title="More accuracy"),
        "SRS-002 changed since",
        also=frozenset({"T04"}),
    ),
    Defect(
        "M03",
        "a training without seed",
        evidence_of(
            replace(
                PARTS,
                model_note={**PARTS.model_note, "seed": None, "hyperparameters": {}},
            )
        ),
        "seed, hyperparameters",
    ),
    Defect(
        "M03",
        "a training on unrecorded data",
        _without_runs(replace(CLEAN, workspace={}, manifests={}), "preprocess"),
        "dataset by digest",
        also=frozenset({"C19"}),
    ),
    Defect(
        "M04",
        "a training with uncommitted changes",
        with_run(CLEAN, "train", origin=origin(dirty=("device/volume.py",))),
        "uncommitted changes (device/volume.py)",
    ),
    Defect(
        "M04",
        "tests before the first commit",
        with_records(CLEAN, replace(run_of_tests(PARTS), origin=origin(commit=None))),
        "before the first commit",
    ),
    Defect(
        "M06",
        "a number that does not follow",
        evidence_of(replace(PARTS, row=_dishonest)),
        "per_case.csv gives passed",
    ),
    Defect(
        "M06",
        "edited scores",
        replace(
            CLEAN,
            workspace={**CLEAN.workspace, PER_CASE: artifact(PER_CASE, "edited")},
        ),
        "changed after it was recorded",
    ),
    Defect(
        "M06",
        "other scores",
        replace(
            CLEAN,
            scores={PER_CASE: (score("HV-01", 0.1), score("HV-03", 0.2))},
        ),
        "gives failed",
    ),
    Defect(
        "C01",
        "a package that is no SOUP",
        evidence_of(replace(PARTS, packages={"numpy": "2.1.0", "scipy": "1.15"})),
        "in no SOUP item",
    ),
    Defect(
        "C01",
        "a SOUP item of another version",
        evidence_of(PARTS.but("SOUP-001", version="2.0.0")),
        "the lock file has 2.1.0",
    ),
    Defect(
        "C01",
        "a SOUP item of a package that is gone",
        evidence_of(PARTS.plus(soup(id="SOUP-003", package="scipy"))),
        "not in the lock file",
    ),
    Defect(
        "C01",
        "a training with another version",
        with_run(
            CLEAN,
            "train",
            origin=origin(
                environment={**origin().environment, "packages": {"numpy": "1.26"}}
            ),
        ),
        "had 1.26",
    ),
    Defect(
        "C02",
        "SOUP without needs",
        evidence_of(PARTS.but("SOUP-001", functional=(), environment=())),
        "no functional and no environment",
    ),
    Defect(
        "C08",
        "a failed test nobody reported",
        evidence_of(FAILED_TEST),
        "no problem report",
        also=frozenset({"T04", "R06"}),
    ),
    Defect(
        "C08",
        "a killed stage nobody reported",
        with_records(
            CLEAN, replace(stage_runs(PARTS)[1], outcome=Outcome.KILLED, exit_status=-9)
        ),
        "The stage train did not pass",
    ),
    Defect(
        "C11",
        "an approved item changed",
        with_item(CLEAN, "SRS-003", title="Another bill"),
        "changed since Quinn signed it",
        also=frozenset({"T04"}),
    ),
    Defect(
        "C14",
        "a problem in the log",
        replace(
            CLEAN,
            log_problems=(
                LogProblem(ProblemKind.TIME, "records/runs/001.json", "it does."),
            ),
        ),
        "Time runs backwards",
    ),
    Defect(
        "C14",
        "a stranger's record",
        replace(
            CLEAN,
            log_problems=(
                LogProblem(
                    ProblemKind.UNKNOWN_SIGNER, CLEAN.records[0].path, "who is it?"
                ),
            ),
        ),
        "Unknown signer",
        also=frozenset({"C19"}),
    ),
    Defect(
        "C19",
        "a stage with other parameters",
        _other_lock("preprocess", params={"params.yaml": {"preprocess": {"seed": 8}}}),
        "the parameters differ",
    ),
    Defect(
        "C19",
        "a stage nobody recorded",
        replace(
            CLEAN,
            lock=(
                *CLEAN.lock,
                replace(CLEAN.lock[0], name="import_annotations"),
            ),
        ),
        "no believed run",
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.rule} {d.what}")
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    found = findings(defect.evidence)
    mine = [finding for finding in found if finding.rule == defect.rule]
    assert {finding.rule for finding in found} == {defect.rule} | defect.also
    assert any(defect.says in finding.message for finding in mine), mine
    assert {finding.severity for finding in mine} == {defect.severity}
    assert all(finding.remedy and finding.where for finding in mine), mine


def test_every_rule_has_a_seeded_defect() -> None:
    assert {defect.rule for defect in DEFECTS} == {rule.id for rule in RULES}


def test_a_later_pass_answers_a_failure() -> None:
    failed = replace(run_of_tests(PARTS), cases=run_of_tests(FAILED_TEST).cases)
    evidence = with_records(CLEAN, failed, run_of_tests(PARTS))
    assert findings(evidence) == []


def test_a_rule_that_a_class_does_not_ask_for_is_off_and_says_why() -> None:
    outcomes = check(build_graph(CLEAN), safety_class=SafetyClass.A)
    off = {outcome.rule: outcome.off for outcome in outcomes if outcome.off}
    assert set(off) == {"T06", "R05", "R06", "R07", "C02"}
    assert off["T06"] == "IEC 62304 5.3.1 not asked for in class A"


def test_a_rule_without_subjects_says_so() -> None:
    bare = Evidence(CLEAN.config, CLEAN.policy)
    outcomes = check(build_graph(bare))
    assert all(o.subjects == 0 and o.findings == () for o in outcomes)


def test_an_approval_by_a_developer_is_no_recorded_analysis() -> None:
    by_dora = replace(CLEAN.records[-1], key_id=CLEAN.records[0].key_id)
    evidence = replace(CLEAN, records=(*CLEAN.records[:-1], by_dora))
    assert [f.rule for f in findings(evidence)] == ["T04"]


def test_an_edited_record_is_no_evidence() -> None:
    problem = LogProblem(ProblemKind.BAD_SIGNATURE, CLEAN.records[3].path, "no.")
    found = {f.rule for f in findings(replace(CLEAN, log_problems=(problem,)))}
    assert {"T04", "C14"} <= found


def test_a_signed_item_that_was_removed_is_found() -> None:
    ghost = requirement(id="SRS-050")
    evidence = with_records(CLEAN, approval(ghost, known={}))
    found = [f for f in findings(evidence) if f.rule == "C11"]
    assert [f.subject for f in found] == ["SRS-050"]
    assert "was removed" in found[0].message


def test_a_failed_stage_is_answered_by_a_report_that_names_its_record() -> None:
    failed = with_records(CLEAN, stage_run("train", outcome=Outcome.FAILED))
    report = problem_report(affects=(), text=f"Run {failed.records[-1].id} broke.\n")
    answered = replace(failed, items=(*failed.items, located(report)))
    assert findings(answered) == []
