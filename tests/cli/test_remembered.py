"""An answer is given again while all is the same, and only then."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from regml.cli import remembered as module
from regml.cli.remembered import SETTLED_SECONDS, SWITCH, remembered
from regml.files.own_checks import FOLDER
from regml.starter import start_project

CACHE = ".dvc/cache/files/md5"


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


CACHE = ".dvc/cache/files/md5"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with what a project has: items, ignored data, DVC's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0.0)
    for level in ("system", "global"):
        (tmp_path / level).mkdir()
        monkeypatch.setenv(f"DVC_{level.upper()}_CONFIG_DIR", str(tmp_path / level))
    project = tmp_path / "project"
    for name, text in {
        "regml.toml": "[project]\n",
        "requirements_srs/SRS-001.md": "The device shall measure.\n",
        ".gitignore": "/data/\n/.dvc/cache/\n",
        "data/image.nii": "voxels",
        f"{CACHE}/ab/cdef": "content",
        f"{CACHE}/ab/0123.dir": "[]",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    git(tmp_path, "init", "-q", str(project))
    git(project, "config", "user.name", "Ada")
    git(project, "config", "user.email", "ada@example.org")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Begin")
    return project


class Asked:
    """A command that counts how often it runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> int:
        self.runs += 1
        click.echo(f"answer {self.runs}")
        click.echo("to be noted", err=True)
        return 1


