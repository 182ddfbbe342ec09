"""Runs, tests and approvals as in-toto statements: ``read(write(x)) == x``.

==========  =====================================================  ==================
noun        predicate type                                         subject
==========  =====================================================  ==================
StageRun    SLSA provenance v1, with our own build type            outputs, or the log
TestRun     in-toto test result v0.1                               code and models
Approval    ``urn:regml:predicate:approval:v1``                    items
Waiver      ``urn:regml:predicate:waiver:v1``                      findings
Execution   ``urn:regml:predicate:execution:v1``                   items and models
==========  =====================================================  ==================

Fields that SLSA and in-toto do not have begin with ``regml_``. The digests of the log
heads before a statement (``regml_previous``) are part of what is signed.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from regml.digest import Artifact, fingerprint, sha256_of
from regml.errors import RecordError
from regml.items.recorded import (
    Approval,
    ExecutedStep,
    Execution,
    Origin,
    Outcome,
    Person,
    StageRun,
    Statement,
    StepOutcome,
    TestCase,
    TestReport,
    TestRun,
    Waiver,
)
from regml.version import __version__

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
APPROVAL = "urn:regml:predicate:approval:v1"
WAIVER = "urn:regml:predicate:waiver:v1"
EXECUTION = "urn:regml:predicate:execution:v1"
BUILD_TYPE = "urn:regml:buildtype:dvc-stage:v1"
BUILDER = "urn:regml:recorder:v1"

Json = dict[str, Any]


def write(statement: Statement, previous: Iterable[str]) -> Json:
    """Return the in-toto statement of a run, a test run or an approval.

    Args:
        statement: What happened.
        previous: sha256 of the log heads before it.

    Raises:
        RecordError: It would be about nothing: an approval without items.
    """
    heads = sorted(previous)
    match statement:
        case StageRun():
            kind, subject = PROVENANCE, _run_subject(statement)
            predicate = _provenance(statement, heads)
        case TestRun():
            kind, subject = TEST_RESULT, _test_subject(statement)
            predicate = _test_result(statement, heads)
        case Approval():
            kind, subject = APPROVAL, _digests(statement.fingerprints)
            predicate = _approval(statement, heads)
        case Waiver():
            kind, subject = WAIVER, _waived(statement)
            predicate = _waiver(statement, heads)
        case Execution():
            kind, subject = EXECUTION, _executed(statement)
            predicate = _execution(statement, heads)
    if not subject:
        raise RecordError("a signature needs at least one item. Name its id.")
    return {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": kind,
        "predicate": predicate,
    }


def read(document: Json, *, name: str) -> tuple[Statement, tuple[str, ...]]:
    """Return what a statement says, and the log heads it was made on.

    Args:
        document: As :func:`write` gives it.
        name: How messages call it.

    Raises:
        RecordError: It is no statement of ours, or of a newer regml.
    """
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"{name}: is not a statement this regml can read ({error!r}). "
            "Restore it from git, or read it with the regml that wrote it."
        ) from error


def _read(document: Json) -> tuple[Statement, tuple[str, ...]]:
    if document["_type"] != STATEMENT_TYPE:
        raise ValueError(f"_type is {document['_type']!r}")
    predicate, subject = document["predicate"], document["subject"]
    match document["predicateType"]:
        case "https://slsa.dev/provenance/v1":
            run = _read_run(predicate, subject)
            return run, tuple(predicate["runDetails"]["metadata"]["regml_previous"])
        case "https://in-toto.io/attestation/test-result/v0.1":
            return _read_tests(predicate), tuple(predicate["regml_previous"])
        case "urn:regml:predicate:approval:v1":
            approval = _read_approval(predicate, subject)
            return approval, tuple(predicate["regml_previous"])
        case "urn:regml:predicate:waiver:v1":
            return _read_waiver(predicate, subject), tuple(predicate["regml_previous"])
        case "urn:regml:predicate:execution:v1":
            return _read_execution(predicate), tuple(predicate["regml_previous"])
        case other:
            raise ValueError(f"predicateType is {other!r}")


def _provenance(run: StageRun, previous: list[str]) -> Json:
    dependencies = [_descriptor(artifact) for artifact in run.inputs]
    if run.origin.commit is not None:
        # SLSA names the source among the dependencies, by its git commit
        dependencies.append(
            {"uri": "git:.", "digest": {"gitCommit": run.origin.commit}}
        )
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "stage": run.stage,
                "command": run.command,
                "parameters": dict(run.parameters),
            },
            "internalParameters": {"regml_origin": _origin(run.origin)},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"regml": __version__}},
            "metadata": {
                "startedOn": run.origin.started_utc,
                "finishedOn": run.origin.finished_utc,
                "regml_outcome": run.outcome.value,
                "regml_exit_status": run.exit_status,
                "regml_resources": dict(run.resources),
                "regml_notes": dict(run.notes),
                "regml_previous": previous,
            },
            "byproducts": [_log(run)],
        },
    }


def _read_run(predicate: Json, subject: list[Json]) -> StageRun:
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    if definition["buildType"] != BUILD_TYPE:
        raise ValueError(f"buildType is {definition['buildType']!r}")
    external, metadata = definition["externalParameters"], details["metadata"]
    return StageRun(
        stage=external["stage"],
        origin=_read_origin(definition["internalParameters"]["regml_origin"]),
        command=external["command"],
        parameters=external["parameters"],
        inputs=tuple(
            _artifact(row)
            for row in definition["resolvedDependencies"]
            if "gitCommit" not in row["digest"]
        ),
        outputs=tuple(_artifact(row) for row in subject if not _is_log(row)),
        outcome=Outcome(metadata["regml_outcome"]),
        exit_status=metadata["regml_exit_status"],
        resources=metadata["regml_resources"],
        log_sha256=details["byproducts"][0]["digest"]["sha256"],
        notes=metadata["regml_notes"],
    )


def _run_subject(run: StageRun) -> list[Json]:
    # in-toto: the subject is never empty, so a run that made nothing is about its log
    return [_descriptor(artifact) for artifact in run.outputs] or [_log(run)]


def _log(run: StageRun) -> Json:
    return {
        "name": "log",
        "digest": {"sha256": run.log_sha256},
        "mediaType": "text/plain",
        "annotations": {"regml_role": "log"},
    }


def _is_log(descriptor: Json) -> bool:
    return bool(descriptor["annotations"].get("regml_role") == "log")


def _test_result(run: TestRun, previous: list[str]) -> Json:
    def names(outcome: Outcome) -> list[str]:
        return [case.name for case in run.cases if case.outcome is outcome]

    failed = any(case.outcome in {Outcome.FAILED, Outcome.KILLED} for case in run.cases)
    return {
        "result": "FAILED" if failed else "PASSED",
        "configuration": _digests(run.fingerprints),
        "passedTests": names(Outcome.PASSED),
        "failedTests": names(Outcome.FAILED),
        "regml_command": run.command,
        "regml_cases": [
            {
                "name": case.name,
                "verifies": list(case.verifies),
                "outcome": case.outcome.value,
                "seconds": case.seconds,
                "message": case.message,
                **({"suite": case.suite} if case.suite else {}),
            }
            for case in run.cases
        ],
        "regml_models": dict(run.models),
        "regml_reports": [
            {"name": r.name, "digest": {"sha256": r.sha256}, "form": r.form}
            for r in run.reports
        ],
        "regml_complete": run.complete,
        "regml_origin": _origin(run.origin),
        "regml_previous": previous,
    }


def _read_tests(predicate: Json) -> TestRun:
    return TestRun(
        origin=_read_origin(predicate["regml_origin"]),
        command=predicate["regml_command"],
        cases=tuple(
            TestCase(
                name=row["name"],
                verifies=tuple(row["verifies"]),
                outcome=Outcome(row["outcome"]),
                seconds=row["seconds"],
                message=row["message"],
                suite=row.get("suite", ""),
            )
            for row in predicate["regml_cases"]
        ),
        fingerprints=_by_name(predicate["configuration"]),
        models=predicate["regml_models"],
        reports=tuple(
            TestReport(row["name"], row["digest"]["sha256"], row["form"])
            for row in predicate.get("regml_reports", ())
        ),
        # before there were imports, only a run without arguments was complete
        complete=predicate.get(
            "regml_complete", predicate["regml_command"] == "regml test"
        ),
    )


def _test_subject(run: TestRun) -> list[Json]:
    return [*_digests({"code": run.origin.code}), *_digests(run.models)]


def _executed(execution: Execution) -> list[Json]:
    """Return what was tried out: the code, the models, and the protocol itself."""
    named = {"code": execution.origin.code, **execution.models}
    return _digests(named | dict(execution.fingerprints))


def _execution(execution: Execution, previous: list[str]) -> Json:
    return {
        "result": "PASSED" if execution.verdict is StepOutcome.PASSED else "FAILED",
        "protocol": execution.protocol,
        "verdict": execution.verdict.value,
        "comment": execution.comment,
        "configuration": _digests(execution.fingerprints),
        "steps": [
            {
                "do": step.do,
                "expect": step.expect,
                "outcome": step.outcome.value,
                "observed": step.observed,
            }
            for step in execution.steps
        ],
        "regml_models": dict(execution.models),
        "regml_origin": _origin(execution.origin),
        "regml_previous": previous,
    }


def _read_execution(predicate: Json) -> Execution:
    return Execution(
        origin=_read_origin(predicate["regml_origin"]),
        protocol=predicate["protocol"],
        fingerprints=_by_name(predicate["configuration"]),
        steps=tuple(
            ExecutedStep(
                step["do"],
                step["expect"],
                StepOutcome(step["outcome"]),
                step["observed"],
            )
            for step in predicate["steps"]
        ),
        models=predicate["regml_models"],
        comment=predicate["comment"],
        contents=_read_contents(predicate, subject),
    )


def _read_contents(predicate: Json, subject: list[Json]) -> dict[str, str]:
    """Return the contents that were signed; each is what its digest says.

    Raises:
        ValueError: One is another, or is none of what was signed.
    """
    contents: dict[str, str] = predicate.get("contents", {})
    known = {*_by_name(subject).values(), *predicate["linked"].values()}
    for digest, content in contents.items():
        if digest not in known or sha256_of(content.encode()) != digest:
            raise ValueError(f"the content it keeps as {digest[:12]} is another one")
    return contents


def _approval(approval: Approval, previous: list[str]) -> Json:
    return {
        "role": approval.role,
        "meaning": approval.meaning,
        "comment": approval.comment,
        "linked": dict(approval.linked),
        "contents": dict(approval.contents),
        "regml_origin": _origin(approval.origin),
        "regml_previous": previous,
    }


def _read_approval(predicate: Json, subject: list[Json]) -> Approval:
    return Approval(
        origin=_read_origin(predicate["regml_origin"]),
        role=predicate["role"],
        meaning=predicate["meaning"],
        fingerprints=_by_name(subject),
        linked=predicate["linked"],
        comment=predicate["comment"],
    )


def _waived(waiver: Waiver) -> list[Json]:
    """Return what is waived: a subject is named by the digest of what was found."""
    return [
        {
            "name": name,
            "digest": {
                "sha256": fingerprint(
                    {"item": item, "messages": list(waiver.messages[name])}
                )
            },
            "annotations": {
                "regml_fingerprint": item,
                "regml_messages": list(waiver.messages[name]),
            },
        }
        for name, item in sorted(waiver.subjects.items())
    ]


def _waiver(waiver: Waiver, previous: list[str]) -> Json:
    return {
        "role": waiver.role,
        "rule": waiver.rule,
        "until": waiver.until.isoformat(),
        "because": waiver.because,
        "regml_origin": _origin(waiver.origin),
        "regml_previous": previous,
    }


def _read_waiver(predicate: Json, subject: list[Json]) -> Waiver:
    told = {row["name"]: row["annotations"] for row in subject}
    return Waiver(
        origin=_read_origin(predicate["regml_origin"]),
        role=predicate["role"],
        rule=predicate["rule"],
        subjects={name: row["regml_fingerprint"] for name, row in told.items()},
        messages={name: tuple(row["regml_messages"]) for name, row in told.items()},
        until=dt.date.fromisoformat(predicate["until"]),
        because=predicate["because"],
    )


def _origin(origin: Origin) -> Json:
    return {
        "person": {"name": origin.person.name, "email": origin.person.email},
        "started": origin.started_utc,
        "finished": origin.finished_utc,
        "commit": origin.commit,
        "dirty": list(origin.dirty),
        "diff_sha256": origin.diff_sha256,
        "code_sha256": origin.code,
        "environment": dict(origin.environment),
    }


def _read_origin(row: Json) -> Origin:
    return Origin(
        person=Person(row["person"]["name"], row["person"]["email"]),
        started_utc=row["started"],
        finished_utc=row["finished"],
        commit=row["commit"],
        dirty=tuple(row["dirty"]),
        diff_sha256=row["diff_sha256"],
        code=row["code_sha256"],
        environment=row["environment"],
    )


def _descriptor(artifact: Artifact) -> Json:
    """Return an in-toto resource descriptor.

    A folder has no md5 of its own, only that of DVC's listing: it is an annotation.
    """
    digest = {"sha256": artifact.sha256}
    annotations: Json = {
        "regml_size_bytes": artifact.size_bytes,
        "regml_files": artifact.files,
    }
    if artifact.md5.endswith(".dir"):
        annotations["regml_dvc_md5"] = artifact.md5
    else:
        digest["md5"] = artifact.md5
    return {"name": artifact.path, "digest": digest, "annotations": annotations}


def _artifact(row: Json) -> Artifact:
    digest, annotations = row["digest"], row["annotations"]
    return Artifact(
        path=row["name"],
        sha256=digest["sha256"],
        md5=annotations.get("regml_dvc_md5") or digest["md5"],
        size_bytes=annotations["regml_size_bytes"],
        files=annotations["regml_files"],
    )


def _digests(by_name: Mapping[str, str]) -> list[Json]:
    return [
        {"name": name, "digest": {"sha256": digest}}
        for name, digest in sorted(by_name.items())
    ]


def _by_name(rows: list[Json]) -> dict[str, str]:
    return {row["name"]: row["digest"]["sha256"] for row in rows}
