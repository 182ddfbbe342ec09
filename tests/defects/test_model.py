"""M: models and results that do not belong together."""

from dataclasses import replace
from typing import Any

import pytest

from regml.trace.evidence import Evidence
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    name_of,
    other_lock,
    without_runs,
)
from tests.factories import (
    CASES,
    MANIFEST,
    PER_CASE,
    WEIGHTS,
    acceptance_rows,
    amid,
    artifact,
    evidence_of,
    origin,
    run_of_tests,
    score,
    stage_runs,
    with_item,
    with_records,
    with_run,
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


def _dishonest(row: dict[str, object]) -> dict[str, object]:
    return {**row, "value": 0.99}


def _without_site_b() -> list[dict[str, Any]]:
    return [row for row in acceptance_rows(PARTS) if row["group"] != "B"]


def _with_site_c() -> list[dict[str, Any]]:
    rows = acceptance_rows(PARTS)
    of_site_b = next(row for row in rows if row["group"] == "B")
    return [*rows, {**of_site_b, "group": "C", "value": 0.87, "low": 0.8}]


DEFECTS = (
    Defect(
        "M01",
        "other weights in the lock",
        other_lock("train", outs={WEIGHTS: "0" * 32}),
        "no believed training run",
        also=frozenset({"C17", "C19"}),
    ),
    Defect(
        "M01",
        "other weights in the evaluation",
        _other_weights_evaluated(),
        "training produced model@",
        also=frozenset({"T04", "T15", "M02"}),
    ),
    Defect(
        "M02",
        "code changed after the evaluation",
        with_run(CLEAN, "validate", origin=origin(code="old" * 20)),
        "the source code changed",
        also=frozenset({"T04"}),
    ),
    Defect(
        "M02",
        "a parameter changed and nothing was reproduced",
        amid(CLEAN, outdated={"train": ("params.yaml: train.rate is new",)}),
        "Stage train would run again: params.yaml: train.rate is new.",
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
        without_runs(replace(CLEAN, workspace={}, manifests={}), "preprocess"),
        "dataset by digest",
        also=frozenset({"C19", "T15"}),
    ),
    Defect(
        "M03",
        "a training without seed, whose weights another run made as well",
        with_records(
            evidence_of(replace(PARTS, model_note={**PARTS.model_note, "seed": None})),
            replace(stage_runs(PARTS)[1], command="elsewhere"),
        ),
        "does not say: seed",
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
        also=frozenset({"T15"}),
    ),
    Defect(
        "M04",
        "a history without the commit of the runs",
        amid(CLEAN, lost_commits={origin().commit or "": "which is nowhere"}),
        "which is nowhere",
    ),
    Defect(
        "M06",
        "a number that does not follow",
        evidence_of(replace(PARTS, row=_dishonest)),
        "per_case.csv gives passed",
    ),
    Defect(
        "M06",
        "a decision that was left out",
        evidence_of(replace(PARTS, evaluation={"acceptance": _without_site_b()})),
        "criterion 1 in B is left out; reports/evaluation/per_case.csv gives passed",
    ),
    Defect(
        "M06",
        "a decision on a group that nobody scored",
        evidence_of(replace(PARTS, evaluation={"acceptance": _with_site_c()})),
        "in C is passed with 0.87 [0.8, 0.96]; reports/evaluation/per_case.csv gives "
        "none",
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
            scores={
                PER_CASE: (
                    score("HV-01", 0.1, patient="P-01"),
                    score("HV-03", 0.2, patient="P-03"),
                )
            },
        ),
        "gives failed",
        also=frozenset({"M08", "M10"}),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
