"""The doctor answers in every broken state, in words that say what to do."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from regml.cli import cli
from regml.doctor import Diagnosis, State, as_json, as_text, examine
from regml.doctor.machine import EXTRAS
from regml.records.keys import KEY_VARIABLE, PASSPHRASE_VARIABLE, create_key
from regml.starter import start_project

Breakage = Callable[[Path], object]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project just started, with its key beside it."""
    base = tmp_path_factory.mktemp("doctor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(base / "config"))
        start_project(base / "project")
    return base


@pytest.fixture
def project(started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(started, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.delenv("REGML_SIGNING_KEY", raising=False)
    return tmp_path / "home" / "project"


def by_topic(root: Path | None) -> dict[str, list[Diagnosis]]:
    found: dict[str, list[Diagnosis]] = {}
    for row in examine(root):
        found.setdefault(row.topic, []).append(row)
    return found


def key_of(project: Path) -> Path:
    return project.parent / "config" / "regml" / "signing_key.pem"


def put(name: str, text: str | bytes) -> Breakage:
    raw = text if isinstance(text, bytes) else text.encode()
    return lambda root: (root / name).write_bytes(raw)


def no_folder(name: str) -> Breakage:
    def breaks(root: Path) -> None:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).write_text("x", encoding="utf-8")

    return breaks


def test_nothing_of_a_new_project_is_a_problem(project: Path) -> None:
    found = examine(project)
    assert [row for row in found if row.state is State.PROBLEM] == []
    topics = {row.topic for row in found if row.state is State.OK}
    assert {"python", "git", "signing key", "regml.toml", "signers", "items"} <= topics
    assert {"repository", ".gitattributes", "textconv", "dvc.yaml", "log"} <= topics


def test_what_is_not_well_says_what_to_do(project: Path) -> None:
    for row in examine(project):
        assert bool(row.remedy) == (row.state is not State.OK), row


BREAKAGES: dict[str, tuple[Breakage, str, str]] = {
    "no TOML": (put("regml.toml", "[device\n"), "configuration", "regml.toml"),
    "no UTF-8": (put("regml.toml", b"\xff\xfe"), "configuration", "UTF-8"),
    "empty configuration": (put("regml.toml", ""), "configuration", "device"),
    "a broken item": (
        put("risk/RISK-001.md", "---\n\ttitle: x\n---\n"),
        "items",
        "risk/RISK-001.md:2",
    ),
    "a broken policy": (put("risk/policy.yaml", "a: ["), "policy", "policy.yaml"),
    "no policy": (lambda r: (r / "risk/policy.yaml").unlink(), "policy", "policy"),
    "a source that is gone": (
        lambda root: shutil.rmtree(root / "tests"),
        "sources",
        "names tests/device under [sources], which is not there",
    ),
    "no exact version": (
        put("requirements.txt", "numpy\n"),
        "check",
        "requirements.txt:1: 'numpy' is not an exact version",
    ),
    "a test that is no Python": (
        put("tests/device/test_gate.py", "def (\n"),
        "check",
        "tests/device/test_gate.py:1: is not Python",
    ),
    "a broken dvc.lock": (put("dvc.lock", "a: ["), "check", "dvc.lock"),
    "a broken dvc.yaml": (put("dvc.yaml", "stages: ["), "stages", "dvc.yaml"),
    "a bare stage": (
        put("dvc.yaml", "stages:\n  train:\n    cmd: python train.py\n"),
        "dvc.yaml",
        "train leaves no record",
    ),
    "a broken DVC configuration": (
        put(".dvc/config", "no section\n"),
        "dvc remote",
        "no section headers",
    ),
    "no repository": (
        lambda root: shutil.rmtree(root / ".git"),
        "repository",
        "no git repository",
    ),
    "a broken repository": (
        lambda root: (root / ".git" / "HEAD").unlink(),
        "repository",
        "git",
    ),
    "a broken log": (put("records/log.jsonl", "{nothing\n"), "log", "log.jsonl"),
    "no records": (no_folder("records"), "log", "records"),
    "an open key": (
        lambda root: key_of(root).chmod(0o644),
        "signing key",
        "chmod 600",
    ),
    "a broken key": (
        lambda root: key_of(root).write_text("x", encoding="utf-8"),
        "signing key",
        "PEM",
    ),
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_a_broken_set_up_is_explained(project: Path, what: str) -> None:
    breaks, topic, says = BREAKAGES[what]
    breaks(project)
    found = examine(project)
    text = as_text(found)
    assert "Could not be looked at" not in text
    bad = [row for row in found if row.state is not State.OK]
    rows = [row for row in bad if row.topic == topic and row.state is State.PROBLEM]
    assert rows, text
    assert any(says in row.message for row in rows), rows
    assert len({row.message for row in bad}) == len(bad)
    for row in bad:  # the message of a broken file holds its remedy
        assert row.remedy or re.search(r"[.:] [A-Z]", row.message), row


def test_a_project_without_stages_is_told(project: Path) -> None:
    (project / "dvc.yaml").unlink()
    [row] = by_topic(project)["dvc.yaml"]
    assert (row.state, bool(row.remedy)) == (State.WARN, True)


def test_a_key_that_no_signer_has_is_explained(project: Path) -> None:
    key_of(project).unlink()
    from regml.records.keys import personal_key

    personal_key()
    [row] = by_topic(project)["signers"]
    assert row.state is State.WARN
    assert "does not count" in row.message
    assert "regml key show" in row.remedy


def test_a_key_named_and_missing_is_a_problem(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_SIGNING_KEY", str(project / "no.pem"))
    [row] = by_topic(project)["signing key"]
    assert row.state is State.PROBLEM
    assert "REGML_SIGNING_KEY" in row.message


def test_without_git_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    found = by_topic(project)
    assert found["git"][0].state is State.PROBLEM
    assert found["repository"][0].state is State.PROBLEM
    assert "Install git" in found["repository"][0].message
    assert found["items"][0].state is State.OK


def test_settings_that_git_does_not_copy_are_missed(project: Path) -> None:
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "config", "--unset", "diff.regml.textconv"], check=True)
    (project / ".gitattributes").write_text("", encoding="utf-8")
    found = by_topic(project)
    assert found["textconv"][0].remedy.startswith("git config diff.regml.textconv")
    assert [row.state for row in found[".gitattributes"]] == [State.WARN] * 2
    assert "branches will conflict" in found[".gitattributes"][1].message


def test_line_ends_that_git_rewrites_are_told(project: Path) -> None:
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "config", "core.autocrlf", "true"], check=True)
    assert "line ends" not in by_topic(project)
    (project / ".gitattributes").write_text("", encoding="utf-8")
    [told] = by_topic(project)["line ends"]
    assert told.state == State.WARN
    assert "core.autocrlf=true rewrites line ends" in told.message


