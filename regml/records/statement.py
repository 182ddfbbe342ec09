"""Runs, tests and approvals as in-toto statements: ``read(write(x)) == x``.

==========  =====================================================  ==================
noun        predicate type                                         subject
==========  =====================================================  ==================
StageRun    SLSA provenance v1, with our own build type            outputs, or the log
TestRun     in-toto test result v0.1                               code and models
Approval    ``urn:regml:predicate:approval:v1``                    items
Waiver      ``urn:regml:predicate:waiver:v1``                      findings
Execution   ``urn:regml:predicate:execution:v1``                   items and models
Release     ``urn:regml:predicate:release:v1``                     files, documents
==========  =====================================================  ==================

Fields that SLSA and in-toto do not have begin with ``regml_``. The digests of the log
heads before a statement (``regml_previous``) are part of what is signed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from regml.errors import RecordError
from regml.items.notes import readable
from regml.items.recorded import (
    Approval,
    Execution,
    Origin,
    Outcome,
    Release,
    StageRun,
    Statement,
    TestCase,
    TestReport,
    TestRun,
    Waiver,
)
from regml.records import signatures
from regml.records.descriptors import (
    Json,
    artifact,
    by_name,
    descriptor,
    digests,
    origin_row,
    read_origin,
)
from regml.records.environment_files import (
    Resolver,
    environment_path,
    named_environment,
)
from regml.version import __version__

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
APPROVAL = "urn:regml:predicate:approval:v1"
WAIVER = "urn:regml:predicate:waiver:v1"
EXECUTION = "urn:regml:predicate:execution:v1"
RELEASE = "urn:regml:predicate:release:v1"
BUILD_TYPE = "urn:regml:buildtype:dvc-stage:v1"
BUILDER = "urn:regml:recorder:v1"


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
            kind, subject = APPROVAL, digests(statement.fingerprints)
            predicate = signatures.approval_row(statement, heads)
        case Waiver():
            kind, subject = WAIVER, signatures.waived(statement)
            predicate = signatures.waiver_row(statement, heads)
        case Execution():
            kind, subject = EXECUTION, signatures.executed(statement)
            predicate = signatures.execution_row(statement, heads)
        case Release():
            kind, subject = RELEASE, signatures.released(statement)
            predicate = signatures.release_row(statement, heads)
    if not subject:
        raise RecordError("a signature needs at least one item. Name its id.")
    return {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": kind,
        "predicate": predicate,
    }


def environment_of(document: Json, *, name: str) -> str:
    """Return the file with the environment that a statement names.

    Raises:
        RecordError: It names none.
    """
    try:
        beside = _beside_origin(document["predicateType"], document["predicate"])
        row = beside["regml_origin"]["environment"]
        return environment_path(named_environment(row))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"{name}: names no environment that it was made in ({error!r}). "
            "Restore it from git."
        ) from error


def read(
    document: Json, environments: Resolver, *, name: str
) -> tuple[Statement, tuple[str, ...], str]:
    """Return what a statement says, and what it names.

    Args:
        document: As :func:`write` gives it.
        environments: Gives the environment that it names.
        name: How messages call it.

    Returns:
        The statement, the log heads it was made on, and the file of its environment.

    Raises:
        RecordError: It is no statement of ours, or of a newer regml.
        LostEnvironmentError: The environment it names is not to be had.
    """
    try:
        return _read(document, environments)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"{name}: is not a statement this regml can read ({error!r}). "
            "Restore it from git, or read it with the regml that wrote it."
        ) from error


def _read(
    document: Json, environments: Resolver
) -> tuple[Statement, tuple[str, ...], str]:
    if document["_type"] != STATEMENT_TYPE:
        raise ValueError(f"_type is {document['_type']!r}")
    kind, predicate = document["predicateType"], document["predicate"]
    if kind not in _READ:
        raise ValueError(f"predicateType is {kind!r}")
    beside = predicate
    if kind == PROVENANCE:
        beside = predicate["runDetails"]["metadata"]
    previous = tuple(beside["regml_previous"])
    row = _beside_origin(kind, predicate)["regml_origin"]
    environment = named_environment(row["environment"])
    origin = read_origin(row, environments(environment))
    statement = _READ[kind](predicate, document["subject"], origin)
    return statement, previous, environment_path(environment)


def _beside_origin(kind: str, predicate: Json) -> Json:
    """Return the part of a predicate that says where the record comes from."""
    if kind == PROVENANCE:
        inside: Json = predicate["buildDefinition"]["internalParameters"]
        return inside
    return predicate


def _provenance(run: StageRun, previous: list[str]) -> Json:
    dependencies = [descriptor(artifact) for artifact in run.inputs]
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
            "internalParameters": {"regml_origin": origin_row(run.origin)},
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


def _read_run(predicate: Json, subject: list[Json], origin: Origin) -> StageRun:
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    if definition["buildType"] != BUILD_TYPE:
        raise ValueError(f"buildType is {definition['buildType']!r}")
    external, metadata = definition["externalParameters"], details["metadata"]
    return StageRun(
        stage=external["stage"],
        origin=origin,
        command=external["command"],
        parameters=external["parameters"],
        inputs=tuple(
            [
                artifact(row)
                for row in definition["resolvedDependencies"]
                if "gitCommit" not in row["digest"]
            ]
        ),
        outputs=tuple([artifact(row) for row in subject if not _is_log(row)]),
        outcome=Outcome(metadata["regml_outcome"]),
        exit_status=metadata["regml_exit_status"],
        resources=metadata["regml_resources"],
        log_sha256=details["byproducts"][0]["digest"]["sha256"],
        notes=readable(metadata["regml_notes"]),
    )


def _run_subject(run: StageRun) -> list[Json]:
    # in-toto: the subject is never empty, so a run that made nothing is about its log
    return [descriptor(artifact) for artifact in run.outputs] or [_log(run)]


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
        "configuration": digests(run.fingerprints),
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
        "regml_origin": origin_row(run.origin),
        "regml_previous": previous,
    }


def _read_tests(predicate: Json, _: list[Json], origin: Origin) -> TestRun:
    return TestRun(
        origin=origin,
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
        fingerprints=by_name(predicate["configuration"]),
        models=predicate["regml_models"],
        reports=tuple(
            TestReport(row["name"], row["digest"]["sha256"], row["form"])
            for row in predicate["regml_reports"]
        ),
        complete=predicate["regml_complete"],
    )


def _test_subject(run: TestRun) -> list[Json]:
    return [*digests({"code": run.origin.code}), *digests(run.models)]


_READ: Final[Mapping[str, Callable[[Json, list[Json], Origin], Statement]]] = {
    PROVENANCE: _read_run,
    TEST_RESULT: _read_tests,
    APPROVAL: signatures.read_approval,
    WAIVER: signatures.read_waiver,
    EXECUTION: signatures.read_execution,
    RELEASE: signatures.read_release,
}
"""Reads predicate and subject of each kind of statement."""
