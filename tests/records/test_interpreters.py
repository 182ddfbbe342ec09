"""The packages of a record are those of the Python that ran."""

import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from regml.items.recorded import StageRun
from regml.records.environment import environment, packages
from regml.records.interpreters import interpreter_of, own_interpreter


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ``bin`` of an environment that has one package, and no regml."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    [packages_there] = (tmp_path / "env/lib").glob("python3*/site-packages")
    (packages_there / "only_there-2.0.dist-info").mkdir()
    return tmp_path / "env/bin"


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def found_in(*command: str) -> tuple[str | None, set[str]]:
    told = environment(command)
    return told["python"].get("found"), set(told["packages"])


def test_another_interpreter_is_asked_for_its_own_packages(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"only-there"}
    assert found_in(str(other / "python"), "x.py") == ("command", there)
    tool = script(tmp_path / "tool", f"#!{other}/python -I\n")
    assert found_in(tool) == ("command", there)
    monkeypatch.setenv("PATH", f"{other}:/usr/bin:/bin")
    by_name = script(tmp_path / "by_name", "#!/usr/bin/env python3\n")
    assert found_in(by_name) == ("command", there)
    assert found_in("sh", "-c", "python x.py") == ("path", there)


def test_our_own_interpreter_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{beside}:/usr/bin:/bin")
    own = own_interpreter()
    assert own.found is None
    for command in (["python", "x.py"], [sys.executable], ["pytest"], ["sh", "x"]):
        assert interpreter_of(command) == own
    assert environment(["python"]) == environment()


def test_an_interpreter_that_does_not_answer_is_said(tmp_path: Path) -> None:
    mute = script(tmp_path / "python3", "#!/bin/sh\nexit 3\n")
    assert found_in(mute) == ("unanswered", set(packages()))


def test_a_record_tells_of_the_interpreter_of_its_command(
    project: Any, other: Path
) -> None:
    assert project.record([str(other / "python"), "-c", "print()"]) == 0
    run = project.log().records[-1].statement
    assert isinstance(run, StageRun)
    assert set(run.origin.environment["packages"]) == {"only-there"}


def test_packages_that_tell_of_themselves_the_old_way_are_found(tmp_path: Path) -> None:
    (tmp_path / "PyYAML-6.0.egg-info").mkdir()
    (tmp_path / "old_one-1.2-py3.11.egg-info").write_text("")
    (tmp_path / "sources.egg-info").mkdir()
    had = {name: row["version"] for name, row in packages([str(tmp_path)]).items()}
    assert had == {"pyyaml": "6.0", "old-one": "1.2"}
