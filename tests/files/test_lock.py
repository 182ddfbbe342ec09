"""The lock of runtime packages."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.lock import read_hashes, read_lock_file, read_markers


def test_pins_and_their_markers_are_read(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text(
        '# runtime\nNumPy==2.1.0  # arrays\ntomli==2.0 ; python_version < "3.11"\n'
    )
    assert read_lock_file(tmp_path, "lock.txt") == {"numpy": "2.1.0", "tomli": "2.0"}
    assert read_markers(tmp_path, "lock.txt") == {"tomli": 'python_version < "3.11"'}


def test_a_line_that_is_no_pin_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("numpy==2.1.0\nscipy>=1\n")
    with pytest.raises(BrokenFileError, match=r"lock.txt:2: .*exact version"):
        read_markers(tmp_path, "lock.txt")


def test_a_lock_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match=r"lock.txt: does not exist.*pip freeze"):
        read_lock_file(tmp_path, "lock.txt")


def test_digests_of_archives_may_follow_a_pin(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text(
        "# a comment that ends in a backslash \\\n"
        f"numpy==2.1.0 \\\n    --hash=sha256:{'b' * 64} \\\n"
        f"    --hash=sha256:{'a' * 64}\n"
        "tomli==2.0\n"
    )
    assert read_lock_file(tmp_path, "lock.txt") == {"numpy": "2.1.0", "tomli": "2.0"}
    assert read_hashes(tmp_path, "lock.txt") == {"numpy": ("a" * 64, "b" * 64)}


def test_an_option_that_is_not_understood_is_named_with_its_first_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "lock.txt").write_text("numpy==2.1.0 \\\n  --hash=md5:12\n")
    with pytest.raises(BrokenFileError, match=r"lock.txt:1: .*exact version"):
        read_lock_file(tmp_path, "lock.txt")


@pytest.mark.parametrize("version", ["2.*", "2.1.0,<3", "2.1.0,!=2.2", "~2.1"])
def test_what_is_no_single_version_is_named(version: str, tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text(f"numpy=={version}\n")
    with pytest.raises(BrokenFileError, match=r"lock.txt:1: .*exact version"):
        read_lock_file(tmp_path, "lock.txt")


@pytest.mark.parametrize(
    "again", ["NumPy==2.1.1", 'numpy==2.1.0 ; python_version < "3.11"']
)
def test_a_package_that_stands_twice_is_named(again: str, tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text(f"numpy==2.1.0\nnumpy==2.1.0\n{again}\n")
    with pytest.raises(BrokenFileError, match=r"lock.txt:3: .*before as 2\.1\.0"):
        read_lock_file(tmp_path, "lock.txt")
