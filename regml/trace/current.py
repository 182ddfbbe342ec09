"""What ``dvc.lock`` stands for: which recorded runs made the files of now."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from regml.digest import Artifact, sha256_of
from regml.files.dvc import LockedStage, differences
from regml.items.config import Config, Role
from regml.items.recorded import ProblemKind, Record, StageRun
from regml.trace.evidence import Evidence

UNBELIEVABLE: Final = frozenset(
    {
        ProblemKind.BAD_SIGNATURE,
        ProblemKind.UNKNOWN_SIGNER,
        ProblemKind.KEY_OUT_OF_TIME,
        ProblemKind.CHANGED,
        ProblemKind.NOT_LISTED,
        ProblemKind.ENVIRONMENT,
    }
)
"""Problems after which a record is no evidence any more."""


@dataclass(frozen=True, slots=True)
class Current:
    """The runs behind the present state; nothing typed, all derived.

    Attributes:
        believed: Records whose signature and place in the log are in order.
        doubted: Paths of the others.
        explained: The latest passed run that made what ``dvc.lock`` says, by stage.
        data: The run behind the current dataset version.
        manifest: Its manifest.
        training: The run behind the current model.
        model: Its weights.
        evaluation: The run behind the current results.
    """

    believed: tuple[Record, ...]
    doubted: frozenset[str]
    explained: Mapping[str, Record | None]
    data: Record | None = None
    manifest: Artifact | None = None
    training: Record | None = None
    model: Artifact | None = None
    evaluation: Record | None = None


def current_state(evidence: Evidence) -> Current:
    """Find the believed runs that explain ``dvc.lock``."""
    doubted = frozenset(
        problem.path
        for problem in evidence.log_problems
        if problem.kind in UNBELIEVABLE
    )
    believed = tuple(r for r in evidence.records if r.path not in doubted)
    explained = {
        locked.name: latest_explanation(locked, believed) for locked in evidence.lock
    }
    data = _with_note(explained, "dataset")
    training = _with_note(explained, "model")
    return Current(
        believed=believed,
        doubted=doubted,
        explained=explained,
        data=data,
        manifest=noted_artifact(data, "dataset", "manifest"),
        training=training,
        model=noted_artifact(training, "model", "weights"),
        evaluation=_with_note(explained, "evaluation"),
    )


def latest_explanation(locked: LockedStage, records: Iterable[Record]) -> Record | None:
    """Return the last passed run with the same command, parameters and digests."""
    found = None
    for record in records:
        run = record.statement
        if (
            isinstance(run, StageRun)
            and run.stage == locked.name
            and not differences(locked, run)
        ):
            found = record
    return found


def facts_of(record: Record | None, topic: str) -> Mapping[str, Any]:
    """Return what a stage run noted under a topic; empty when nothing."""
    if record is None or not isinstance(record.statement, StageRun):
        return {}
    facts = record.statement.notes.get(topic)
    return facts if isinstance(facts, Mapping) else {}


def noted_artifact(record: Record | None, topic: str, key: str) -> Artifact | None:
    """Return the output of a run that its note names; the digest is the recorder's."""
    path = facts_of(record, topic).get(key)
    if record is None or not isinstance(record.statement, StageRun):
        return None
    return next((out for out in record.statement.outputs if out.path == path), None)


def artifact_of(record: Record, path: str) -> Artifact | None:
    """Return what a run read from a path, or else wrote there."""
    run = record.statement
    both = (*run.inputs, *run.outputs) if isinstance(run, StageRun) else ()
    return next((artifact for artifact in both if artifact.path == path), None)


def stage_of(record: Record) -> str:
    """Return the stage that a record tells of; nothing of any other record."""
    run = record.statement
    return run.stage if isinstance(run, StageRun) else ""


def signer_may(record: Record, roles: Iterable[Role], config: Config) -> bool:
    """Tell whether the key that signed a record belongs to someone in one of roles."""
    wanted = set(roles)
    return any(
        key_id(signer.public_key) == record.key_id and wanted & set(signer.roles)
        for signer in config.signers
    )


@cache  # asked for every signature again
def key_id(public_key: str) -> str:
    """Return the id of a key: sha256 of the DER inside its PEM; ``""`` if broken."""
    lines = [line for line in public_key.split("\n") if not line.startswith("-----")]
    try:
        return sha256_of(base64.b64decode("".join(lines), validate=True))
    except ValueError:
        return ""


def _with_note(explained: Mapping[str, Record | None], topic: str) -> Record | None:
    """Return the explaining run of the last stage that noted a topic."""
    found = [record for record in explained.values() if facts_of(record, topic)]
    return found[-1] if found else None
