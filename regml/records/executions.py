"""Carrying out a protocol and signing what was seen (IEC 62304 5.7.5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regml.errors import BrokenFileError, ConfigError, SigningKeyError, UnknownIdError
from regml.files.answers import Answer, Answers, read_answers
from regml.files.config import read_config
from regml.files.dvc import read_stages
from regml.files.markdown import read_items
from regml.items.config import Role, Signer
from regml.items.lifecycle import TestProtocol
from regml.items.recorded import ExecutedStep, Execution, Origin, Record
from regml.records.approvals import as_signer, signer_of
from regml.records.device_tests import models_tried
from regml.records.keys import SigningKey, personal_key
from regml.records.log import append, utc_now
from regml.records.origin import observe


@dataclass(frozen=True)
class Prepared:
    """A protocol that someone is about to carry out.

    Attributes:
        root: The project.
        protocol: What is carried out.
        signer: Who does it.
        key: With which they will sign.
        origin: The state of the project as they began.
        fingerprints: Of the protocol and of all it verifies, by id.
        models: The model that is there.
    """

    root: Path
    protocol: TestProtocol
    signer: Signer
    key: SigningKey
    origin: Origin
    fingerprints: dict[str, str]
    models: dict[str, str]


def prepare(root: Path, protocol_id: str) -> Prepared:
    """Return a protocol with the state of the project it will be carried out on.

    Raises:
        UnknownIdError: There is no such protocol, or it verifies what does not exist.
        ConfigError: It is no longer in force, or the model is not here.
        SigningKeyError: Whoever works here is no signer, or is a robot.
    """
    config = read_config(root)
    key = personal_key()
    signer = signer_of(key, config.signers)
    if set(signer.roles) == {Role.AUTOMATION}:
        raise SigningKeyError(
            f"regml.toml: {signer.name} has only the role automation; a protocol is "
            "carried out by a person. Sign with the key of whoever does it."
        )
    items = {located.item.id: located.item for located in read_items(root)}
    protocol = items.get(protocol_id.upper())
    if not isinstance(protocol, TestProtocol):
        known = sorted(i.id for i in items.values() if isinstance(i, TestProtocol))
        raise UnknownIdError(
            f"{protocol_id}: no such protocol. Protocols: {', '.join(known) or 'none'}."
        )
    if protocol.retired:
        raise ConfigError(f"{protocol.id} is retired: {protocol.retired}.")
    if missing := sorted(set(protocol.verifies) - set(items)):
        raise UnknownIdError(
            f"{protocol.id} verifies {', '.join(missing)}, which does not exist. "
            "Correct its 'verifies' before it is carried out."
        )
    stages = read_stages(root)
    return Prepared(
        root,
        protocol,
        signer,
        key,
        as_signer(observe(root, started_utc=utc_now(), stages=stages), signer),
        {
            name: items[name].fingerprint()
            for name in sorted({protocol.id, *protocol.verifies})
        },
        models_tried(root, config),
    )


def answers_of(prepared: Prepared, file: Path) -> Answers:
    """Return the answers that someone wrote down, one per step.

    Raises:
        BrokenFileError: They cannot be read, or are not for this protocol.
    """
    answers = read_answers(file, name=str(file))
    protocol = prepared.protocol
    if answers.protocol.upper() != protocol.id:
        raise BrokenFileError(
            file,
            f"holds answers for {answers.protocol}, not for {protocol.id}.",
            remedy="Name the file that belongs to the protocol.",
            line=1,
        )
    if len(answers.steps) != len(protocol.steps):
        raise BrokenFileError(
            file,
            f"has {len(answers.steps)} answers; {protocol.id} has "
            f"{len(protocol.steps)} steps.",
            remedy="Write one answer per step, in their order.",
            line=1,
        )
    return answers


def sign_execution(
    prepared: Prepared, answers: Sequence[Answer], *, comment: str = ""
) -> Record:
    """Sign what came of every step and add it to the log.

    Raises:
        ConfigError: Items, code or model changed since the protocol was begun.
        RegmlError: The record cannot be written.
    """
    again = prepare(prepared.root, prepared.protocol.id)
    same = (
        (prepared.origin.code == again.origin.code, "the source code"),
        (prepared.fingerprints == again.fingerprints, "the protocol or its items"),
        (prepared.models == again.models, "the model"),
    )
    if changed := [what for equal, what in same if not equal]:
        raise ConfigError(
            f"{prepared.protocol.id}: {' and '.join(changed)} changed while it was "
            "carried out, so nothing was signed. Carry it out again."
        )
    steps = zip(prepared.protocol.steps, answers, strict=True)
    done = Execution(
        origin=replace(again.origin, started_utc=prepared.origin.started_utc),
        protocol=prepared.protocol.id,
        fingerprints=prepared.fingerprints,
        steps=tuple(
            ExecutedStep(
                step.do, step.expect, answer.outcome.outcome, answer.observed or ""
            )
            for step, answer in steps
        ),
        models=prepared.models,
        comment=comment,
    )
    return append(prepared.root, done, prepared.key)
