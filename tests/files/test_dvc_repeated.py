"""``foreach`` and ``matrix``: what DVC itself makes of them is what we read."""

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regml.files.dvc import read_lock, read_stages

parsing = pytest.importorskip("dvc.parsing")
fs = pytest.importorskip("dvc.fs")

WORDS = st.text("abcXY01_.é", min_size=1, max_size=6)
SINGLE = WORDS | st.integers(-9, 99) | st.booleans() | st.floats(0, 1)
SIMPLE = st.lists(SINGLE, min_size=1, max_size=4)
TABLES = st.dictionaries(WORDS, st.fixed_dictionaries({"v": SINGLE}), min_size=1)
MIXED = st.lists(st.fixed_dictionaries({"v": SINGLE}), min_size=1, max_size=4)


def both(
    stages: dict[str, Any], params: dict[str, Any]
) -> tuple[dict[str, tuple[str, list[str]]], dict[str, tuple[str, list[str]]]]:
    """Return command and dependencies of each stage, as we and as DVC read it."""
    document = {"stages": stages}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "dvc.yaml").write_text(json.dumps(document))
        (root / "params.yaml").write_text(json.dumps(params))
        ours = {s.name: (s.command, list(s.deps)) for s in read_stages(root)}
        repo = SimpleNamespace(fs=fs.LocalFileSystem(), config={})
        resolved = parsing.DataResolver(repo, str(root), document).resolve()
    return ours, {
        name: (body["cmd"], body.get("deps", []))
        for name, body in resolved["stages"].items()
    }


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(data=SIMPLE | TABLES | MIXED, kept=st.booleans())
def test_foreach_is_read_as_dvc_reads_it(data: Any, kept: bool) -> None:
    composite = isinstance(data, dict) or isinstance(data[0], dict)
    key = " ${key}" if isinstance(data, dict) else ""
    value = "${item.v}" if composite else "${item}"
    do = {"cmd": f"run {value}{key} ${{all}}", "deps": [f"x-{value}"]}
    stage = {"foreach": "${data}" if kept else data, "do": do}
    ours, theirs = both({"s": stage}, {"data": data, "all": 7})
    assert ours == theirs


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(
    one=SIMPLE,
    two=st.lists(st.lists(SINGLE, min_size=1, max_size=2), min_size=1, max_size=3),
    kept=st.booleans(),
)
def test_matrix_is_read_as_dvc_reads_it(
    one: list[Any], two: list[Any], kept: bool
) -> None:
    table = {"one": "${one}" if kept else one, "two": two, "last": ["${all}", "n"]}
    cmd = "run ${item.one} ${item.two.0} ${item.two[0]} ${item.last} ${key}"
    stage = {"matrix": table, "cmd": cmd, "deps": ["x-${item.one}"]}
    ours, theirs = both({"s": stage}, {"one": one, "all": 7})
    assert ours == theirs


def test_the_lock_names_stages_by_their_key(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(
        "stages: {s: {foreach: [a, b], do: {wdir: '${item}', cmd: run, outs: [o]}}}"
    )
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages: {s@a: {cmd: run, outs: [{path: o, md5: '1'}]}}"
    )
    (locked,) = read_lock(tmp_path)
    assert (locked.name, dict(locked.outs)) == ("s@a", {"a/o": "1"})
    assert [s.outs[0].path for s in read_stages(tmp_path)] == ["a/o", "b/o"]
