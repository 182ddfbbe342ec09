"""M: numbers that are not honest, and models that are not what they seem."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.files.scores import CaseScore
from regml.findings import Severity
from regml.items.config import Role
from regml.items.data import Limitation
from regml.items.lifecycle import (
    ChangeRequest,
    ParameterRange,
    PccpModification,
)
from regml.items.recorded import LogProblem, Outcome, ProblemKind
from regml.items.requirements import Acceptance, Bound
from regml.trace.evidence import Evidence
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, findings, name_of
from tests.factories import (
    CASES,
    PER_CASE,
    PREPARATION,
    WEIGHTS,
    acceptance_rows,
    amid,
    approval,
    artifact,
    case,
    change_request,
    commit,
    evidence_of,
    located,
    origin,
    record,
    release,
    stage_runs,
    with_item,
)

MAJOR = Severity.MAJOR
LOOSER = (
    Acceptance(metric="dice", bound=Bound.CI95_LOWER, at_least=0.7),
    PARTS.items[2].acceptance[1],  # type: ignore[union-attr]  # SRS-002
)


def card(**fields: Any) -> Evidence:
    return evidence_of(replace(PARTS, card=fields))


def evaluation(**fields: Any) -> Evidence:
    return evidence_of(replace(PARTS, evaluation=fields))


def without(evidence: Evidence, number: int) -> Evidence:
    """Return evidence without the record with this number in its name."""
    kept = tuple(r for r in evidence.records if f"/{number:03}." not in r.path)
    return replace(evidence, records=kept)


def decided_again() -> Evidence:
    """Return a project whose first evaluation knew a stricter criterion."""
    first = replace(
        stage_runs(PARTS)[2],
        notes={
            "evaluation": {
                **stage_runs(PARTS)[2].notes["evaluation"],
                "acceptance": acceptance_rows(PARTS),
            }
        },
    )
    now = evidence_of(PARTS.but("SRS-002", acceptance=LOOSER))
    return replace(now, records=(record(first, number=70), *now.records))


def fewer_scores() -> Evidence:
    rows = tuple(s for s in CLEAN.scores[PER_CASE] if s.case != "HV-11")
    return replace(CLEAN, scores={PER_CASE: rows})


def retrained(pccp: PccpModification | None = None) -> Evidence:
    """Return a project that was released with a model that had fewer steps."""
    older = artifact(WEIGHTS, "older")
    train, validate = stage_runs(PARTS)[1:]
    note = {**PARTS.model_note, "hyperparameters": {"steps": 8}}
    before = (
        replace(
            train,
            parameters={"params.yaml": {"train": {"seed": 7, "steps": 8}}},
            outputs=(older,),
            notes={"model": note},
        ),
        replace(validate, inputs=(*validate.inputs[:2], older)),
    )
    evidence = without(CLEAN, 10)
    released = (
        *(record(run, number=80 + n) for n, run in enumerate(before)),
        *evidence.records,
        record(
            release(model=older.sha256, artifacts=(artifact(WEIGHTS, "older"),)),
            number=82,
            signer="quinn",
        ),
    )
    evidence = replace(evidence, records=released)
    kept = {**evidence.surroundings.kept, older.sha256: "cache of DVC"}
    evidence = amid(evidence, kept=kept)
    if pccp is None:
        return evidence
    evidence = amid(
        replace(evidence, items=(*evidence.items, located(pccp))),
        last_changes={
            **evidence.surroundings.last_changes,
            f"items/{pccp.id}.md": commit(),
        },
    )
    return replace(
        evidence,
        records=(
            *evidence.records,
            record(approval(pccp, known={}), number=83, signer="quinn"),
        ),
    )


def released(**fields: Any) -> Evidence:
    """Return a project with another release; all that was handed over is kept."""
    handed_over = release(**fields)
    kept = {a.sha256: "cache of DVC" for a in handed_over.artifacts}
    return amid(
        replace(
            without(CLEAN, 10),
            records=(
                *without(CLEAN, 10).records,
                record(handed_over, number=82, signer="quinn"),
            ),
        ),
        kept={**CLEAN.surroundings.kept, **kept},
    )


def plan(**limits: Any) -> PccpModification:
    return PccpModification(
        id="PCCP-01",
        title="More steps",
        changes=("steps",),
        ranges=(ParameterRange(parameter="train.steps", **limits),),
        outside=("all else",),
        protocol=("train",),
        acceptance=("as before",),
        text="Steps.\n",
    )


def _worse(row: dict[str, Any]) -> dict[str, Any]:
    if row["group"] != "B":
        return row
    return {**row, "outcome": "failed", "reason": "below"}


def measured_in_vain(outcome: Outcome, *, believed: bool = True) -> Evidence:
    """Return a release of a model whose only evaluation counts for nothing."""
    other = artifact(WEIGHTS, "other")
    train, validate = stage_runs(PARTS)[1:]
    runs = (
        replace(train, parameters={}, outputs=(other,)),
        replace(validate, inputs=(*validate.inputs[:2], other), outcome=outcome),
    )
    evidence = released(model=other.sha256, artifacts=(other,))
    before = tuple(record(run, number=60 + n) for n, run in enumerate(runs))
    evidence = replace(evidence, records=(*before, *evidence.records))
    return evidence if believed else disbelieved(evidence, number=61)


def disbelieved(evidence: Evidence, *, number: int) -> Evidence:
    """Return evidence in which a record was edited."""
    [path] = [r.path for r in evidence.records if f"/{number:03}." in r.path]
    problem = LogProblem(ProblemKind.BAD_SIGNATURE, path, "it was edited.")
    return replace(evidence, log_problems=(problem,))


def before_otherwise(**fields: Any) -> Evidence:
    """Return a retrained model whose released one came of a run unlike the present."""
    evidence = retrained(plan(at_least=7, at_most=12))
    return replace(
        evidence,
        records=tuple(
            replace(r, statement=replace(r.statement, **fields))
            if "/080." in r.path
            else r
            for r in evidence.records
        ),
    )


def one_of_somebody_else() -> tuple[CaseScore, ...]:
    first, *others = CLEAN.scores[PER_CASE]
    return (replace(first, patient="P-99"), *others)


def one_without_dice() -> tuple[CaseScore, ...]:
    first, *others = CLEAN.scores[PER_CASE]
    return (replace(first, metrics={}, status="failed:memory"), *others)


CRITERION = frozenset(Acceptance.model_fields)


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in CRITERION}


ASKED: dict[str, Any] = {
    "id": "CR-009",
    "changes": ("SRS-002",),
    "raised": dt.date(2026, 1, 6),
    "closed": None,
}


def lowered_for(request: ChangeRequest) -> Evidence:
    lowered = with_item(CLEAN, "SRS-002", acceptance=LOOSER)
    return replace(lowered, items=(*lowered.items, located(request)))


def lowered_after_closing() -> Evidence:
    """Return a limit that was lowered after an evaluation that nobody asked about."""
    request = change_request(**{**ASKED, "closed": dt.date(2026, 1, 7)})
    known = {item.id: item for item in (*PARTS.items, request)}
    signed = record(approval(request, known=known), number=90, signer="quinn")
    again = replace(
        stage_runs(PARTS)[2],
        origin=origin(
            started_utc="2026-01-20T10:00:00Z", finished_utc="2026-01-20T10:05:00Z"
        ),
    )
    found = lowered_for(request)
    return replace(found, records=(*found.records, signed, record(again, number=91)))


DEFECTS = (
    Defect(
        "M01",
        "a card of other weights",
        card(weights_sha256="ab" * 32),
        "names the weights model@abababababab",
    ),
    Defect(
        "M01",
        "a release with another file than it names",
        released(artifacts=(artifact(WEIGHTS, "wrong"),)),
        f"was handed over is model@{artifact(WEIGHTS, 'wrong').sha256[:12]}",
    ),
    Defect(
        "M01",
        "a release of a model that nobody measured",
        released(model="fe" * 32, artifacts=()),
        "names model@fefefefefefe, which no believed evaluation that passed measured",
        also=frozenset({"M14", "T15"}),
    ),
    Defect(
        "M01",
        "a release of a model that only a failed evaluation measured",
        measured_in_vain(Outcome.FAILED),
        "which no believed evaluation that passed measured",
        also=frozenset({"M14"}),
    ),
    Defect(
        "M01",
        "a release of a model whose evaluation nobody believes",
        measured_in_vain(Outcome.PASSED, believed=False),
        "which no believed evaluation that passed measured",
        also=frozenset({"C14", "M14"}),
    ),
    Defect(
        "M01",
        "a release that hands over no model",
        released(artifacts=()),
        "and no file that was handed over is it",
    ),
    Defect(
        "M01",
        "a card that does not say of which weights it is",
        card(weights_sha256=None),
        "does not say of which weights it is",
    ),
    Defect(
        "M05",
        "a number without interval",
        evidence_of(replace(PARTS, row=lambda row: {**row, "low": None})),
        "has no confidence interval",
        also=frozenset({"M06"}),
        severity=MAJOR,
    ),
    Defect(
        "M05",
        "an interval by case",
        evaluation(interval={"unit": "case"}),
        "it was drawn by case",
        severity=MAJOR,
    ),
    Defect(
        "M05",
        "test cases without patient",
        evidence_of(replace(PARTS, cases=(*CASES, case(13, patient=None)))),
        "no patient is known for 1 case of reports/evaluation/per_case.csv (HV-13)",
        also=frozenset({"D02"}),
        severity=MAJOR,
    ),
    Defect(
        "M05",
        "an interval by other patients than those of the manifest",
        replace(CLEAN, scores={PER_CASE: one_of_somebody_else()}),
        "the manifest has other patients for 1 case of reports/evaluation/per_case.csv "
        "(HV-01)",
        severity=MAJOR,
    ),
    Defect(
        "M07",
        "a limit that was lowered afterwards",
        with_item(CLEAN, "SRS-002", acceptance=LOOSER),
        "at_least of criterion 0 from 0.8 to 0.7",
        also=frozenset({"T04", "M02"}),
    ),
    Defect(
        "M07",
        "a limit that was lowered between two evaluations",
        decided_again(),
        "at_least of criterion 0 from 0.8 to 0.7",
    ),
    Defect(
        "M07",
        "a limit that was lowered for a change nobody approved",
        lowered_for(change_request(**ASKED)),
        "CR-009 names SRS-002 and is not approved as it is",
        also=frozenset({"T04", "M02"}),
    ),
    Defect(
        "M07",
        "a requirement that was given up after its evaluation",
        with_item(CLEAN, "SRS-002", retired="Too hard"),
        "2 criteria became 0",
        also=frozenset({"M02", "T09"}),
    ),
    Defect(
        "M07",
        "a requirement that was removed after its evaluation",
        replace(CLEAN, items=tuple(i for i in CLEAN.items if i.item.id != "SRS-002")),
        "2 criteria became 0",
        also=frozenset({"M02", "T08"}),
    ),
    Defect(
        "M07",
        "a limit that was lowered after its change request was closed",
        lowered_after_closing(),
        "No change request that was open then names SRS-002, only CR-009 (closed on "
        "2026-01-07)",
        also=frozenset({"C12", "M02", "T04"}),
    ),
    Defect(
        "M07",
        "a limit that was lowered and of which no evaluation told",
        with_item(evidence_of(replace(PARTS, row=_bare)), "SRS-002", acceptance=LOOSER),
        "did not note its criteria ('metric', 'at_least', ...)",
        also=frozenset({"M02", "T04"}),
    ),
    Defect(
        "M08",
        "a case that was left out",
        fewer_scores(),
        "1 of 6 cases of the split 'test'",
        also=frozenset({"M06", "M10"}),
    ),
    Defect(
        "M08",
        "a decision on fewer cases",
        evidence_of(
            replace(
                PARTS,
                row=lambda row: {**row, "cases": 5} if row["group"] is None else row,
            )
        ),
        "was decided on 5 cases; the split 'test' has 6",
    ),
    Defect(
        "M09",
        "a planned subgroup nobody reported",
        evidence_of(
            replace(
                PARTS.but("SRS-002", acceptance=LOOSER[:1]),
                evaluation={
                    "subgroups": [{"column": "site", "group": "A", "mean": 0.9}]
                },
            )
        ),
        "does not report on test cases with site B",
        severity=MAJOR,
    ),
    Defect(
        "M09",
        "a weak subgroup nobody hears of",
        evidence_of(replace(PARTS, row=_worse)),
        "site B missed criterion 1 of SRS-002",
        also=frozenset({"T04", "M06", "C08"}),
        severity=MAJOR,
    ),
    Defect(
        "M10",
        "a card with another seed",
        card(seed=8),
        "seed 8 instead of 7",
        severity=MAJOR,
    ),
    Defect(
        "M10",
        "a headline that the scores do not give",
        evaluation(metrics={"whole": 0.97}),
        "reports a mean Dice of 0.97 for whole; its scores give 0.91",
        severity=MAJOR,
    ),
    Defect(
        "M10",
        "a headline that leaves out a case without a score",
        replace(CLEAN, scores={PER_CASE: one_without_dice()}),
        "reports a mean Dice of 0.91 for whole; its scores give 0.76",
        also=frozenset({"M06"}),
        severity=MAJOR,
    ),
    Defect(
        "M11",
        "a training nobody repeated",
        without(CLEAN, 1),
        "was not repeated",
        severity=MAJOR,
    ),
    Defect(
        "M11",
        "a repetition with another result",
        replace(
            CLEAN,
            records=(
                record(
                    replace(
                        stage_runs(PARTS)[1],
                        outputs=(artifact(WEIGHTS, "again"),),
                        notes={
                            "model": {
                                **PARTS.model_note,
                                "metrics": {"tuning_dice": 0.8},
                            }
                        },
                    ),
                    number=70,
                ),
                *CLEAN.records,
            ),
        ),
        "Two runs of the same training differ",
        severity=MAJOR,
    ),
    Defect(
        "M11",
        "a repetition with other weights that happen to score alike",
        replace(
            CLEAN,
            records=(
                record(
                    replace(
                        stage_runs(PARTS)[1], outputs=(artifact(WEIGHTS, "again"),)
                    ),
                    number=70,
                ),
                *CLEAN.records,
            ),
        ),
        "no tolerance is stated, so they have to be",
        severity=MAJOR,
    ),
    Defect(
        "M12",
        "a device that prepares images otherwise",
        evaluation(preparation={**PREPARATION, "spacing_mm": 0.9}),
        "do not prepare images alike: spacing_mm differ",
    ),
    Defect(
        "M12",
        "training images made by other code",
        card(preparation={**PREPARATION, "code_sha256": "0" * 64}),
        "code_sha256 differ",
    ),
    Defect(
        "M12",
        "nobody says how images are prepared",
        evaluation(preparation=None),
        "It is not said how images are prepared by: the device",
    ),
    Defect(
        "M13",
        "initial weights without licence",
        evidence_of(
            replace(
                PARTS,
                model_note={
                    **PARTS.model_note,
                    "initial_weights": {"source": "a model zoo", "sha256": "aa"},
                },
            )
        ),
        "does not say the licence of its initial weights",
        severity=MAJOR,
    ),
    Defect(
        "M13",
        "nobody says from what it started",
        evidence_of(
            replace(PARTS, model_note={**PARTS.model_note, "initial_weights": None})
        ),
        "does not say from what it started",
        severity=MAJOR,
    ),
    Defect(
        "M14",
        "a retrained model without plan",
        retrained(),
        "train.steps from 8 to 10",
    ),
    Defect(
        "M14",
        "a retrained model outside of its plan",
        retrained(plan(at_least=7, at_most=9)),
        "train.steps from 8 to 10",
    ),
    Defect(
        "M14",
        "a retrained model by another command and other code",
        before_otherwise(
            command="regml record -- python -m pipelines.train --fast",
            inputs=(*stage_runs(PARTS)[1].inputs, artifact("device/volume.py", "old")),
        ),
        "--fast to regml record -- python -m pipelines.train; device/volume.py from "
        f"{artifact('device/volume.py', 'old').sha256[:12]} to None",
    ),
    Defect(
        "M14",
        "a retrained model of which no believed run of before tells",
        disbelieved(retrained(plan(at_least=7, at_most=12)), number=80),
        "whose training is not in the believed records",
        also=frozenset({"C14"}),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def rules(evidence: Evidence) -> set[str]:
    return {finding.rule for finding in findings(evidence)}


def test_a_model_within_an_approved_plan_is_no_finding() -> None:
    assert "M14" not in rules(retrained(plan(at_least=7, at_most=12)))


def test_a_plan_that_one_of_two_roles_has_not_approved_allows_nothing() -> None:
    evidence = retrained(plan(at_least=7, at_most=12))
    both = {"approvals": {"PCCP": (Role.QUALITY, Role.CLINICAL)}}
    config = evidence.config.model_copy(update=both)
    assert "M14" in rules(replace(evidence, config=config))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [("2026-01-06", False), ("2026-01-04", True), ("2036-01-06", True)],
)
def test_an_approved_change_request_excuses_a_new_limit(
    raised: str, *, expected: bool
) -> None:
    request = change_request(**{**ASKED, "raised": dt.date.fromisoformat(raised)})
    known = {item.id: item for item in (*PARTS.items, request)}
    signed = record(approval(request, known=known), number=90, signer="quinn")
    found = lowered_for(request)
    found = replace(found, records=(*found.records, signed))
    assert ("M07" in rules(found)) is expected


def test_a_disclosed_subgroup_is_no_finding_of_its_own() -> None:
    limitation = Limitation(id="LIM-01", text="Weak at B", groups=("site=B",))
    parts = replace(PARTS.but("DS-01", limitations=(limitation,)), row=_worse)
    assert "M09" not in rules(evidence_of(parts))


def test_a_repetition_within_its_tolerance_is_one() -> None:
    note = {**PARTS.model_note, "hyperparameters": {"repeat_tolerance": 0.1}}
    evidence = evidence_of(replace(PARTS, model_note=note))
    other = replace(
        stage_runs(replace(PARTS, model_note=note))[1],
        outputs=(artifact(WEIGHTS, "again"),),
        notes={"model": {**note, "metrics": {"tuning_dice": 0.83}}},
    )
    found = replace(evidence, records=(record(other, number=70), *evidence.records))
    assert "M11" not in rules(found)


@pytest.mark.parametrize("noted", [None, 7, "text", [1], {"a": None}])
def test_notes_of_another_shape_are_findings_and_no_crash(noted: Any) -> None:
    """Stages of other projects may note anything under these names."""
    note = {**PARTS.model_note, "metrics": {"tuning_dice": 0.88}}
    start = {**note, "initial_weights": noted}
    found = rules(
        evidence_of(
            replace(
                PARTS,
                model_note=start,
                evaluation={
                    "metrics": noted,
                    "subgroups": noted,
                    "interval": noted,
                    "preparation": noted,
                },
                card={"preparation": noted, "tuning": noted},
                deidentification={"series": noted, "residual_identifiers": noted},
                annotation={"protocol_fingerprint": noted},
            )
        )
    )
    assert {"M05", "M10", "M12", "M13", "D06", "D09"} <= found
