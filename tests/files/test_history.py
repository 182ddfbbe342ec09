"""The past of a project, asked from git: repositories with merges and odd names."""

import os
import subprocess
from pathlib import Path

import pytest

from regml.files.history import (
    changed_files,
    commit_times,
    history,
    last_changes,
    start_of,
)


class Repository:
    """A repository whose project may lie in a folder below its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, **env: str) -> str:
        person = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Dora"), ("EMAIL", "dora@example.org"))
        }
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", **person, **env},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def commit(self, message: str, files: dict[str, str], **env: str) -> str:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message, **env)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "répo")


def test_commits_come_newest_first_with_message_and_paths(
    repository: Repository,
) -> None:
    first = repository.commit("First", {"a": "1"})
    second = repository.commit("Zwei ü\n\nBody\n\nChange: CR-012", {"b ü\n": "1"})
    newest, oldest = history(repository.root, "1970-01-01")
    assert (oldest.sha, oldest.parents, oldest.paths) == (first, (), ("a",))
    assert (newest.sha, newest.parents) == (second, (first,))
    assert (newest.subject, newest.body) == ("Zwei ü", "Body\n\nChange: CR-012")
    assert newest.paths == ("b ü\n",)
    assert (newest.person.name, newest.person.email) == ("Dora", "dora@example.org")
    assert newest.time_utc.endswith("Z")


def test_a_history_begins_after_its_commit_or_on_its_day(
    repository: Repository,
) -> None:
    old = {"GIT_COMMITTER_DATE": "2026-01-01T23:30:00+02:00"}
    first = repository.commit("First", {"a": "1"}, **old)
    repository.commit("Second", {"a": "2"}, GIT_COMMITTER_DATE="2026-01-03T00:00:00Z")
    assert [c.subject for c in history(repository.root, first)] == ["Second"]
    assert [c.subject for c in history(repository.root, "2026-01-02")] == ["Second"]
    assert len(history(repository.root, "2026-01-01")) == 2
    assert history(repository.root, "2026-01-01")[1].time_utc == "2026-01-01T21:30:00Z"


def test_a_merge_touches_what_it_changed_itself(repository: Repository) -> None:
    repository.commit("First", {"a": "1"})
    repository.git("switch", "--quiet", "-c", "side")
    repository.commit("Side", {"b": "1"})
    repository.git("switch", "--quiet", "main")
    repository.commit("Main", {"a": "2"})
    repository.git("merge", "--quiet", "--no-edit", "side")
    clean, *_ = history(repository.root, "1970-01-01")
    assert (len(clean.parents), clean.paths) == (2, ())
    (repository.root / "b").write_text("evil", encoding="utf-8")
    repository.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    evil, *_ = history(repository.root, "1970-01-01")
    assert evil.paths == ("b",)


def test_a_project_in_a_folder_sees_its_own_paths_only(
    repository: Repository,
) -> None:
    repository.commit("Outside", {"other": "1"})
    repository.commit("Inside", {"my project/a": "1", "other": "2"})
    project = repository.root / "my project"
    [commit] = history(project, "1970-01-01")
    assert commit.paths == ("a",)
    assert set(last_changes(project, ["a", "other"])) == {"a"}


def test_the_last_change_of_a_file_is_that_of_its_path(repository: Repository) -> None:
    repository.commit("First", {"a": "1", "b": "1"})
    second = repository.commit("Second", {"a": "2"}, GIT_AUTHOR_EMAIL="x@example.org")
    found = last_changes(repository.root, ["a", "b", "never"])
    assert found["a"].sha == second
    assert found["a"].person.email == "x@example.org"
    assert found["b"].subject == "First"
    assert "never" not in found


def test_a_beginning_is_a_commit_or_a_day(repository: Repository) -> None:
    first = repository.commit("First", {"a": "1"})
    repository.git("tag", "-a", "-m", "x", "v1")
    assert start_of(repository.root, "v1") == first
    assert start_of(repository.root, "2026-01-01") == "2026-01-01"
    assert start_of(repository.root, "v2") is None
    assert start_of(repository.root, "--all") is None
    assert start_of(repository.root, first) == first
    assert start_of(repository.root, first[:8]) == first


@pytest.mark.parametrize("moving", ["HEAD", "main", "HEAD~1", "@"])
def test_what_moves_on_is_no_beginning(repository: Repository, moving: str) -> None:
    repository.commit("First", {"a": "1"})
    repository.commit("Second", {"a": "2"})
    repository.git("tag", "v1")
    assert start_of(repository.root, moving) is None


def test_outside_a_repository_there_is_no_past(tmp_path: Path) -> None:
    assert start_of(tmp_path, "v1") is None
    assert last_changes(tmp_path, ["a"]) == {}
    assert commit_times(tmp_path, ["a" * 40]) == {}


def test_times_are_those_of_known_commits(repository: Repository) -> None:
    date = "2026-01-03T01:02:03Z"
    first = repository.commit("First", {"a": "1"}, GIT_COMMITTER_DATE=date)
    asked = [first, "a" * 40, "--all", ""]
    assert commit_times(repository.root, asked) == {first: date}


def test_changed_files_are_edited_staged_and_new_ones(repository: Repository) -> None:
    first = repository.commit("First", {"a": "1", "b": "1", "c": "1"})
    repository.commit("Second", {"a": "2"})
    (repository.root / "b").write_text("2", encoding="utf-8")
    (repository.root / "new").write_text("1", encoding="utf-8")
    assert changed_files(repository.root, first) == {"a", "b", "new"}


def test_a_shallow_clone_knows_no_past(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit("First", {"a": "1"})
    repository.commit("Second", {"b": "1"})
    clone = tmp_path / "clone"
    repository.git(
        "clone", "--quiet", "--depth=1", repository.root.as_uri(), str(clone)
    )
    assert start_of(clone, "2026-01-01") is None
    assert start_of(clone, "HEAD") is None
    assert last_changes(clone, ["a", "b"]) == {}
    assert last_changes(repository.root, ["a"])["a"].sha == first
