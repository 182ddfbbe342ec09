import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from regml.errors import SigningKeyError
from regml.records.keys import (
    key_id,
    personal_key,
    public_pem,
    read_key,
    read_public_key,
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
        (b"", "not an unencrypted private key"),
        (b"-----BEGIN PRIVATE KEY-----\nxx", "not an unencrypted private key"),
        (
            pem(
                ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"pw")
            ),
            "not an unencrypted private key",
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