def test_the_answer_is_given_again_with_its_exit_status(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Asked()
    said = []
    for _ in range(3):
        assert remembered(root, ["check"], command) == 1
        said.append(capsys.readouterr())
    assert command.runs == 1
    assert said[0] == said[1] == said[2] == ("answer 1\n", "to be noted\n")


def edit(root: Path) -> None:
    (root / "requirements_srs/SRS-001.md").write_text("The device shall.\n")


def edit_unseen(root: Path, name: str, text: str) -> None:
    """Same size, same modification time."""
    path = root / name
    before = path.stat()
    assert len(text) == before.st_size
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "an item": edit,
    "an item, unseen": lambda root: edit_unseen(
        root, "requirements_srs/SRS-001.md", "The device shall measurE.\n"
    ),
    "data, unseen": lambda root: edit_unseen(root, "data/image.nii", "VOXELS"),
    "new data": lambda root: (root / "data/more.nii").write_text("voxels"),
    "removed data": lambda root: (root / "data/image.nii").unlink(),
    "a new item": lambda root: (root / "SRS-002.md").write_text("New.\n"),
    "a removed item": lambda root: (root / "requirements_srs/SRS-001.md").unlink(),
    "an empty folder": lambda root: (root / "risk").mkdir(),
    "a link": lambda root: (root / "link.md").symlink_to("regml.toml"),
    "DVC's cache": lambda root: (root / CACHE / "ab/cdef").unlink(),
    "the place of DVC's cache": lambda root: (root / ".dvc/config.local").write_text(
        "[cache]\n    dir = ../../elsewhere\n"
    ),
    "a folder in DVC's cache": lambda root: (root / CACHE / "ab/0123.dir").write_text(
        "{}"
    ),
    "where DVC's cache lies": lambda root: (root.parent / "system/config").write_text(
        "[cache]\ndir = /elsewhere\n"
    ),
    "a commit": lambda root: git(root, "commit", "-q", "--allow-empty", "-m", "Next"),
    "a tag": lambda root: git(root, "tag", "v1"),
    "a branch": lambda root: git(root, "branch", "other"),
    "what is tracked": lambda root: git(root, "rm", "-q", "--cached", "regml.toml"),
    "what is ignored": lambda root: (root / ".git/info/exclude").write_text("*.md\n"),
    "settings of git": lambda root: git(root, "config", "core.autocrlf", "true"),
    "a cut history": lambda root: (root / ".git/shallow").write_text("0" * 40 + "\n"),
    "the environment": lambda _: os.environ.update(REGML_TRY="1"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_command_runs_again_when_something_changed(root: Path, change: str) -> None:
    command = Asked()
    remembered(root, ["check"], command)
    remembered(root, ["check"], command)
    assert command.runs == 1
    try:
        CHANGES[change](root)
        remembered(root, ["check"], command)
    finally:
        os.environ.pop("REGML_TRY", None)
    assert command.runs == 2


def test_another_question_has_another_answer(root: Path) -> None:
    command = Asked()
    for words in (["check"], ["check", "--rule", "T01"], ["check"]):
        remembered(root, words, command)
    assert command.runs == 2


def test_on_another_day_the_command_runs_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Asked()
    remembered(root, ["check"], command)
    monkeypatch.setattr(module, "_today", lambda: "2099-01-01")
    remembered(root, ["check"], command)
    assert command.runs == 2


def own_checks(root: Path) -> None:
    (root / FOLDER).mkdir()


def no_repository(root: Path) -> None:
    (root / ".git").rename(root / "git")


def switch_off(_: Path) -> None:
    os.environ[SWITCH] = "1"


@pytest.mark.parametrize("state", [own_checks, no_repository, switch_off])
def test_nothing_is_kept_where_it_cannot_be_told(
    root: Path, state: Callable[[Path], None]
) -> None:
    command = Asked()
    try:
        state(root)
        remembered(root, ["check"], command)
        remembered(root, ["check"], command)
    finally:
        os.environ.pop(SWITCH, None)
    assert command.runs == 2


def test_nothing_is_kept_of_a_moment_in_git_s_own_log(root: Path) -> None:
    command = Asked()
    for _ in range(2):
        remembered(root, ["check", "--at", "HEAD@{0}"], command)
    assert command.runs == 2


def test_nothing_is_kept_when_files_change_meanwhile(root: Path) -> None:
    runs = []

    def command() -> int:
        runs.append(1)
        (root / "data/image.nii").write_text(f"run {len(runs)}")
        return 0

    for _ in range(2):
        remembered(root, ["check"], command)
    assert len(runs) == 2


def test_nothing_is_kept_just_after_data_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED_SECONDS", 3600.0)
    command = Asked()
    for _ in range(2):
        remembered(root, ["check"], command)
    assert command.runs == 2


def test_the_command_runs_again_when_a_cache_elsewhere_changed(root: Path) -> None:
    kept = root.parent / "disk/files/md5/ab/cdef"
    kept.parent.mkdir(parents=True)
    (root.parent / "global/config").write_text(f"[cache]\ndir = {root.parent}/disk\n")
    command = Asked()
    for runs in (1, 1):
        remembered(root, ["check"], command)
        assert command.runs == runs
    kept.write_text("content")
    remembered(root, ["check"], command)
    assert command.runs == 2


def test_a_broken_memory_is_no_answer(root: Path, tmp_path: Path) -> None:
    command = Asked()
    remembered(root, ["check"], command)
    [kept] = (tmp_path / "cache").rglob("*.json")
    kept.write_text('{"state": 1}')
    remembered(root, ["check"], command)
    assert command.runs == 2


def test_the_project_is_not_written_to(root: Path) -> None:
    before = sorted(path for path in root.rglob("*") if ".git" not in path.parts)
    remembered(root, ["check"], Asked())
    assert (
        sorted(path for path in root.rglob("*") if ".git" not in path.parts) == before
    )


def test_the_place_of_own_checks_is_that_of_their_reader() -> None:
    assert module.OWN_CHECKS == FOLDER


def test_the_command_line_says_what_it_would_say_without_memory(
    tmp_path: Path,
) -> None:
    """Asked thrice: for the first time, again, and after a requirement was emptied."""
    project = start_project(tmp_path / "project").root
    time.sleep(SETTLED_SECONDS)

    def check(**more: str) -> subprocess.CompletedProcess[str]:
        places = {"XDG_CACHE_HOME": str(tmp_path / "cache"), **more}
        return subprocess.run(
            [Path(sys.executable).with_name("regml"), "check", "--format", "json"],
            cwd=project,
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            check=False,
        )

    def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
        return done.returncode, done.stdout, done.stderr

    first, again = check(), check()
    assert list((tmp_path / "cache").rglob("*.json"))
    assert said(first) == said(again) == said(check(**{SWITCH: "1"}))
    (project / "risk/RISK-999.md").write_text("---\ntitle: TBD\n---\nTBD\n")
    changed = check()
    assert said(changed) == said(check(**{SWITCH: "1"})) != said(first)


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path: Path) -> None:
    project = start_project(tmp_path / "project").root
    time.sleep(SETTLED_SECONDS)
    tool = Path(sys.executable).with_name("regml")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for _ in range(2):
        with subprocess.Popen(
            [tool, "check", "--format", "json"],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            said = process.stderr.read().decode()
        assert (process.returncode, said) == (1, "")
