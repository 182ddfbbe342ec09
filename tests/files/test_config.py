"""Configuration files: a wrong value is named, with the remedy."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError, ConfigError
from regml.files.config import read_config, read_policy
from regml.files.lock import read_lock_file
from regml.items.risk import Estimate

ROOT = Path(__file__).parents[2]


def test_the_example_is_read() -> None:
    assert read_config(ROOT).device.name == "HippoVol"


def test_every_cell_of_the_risk_matrix_can_be_reached() -> None:
    policy = read_policy(ROOT)
    levels = {
        policy.level(Estimate(severity=s.value, p1=a.value, p2=b.value, level="-"))
        for s in policy.severity
        for a in policy.p1
        for b in policy.p2
    }
    assert levels == set(policy.levels)


def test_a_value_off_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="severity 9 is not on the scale"):
        read_policy(ROOT).level(Estimate(severity=9, p1=1, p2=1, level="L"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[device\n", "not valid TOML"),
        ("[device]\nname = 'x'\n", "regml.toml:1: lacks the key 'device.version'"),
    ],
)
def test_a_broken_configuration_names_the_place(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises((BrokenFileError, ConfigError), match=said):
        read_config(tmp_path)


EXAMPLE = (ROOT / "regml.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('level = "Basic"', 'level = "basic"', "documentation_level"),
        ('"hippovol", "pipelines"', '"./hippovol"', "not written as git writes paths"),
        ('"hippovol", "pipelines"', '"."', "not written as git writes paths"),
        ('["tests/device"]', "['tests\\device']", "not written as git writes paths"),
        ("[sources]", "[[signer]]\n[sources]", "unknown key 'signer'. Known keys: dev"),
        ("[change_control]", "[change_contol]", "has an unknown key 'change_contol'"),
        ("anomaly_review_days", "review_days", "unknown key 'maintenance.review_days'"),
        ('["VP-01", "VP-02", "VP-03"]', "[]", "'activities.5.shown_by' is an empty"),
        ('tests = ["tests/device"]', 'tests = "x"', "'sources.tests' has to be a l"),
    ],
)
def test_what_would_be_passed_over_is_refused(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in EXAMPLE
    (tmp_path / "regml.toml").write_text(EXAMPLE.replace(before, after), "utf-8")
    with pytest.raises(ConfigError, match=said):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[device]\nname = 'x'\n\n[divice]\na = 1\n", 4),
        ("[device]\nname = 'x'\nversoin = '1'\n", 3),
        ("device.name = 'x'\ndevice.versoin = 1\n", 2),
        ("[[signers]]\nname = 'a'\n[[signers]]\n'nmae' = 'b'\n", 4),
        ("[device]\nname = 'x'\n[device.population]\nagge = 1\n", 4),
        ("[device]\nname = 'x\n", 2),
        ("[device]\nname = [\n\n", 3),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises((BrokenFileError, ConfigError), match=rf"^regml\.toml:{line}: "):
        read_config(tmp_path)


def test_a_key_is_one_persons(tmp_path: Path) -> None:
    signer = """
[[signers]]
name = "{}"
email = "x@example.org"
roles = ["quality"]
public_key = \"""
-----BEGIN PUBLIC KEY-----
AAAA
-----END PUBLIC KEY-----{}
\"""
"""
    text = EXAMPLE + signer.format("Dora", "") + signer.format("Quinn", "\n")
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="has the key of Dora again, for Quinn"):
        read_config(tmp_path)


def test_what_rules_rest_on_is_no_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "risk").mkdir()
    for name in ("regml.toml", "risk/policy.yaml", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    for read in (read_config, read_policy):
        with pytest.raises(BrokenFileError, match="is a symbolic link"):
            read(tmp_path)
    with pytest.raises(BrokenFileError, match="is a symbolic link"):
        read_lock_file(tmp_path, "requirements.txt")


def test_only_exact_versions_are_a_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\nscipy>=1\n", "utf-8")
    with pytest.raises(BrokenFileError, match=r"requirements\.txt:2: 'scipy>=1'"):
        read_lock_file(tmp_path, "requirements.txt")


def test_names_of_packages_are_compared_as_pip_does(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("Typing_Extensions==4.1  # why\n\n", "utf-8")
    assert read_lock_file(tmp_path, "l.txt") == {"typing-extensions": "4.1"}


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 2026-99-99", "a = \x00"]
)
def test_what_no_configuration_needs_is_one_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BrokenFileError, match=r"^regml\.toml(:1)?: "):
        read_config(tmp_path)
