"""Opening the records that a log lists: each is believed or it is a problem."""

import json
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from regml.digest import sha256_of
from regml.errors import LostEnvironmentError, RecordError
from regml.items.recorded import (
    Approval,
    Execution,
    LogProblem,
    ProblemKind,
    Record,
    Release,
    Statement,
    Waiver,
)
from regml.records import statement as statements
from regml.records.dsse import PAYLOAD_TYPE, Envelope, read_envelope, signed_by
from regml.records.environment_files import EnvironmentFiles
from regml.records.keys import Signatory, TrustedKey, trusted_keys

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.records.log import Entry

BY_HAND = (Approval, Waiver, Execution, Release)
"""What a person signs in their own name."""


class Opener:
    """Opens records of one project.

    Attributes:
        environments: Those that the records opened so far were made in.
    """

    def __init__(self, root: "Traversable", signers: Iterable[Signatory]) -> None:
        """Take the keys that count.

        Raises:
            SigningKeyError: A signer's key in ``regml.toml`` cannot be used.
        """
        self._read = _reader(root)
        self._trusted = trusted_keys(signers)
        self._keys = {name: trusted.key for name, trusted in self._trusted.items()}
        self.environments = EnvironmentFiles(root)

    def open(self, entry: "Entry") -> Record | LogProblem:
        """Return the record a line lists, or why it cannot be believed.

        What nobody signed whom we trust is not read any further.
        """
        try:
            raw = self._read(entry.path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            return LogProblem(
                ProblemKind.MISSING,
                entry.path,
                f"the log lists it, but it cannot be read ({why}): "
                "evidence was removed, or a cherry-pick left its commit out",
            )
        if (digest := sha256_of(raw)) != entry.sha256:
            return LogProblem(
                ProblemKind.CHANGED,
                entry.path,
                f"its content ({len(raw):,} bytes, sha256 {digest[:12]}) is not "
                f"what the log lists ({entry.sha256[:12]}): it was edited",
            )
        try:
            return self._believe(entry, raw)
        except LostEnvironmentError as error:
            return LogProblem(ProblemKind.ENVIRONMENT, entry.path, str(error))
        except RecordError as error:
            told = str(error).removeprefix(f"{entry.path}: ")
            return LogProblem(ProblemKind.UNREADABLE, entry.path, told)

    def _believe(self, entry: "Entry", raw: bytes) -> Record | LogProblem:
        """Return the record of a whole file, or why nobody can vouch for it."""
        envelope, document = read_record(raw, name=entry.path)
        key_id = signed_by(envelope, self._keys)
        if key_id is None:
            kind, why = _distrust(envelope, self._keys)
            return LogProblem(kind, entry.path, why)
        statement, previous, environment = statements.read(
            document, self.environments, name=entry.path
        )
        if previous != entry.previous:
            return LogProblem(
                ProblemKind.CHANGED,
                entry.path,
                "the log links it to other records than it names itself: "
                "the log was rewritten",
            )
        if refusal := _refusal(statement, key_id, self._trusted[key_id]):
            return LogProblem(refusal[0], entry.path, refusal[1])
        return Record(
            entry.sha256[:12],
            entry.sha256,
            entry.path,
            previous,
            key_id,
            statement,
            environment,
        )


def read_record(raw: bytes, *, name: str) -> tuple[Envelope, dict[str, object]]:
    """Return a record's envelope and its statement, unchecked.

    Raises:
        RecordError: It is no record.
    """
    envelope = read_envelope(raw, name=name)
    try:
        document = json.loads(envelope.payload.decode())
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{name}: its payload is not JSON ({error}).") from error
    if envelope.payload_type != PAYLOAD_TYPE or not isinstance(document, dict):
        raise RecordError(f"{name}: its payload is not an in-toto statement.")
    return envelope, document


def _reader(root: "Traversable") -> Callable[[str], bytes]:
    """Return what reads a file of a project, given its path in it."""
    if not isinstance(root, Path):
        return lambda path: (root / path).read_bytes()
    top = os.fspath(root)

    def read(path: str) -> bytes:
        # pathlib takes longer to make the path than the system to read the file
        with open(f"{top}/{path}", "rb", buffering=0) as stream:  # noqa: PTH123
            return stream.read()

    return read


def _refusal(
    statement: Statement, key_id: str, key: TrustedKey
) -> tuple[ProblemKind, str] | None:
    """Return why a good signature does not count under a statement."""
    who = statement.origin.person.email
    if isinstance(statement, BY_HAND) and who != key.email:
        return (
            ProblemKind.UNKNOWN_SIGNER,
            f"it signs in the name of {who} with the key of {key.email} "
            f"({key_id[:12]})",
        )
    if refusal := key.refusal(statement.origin.finished_utc):
        return (
            ProblemKind.KEY_OUT_OF_TIME,
            f"{refusal} (key {key_id[:12]}): not believed",
        )
    return None


def _distrust(envelope: Envelope, keys: Collection[str]) -> tuple[ProblemKind, str]:
    if set(envelope.signatures) & set(keys):
        return (
            ProblemKind.BAD_SIGNATURE,
            "its signature does not fit its content: it was edited or forged "
            f"(key {', '.join(sorted(key[:12] for key in envelope.signatures))})",
        )
    signer = ", ".join(key_id[:12] for key_id in envelope.signatures) or "nobody"
    return (
        ProblemKind.UNKNOWN_SIGNER,
        f"it is signed by {signer}, whom regml.toml does not name as a signer",
    )
