"""Dead Simple Signing Envelope v1: a payload, its type, and signatures over both.

Signed is not the payload but its pre-authentication encoding (:func:`pae`), so that
a signature under one kind of document can never be taken for one under another.
Keys are ECDSA P-256 (DER signatures over SHA-256) or Ed25519.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from regml.digest import canonical_json
from regml.errors import RecordError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from regml.records.keys import SigningKey

    PublicKey = EllipticCurvePublicKey | Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed payload, not yet believed.

    Attributes:
        payload_type: What the payload is.
        payload: Its bytes.
        signatures: Signature bytes by key id.
    """

    payload_type: str
    payload: bytes
    signatures: Mapping[str, bytes]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: lengths in bytes, decimal, in ASCII."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, key: "SigningKey") -> bytes:
    """Return the envelope file of an in-toto statement: canonical JSON, one line."""
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    return write_envelope(Envelope(PAYLOAD_TYPE, payload, {key.id: signature}))


def write_envelope(envelope: Envelope) -> bytes:
    """Return the text of an envelope; ``read_envelope`` is its inverse."""
    document = {
        "payloadType": envelope.payload_type,
        "payload": _encode(envelope.payload),
        "signatures": [
            {"keyid": key_id, "sig": _encode(signature)}
            for key_id, signature in sorted(envelope.signatures.items())
        ],
    }
    return canonical_json(document) + b"\n"


def read_envelope(raw: bytes, *, name: str) -> Envelope:
    """Read an envelope without checking its signatures.

    Args:
        raw: The file.
        name: How messages call it.

    Raises:
        RecordError: It is no envelope.
    """
    try:
        # as text: of bytes, json looks at the encoding first
        document: dict[str, Any] = json.loads(raw.decode())
        return Envelope(
            payload_type=str(document["payloadType"]),
            payload=_decode(document["payload"]),
            signatures={
                str(row["keyid"]): _decode(row["sig"]) for row in document["signatures"]
            },
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(
            f"{name}: is not a signed record ({error}). "
            "Restore it from git: git checkout -- FILE."
        ) from error


def signed_by(envelope: Envelope, keys: Mapping[str, "PublicKey"]) -> str | None:
    """Return the id of a known key whose signature is good, or ``None``."""
    signed = pae(envelope.payload_type, envelope.payload)
    for key_id, signature in sorted(envelope.signatures.items()):
        if key_id in keys and is_good(signature, signed, keys[key_id]):
            return key_id
    return None


def is_good(signature: bytes, signed: bytes, key: "PublicKey") -> bool:
    """Tell whether a signature was made over some bytes with the key's other half."""
    return _checker()(signature, signed, key)


@cache
def _checker() -> Callable[[bytes, bytes, "PublicKey"], bool]:
    """Return what checks a signature; its imports are paid for once, when needed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    ecdsa = ECDSA(SHA256())

    def check(signature: bytes, signed: bytes, key: "PublicKey") -> bool:
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, signed)
            else:
                key.verify(signature, signed, ecdsa)
        except InvalidSignature:
            return False
        return True

    return check


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
