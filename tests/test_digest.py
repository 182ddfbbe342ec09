"""Digests of files and folders."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regml.digest import (
    CHUNK_BYTES,
    LARGE_BYTES,
    digest_each,
    digest_file,
    digest_files,
    digest_path,
    names_below,
)


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        LARGE_BYTES - 1,
        LARGE_BYTES,
        LARGE_BYTES + 1,
        LARGE_BYTES + 3 * CHUNK_BYTES,
    ],
)
def test_both_digests_are_those_of_hashlib_at_any_size(
    tmp_path: Path, size: int
) -> None:
    # 251 is prime: no two pieces of the file are equal
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "file").write_bytes(content)
    found = digest_file(tmp_path / "file", name="some/name")
    assert found.path == "some/name"
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert (found.size_bytes, found.files) == (size, 1)


def test_each_of_many_files_gets_its_own_digest_in_the_order_asked(
    tmp_path: Path,
) -> None:
    files = []
    for number in reversed(range(3000)):
        (tmp_path / str(number)).write_bytes(b"x" * number)
        files.append((str(tmp_path / str(number)), f"name/{number}"))
    found = digest_each(files)
    assert [one.path for one in found] == [name for _, name in files]
    assert [one.size_bytes for one in found] == list(reversed(range(3000)))
    assert [one.sha256 for one in found] == [
        hashlib.sha256(b"x" * number).hexdigest() for number in reversed(range(3000))
    ]


def test_nothing_asked_is_nothing_digested() -> None:
    assert digest_each([]) == ()


def test_a_folder_has_the_md5_of_the_list_that_dvc_writes(tmp_path: Path) -> None:
    names = ["b", "a/z", "a/b/c", "a.txt", "ä"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    listed = [
        {
            "md5": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(),
            "relpath": name,
        }
        for name in ["a/b/c", "a/z", "a.txt", "b", "ä"]
    ]
    text = json.dumps(listed, sort_keys=True).encode()
    found = digest_path(tmp_path, name="folder")
    assert found.md5 == f"{hashlib.md5(text, usedforsecurity=False).hexdigest()}.dir"
    assert found.files == len(names)


def test_a_link_to_a_folder_is_followed_as_dvc_does(tmp_path: Path) -> None:
    (tmp_path / "real/inner").mkdir(parents=True)
    (tmp_path / "real/inner/file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(tmp_path / "real")
    assert names_below(tmp_path / "folder") == ["link/inner/file"]
    assert [one.path for one in digest_files(tmp_path / "folder")] == [
        "link/inner/file"
    ]


def test_a_folder_that_cannot_be_read_is_named_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open/file").write_text("x")
    closed = tmp_path / "closed"
    closed.mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == closed:  # as the system says it to anybody but root
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError) as caught:
        digest_files(tmp_path)
    assert caught.value.filename == str(closed)


def test_one_missing_among_many_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    files = [(str(tmp_path / "there"), "there")] * 500
    files[321] = (str(tmp_path / "gone"), "gone")
    with pytest.raises(FileNotFoundError) as caught:
        digest_each(files)
    assert caught.value.filename == str(tmp_path / "gone")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that fails to read")
def test_a_file_that_opens_and_cannot_be_read_is_named() -> None:
    with pytest.raises(OSError, match="/proc/self/mem"):
        digest_file(Path("/proc/self/mem"), name="memory")


def test_what_has_no_end_is_refused_and_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        with pytest.raises(OSError, match="neither a file nor a folder") as caught:
            digest_file(tmp_path / name, name=name)
        assert caught.value.filename == str(tmp_path / name)


def test_a_few_small_files_start_no_threads(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    code = (
        "import sys; from pathlib import Path; from regml.digest import digest_files; "
        f"print(len(digest_files(Path({str(tmp_path)!r}))), "
        "'concurrent.futures' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert said.stdout.split() == ["2", "False"]
