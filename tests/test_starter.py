"""Starting a project, and the wheel that brings it along."""

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from regml.errors import ConfigError
from regml.starter import PARTS, start_project

ROOT = Path(__file__).parents[1]

AUDITOR = """
import sys
sys.path[:0] = {path!r}
import regml
assert regml.__file__.startswith({path!r}[0])
from regml.cli import main
sys.argv = ["regml", *{arguments!r}]
sys.exit(main())
"""


def core_distributions() -> set[str]:
    """Return what ``pip install .`` without extras installs."""
    wanted, found = ["regml"], set()
    while wanted:
        name = wanted.pop()
        for line in importlib.metadata.requires(name) or []:
            need = Requirement(line)
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            if applies and need.name not in found:
                found.add(need.name)
                wanted.append(need.name)
    return found


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_new_project_is_committed_clean(tmp_path: Path) -> None:
    root = start_project(tmp_path / "a project").root
    status = subprocess.run(
        ["git", "-C", root, "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""
    for part in PARTS:
        assert (root / part).exists(), part


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not empty"):
        start_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_nothing_is_left_when_the_start_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # no git
    with pytest.raises(ConfigError, match="git"):
        start_project(tmp_path / "project")
    assert not any(path.name != "config" for path in tmp_path.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [built] = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(out / "unpacked")
    return out / "unpacked"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the core and no others."""
    folder = tmp_path_factory.mktemp("core")
    for name in core_distributions():
        for file in importlib.metadata.files(name) or []:
            top = file.parts[0]
            if top != ".." and not (folder / top).exists():
                (folder / top).symlink_to(
                    Path(str(file.locate())).parents[len(file.parts) - 1] / top
                )
    return folder


def auditor(
    wheel: Path, core: Path, *arguments: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run the wheel's command line with nothing but the core installed."""
    code = AUDITOR.format(path=[str(wheel), str(core)], arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_brings_the_example_and_the_auditors_half_needs_nothing_else(
    wheel: Path, core: Path, tmp_path: Path
) -> None:
    started = auditor(wheel, core, "init", str(tmp_path / "project"), cwd=tmp_path)
    assert started.returncode == 0, started.stderr
    for part in PARTS:
        assert (tmp_path / "project" / part).exists(), part
    checked = auditor(wheel, core, "check", cwd=tmp_path / "project")
    assert checked.returncode == 1, checked.stderr
    assert "T01  no finding for check T01 on 38 subjects" in checked.stdout


def test_without_the_extra_the_dhf_says_what_to_install(
    wheel: Path, core: Path, tmp_path: Path
) -> None:
    auditor(wheel, core, "init", str(tmp_path / "project"), cwd=tmp_path)
    built = auditor(wheel, core, "dhf", "build", cwd=tmp_path / "project")
    assert built.returncode == 2
    assert "regml[dhf]" in built.stderr


def test_a_remote_is_set_to_verify_what_is_pulled(tmp_path: Path) -> None:
    pytest.importorskip("dvc")
    place = tmp_path / "a store"
    root = start_project(tmp_path / "project", remote=str(place)).root
    told = subprocess.run(
        [sys.executable, "-m", "dvc", "config", "--list", "--project"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "remote.storage.verify=true" in told
    assert f"remote.storage.url={place}" in told
    assert "core.remote=storage" in told
