import datetime as dt
import re
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from pydantic import ValidationError

from regml.cli import cli
from regml.errors import SigningKeyError
from regml.items.config import Role, Signer
from regml.records.approvals import signer_of
from regml.records.dsse import read_envelope, seal, signed_by
from regml.records.keys import (
    create_key,
    key_id,
    key_path,
    personal_key,
    public_pem,
    read_key,
    read_public_key,
    trusted_keys,
)


def pem(
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "key.pem"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_first_use_makes_a_key_for_its_owner_only(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = personal_key()
    assert key.path == home / ".config/regml/signing_key.pem"
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    assert str(key.path) in capsys.readouterr().err
    assert list(key.path.parent.iterdir()) == [key.path]


def test_second_use_takes_the_same_key(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = personal_key()
    capsys.readouterr()
    assert personal_key().id == first.id
    assert capsys.readouterr().err == ""


def test_the_public_half_keeps_the_id(home: Path) -> None:
    key = personal_key()
    assert key_id(read_public_key(public_pem(key))) == key.id


def test_the_configuration_folder_of_the_desktop_counts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert personal_key().path == tmp_path / "config/regml/signing_key.pem"


def test_a_named_key_is_never_made(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_SIGNING_KEY", str(tmp_path / "typo.pem"))
    with pytest.raises(SigningKeyError, match=r"typo\.pem.*REGML_SIGNING_KEY"):
        personal_key()
    assert not (tmp_path / "typo.pem").exists()


def test_a_key_that_cannot_be_made_says_where(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(SigningKeyError, match="REGML_SIGNING_KEY"):
        personal_key()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nxx", "is not a private key in PEM"),
        (
            pem(
                ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"pw")
            ),
            "nobody can be asked",
        ),
        (pem(ec.generate_private_key(ec.SECP384R1())), "neither ECDSA P-256"),
        (pem(rsa.generate_private_key(65537, 2048)), "neither ECDSA P-256"),
    ],
)
def test_a_broken_key_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = key_file(tmp_path, content)
    with pytest.raises(SigningKeyError, match=said) as raised:
        read_key(path)
    assert str(raised.value).startswith(str(path))


def test_a_key_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = key_file(tmp_path, pem(ec.generate_private_key(ec.SECP256R1())), mode=0o640)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        read_key(path)


def test_a_public_key_that_is_none_names_the_configuration() -> None:
    with pytest.raises(SigningKeyError, match=r"regml\.toml"):
        read_public_key("-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----")


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_a_key_with_a_passphrase_signs_and_its_file_tells_nothing(
    kind: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "guarded.pem"
    create_key(path, kind=kind, passphrase=b"long enough")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("REGML_KEY_PASSPHRASE", "long enough")
    key = read_key(path)
    envelope = read_envelope(seal(b"{}", key), name="x")
    assert signed_by(envelope, {key.id: read_public_key(public_pem(key))}) == key.id
    assert key.protected
    opened = subprocess.run(
        ["openssl", "pkey", "-in", path, "-passin", "pass:long enough", "-pubout"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert opened.stdout == public_pem(key)


def test_a_wrong_passphrase_is_one_message(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_key(home / "guarded.pem", passphrase=b"right")
    monkeypatch.setenv("REGML_KEY_PASSPHRASE", "wrong")
    with pytest.raises(SigningKeyError, match=r"guarded\.pem.*does not open"):
        read_key(home / "guarded.pem")


def test_the_command_makes_a_key_once_and_shows_its_block(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_KEY_PASSPHRASE", "secret")
    run = CliRunner()
    made = run.invoke(cli, ["key", "new", "--type", "ed25519", "--passphrase"])
    assert (made.exit_code, made.stdout.strip()) == (0, str(key_path()))
    again = run.invoke(cli, ["key", "new"])
    assert isinstance(again.exception, SigningKeyError)
    assert "never" not in str(again.exception)
    shown = run.invoke(cli, ["key", "show"])
    key = read_key(key_path())
    assert f"with a passphrase, id {key.id}" in shown.stdout
    [signer] = tomllib.loads(shown.stdout)["signers"]
    assert key_id(read_public_key(signer["public_key"])) == key.id
    assert run.invoke(cli, ["key", "show", "--pem"]).stdout == public_pem(key)


def test_a_new_passphrase_has_to_be_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGML_KEY_PASSPHRASE", raising=False)
    made = CliRunner().invoke(cli, ["key", "new", "--passphrase"])
    assert isinstance(made.exception, SigningKeyError)
    assert not key_path().exists()


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-01-31T23:59:59.999Z", "is valid from 2026-02-01"),
        ("2026-02-01T00:00:00.000Z", None),
        ("2026-02-28T23:59:59.999Z", None),
        ("2026-03-01T00:00:00.000Z", r"was revoked from 2026-03-01 on \(lost\)"),
    ],
)
def test_a_key_counts_on_its_days_only(day: str, said: str | None, home: Path) -> None:
    signer = Signer(
        name="Ada",
        email="ada@example.org",
        roles=(Role.DEVELOPER,),
        public_key=public_pem(personal_key()),
        valid_from=dt.date(2026, 2, 1),
        revoked=dt.date(2026, 3, 1),
        revoked_because="lost",
    )
    [trusted] = trusted_keys([signer]).values()
    refusal = trusted.refusal(day)
    assert (refusal is None) == (said is None)
    assert said is None or re.search(said, refusal or "")


@pytest.mark.parametrize(
    "days",
    [
        {"revoked": dt.date(2026, 1, 1)},
        {"revoked_because": "lost"},
        {
            "revoked": dt.date(2026, 1, 1),
            "revoked_because": "lost",
            "valid_from": dt.date(2026, 1, 2),
        },
    ],
)
def test_a_revocation_says_when_and_why(days: dict[str, object], home: Path) -> None:
    pem_text = public_pem(personal_key())
    with pytest.raises(ValidationError, match="revoked"):
        Signer.model_validate(
            {
                "name": "A",
                "email": "a@b",
                "roles": ["quality"],
                "public_key": pem_text,
                **days,
            }
        )


def test_a_key_named_twice_cannot_undo_its_revocation(home: Path) -> None:
    named = Signer(
        name="Ada",
        email="ada@example.org",
        roles=(Role.DEVELOPER,),
        public_key=public_pem(personal_key()),
    )
    lost = {"revoked": dt.date(2026, 3, 1), "revoked_because": "lost"}
    with pytest.raises(SigningKeyError, match="have the same public_key"):
        trusted_keys([named.model_copy(update=lost), named])


def test_nobody_signs_by_hand_with_a_revoked_key(home: Path) -> None:
    key = personal_key()
    signer = Signer(
        name="Ada",
        email="ada@example.org",
        roles=(Role.QUALITY,),
        public_key=public_pem(key),
        revoked=dt.date(2020, 1, 1),
        revoked_because="lost",
    )
    with pytest.raises(SigningKeyError, match=r"revoked .* 'regml key new'"):
        signer_of(key, [signer])
