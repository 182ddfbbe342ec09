"""What code imports from packages of others."""

from pathlib import Path

import pytest

from regml.files.imported import Imported, imported_packages
from tests.site_packages import install

SOURCE = '''"""Example: from nowhere import this"""
import json, os.path
import thing.part as part
from src_made import x
from own import y
from . import beside
from beside_it import z
import regml_no_such_module

def late():
    import late_one
'''


def test_only_packages_of_others_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "thing", "1.0")
    (tmp_path / "site/thing-1.0.dist-info/top_level.txt").write_text("thing\nlate_one")
    monkeypatch.syspath_prepend(tmp_path / "site")
    device = tmp_path / "device"
    device.mkdir()
    (device / "a.py").write_text(SOURCE)
    (device / "b.py").write_text("import thing\n")
    (device / "broken.py").write_text("import gone (\n")
    names = {
        "device/a.py",
        "device/b.py",
        "device/beside_it.py",
        "device/notes.txt",
        "own/__init__.py",
        "src/src_made.py",
    }
    sources = [
        name for name in names if name.startswith("device/") and "it" not in name
    ]
    assert imported_packages(tmp_path, [*sources, "device/broken.py"], names) == (
        Imported("late_one", "device/a.py", ("thing",)),
        Imported("regml_no_such_module", "device/a.py", ("regml_no_such_module",)),
        Imported("thing", "device/a.py", ("thing",)),
    )
