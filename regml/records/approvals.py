"""Signing the content of items as somebody with a role (21 CFR 11.50, 11.70)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from regml.errors import SigningKeyError
from regml.files.dvc import read_stages
from regml.items.recorded import Approval, Origin, Person, Record
from regml.records.keys import (
    SigningKey,
    key_id,
    personal_key,
    public_pem,
    read_public_key,
    trusted_keys,
)
from regml.records.log import append, utc_now
from regml.records.origin import observe

if TYPE_CHECKING:
    from regml.items.config import Signer

MEANINGS = ("review", "approval", "responsibility", "authorship")
"""What a signature may mean (21 CFR 11.50 a 3)."""

MACHINE = ("regml", "python", "system")
"""What is kept of the environment: a signature does not depend on packages."""


def approve(
    root: Path,
    fingerprints: Mapping[str, str],
    linked: Mapping[str, str],
    contents: Mapping[str, str],
    *,
    meaning: str,
    role: str | None,
    comment: str = "",
    required: Mapping[str, Sequence[str]] | None = None,
) -> Record:
    """Sign items and documents as they are now, and what they link to.

    Args:
        root: The project.
        fingerprints: Content of each signed item or document, by id
            (:meth:`regml.trace.model.TraceGraph.signable`).
        linked: Content of every item that one of them links to, by id.
        contents: What of it is kept word for word: canonical JSON by fingerprint.
        meaning: One of ``MEANINGS``.
        role: One of the signer's roles; may be left out when there is only one.
        comment: What the signer adds.
        required: Roles one of which the signer has to speak in, by id; for what is
            not named any role will do.

    Raises:
        SigningKeyError: The key's owner is no signer, or has not got the role.
        RegmlError: The project cannot be read or the record not be written.
    """
    from regml.files.config import read_config

    started = utc_now()
    key = personal_key()
    signers = read_config(root).signers
    signer = signer_of(key, signers)
    spoken_as = entitled_role(signer, role, required or {}, signers)
    observed = observe(root, started_utc=started, stages=read_stages(root))
    approval = Approval(
        origin=as_signer(observed, signer),
        role=spoken_as,
        meaning=meaning,
        fingerprints=dict(sorted(fingerprints.items())),
        linked=dict(sorted(linked.items())),
        comment=comment,
        contents=dict(contents),
    )
    return append(root, approval, key)


def signer_of(key: SigningKey, signers: Iterable["Signer"]) -> "Signer":
    """Return the signer a key belongs to.

    Raises:
        SigningKeyError: ``regml.toml`` names none, or the key does not count today.
    """
    for signer in signers:
        if key_id(read_public_key(signer.public_key)) == key.id:
            [trusted] = trusted_keys([signer]).values()
            if refusal := trusted.refusal(utc_now()):
                raise SigningKeyError(
                    f"{key.path}: {refusal}: nobody would believe it. Make a new key "
                    "with 'regml key new', and have it entered in regml.toml."
                )
            return signer
    raise SigningKeyError(
        f"regml.toml: no signer has the key {key.path}. Have this entered under "
        f'[[signers]]:\npublic_key = """\n{public_pem(key)}"""'
    )


def role_of(signer: "Signer", role: str | None) -> str:
    """Return the role a signer speaks in.

    Raises:
        SigningKeyError: They have not got it, or several and none was named.
    """
    roles = [str(has) for has in signer.roles]
    if role is None and len(roles) == 1:
        return roles[0]
    if role in roles:
        return role
    asked = f"has not got the role {role!r}" if role else "has several roles"
    raise SigningKeyError(
        f"regml.toml: {signer.name} {asked}. Name one with --role: {', '.join(roles)}."
    )


def entitled_role(
    signer: "Signer",
    role: str | None,
    required: Mapping[str, Sequence[str]],
    signers: Iterable["Signer"],
    *,
    act: str = "approve",
) -> str:
    """Return a role in which a signer may sign everything.

    Args:
        signer: Who signs.
        role: The role they name, if they do.
        required: Which roles may sign each subject.
        signers: Who else there is.
        act: What signing means here; ``[approvals]`` settles who may approve, nothing
            else.

    Raises:
        SigningKeyError: There is none; says for what, and who could sign.
    """
    has = [str(own) for own in signer.roles]
    able = [r for r in has if all(r in roles for roles in required.values())]
    spoken_as = role_of(signer, role if role or len(able) != 1 else able[0])
    for name, roles in sorted(required.items()):
        if spoken_as not in roles:
            who = [s.name for s in signers if set(roles) & set(s.roles)]
            others = " or ".join(who) or "for such a signer"
            settled = ", or correct [approvals] in regml.toml"
            raise SigningKeyError(
                f"{signer.name} cannot {act} {name} as {spoken_as}: "
                f"{' or '.join(roles)} has to. Sign with --role, or ask {others}"
                f"{settled if act == 'approve' else ''}."
            )
    return spoken_as


def as_signer(origin: Origin, signer: "Signer") -> Origin:
    """Return the origin in the name of the key's owner, whatever git thinks."""
    return replace(
        origin,
        person=Person(signer.name, signer.email),
        environment={name: origin.environment[name] for name in MACHINE},
    )
