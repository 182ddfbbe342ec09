import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from regml.errors import RecordError
from regml.records.dsse import (
    Envelope,
    pae,
    read_envelope,
    seal,
    signed_by,
    write_envelope,
)
from regml.records.keys import SigningKey, personal_key, public_pem, read_key


@pytest.fixture(params=["ecdsa", "ed25519"])
def key(request: pytest.FixtureRequest, home: Path) -> SigningKey:
    if request.param == "ecdsa":
        return personal_key()
    path = home / "ed25519.pem"
    path.touch(mode=0o600)
    path.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    return read_key(path)


def test_the_encoding_is_that_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.tuples(st.text(), st.binary()), st.tuples(st.text(), st.binary()))
def test_different_documents_never_share_an_encoding(
    one: tuple[str, bytes], other: tuple[str, bytes]
) -> None:
    assert (pae(*one) == pae(*other)) == (one == other)


@given(st.text(), st.binary(), st.dictionaries(st.text(), st.binary(), max_size=3))
def test_an_envelope_reads_as_it_was_written(
    kind: str, payload: bytes, signatures: dict[str, bytes]
) -> None:
    envelope = Envelope(kind, payload, signatures)
    assert read_envelope(write_envelope(envelope), name="x") == envelope


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"payload": "?"}', b"\xff"])
def test_what_is_no_envelope_is_named(raw: bytes) -> None:
    with pytest.raises(RecordError, match=r"records/x\.json"):
        read_envelope(raw, name="records/x.json")


def test_openssl_accepts_the_signature(key: SigningKey, tmp_path: Path) -> None:
    envelope = read_envelope(seal(b'{"a":1}', key), name="x")
    [signature] = envelope.signatures.values()
    (tmp_path / "key.pem").write_text(public_pem(key))
    (tmp_path / "signed").write_bytes(pae(envelope.payload_type, envelope.payload))
    (tmp_path / "sig").write_bytes(signature)
    if isinstance(key.private, Ed25519PrivateKey):
        command = "pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile sig"
    else:
        command = "dgst -sha256 -verify key.pem -signature sig signed"
    done = subprocess.run(
        ["openssl", *command.split()], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_key_id_is_that_of_openssl(key: SigningKey, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(public_pem(key))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    ).stdout
    told = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=der, capture_output=True, check=True
    )
    assert told.stdout.decode().split()[0] == key.id


def test_an_independent_implementation_accepts_the_envelope(key: SigningKey) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse")
    signer = pytest.importorskip("securesystemslib.signer")
    kind, scheme = (
        ("ed25519", "ed25519")
        if isinstance(key.private, Ed25519PrivateKey)
        else ("ecdsa", "ecdsa-sha2-nistp256")
    )
    public = public_pem(key)
    if kind == "ed25519":
        public = key.private.public_key().public_bytes_raw().hex()  # type: ignore[union-attr]
    known = signer.SSlibKey(key.id, kind, scheme, {"public": public})
    document = json.loads(seal(b'{"a":1}', key))
    document["signatures"] = [
        {"keyid": row["keyid"], "sig": row["sig"]} for row in document["signatures"]
    ]
    accepted = dsse.Envelope.from_dict(document).verify([known], 1)
    assert list(accepted) == [key.id]


def test_a_changed_payload_is_not_believed(key: SigningKey) -> None:
    public = {key.id: key.private.public_key()}
    envelope = read_envelope(seal(b'{"a":1}', key), name="x")
    changed = Envelope(envelope.payload_type, b'{"a":2}', envelope.signatures)
    assert signed_by(envelope, public) == key.id
    assert signed_by(changed, public) is None
    assert signed_by(envelope, {}) is None


def test_a_record_that_is_nested_without_end_is_one_message() -> None:
    with pytest.raises(RecordError, match="is not a signed record"):
        read_envelope(b"[" * 100_000, name="records/runs/x.json")


NODE = """\
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity } = require('@sigstore/verify');
const { createPublicKey } = require('crypto');
const { readFileSync } = require('fs');
const [, , envelope, pem] = process.argv;
const bundle = bundleFromJSON({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: 'signer' }, tlogEntries: [] },
  dsseEnvelope: JSON.parse(readFileSync(envelope)),
});
const trust = {
  certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [],
  publicKey: () => ({
    publicKey: createPublicKey(readFileSync(pem)), validFor: () => true,
  }),
};
const none = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
new Verifier(trust, none).verify(toSignedEntity(bundle));
"""


def test_the_sigstore_library_of_npm_accepts_the_envelope_and_no_changed_one(
    key: SigningKey, tmp_path: Path
) -> None:
    modules = os.environ.get("NODE_PATH", "")
    packages = Path(modules) / "@sigstore"
    if shutil.which("node") is None or not (packages / "verify").is_dir():
        pytest.skip("needs node, and NODE_PATH with @sigstore/verify and its bundle")
    (tmp_path / "verify.js").write_text(NODE)
    (tmp_path / "key.pem").write_text(public_pem(key))
    for payload, status in ((b'{"a":1}', 0), (b'{"a":2}', 1)):
        document = json.loads(seal(b'{"a":1}', key))
        document["payload"] = base64.b64encode(payload).decode()
        (tmp_path / "envelope.json").write_text(json.dumps(document))
        done = subprocess.run(
            ["node", "verify.js", "envelope.json", "key.pem"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == bool(status), done.stderr
        assert not status or "signature" in done.stderr
