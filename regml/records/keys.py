"""Signing keys: one per person, outside every repository, for its owner's eyes only."""

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
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

PRIVATE_MODE = 0o600


class Signatory(Protocol):
    """Anybody with a public key, e.g. a signer of ``regml.toml``."""

    @property
    def public_key(self) -> str:
        """SubjectPublicKeyInfo, PEM."""

    @property
    def email(self) -> str:
        """How records name them."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key whose signatures count, and whose it is."""

    key: "PublicKey"
    email: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id its signatures carry.

    Attributes:
        id: sha256 of the DER SubjectPublicKeyInfo, hex.
        path: Where it lies.
        private: ECDSA P-256 or Ed25519.
    """

    id: str
    path: Path
    private: "PrivateKey"

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
        _create(path)
    return read_key(path)


def read_key(path: Path) -> SigningKey:
    """Read a private key in PEM.

    Raises:
        SigningKeyError: It cannot be read, is open to others or of another kind.
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
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(
            f"{path}: is not an unencrypted private key in PEM. Restore it from a "
            "backup, or move it away: a new one is made, which regml.toml has to name."
        ) from error
    return SigningKey(key_id(_public(key, path)), path, key)  # type: ignore[arg-type]


def public_pem(key: SigningKey) -> str:
    """Return the public half as PEM, with a final line end, for ``regml.toml``."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: "PublicKey") -> str:
    """Return the sha256 of a public key's DER SubjectPublicKeyInfo in hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def trusted_keys(signers: Iterable[Signatory]) -> dict[str, TrustedKey]:
    """Return the public keys of a project's signers by key id.

    Raises:
        SigningKeyError: One of them is no ECDSA P-256 or Ed25519 key.
    """
    keys = (
        TrustedKey(read_public_key(signer.public_key), signer.email)
        for signer in signers
    )
    return {key_id(trusted.key): trusted for trusted in keys}


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


def _create(path: Path) -> None:
    """Write a new ECDSA P-256 key; whoever comes second takes that of the first."""
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
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
    sys.stderr.write(
        f"regml: made your personal signing key {path} (ECDSA P-256, mode 600). "
        "Keep a copy in a safe place; never commit it.\n"
    )


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
