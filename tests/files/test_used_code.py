"""Code that is used although nobody controls it."""

from pathlib import Path

import pytest

from regml.files.dvc import Stage
from regml.files.used_code import UsedCode, code_used_outside

SOURCES = ("device", "tests/device")


def used(root: Path, source: str, *others: str, command: str = "true") -> set[str]:
    """Return what is used by ``device/app.py`` or a stage, of some other files."""
    names = ["device/app.py", "device/part.py", *others]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "device/app.py").write_text(source)
    stage = Stage("train", command, (), {}, ())
    return {u.path for u in code_used_outside(root, names, SOURCES, [stage])}


@pytest.mark.parametrize(
    ("source", "others", "expected"),
    [
        ("import extra\n", ["extra.py"], {"extra.py"}),
        ("import os, extra.alg\n", ["extra/alg.py"], {"extra/alg.py"}),
        ("from extra import alg\n", ["extra/alg.py"], {"extra/alg.py"}),
        (
            "from extra.alg import f as g\n",
            ["extra/__init__.py", "extra/alg.py"],
            {"extra/__init__.py", "extra/alg.py"},
        ),
        ("def f():\n    import extra\n", ["src/extra/__init__.py"],
         {"src/extra/__init__.py"}),
        ("from extra import (a,\n  b)\n", ["extra/__init__.py"], {"extra/__init__.py"}),
        ("from . import part\nfrom .extra import x\n", ["extra.py"], set()),
        ("import device.part\nimport numpy\n", ["scripts/numpy2.py"], set()),
        ("# import extra\n", ["extra.py"], set()),
    ],
)  # fmt: skip
def test_what_a_source_imports(
    tmp_path: Path, source: str, others: list[str], expected: set[str]
) -> None:
    assert used(tmp_path, source, *others) == expected


def test_pytest_loads_what_lies_above_the_tests(tmp_path: Path) -> None:
    names = [
        *("conftest.py", "tests/conftest.py", "tests/device/conftest.py"),
        *("tests/other/conftest.py", "tests/device/test_volume.py"),
    ]
    assert used(tmp_path, "", *names) == {"conftest.py", "tests/conftest.py"}
    seen = [name for name in names if name != "conftest.py"]  # git ignores that one
    found = code_used_outside(tmp_path, seen, SOURCES, [])
    assert {one.path for one in found} == {"conftest.py", "tests/conftest.py"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("regml record -- python scripts/run.py --fast", {"scripts/run.py"}),
        ("regml record -- python -m scripts.run", {"scripts/run.py"}),
        ("sh ./tool.sh\npython -m device.app", {"tool.sh"}),
        ("echo 'not closed", set()),
    ],
)
def test_what_a_stage_runs(tmp_path: Path, command: str, expected: set[str]) -> None:
    assert used(tmp_path, "", "scripts/run.py", "tool.sh", command=command) == expected


def test_the_user_is_named_and_code_a_stage_depends_on_counts(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("")
    stage = Stage("prepare", "make data", ("prepare.py",), {}, ())
    assert code_used_outside(tmp_path, ["prepare.py"], SOURCES, [stage]) == (
        UsedCode("prepare.py", "stage prepare"),
    )


@pytest.mark.parametrize(
    ("source", "hidden", "expected"),
    [
        ("import extra\n", "extra.py", {"extra.py"}),
        ("from extra.alg import f\n", "src/extra/alg.py", {"src/extra/alg.py"}),
        ("from device import secret\n", "device/secret.py", {"device/secret.py"}),
        ("from .secret import x\n", "device/secret.py", {"device/secret.py"}),
        ("from . import secret\n", "device/secret.py", {"device/secret.py"}),
        ("import extra\n", "extra/notes.txt", set()),
        ("import lib\n", "lib/__init__.py", {"lib/__init__.py"}),
        ("import device.part.x\n", "device/part2/x.py", set()),
    ],
)
def test_code_that_git_ignores_counts_where_it_is_used(
    tmp_path: Path, source: str, hidden: str, expected: set[str]
) -> None:
    place = tmp_path / hidden
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    assert used(tmp_path, source) == expected


def test_a_script_that_git_ignores_is_named_with_its_stage(tmp_path: Path) -> None:
    for name in ("run.sh", "/".join(["..", "beside.sh"])):
        (tmp_path / name).write_text("")
    stage = Stage("train", "sh run.sh ../beside.sh /bin/x.sh", ("run.sh",), {}, ())
    assert code_used_outside(tmp_path, [], SOURCES, [stage]) == (
        UsedCode("run.sh", "stage train"),
    )


def test_what_a_submodule_among_the_sources_holds_is_controlled(tmp_path: Path) -> None:
    (tmp_path / "device/lib").mkdir(parents=True)
    (tmp_path / "device/lib/__init__.py").write_text("")
    (tmp_path / "device/app.py").write_text("import device.lib\n")
    names = ["device/app.py"]
    assert code_used_outside(tmp_path, names, SOURCES, [], ["device/lib"]) == ()
    [found] = code_used_outside(tmp_path, names, SOURCES, [])
    assert found.path == "device/lib/__init__.py"
