"""Signing that findings of one rule are lived with until a day."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from regml.errors import RecordError
from regml.files.dvc import read_stages
from regml.items.config import MAY_DECIDE
from regml.items.recorded import Record, Waiver
from regml.records.approvals import as_signer, entitled_role, signer_of
from regml.records.keys import personal_key
from regml.records.log import append, utc_now
from regml.records.origin import observe


def waive(
    root: Path,
    rule: str,
    subjects: Mapping[str, str],
    messages: Mapping[str, tuple[str, ...]],
    *,
    until: dt.date,
    because: str,
    role: str | None,
) -> Record:
    """Sign that some findings are lived with until a day.

    Args:
        root: The project.
        rule: Id of the rule that found them.
        subjects: Fingerprint of each subject as it is now; ``""`` for what is no item.
        messages: What the rule says about each of them.
        until: Last day on which the waiver holds.
        because: Why.
        role: One of the signer's roles; without it the one that may waive.

    Raises:
        RecordError: The day is past, or there is no reason.
        SigningKeyError: The key's owner is no signer, or has not got the role.
        RegmlError: The project cannot be read or the record not be written.
    """
    from regml.files.config import read_config

    started = utc_now()
    if until.isoformat() < started[:10]:
        raise RecordError(
            f"{until} is past: such a waiver would cover nothing. Name a day to come "
            "with --until."
        )
    if not because.strip():
        raise RecordError("a waiver needs a reason. Give it with --because.")
    key = personal_key()
    signers = read_config(root).signers
    signer = signer_of(key, signers)
    spoken_as = entitled_role(
        signer,
        role,
        dict.fromkeys(subjects, MAY_DECIDE),
        signers,
        act="waive what is found on",
    )
    observed = observe(root, started_utc=started, stages=read_stages(root))
    waiver = Waiver(
        origin=as_signer(observed, signer),
        role=spoken_as,
        rule=rule,
        subjects=dict(sorted(subjects.items())),
        messages={name: tuple(sorted(told)) for name, told in sorted(messages.items())},
        until=until,
        because=because.strip(),
    )
    return append(root, waiver, key)
