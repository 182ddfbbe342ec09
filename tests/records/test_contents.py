"""What lies at the paths of a stage."""

import subprocess
from pathlib import Path

import pytest

from regml.digest import digest_path
from regml.records.contents import read_contents


def test_files_and_folders_come_back_in_the_order_asked(tmp_path: Path) -> None:
    for name in ("b/2", "b/1/x", "a/1", "one"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "empty").mkdir()
    wanted = ["one", "b", "empty", "a", "one"]
    found = read_contents(tmp_path, wanted)
    assert [one.artifact for one in found] == [
        digest_path(tmp_path / name, name=name) for name in wanted
    ]
    assert [one.files for one in found] == [
        ("one",),
        ("b/1/x", "b/2"),
        (),
        ("a/1",),
        ("one",),
    ]


def test_a_path_outside_the_project_is_read_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere/inner").mkdir(parents=True)
    (tmp_path / "elsewhere/inner/file").write_text("x")
    folder = str(tmp_path / "elsewhere")
    [whole, one] = read_contents(
        tmp_path / "project", [folder, "../elsewhere/inner/file"]
    )
    assert whole.artifact == digest_path(Path(folder), name=folder)
    assert whole.files == (f"{folder}/inner/file",)
    assert one.artifact.size_bytes == 1


def test_what_dvc_ignores_is_not_even_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".dvcignore").write_text("*.tmp\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/kept").write_text("x")
    (tmp_path / "data/broken.tmp").symlink_to("nowhere")
    [found] = read_contents(tmp_path, ["data"])
    assert found.files == ("data/kept",)
    assert found.artifact.files == 1


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    with pytest.raises(FileNotFoundError) as caught:
        read_contents(tmp_path, ["there", "gone"])
    assert caught.value.filename == str(tmp_path / "gone")
