"""A revision answers as the checked-out folder would."""

import subprocess
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from regml.digest import digest_path
from regml.errors import BrokenFileError, ConfigError, UnknownIdError
from regml.files.revision import open_revision
from regml.files.text import read_text


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in {
        "a.txt": b"one\n",
        "deep/er/b.bin": bytes(range(256)),
        "deep/ä ö.txt": "ü\n".encode(),
        "empty": b"",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link").symlink_to("a.txt")
    (tmp_path / "deep" / "up").symlink_to("../deep/er")
    (tmp_path / "nowhere").symlink_to("absent")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def every_file(folder: Traversable, path: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        name = f"{path}{entry.name}"
        if entry.name == ".git":
            continue
        if entry.is_dir():
            found |= every_file(entry, f"{name}/")
        else:
            found[name] = entry.read_bytes() if entry.is_file() else b"(no file)"
    return found


def test_a_revision_has_the_files_and_bytes_of_the_folder(root: Path) -> None:
    assert every_file(open_revision(root, "HEAD")) == every_file(root)


def test_what_changed_since_is_not_seen(root: Path) -> None:
    before = every_file(root)
    (root / "a.txt").write_text("two\n")
    (root / "deep/er/b.bin").unlink()
    (root / "deep/er").rmdir()  # git keeps no empty folders
    (root / "new.txt").write_text("new\n")
    assert every_file(open_revision(root, "HEAD")) == before
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "second")
    assert every_file(open_revision(root, "HEAD~1")) == before
    assert every_file(open_revision(root, "HEAD")) == every_file(root)


@pytest.mark.parametrize("name", ["link", "deep/up", "nowhere", "deep/up/b.bin", "a"])
def test_a_symbolic_link_is_what_it_is_on_disk(root: Path, name: str) -> None:
    link, disk = open_revision(root, "HEAD") / name, root / name
    assert (link.is_file(), link.is_dir(), link.is_symlink()) == (
        disk.is_file(),
        disk.is_dir(),
        disk.is_symlink(),
    )


def test_links_in_a_circle_or_out_of_the_project_lead_nowhere(root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "deep" / "out").symlink_to("../../secret.txt")
    (root / "absolute").symlink_to("/etc/passwd")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "-m", "links")
    revision = open_revision(root, "HEAD")
    for name in ("one", "deep/out", "absolute"):
        assert not (revision / name).is_file()
        with pytest.raises(FileNotFoundError, match=name):
            (revision / name).read_bytes()


def test_content_that_was_never_fetched_is_said(root: Path, tmp_path: Path) -> None:
    git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    options = ("--quiet", "--filter=blob:none", "--no-checkout")
    git(root, "clone", *options, root.as_uri(), str(clone))
    git(clone, "remote", "set-url", "origin", (tmp_path / "gone").as_uri())
    with pytest.raises(BrokenFileError, match=r"a\.txt: .*git fetch"):
        read_text(open_revision(clone, "HEAD") / "a.txt", name="a.txt")


def test_a_range_of_commits_is_no_revision(root: Path) -> None:
    git(root, "commit", "--quiet", "--allow-empty", "-m", "second")
    with pytest.raises(UnknownIdError, match="no revision of this repository"):
        open_revision(root, "HEAD..HEAD~1")


def test_an_artifact_is_that_of_the_folder_on_disk(root: Path) -> None:
    revision = open_revision(root, "HEAD")
    for name in ("deep", "a.txt", "empty"):
        assert revision.artifact(name) == digest_path(root / name, name=name)


def test_a_project_below_the_repository_is_its_own_root(root: Path) -> None:
    deep = open_revision(root / "deep", "HEAD")
    assert deep.names() == {"er/b.bin", "ä ö.txt"}
    assert (deep / "er" / "b.bin").read_bytes() == bytes(range(256))


def test_what_is_not_there_is_said_as_on_disk(root: Path) -> None:
    revision = open_revision(root, "HEAD")
    assert not (revision / "absent").is_file()
    with pytest.raises(FileNotFoundError, match=r"absent in [0-9a-f]{12}"):
        (revision / "absent").read_bytes()


@pytest.mark.parametrize("name", ["v9", "--all", "HEAD:a.txt", ""])
def test_an_unknown_revision_is_named(root: Path, name: str) -> None:
    with pytest.raises(UnknownIdError, match="no revision of this repository"):
        open_revision(root, name)


def test_without_a_repository_there_is_no_revision(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no git repository"):
        open_revision(tmp_path, "HEAD")


def test_the_work_tree_is_not_touched(root: Path) -> None:
    def state() -> str:
        command = ["git", "status", "--porcelain", "-z", "--ignored"]
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True
        ).stdout

    (root / "a.txt").write_text("mine\n")
    before = state()
    every_file(open_revision(root, "HEAD"))
    assert state() == before
    assert (root / "a.txt").read_text() == "mine\n"
