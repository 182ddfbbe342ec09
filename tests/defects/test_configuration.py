"""C: SOUP, problems, signatures and records that do not fit."""

from dataclasses import replace
from typing import Any

import pytest

from regml.files.dvc import Stage
from regml.findings import Severity
from regml.items.recorded import LogProblem, Outcome, ProblemKind
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    findings,
    name_of,
    other_lock,
    without_runs,
)
from tests.factories import (
    evidence_of,
    had,
    origin,
    soup,
    stage_runs,
    with_item,
    with_records,
    with_run,
)

OTHER_FILES = {
    **origin().environment,
    "packages": {"numpy": {"version": "2.1.0", "sha256": "0" * 64}},
}
FAILED_TEST = replace(PARTS, outcome=Outcome.FAILED)

DEFECTS = (
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
        also=frozenset({"C03"}),
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
                environment={**origin().environment, "packages": had(numpy="1.26")}
            ),
        ),
        "had 1.26",
    ),
    Defect(
        "C01",
        "a training with other files of the same version",
        with_run(CLEAN, "train", origin=origin(environment=OTHER_FILES)),
        " and validate, 000000000000 in train): it was",
        severity=Severity.MINOR,
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
        also=frozenset({"T04", "R06", "C07"}),
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
        other_lock("preprocess", params={"params.yaml": {"preprocess": {"seed": 8}}}),
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
    Defect(
        "C19",
        "a pipeline in a sub-folder",
        replace(CLEAN, tree=CLEAN.tree | {"research/dvc.lock"}),
        "research/dvc.lock tells of a pipeline that nobody records",
    ),
)


def test_a_stage_that_runs_without_recorder_is_told_what_to_do_first() -> None:
    bare = Stage("preprocess", "python -m pipelines.preprocess", (), {}, ())
    broken = without_runs(replace(CLEAN, stages=(bare,)), bare.name)
    [gap] = [f for f in findings(broken) if f.rule == "C19"]
    assert gap.remedy.startswith("Begin its cmd in dvc.yaml with 'regml record -- '")


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"cpu": {"model": "Other", "cores": 2}},
        {"packages": {"numpy": {"version": "2.1.0", "sha256": None}}},
    ],
)
def test_another_machine_and_no_list_of_files_tell_nothing_of_replaced_files(
    elsewhere: dict[str, Any],
) -> None:
    changed = with_run(
        CLEAN, "train", origin=origin(environment={**OTHER_FILES, **elsewhere})
    )
    assert findings(changed) == findings(CLEAN)
