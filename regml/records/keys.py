"""Signing keys: one per person, outside every repository, for its owner's eyes only."""

import datetime as dt
import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from regml.errors import SigningKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from regml.records.dsse import PublicKey

    PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey

KEY_VARIABLE = "REGML_SIGNING_KEY"
"""Environment variable that names another key file, e.g. on a build server."""

PASSPHRASE_VARIABLE = "REGML_KEY_PASSPHRASE"  # noqa: S105 - a name, no secret
"""Environment variable with the passphrase of the key, where nobody can be asked."""

KEY_TYPES = ("p256", "ed25519")
"""Kinds of key that can be made; the first one is made where nobody chooses."""

PRIVATE_MODE = 0o600


class Signatory(Protocol):
    """Anybody with a public key, e.g. a signer of ``regml.toml``."""

    @property
    def public_key(self) -> str:
        """SubjectPublicKeyInfo, PEM."""

    @property
    def email(self) -> str:
        """How records name them."""

    @property
    def valid_from(self) -> dt.date | None:
        """First day whose signatures count."""

    @property
    def revoked(self) -> dt.date | None:
        """First day whose signatures do not count any more."""

    @property
    def revoked_because(self) -> str | None:
        """Why they do not."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key whose signatures count, whose it is, and from when to when.

    Attributes:
        key: Its public half.
        email: Of its owner.
        valid_from: First day in UTC whose signatures count.
        revoked: First day in UTC whose signatures do not count any more.
        because: Why they do not.
    """

    key: "PublicKey"
    email: str
    valid_from: dt.date | None = None
    revoked: dt.date | None = None
    because: str | None = None

    def refusal(self, finished_utc: str) -> str | None:
        """Return why a signature of a time does not count; ``None`` when it does.

        Args:
            finished_utc: RFC 3339 with ``Z``.
        """
        day = finished_utc[:10]
        if self.revoked and day >= self.revoked.isoformat():
            return (
                f"the key of {self.email} was revoked from {self.revoked} on "
                f"({self.because}), and this was signed on {day}"
            )
        if self.valid_from and day < self.valid_from.isoformat():
            return (
                f"the key of {self.email} is valid from {self.valid_from} on, "
                f"and this was signed on {day}"
            )
        return None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id its signatures carry.

    Attributes:
        id: sha256 of the DER SubjectPublicKeyInfo, hex.
        path: Where it lies.
        private: ECDSA P-256 or Ed25519.
        protected: Whether a passphrase protects its file.
    """

    id: str
    path: Path
    private: "PrivateKey"
    protected: bool = False

    def sign(self, message: bytes) -> bytes:
        """Return the signature over some bytes; of ECDSA in DER."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(message)
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.private.sign(message, ECDSA(SHA256()))


def key_path() -> Path:
    """Return where the personal key lies or would lie."""
    if named := os.environ.get(KEY_VARIABLE):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "regml" / "signing_key.pem"


def personal_key() -> SigningKey:
    """Return the key of whoever works here; make one on first use.

    A key named by ``REGML_SIGNING_KEY`` is never made: a misspelt path must not
    become a new identity.

    Raises:
        SigningKeyError: It is missing, unreadable, open to others or of another kind.
    """
    path = key_path()
    if not path.exists():
        if os.environ.get(KEY_VARIABLE):
            raise SigningKeyError(
                f"{path}: the signing key named by {KEY_VARIABLE} does not exist. "
                f"Correct the path, or unset {KEY_VARIABLE} to use your personal key."
            )
        create_key(path)
    return read_key(path)


def read_key(path: Path) -> SigningKey:
    """Read a private key in PEM; ask for its passphrase where it has one.

    Raises:
        SigningKeyError: It cannot be read, is open to others or of another kind, or
            its passphrase is wrong or cannot be asked for.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        mode = path.stat().st_mode
        raw = path.read_bytes()
    except OSError as error:
        raise SigningKeyError(
            f"{path}: the signing key cannot be read ({error.strerror}). "
            f"Restore it, or name another with {KEY_VARIABLE}."
        ) from error
    if mode & 0o077:
        raise SigningKeyError(
            f"{path}: others can read the signing key. Close it: chmod 600 '{path}'."
        )
    protected = _ENCRYPTED in raw
    secret = _passphrase(path) if protected else None
    try:
        key = load_pem_private_key(raw, password=secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(
            f"{path}: the passphrase does not open the signing key."
            if protected
            else f"{path}: is not a private key in PEM. Restore it from a "
            "backup, or move it away: a new one is made, which regml.toml has to name."
        ) from error
    identity = key_id(_public(key, path))
    return SigningKey(identity, path, key, protected)  # type: ignore[arg-type]


def opens_unasked(path: Path) -> bool:
    """Tell whether a key can be read without asking anybody for its passphrase."""
    if os.environ.get(PASSPHRASE_VARIABLE) is not None:
        return True
    try:
        return _ENCRYPTED not in path.read_bytes()
    except OSError:
        return True  # reading it says what is wrong


def create_key(
    path: Path, *, kind: str = KEY_TYPES[0], passphrase: bytes | None = None
) -> None:
    """Write a new private key; where there is one already, that one stays.

    Args:
        path: Where.
        kind: ``p256`` (ECDSA) or ``ed25519``.
        passphrase: Encrypts the file; it is no part of the key.

    Raises:
        SigningKeyError: It cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = _generate(kind).private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption(),
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_private(draft, pem)
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        return
    except OSError as error:
        raise SigningKeyError(
            f"{path}: a signing key cannot be made here ({error.strerror}). "
            f"Mend that, or name another place with {KEY_VARIABLE}."
        ) from error
    named = "Ed25519" if kind == "ed25519" else "ECDSA P-256"
    guarded = ", with a passphrase" if passphrase else ""
    sys.stderr.write(
        f"regml: made your personal signing key {path} ({named}, mode 600{guarded}). "
        "Keep a copy in a safe place; never commit it.\n"
    )


