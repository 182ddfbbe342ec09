from dataclasses import replace
from pathlib import Path

import pytest

from regml.digest import Artifact
from regml.errors import BrokenFileError, ConfigError
from regml.files.core_yaml import read_yaml
from regml.files.dvc import (
    LockedStage,
    Out,
    Stage,
    differences,
    imported_paths,
    parameter_values,
    read_lock,
    read_stages,
)
from regml.items.recorded import Origin, Outcome, Person, StageRun


def pipeline(root: Path, text: str) -> tuple[Stage, ...]:
    (root / "dvc.yaml").write_text(text)
    return read_stages(root)


def test_every_form_of_a_stage_is_read(tmp_path: Path) -> None:
    [stage] = pipeline(
        tmp_path,
        """
stages:
  train:
    cmd: [echo a, echo b]
    deps: [src/, data/../data/x]
    params: [lr, net.depth, {other.json: [k]}, {whole.toml: }]
    outs: [model, {small.json: {cache: false}}]
    metrics: [{m.json: {cache: false}}]
    plots: [p.csv]
""",
    )
    assert stage == Stage(
        name="train",
        command="echo a\necho b",
        deps=("data/x", "src"),
        params={
            "other.json": ("k",),
            "params.yaml": ("lr", "net.depth"),
            "whole.toml": (),
        },
        outs=(
            Out("m.json", cache=False),
            Out("model"),
            Out("p.csv"),
            Out("small.json", cache=False),
        ),
    )


def test_no_pipeline_is_no_stage(tmp_path: Path) -> None:
    assert read_stages(tmp_path) == ()
    assert read_lock(tmp_path) == ()
    assert pipeline(tmp_path, "stages:\n") == ()


def test_simple_templates_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("net: {depth: 3, flags: [true, 1e-3]}")
    (tmp_path / "more.json").write_text('{"folder": "out"}')
    [stage] = pipeline(
        tmp_path,
        r"""
vars: [more.json, {word: hi}]
stages:
  s:
    cmd: run ${net.depth} ${net.flags[0]} ${net.flags[1]} ${ word } \${HOME}
    outs: ["${folder}/x"]
""",
    )
    assert stage.command == "run 3 true 0.001 hi ${HOME}"
    assert stage.outs == (Out("out/x"),)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{foreach: '${no.such}', do: {cmd: x}}", r"\$\{no\.such\}"),
        ("{matrix: {a: ['${no.such}']}, cmd: x}", r"\$\{no\.such\}"),
        ("{cmd: 'echo ${no.such}'}", r"\$\{no\.such\}"),
    ],
)
def test_what_we_cannot_read_names_file_and_remedy(
    tmp_path: Path, body: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"dvc\.yaml: .*{said}"):
        pipeline(tmp_path, f"stages: {{s: {body}}}")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("stages:\n  a: [\n", r"dvc\.yaml:3"),
        ("stages: [1]", "stages"),
        ("- 1", "the file"),
        ("stages: {a: {deps: [x]}}", "no cmd"),
        ("stages: {a: {foreach: 1, do: {cmd: x}}}", "neither a list nor a mapping"),
        ("stages: {a: {foreach: [1]}}", "'do' of stage a"),
        ("stages: {a: {matrix: [1], cmd: x}}", "'matrix' of stage a"),
        ("stages: {a: {matrix: {b: 1}, cmd: x}}", "b is no list"),
    ],
)
def test_a_broken_pipeline_names_the_place(
    tmp_path: Path, text: str, where: str
) -> None:
    with pytest.raises(BrokenFileError, match=where):
        pipeline(tmp_path, text)


