"""What people sign, as predicates of statements: ``read(write(x)) == x``."""

import datetime as dt

from regml.digest import fingerprint, sha256_of
from regml.items.recorded import (
    Approval,
    ExecutedStep,
    Execution,
    Origin,
    Release,
    StepOutcome,
    Waiver,
)
from regml.records.descriptors import (
    Json,
    artifact,
    by_name,
    descriptor,
    digests,
    origin_row,
)


def executed(execution: Execution) -> list[Json]:
    """Return what was tried out: the code, the models, and the protocol itself."""
    named = {"code": execution.origin.code, **execution.models}
    return digests(named | dict(execution.fingerprints))


def execution_row(execution: Execution, previous: list[str]) -> Json:
    """Return the predicate of an executed protocol."""
    return {
        "result": "PASSED" if execution.verdict is StepOutcome.PASSED else "FAILED",
        "protocol": execution.protocol,
        "verdict": execution.verdict.value,
        "comment": execution.comment,
        "configuration": digests(execution.fingerprints),
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
        "regml_origin": origin_row(execution.origin),
        "regml_previous": previous,
    }


def read_execution(predicate: Json, _: list[Json], origin: Origin) -> Execution:
    """Return the execution that :func:`execution_row` wrote."""
    return Execution(
        origin=origin,
        protocol=predicate["protocol"],
        fingerprints=by_name(predicate["configuration"]),
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
    )


def approval_row(approval: Approval, previous: list[str]) -> Json:
    """Return the predicate of an approval."""
    return {
        "role": approval.role,
        "meaning": approval.meaning,
        "comment": approval.comment,
        "linked": dict(approval.linked),
        "contents": dict(approval.contents),
        "regml_origin": origin_row(approval.origin),
        "regml_previous": previous,
    }


def read_approval(predicate: Json, subject: list[Json], origin: Origin) -> Approval:
    """Return the approval that :func:`approval_row` wrote."""
    return Approval(
        origin=origin,
        role=predicate["role"],
        meaning=predicate["meaning"],
        fingerprints=by_name(subject),
        linked=predicate["linked"],
        comment=predicate["comment"],
        contents=_read_contents(predicate, subject),
    )


def waived(waiver: Waiver) -> list[Json]:
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


def waiver_row(waiver: Waiver, previous: list[str]) -> Json:
    """Return the predicate of a waiver."""
    return {
        "role": waiver.role,
        "rule": waiver.rule,
        "until": waiver.until.isoformat(),
        "because": waiver.because,
        "regml_origin": origin_row(waiver.origin),
        "regml_previous": previous,
    }


def read_waiver(predicate: Json, subject: list[Json], origin: Origin) -> Waiver:
    """Return the waiver that :func:`waiver_row` wrote.

    Raises:
        ValueError: What it names is not what its digests say.
    """
    told = {row["name"]: row["annotations"] for row in subject}
    waiver = Waiver(
        origin=origin,
        role=predicate["role"],
        rule=predicate["rule"],
        subjects={name: row["regml_fingerprint"] for name, row in told.items()},
        messages={name: tuple(row["regml_messages"]) for name, row in told.items()},
        until=dt.date.fromisoformat(predicate["until"]),
        because=predicate["because"],
    )
    if waived(waiver) != subject:
        raise ValueError("the findings it waives are not what their digests say")
    return waiver


def released(release: Release) -> list[Json]:
    """Return what is handed over: every file, and the documents about it."""
    return [descriptor(a) for a in release.artifacts] + digests(release.documents)


def release_row(release: Release, previous: list[str]) -> Json:
    """Return the predicate of a release."""
    return {
        "role": release.role,
        "version": release.version,
        "model": release.model,
        "dataset": release.dataset,
        "gitCommit": release.commit,
        "heads": list(release.heads),
        "documents": digests(release.documents),
        "artifacts": [descriptor(a) for a in release.artifacts],
        "comment": release.comment,
        "rollsBackTo": release.of,
        "contents_sha256": release.contents,
        "bills": dict(release.bills),
        "knownAgainst": list(release.known),
        "because": release.because,
        "regml_origin": origin_row(release.origin),
        "regml_previous": previous,
    }


def read_release(predicate: Json, _: list[Json], origin: Origin) -> Release:
    """Return the release that :func:`release_row` wrote."""
    return Release(
        origin=origin,
        role=predicate["role"],
        version=predicate["version"],
        model=predicate["model"],
        dataset=predicate["dataset"],
        commit=predicate["gitCommit"],
        heads=tuple(predicate["heads"]),
        documents=by_name(predicate["documents"]),
        artifacts=tuple(artifact(row) for row in predicate["artifacts"]),
        comment=predicate["comment"],
        of=predicate["rollsBackTo"],
        contents=predicate["contents_sha256"],
        bills=dict(predicate["bills"]),
        known=tuple(predicate["knownAgainst"]),
        because=predicate["because"],
    )


def _read_contents(predicate: Json, subject: list[Json]) -> dict[str, str]:
    """Return the contents that were signed; each is what its digest says.

    Raises:
        ValueError: One is another, or is none of what was signed.
    """
    if digests(by_name(subject)) != subject:
        raise ValueError("what it signs is named twice, or out of order")
    contents: dict[str, str] = predicate["contents"]
    known = {*by_name(subject).values(), *predicate["linked"].values()}
    for digest, content in contents.items():
        if digest not in known or sha256_of(content.encode()) != digest:
            raise ValueError(f"the content it keeps as {digest[:12]} is another one")
    return contents