def new_passphrase(path: Path) -> bytes:
    """Return the passphrase for a new key, from the environment or asked for twice.

    Args:
        path: Where the key is going to lie.

    Raises:
        SigningKeyError: Nobody can be asked, it is empty, or the two differ.
    """
    if told := os.environ.get(PASSPHRASE_VARIABLE):
        return told.encode()
    first = _ask(path, f"Passphrase for the new signing key {path}: ")
    if not first or first != _ask(path, "The same again: "):
        raise SigningKeyError(
            f"{path}: the passphrase is empty, or the two differ. No key was made; try "
            "again."
        )
    return first.encode()


def public_pem(key: SigningKey) -> str:
    """Return the public half as PEM, with a final line end, for ``regml.toml``."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer_block(key: SigningKey, name: str, email: str, roles: Iterable[str]) -> str:
    """Return the lines of ``regml.toml`` that make somebody a signer."""
    spoken = ", ".join(f'"{role}"' for role in roles)
    return (
        f"[[signers]]\nname = {toml_text(name)}\nemail = {toml_text(email)}\n"
        f'roles = [{spoken}]\npublic_key = """\n{public_pem(key)}"""\n'
    )


def toml_text(text: str) -> str:
    """Return a TOML basic string."""
    kept = "".join(character for character in text if character.isprintable())
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'


def key_id(key: "PublicKey") -> str:
    """Return the sha256 of a public key's DER SubjectPublicKeyInfo in hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def trusted_keys(signers: Iterable[Signatory]) -> dict[str, TrustedKey]:
    """Return the public keys of a project's signers by key id.

    Raises:
        SigningKeyError: One of them is no ECDSA P-256 or Ed25519 key, or two are the
            same: the later one could undo that the earlier one was revoked.
    """
    keys = [
        TrustedKey(
            read_public_key(signer.public_key),
            signer.email,
            signer.valid_from,
            signer.revoked,
            signer.revoked_because,
        )
        for signer in signers
    ]
    known: dict[str, TrustedKey] = {}
    for trusted in keys:
        first = known.setdefault(key_id(trusted.key), trusted)
        if first is not trusted:
            raise SigningKeyError(
                f"regml.toml: two signers, {first.email} and {trusted.email}, have the "
                "same public_key. Keep one of them; what is revoked stays revoked."
            )
    return known


def read_public_key(pem: str) -> "PublicKey":
    """Read a public key in PEM.

    Raises:
        SigningKeyError: It is no ECDSA P-256 or Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(
            "regml.toml: a signer's public_key is not a public key in PEM. "
            "Copy it again from the signer."
        ) from error
    return _supported(key, "regml.toml: a signer's public_key")


def _public(private: object, path: Path) -> "PublicKey":
    public = private.public_key() if hasattr(private, "public_key") else None
    return _supported(public, f"{path}: the signing key")


def _supported(key: object, where: str) -> "PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise SigningKeyError(f"{where} is neither ECDSA P-256 nor Ed25519. Use one.")


_ENCRYPTED = b"ENCRYPTED"
"""Stands in the first lines of a PEM file whose key has a passphrase."""


def _passphrase(path: Path) -> bytes:
    if (told := os.environ.get(PASSPHRASE_VARIABLE)) is not None:
        return told.encode()
    return _ask(path, f"Passphrase of {path}: ").encode()


@cache  # one process asks once
def _ask(path: Path, question: str) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SigningKeyError(
            f"{path}: the signing key has a passphrase, and nobody can be asked for it "
            f"here. Give it in {PASSPHRASE_VARIABLE}, or run this in a terminal."
        )
    from getpass import getpass

    return getpass(question)


def _generate(kind: str) -> "PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    return generate_private_key(SECP256R1())


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
