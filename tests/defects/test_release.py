"""C: releases, the built file, plans, tools and clocks."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.findings import Severity
from regml.items.config import Role
from regml.items.external import ExternalEvidence
from regml.items.plan import Activity
from regml.items.recorded import TestRun
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import check
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, findings, name_of
from tests.factories import (
    COMMIT,
    WEIGHTS,
    amid,
    artifact,
    document,
    evidence_of,
    origin,
    with_run,
)


def built(**fields: Any) -> Evidence:
    assert CLEAN.built is not None
    return replace(CLEAN, built=replace(CLEAN.built, **fields))


def planned(*shown_by: str, **fields: Any) -> Evidence:
    activity = Activity(
        name="Design review", clause="IEC 62304 5.2.6", shown_by=shown_by, **fields
    )
    return replace(
        CLEAN, config=CLEAN.config.model_copy(update={"activities": (activity,)})
    )


def qualified(**versions: tuple[str, ...]) -> Evidence:
    return replace(
        CLEAN, config=CLEAN.config.model_copy(update={"qualified": versions})
    )


def under_test_with(python: str) -> Evidence:
    environment = {**origin().environment, "python": {"version": python}}
    return replace(
        CLEAN,
        records=tuple(
            replace(
                r,
                statement=replace(r.statement, origin=origin(environment=environment)),
            )
            if isinstance(r.statement, TestRun)
            else r
            for r in CLEAN.records
        ),
    )


def at(started: str, finished: str) -> Any:
    return origin(started_utc=started, finished_utc=finished)


def elsewhere() -> ExternalEvidence:
    return ExternalEvidence(
        id="EXT-01",
        title="Index",
        clauses=("ISO 13485 4.2.3",),
        document="QM-12",
        version="3",
        location="Document control",
    )


INDEX = CLEAN.documents[0]

DEFECTS = (
    Defect(
        "C15",
        "weights that nobody kept",
        amid(CLEAN, kept={}),
        f"{WEIGHTS} of release 1.0.0",
    ),
    Defect(
        "C15",
        "other weights under the same name",
        amid(CLEAN, kept={artifact(WEIGHTS, "older").sha256: "cache of DVC"}),
        f"neither in commit {COMMIT[:12]} nor in the cache",
    ),
    Defect(
        "C16",
        "an edited document",
        built(changed=("pdf/05-requirements.pdf",)),
        "pdf/05-requirements.pdf was changed after the file was built",
    ),
    Defect(
        "C16",
        "a document that was removed",
        built(absent=("a.pdf", "b.pdf")),
        "a.pdf is not there, and belongs to the Design History File (1 more)",
    ),
    Defect(
        "C16",
        "a document that was slipped in",
        built(added=("pdf/99-extra.pdf",)),
        "was not built with the file",
    ),
    Defect(
        "C16",
        "a log that was cut after the file was built",
        built(heads=("ab" * 32,)),
        "abababababab was in the log; the log does not have it any more",
    ),
    Defect(
        "C16",
        "an outdated file",
        built(documents={INDEX.node_id: "0" * 64}),
        "were built from another state (commit abcdef012345)",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C17",
        "a document nobody planned",
        replace(CLEAN, documents=CLEAN.documents[1:]),
        "No template plans the document 'Index of the file'",
    ),
    Defect(
        "C17",
        "a document kept elsewhere that nobody approved",
        replace(evidence_of(PARTS.plus(elsewhere())), documents=CLEAN.documents[1:]),
        "EXT-01 names the document 'Index of the file', which is kept elsewhere",
    ),
    Defect(
        "C17",
        "a document planned for another class only",
        replace(
            CLEAN,
            documents=(
                document("index", classes=("C",)),
                *CLEAN.documents[1:],
            ),
        ),
        "is not planned for class B",
    ),
    Defect(
        "C17",
        "a signature asked for under a document that nobody plans",
        replace(
            CLEAN,
            config=CLEAN.config.model_copy(
                update={"approvals": {"doc:09-risk-managment": (Role.CLINICAL,)}}
            ),
        ),
        "says who has to sign doc:09-risk-managment, and no template plans",
    ),
    Defect(
        "C17",
        "an activity nobody did",
        planned("doc:05-software-requirements"),
        "not approved by quality as it is: doc:05-software-requirements",
    ),
    Defect(
        "C17",
        "an activity with an unverified requirement",
        planned("train", "UN-01", due=dt.date(2026, 1, 31)),
        "is not done by 2026-01-31: not approved by quality as it is: UN-01",
    ),
    Defect(
        "C17",
        "an activity about nothing",
        planned("SRS-999"),
        "there is no item, document or stage SRS-999",
    ),
    Defect(
        "C18",
        "a tool in another version",
        qualified(python=("3.12", "3.10")),
        "used python 3.11.9; qualified is 3.12, 3.10",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C18",
        "a tool nobody qualified",
        qualified(),
        "6 runs behind the present state used python 3.11.9; none is qualified",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C18",
        "tests that ran on another interpreter",
        under_test_with("3.12.1"),
        "1 run behind the present state used python 3.12.1; qualified is 3.11",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C20",
        "a local time",
        with_run(
            CLEAN,
            "train",
            origin=at("2026-01-05T10:00:00Z", "2026-01-05T11:05:00+01:00"),
        ),
        "'2026-01-05T11:05:00+01:00', is no time in UTC",
        severity=Severity.MINOR,
    ),
    Defect(
        "C20",
        "a time in the future",
        with_run(
            CLEAN, "train", origin=at("2026-01-05T10:00:00Z", "2027-01-05T10:05:00Z")
        ),
        "which is in the future",
        severity=Severity.MINOR,
    ),
    Defect(
        "C20",
        "a run that took longer than its times say",
        with_run(CLEAN, "train", resources={"wall_seconds": 4000.0}),
        "took 4000 s, its start and end are only 300 s apart",
        severity=Severity.MINOR,
    ),
    Defect(
        "C20",
        "a run that ended before it began",
        with_run(
            CLEAN, "train", origin=at("2026-01-05T10:00:00Z", "2026-01-05T09:30:00Z")
        ),
        "it ended at 2026-01-05T09:30:00Z, before it began at 2026-01-05T10:00:00Z",
        severity=Severity.MINOR,
    ),
    Defect(
        "C20",
        "a run before its own commit",
        amid(
            with_run(CLEAN, "train", origin=origin(commit="5" * 40)),
            commit_times={
                **CLEAN.surroundings.commit_times,
                "5" * 40: "2026-01-05T10:30:00Z",
            },
        ),
        "before its own commit 555555555555 was made at 2026-01-05T10:30:00Z",
        severity=Severity.MINOR,
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def test_an_activity_that_is_not_due_is_no_finding() -> None:
    assert findings(planned("UN-01", due=dt.date(2026, 2, 1))) == []


def test_a_file_that_was_never_built_is_no_subject() -> None:
    outcomes = check(build_graph(replace(CLEAN, built=None)), ["C16"])
    assert [(o.subjects, o.findings) for o in outcomes] == [(0, ())]
