import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from regml.errors import BrokenFileError, ConfigError
from regml.imaging.deid.keys import KEY_FILE, KEY_VARIABLE, Pseudonyms, load_key

ROOT = Path(__file__).parents[3]
ONE, OTHER = Pseudonyms(bytes(32)), Pseudonyms(b"\1" * 32)


@given(st.text())
def test_the_same_key_gives_the_same_pseudonyms_and_another_key_others(
    name: str,
) -> None:
    again = Pseudonyms(bytes(32))
    assert ONE.uid(name) == again.uid(name) != OTHER.uid(name)
    assert ONE.patient(name) == again.patient(name) != OTHER.patient(name)


@given(st.text())
def test_uids_are_valid_and_below_2_25(name: str) -> None:
    uid = UID(ONE.uid(name))
    assert uid.is_valid
    assert uid.startswith("2.25.")


@given(st.text())
def test_dates_always_move_into_the_past(name: str) -> None:
    assert -3650 <= ONE.shift_days(name) <= -30


@pytest.mark.parametrize("name", ["Dr. Éva Kovács", "dr eva kovacs", "DR_EVA_KOVACS"])
def test_a_reader_is_one_however_the_name_is_written(name: str) -> None:
    assert ONE.reader(name) == ONE.reader("Dr. Éva Kovács")


def test_the_key_does_not_show() -> None:
    secret = Pseudonyms(b"0123456789abcdef" * 2)
    assert "0123456789" not in repr(secret)
    assert secret.key.hex()[:16] != secret.key_id


def test_a_first_use_makes_a_key_for_its_owner_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    key = load_key(tmp_path / "private")
    path = tmp_path / "private" / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in capsys.readouterr().err
    assert load_key(tmp_path / "private") == key
    assert capsys.readouterr().err == ""


def test_git_never_sees_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    load_key(tmp_path / "private")
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert seen.stdout == b""


def test_this_repository_ignores_private_files() -> None:
    assert "/private/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    assert load_key(tmp_path) == b"\xab" * 32
    assert not list(tmp_path.iterdir())


def test_a_short_key_in_the_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "abcd")
    with pytest.raises(ConfigError, match=KEY_VARIABLE):
        load_key(tmp_path)


def test_a_broken_key_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    (tmp_path / KEY_FILE).write_text("not a key\n")
    with pytest.raises(BrokenFileError, match=KEY_FILE):
        load_key(tmp_path)