def test_the_lock_is_read_as_dvc_writes_it(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(
        """
schema: '2.0'
stages:
  s:
    cmd: run
    deps:
    - {path: data, hash: md5, md5: aa.dir, size: 1, nfiles: 1}
    params:
      params.yaml: {lr: 1e-05}
    outs:
    - {path: out, hash: md5, md5: bb, size: 1}
"""
    )
    assert read_lock(tmp_path) == (
        LockedStage(
            "s",
            "run",
            {"data": "aa.dir"},
            {"params.yaml": {"lr": 0.00001}},
            {"out": "bb"},
        ),
    )


@pytest.mark.parametrize(
    "text", ["schema: '1.0'", "schema: '2.0'\nstages: {s: {deps: [x]}}", "stages: ["]
)
def test_a_broken_lock_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(BrokenFileError, match=r"dvc\.lock"):
        read_lock(tmp_path)


def test_paths_of_a_stage_start_in_its_folder(tmp_path: Path) -> None:
    [stage] = pipeline(
        tmp_path, "stages: {s: {cmd: x, wdir: sub, deps: [a, ../b], params: [k]}}"
    )
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages: {s: {cmd: x, deps: [{path: ../b, md5: aa}],"
        " params: {params.yaml: {k: 1}}}}"
    )
    [locked] = read_lock(tmp_path)
    assert stage.deps == ("b", "sub/a")
    assert dict(locked.deps) == {"b": "aa"}
    assert set(stage.params) == set(locked.params) == {"sub/params.yaml"}


def test_imported_data_are_found_beside_their_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/export.dvc").write_text("outs: [{md5: aa.dir, path: export}]")
    files = ["data/export.dvc", "gone.dvc", "other.txt"]
    assert imported_paths(tmp_path, files) == {"data/export": "aa.dir"}


def test_values_of_parameters_come_from_each_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: {b: 2}\nday: 2026-01-31\n1: one\n")
    (tmp_path / "p.toml").write_text("x = 1.5\n")
    (tmp_path / "p.json").write_text('{"y": [1]}')
    wanted = {"params.yaml": ("a.b", "day"), "p.toml": (), "p.json": ("y",)}
    stage = Stage("s", "x", (), wanted, ())
    assert parameter_values(tmp_path, stage) == {
        "params.yaml": {"a.b": 2, "day": "2026-01-31"},
        "p.toml": {"x": 1.5},
        "p.json": {"y": [1]},
    }


def test_numbers_and_words_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    rows = {
        "1e-3": 0.001,
        "yes": "yes",
        "010": 10,
        "1:30": "1:30",
        "0o17": 15,
        "0x1F": 31,
        "-3": -3,
        ".5": 0.5,
        "1_000": 1000,
        "~": None,
        "true": True,
        "1.2.3": "1.2.3",
        "'1'": "1",
    }
    text = "\n".join(f"- {scalar}" for scalar in rows)
    (tmp_path / "x.yaml").write_text(text)
    assert read_yaml(tmp_path, "x.yaml") == list(rows.values())


def test_dvc_reads_the_same_numbers_and_words(tmp_path: Path) -> None:
    ruamel = pytest.importorskip("ruamel.yaml")
    text = "[1e-3, yes, 010, '1', 0o17, 1_000, 2.50, 1., +1, .inf, on, 1E5, 12e03, -0]"
    (tmp_path / "x.yaml").write_text(text)
    assert read_yaml(tmp_path, "x.yaml") == ruamel.YAML(typ="safe").load(text)


ORIGIN = Origin(Person("a", "b"), "", "", None, (), None, "", {})
RUN = StageRun(
    stage="s",
    origin=ORIGIN,
    command="run",
    parameters={"params.yaml": {"lr": 1}},
    inputs=(Artifact("in", "x", "aa", 1),),
    outputs=(Artifact("out", "x", "bb", 1),),
    outcome=Outcome.PASSED,
    exit_status=0,
    resources={},
    log_sha256="",
)
LOCKED = LockedStage(
    "s", "run", {"in": "aa"}, {"params.yaml": {"lr": 1}}, {"out": "bb"}
)


def test_a_run_that_says_the_same_explains_the_lock() -> None:
    assert differences(LOCKED, RUN) == ()


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (replace(RUN, outcome=Outcome.FAILED), "the run failed"),
        (replace(RUN, command="other"), "the command differs"),
        (replace(RUN, parameters={}), "the parameters differ"),
        (replace(RUN, inputs=()), "dependency in differs"),
        (replace(RUN, outputs=(Artifact("out", "x", "cc", 1),)), "output out differs"),
    ],
)
def test_each_difference_is_told(run: StageRun, said: str) -> None:
    assert differences(LOCKED, run) == (said,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages: " + "[" * 100_000, "levels deep"),
        ("stages: " + "{a: " * 100_000, "levels deep"),
        ("stages:\n" + "- " * 100_000, "levels deep"),
        ("stages:\n  train:\n    cmd: 2026-13-13\n", "does not exist"),
        ("stages: \x00\n", "control characters"),
    ],
)
def test_what_would_end_the_interpreter_is_one_message(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "dvc.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BrokenFileError, match=says) as caught:
        read_stages(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("dvc.yaml", "stages: {a: {cmd: x, deps: ['s3://bucket/raw']}}"),
        ("dvc.yaml", "stages: {a: {cmd: x, outs: [{'s3://bucket/raw': {cache: 0}}]}}"),
        (
            "dvc.lock",
            "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n"
            "    - {path: 's3://bucket/raw', etag: ab}\n",
        ),
    ],
)
def test_what_lies_elsewhere_is_to_be_taken_in_first(
    tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(BrokenFileError, match=rf"{file}: stage a .*s3://.*import-url"):
        (read_lock if file == "dvc.lock" else read_stages)(tmp_path)
