"""The files by which build servers find regml: they name what is there."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from regml.cli import cli
from regml.starter import start_project

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "use-in-ci.md"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def options_of_check() -> set[str]:
    command = cli.get_command(click.Context(cli), "check")
    assert command is not None
    return {option for parameter in command.params for option in parameter.opts}


def test_the_hook_is_a_command_that_is_installed() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["id"] == "regml-check"
    assert hook["pass_filenames"] is False
    program, command = hook["entry"].split()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert program in scripts["scripts"]
    assert cli.get_command(click.Context(cli), command)


def test_pre_commit_takes_the_hook() -> None:
    programs = Path(sys.executable).parent
    command = [
        str(programs / "pre-commit"),
        "validate-manifest",
        ".pre-commit-hooks.yaml",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_every_option_that_files_and_page_name_exists() -> None:
    text = (ROOT / "action.yml").read_text("utf-8") + PAGE.read_text("utf-8")
    calls = re.findall(r"check((?: --[a-z-]+ \S+)+)", text)
    named = {part for call in calls for part in call.split() if part.startswith("--")}
    named |= set(re.findall(r"`?(--(?:fail-on|rule|format|no-own-checks))\b", text))
    assert named
    assert named <= options_of_check()


def test_every_input_is_described_used_and_explained() -> None:
    steps = str(ACTION["runs"]["steps"])
    page = PAGE.read_text("utf-8")
    for name, row in ACTION["inputs"].items():
        assert row["description"]
        assert f"inputs.{name}" in steps
        if name != "python-version":
            assert f"{name}:" in page


def test_no_input_is_pasted_into_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_blocks_of_the_page_are_yaml() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert yaml.safe_load(block)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return start_project(tmp_path / "project").root


def run_check_step(
    project: Path, tmp_path: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the step as a runner does, with the regml of this environment."""
    programs = tmp_path / "regml" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "regml").write_text(
        f'#!/bin/sh\nexec "{Path(sys.executable).with_name("regml")}" "$@"\n', "utf-8"
    )
    (programs / "regml").chmod(0o755)
    [step] = [s for s in ACTION["runs"]["steps"] if s.get("id") == "check"]
    settings = {
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PROJECT": str(project),
        "FAIL_ON": "minor",
        "OWN_CHECKS": "true",
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={**os.environ, **settings, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_annotates_findings_and_leaves_sarif(
    project: Path, tmp_path: Path
) -> None:
    done = run_check_step(project, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "::error file=" in done.stdout
    name, _, path = (tmp_path / "output").read_text("utf-8").strip().partition("=")
    assert name == "sarif-file"
    [run] = json.loads(Path(path).read_text("utf-8"))["runs"]
    assert len(run["results"]) == sum(
        line.startswith("::") for line in done.stdout.splitlines()
    )


def test_the_action_fails_without_sarif_where_regml_cannot_work(
    project: Path, tmp_path: Path
) -> None:
    (project / "regml.toml").write_text("[device\n", encoding="utf-8")
    done = run_check_step(project, tmp_path)
    assert done.returncode != 0
    assert "regml.toml" in done.stderr
    assert not (tmp_path / "output").exists()