@pytest.mark.parametrize(("verify", "state"), [("true", "ok"), ("false", "warn")])
def test_a_remote_has_to_verify(project: Path, verify: str, state: str) -> None:
    text = f"['remote \"store\"']\n    url = /data\n    verify = {verify}\n"
    (project / ".dvc" / "config").write_text(text, encoding="utf-8")
    [row] = by_topic(project)["dvc remote"]
    assert row.state == state
    assert row.message.startswith("store ")


def test_an_extra_that_is_not_installed_says_what_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from regml.doctor import machine

    monkeypatch.setattr(machine, "_installed", lambda _: "")
    found = by_topic(None)
    for extra, needs in EXTRAS.items():
        assert needs in found[extra][0].message
        assert found[extra][0].remedy == f"pip install 'regml[{extra}]'"


def test_every_optional_part_is_looked_at() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    parts = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(parts) - {"dev"}


def test_another_regml_on_the_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "regml").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "regml").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    [row] = by_topic(None)["regml"]
    assert row.state is State.WARN
    assert f"Stages and git start {tmp_path}" in row.message
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert "none is on PATH" in by_topic(None)["regml"][0].message


def test_schemas_of_another_version_are_found(project: Path) -> None:
    schema = project / ".vscode" / "regml" / "srs.schema.json"
    schema.write_text("{}", encoding="utf-8")
    [row] = by_topic(project)["schemas"]
    assert row.state is State.WARN
    assert row.remedy == "regml schema --out .vscode/regml"


def test_a_hook_that_is_not_installed_is_missed(project: Path) -> None:
    (project / ".pre-commit-config.yaml").write_text("id: regml-check\n", "utf-8")
    assert by_topic(project)["hooks"][0].remedy == "pre-commit install"


def test_what_nobody_thought_of_is_no_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regml.doctor import project as looks

    def fail(_: Path) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(looks, "read_stages", fail)
    [row] = by_topic(project)["stages"]
    assert row.state is State.PROBLEM
    assert "ZeroDivisionError: of all things" in row.message


def test_outside_a_project_it_looks_at_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    done = CliRunner().invoke(cli, ["doctor"], standalone_mode=False)
    assert done.return_value == 0
    assert "There is no regml.toml here or above." in done.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_speaks_json_and_exits_1_on_problems(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "regml.toml").write_text("[device\n", encoding="utf-8")
    run = CliRunner().invoke(cli, ["doctor", "--format", "json"], standalone_mode=False)
    assert run.return_value == 1
    states = {row["topic"]: row["state"] for row in json.loads(run.output)}
    assert states["configuration"] == "problem"
    assert states["items"] == "ok"


def test_it_changes_nothing(project: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.stat().st_mode, path.read_bytes())
            for path in sorted(project.rglob("*"))
            if path.is_file()
        }

    before = state()
    examine(project)
    assert state() == before


def test_both_forms_hold_every_diagnosis() -> None:
    rows = (
        Diagnosis("a", State.OK, "well"),
        Diagnosis("bb", State.WARN, "so so", "do"),
    )
    assert as_text(rows) == (
        "ok       a   well\nwarn     bb  so so\n             -> do\n"
        "\n1 ok, 1 warn, 0 problem\n"
    )
    assert [row["topic"] for row in json.loads(as_json(rows))] == ["a", "bb"]


def test_a_key_with_a_passphrase_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "guarded.pem"
    create_key(path, passphrase=b"secret")
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    [row] = by_topic(None)["signing key"]
    assert row.state is State.WARN
    assert "was not opened" in row.message
