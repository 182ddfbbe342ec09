"""The lock of runtime packages."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.lock import read_lock_file, read_markers


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
