import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from regml.digest import names_below
from regml.errors import ConfigError
from regml.files.author import person
from regml.files.git import (
    code_digest,
    ignored_by_dvc,
    lies_in,
    list_files,
)
from regml.files.tree_state import TreeState, tree_state


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository of a user nobody knows, in a folder with a space."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    folder = tmp_path / "a repo"
    folder.mkdir()
    run(folder, "init", "--quiet")
    return folder


def run(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def digest(root: Path, paths: list[str]) -> str:
    listed = list_files(root)
    return code_digest(root, paths, listed.names, listed.pointers)


def write(root: Path, name: str, text: str = "1\n") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def long_ago(path: Path) -> None:
    """Set the time of a file so that git believes what it knows of it."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def state_of(root: Path, outs: Iterable[str] = ()) -> TreeState:
    return tree_state(root, list_files(root), outs)


def commit(root: Path) -> str:
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--allow-empty", "-m", "x")
    return run(root, "rev-parse", "HEAD")


def test_a_clean_tree_has_a_commit_and_no_dirt(root: Path) -> None:
    write(root, "a.txt")
    head = commit(root)
    assert state_of(root) == TreeState(head, (), None)


def test_before_the_first_commit_everything_added_is_dirt(root: Path) -> None:
    write(root, "a.txt")
    assert state_of(root).commit is None
    assert state_of(root).dirty == ()
    run(root, "add", "a.txt")
    assert state_of(root).dirty == ("a.txt",)


def test_a_detached_head_is_a_commit_too(root: Path) -> None:
    head = commit(root)
    run(root, "checkout", "--quiet", "--detach")
    assert state_of(root).commit == head


@pytest.mark.parametrize("name", ["a b.txt", "ü/é ö.txt", "quote'\".txt", "[x]*.py"])
def test_names_come_back_as_they_are(root: Path, name: str) -> None:
    write(root, name)
    commit(root)
    write(root, name, "2\n")
    assert state_of(root).dirty == (name,)
    assert list_files(root).tracked == {name}


def test_what_running_changes_is_no_dirt(root: Path) -> None:
    for name in ("dvc.lock", "records/log.jsonl", "reports/a.json", "code.py"):
        write(root, name)
    commit(root)
    for name in ("dvc.lock", "records/log.jsonl", "reports/a.json"):
        write(root, name, "2\n")
    assert state_of(root, ["reports"]).dirty == ()
    clean = state_of(root).diff_sha256
    assert state_of(root).dirty == ("reports/a.json",)
    write(root, "code.py", "2\n")
    state = state_of(root, ["reports"])
    assert state.dirty == ("code.py",)
    assert state.diff_sha256 not in {None, clean}


def test_the_digest_of_the_difference_follows_its_content(root: Path) -> None:
    write(root, "a.bin", "\0\1")
    commit(root)
    digests = set()
    for text in ("\0\2", "\0\3", "\0\2"):
        write(root, "a.bin", text)
        digests.add(state_of(root).diff_sha256)
    assert len(digests) == 2


@pytest.mark.parametrize(
    "setting",
    [
        "color.ui=always",
        "core.abbrev=4",
        "core.compression=0",
        "diff.algorithm=patience",
        "diff.context=1",
        "diff.interHunkContext=9",
        "diff.mnemonicPrefix=true",
        "diff.noprefix=true",
        "diff.suppressBlankEmpty=true",
    ],
)
def test_no_setting_changes_the_digest_of_a_difference(
    root: Path, setting: str
) -> None:
    write(root, "a.py", "1\n\n2\n3\n4\n5\n6\n7\n8\n\n")
    write(root, "a.bin", "\0" * 999)
    commit(root)
    write(root, "a.py", "1\n\n2x\n3\n4\n5\n6\n7\n8x\n\n")
    write(root, "a.bin", "\0" * 99)
    told = state_of(root).diff_sha256
    run(root, "config", *setting.split("="))
    assert state_of(root).diff_sha256 == told


def test_no_variable_changes_the_digest_of_a_difference(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, "a.py", "1\n2\n3\n4\n")
    commit(root)
    write(root, "a.py", "1\n2\n3\n5\n")
    told = state_of(root).diff_sha256
    monkeypatch.setenv("GIT_DIFF_OPTS", "-u1")
    assert state_of(root).diff_sha256 == told


def test_a_removed_and_a_staged_file_are_dirt(root: Path) -> None:
    write(root, "gone.txt")
    commit(root)
    (root / "gone.txt").unlink()
    write(root, "new.txt")
    run(root, "add", "new.txt")
    assert state_of(root).dirty == ("gone.txt", "new.txt")


def test_a_project_below_the_top_of_its_repository_sees_only_itself(
    root: Path,
) -> None:
    write(root, "outside.txt")
    write(root, "sub/inside.txt")
    head = commit(root)
    write(root, "outside.txt", "2\n")
    write(root, "sub/inside.txt", "2\n")
    state = state_of(root / "sub", [])
    assert (state.commit, state.dirty) == (head, ("inside.txt",))
    assert list_files(root / "sub").names == {"inside.txt"}


def test_existing_files_are_those_git_tracks_or_would(root: Path) -> None:
    write(root, ".gitignore", "*.log\n")
    write(root, "a.txt")
    write(root, "gone.txt")
    commit(root)
    write(root, "new.txt")
    write(root, "x.log")
    (root / "gone.txt").unlink()
    assert list_files(root).names == {".gitignore", "a.txt", "new.txt"}


def test_the_code_digest_is_that_of_content_on_disk(root: Path) -> None:
    write(root, ".gitignore", "*.pyc\n")
    write(root, "src/a.py")
    commit(root)
    before = digest(root, ["src"])
    write(root, "src/a.pyc")
    write(root, "other.py")
    assert digest(root, ["src/", "absent"]) == before
    write(root, "src/b.py")
    assert digest(root, ["src"]) != before


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    write(tmp_path, "src/a.py")
    write(tmp_path, "src/__pycache__/a.pyc")
    assert state_of(tmp_path, []) == TreeState(None, (), None)
    assert list_files(tmp_path).names == {"src/a.py"}
    assert len(digest(tmp_path, ["src"])) == 64


def test_a_broken_repository_is_an_error_and_not_no_commit(root: Path) -> None:
    (root / ".git/HEAD").write_text("nonsense")
    with pytest.raises(ConfigError, match="git"):
        state_of(root)


def test_git_that_is_not_installed_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(ConfigError, match="Install git"):
        state_of(root)
    assert person(root).email.endswith("@localhost")


def test_a_person_is_named_as_git_would(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert person(root).email.endswith("@localhost")
    run(root, "config", "user.name", "Ada Ö")
    run(root, "config", "user.email", "ada@example.org")
    assert (person(root).name, person(root).email) == ("Ada Ö", "ada@example.org")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Bob")
    assert (person(root).name, person(root).email) == ("Bob", "ada@example.org")


def hidden_in(root: Path, folder: str) -> frozenset[str]:
    files = [f"{folder}/{name}" for name in names_below(root / folder)]
    return ignored_by_dvc(root, [folder], files)


def test_dvcignore_is_read_with_its_own_syntax(root: Path) -> None:
    write(root, ".dvcignore", "# comment\n*.tmp\n!keep.tmp\n__pycache__/\n")
    write(root, ".gitignore", "*.log\n")
    for name in ("a.tmp", "keep.tmp", "b.log", "__pycache__/x.pyc", "c.txt"):
        write(root, f"src/{name}")
    hidden = {"src/a.tmp", "src/__pycache__/x.pyc"}
    assert hidden_in(root, "src") == hidden
    commit(root)
    assert hidden_in(root, "src") == hidden


def test_a_dvcignore_of_comments_hides_nothing_and_one_further_down_counts(
    root: Path,
) -> None:
    write(root, ".dvcignore", "# comment\n\n")
    for name in ("a.tmp", "deep/b.tmp", "deep/c.txt"):
        write(root, f"data/set/{name}")
    assert hidden_in(root, "data/set") == frozenset()
    write(root, "data/set/deep/.dvcignore", "*.tmp\n")
    assert hidden_in(root, "data/set") == {"data/set/deep/b.tmp"}
    write(root, "data/.dvcignore", "a.tmp\n")
    below = {"data/set/a.tmp", "data/set/deep/b.tmp"}
    assert hidden_in(root, "data/set") == below
    assert hidden_in(root / "data", "set") == {"set/a.tmp", "set/deep/b.tmp"}


def test_a_path_lies_in_itself_and_its_folders_only() -> None:
    assert lies_in("a/b/c", {"a/b"})
    assert lies_in("a/b", {"a/b"})
    assert not lies_in("a/bc", {"a/b"})
    assert not lies_in("a", {"a/b"})


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_to_pass_over_is_dirt_all_the_same(
    flag: str, root: Path
) -> None:
    write(root, "sub/a b.txt")
    write(root, "sub/whole.txt")
    commit(root)
    run(root, "update-index", flag, "sub/a b.txt", "sub/whole.txt")
    assert state_of(root / "sub", []).dirty == ()
    write(root, "sub/a b.txt", "2\n")
    write(root, "sub/new.txt")
    run(root, "add", "sub/new.txt")
    assert run(root, "diff", "--name-only", "HEAD") == "sub/new.txt"
    for folder, prefix in ((root, "sub/"), (root / "sub", "")):
        state = state_of(folder, [])
        assert state.dirty == (f"{prefix}a b.txt", f"{prefix}new.txt")
    hidden = state.diff_sha256
    (root / "sub/whole.txt").unlink()
    assert list_files(root).names == {"sub/a b.txt", "sub/new.txt"}
    write(root, "sub/whole.txt")
    run(root, "update-index", f"--no{flag[1:]}", "sub/a b.txt", "sub/whole.txt")
    assert state_of(root / "sub", []).diff_sha256 == hidden


def test_what_a_sparse_checkout_leaves_out_is_not_there(root: Path) -> None:
    write(root, "risk/a.txt")
    write(root, "src/b.txt")
    commit(root)
    run(root, "sparse-checkout", "set", "src")
    assert not (root / "risk").exists()
    assert state_of(root).dirty == ("risk/a.txt",)
    assert state_of(root / "src", []).dirty == ()
    assert list_files(root).names == {"src/b.txt"}


def test_a_monitor_that_sees_nothing_hides_nothing(root: Path) -> None:
    write(root, "a.txt")
    long_ago(root / "a.txt")
    commit(root)
    monitor = root / ".git/monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    run(root, "config", "core.fsmonitor", ".git/monitor")
    run(root, "update-index", "--fsmonitor")
    for _ in range(20):  # now and then git asks the monitor and looks all the same
        write(root, "a.txt")
        long_ago(root / "a.txt")
        run(root, "status")
        write(root, "a.txt", "2\n")
        if run(root, "diff", "--name-only", "HEAD") == "":
            break
    else:
        pytest.fail("git saw the edit each time")
    assert state_of(root).dirty == ("a.txt",)


def test_settings_about_times_hide_no_edit_of_the_same_size(root: Path) -> None:
    write(root, "a.txt", "1\n")
    long_ago(root / "a.txt")
    commit(root)
    run(root, "config", "core.trustctime", "false")
    run(root, "config", "core.checkStat", "minimal")
    time.sleep(1.1)  # git keeps whole seconds
    write(root, "a.txt", "2\n")
    long_ago(root / "a.txt")
    assert run(root, "diff", "--name-only", "HEAD") == ""
    assert state_of(root).dirty == ("a.txt",)
