import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from regml.records.verify import OutputProblem, verify, verify_project

Rewrite = Callable[[Callable[[list[str]], list[str]]], None]


def lock(project: Any, **changes: Any) -> None:
    """Write the ``dvc.lock`` that DVC would write for the latest record."""
    run = project.log().records[-1].statement
    rows = {
        "cmd": run.command,
        "deps": [{"path": a.path, "md5": a.md5} for a in run.inputs],
        "params": run.parameters,
        "outs": [{"path": a.path, "md5": a.md5} for a in run.outputs],
    }
    document = {"schema": "2.0", "stages": {run.stage: rows | changes}}
    project.write("dvc.lock", yaml.safe_dump(document))


@pytest.fixture
def recorded(project: Any) -> Any:
    project.record(["python", "src/make.py"])
    lock(project)
    return project


def messages(project: Any) -> list[str]:
    found = verify_project(project.root, project.signers)
    return [f"{problem.path}: {problem.message}" for problem in found]


def test_what_a_recorded_run_made_holds(recorded: Any) -> None:
    result = verify(recorded.root, recorded.signers)
    assert result.problems == ()
    assert (result.listed, result.believed) == (1, 1)
    assert (result.locked, result.explained) == (1, 1)
    assert (result.outputs, result.absent) == (2, ())


def test_an_edited_output_of_the_same_size_is_named(recorded: Any) -> None:
    path = recorded.root / "small.json"
    before = path.stat()
    path.write_text("[]")
    import os

    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    [message] = messages(recorded)
    assert message.startswith("small.json: differs")
    assert "same size" in message


def test_an_edited_file_deep_in_a_folder_is_seen(recorded: Any) -> None:
    recorded.write("out/deep/a.txt", "lime\r\n")
    [message] = messages(recorded)
    assert message.startswith("out: differs")


def test_without_bytes_only_records_are_compared(recorded: Any) -> None:
    recorded.write("small.json", "[]")
    assert verify_project(recorded.root, recorded.signers, full=False) == ()


def test_outputs_kept_by_dvc_may_be_elsewhere_but_are_counted(recorded: Any) -> None:
    import shutil

    shutil.rmtree(recorded.root / "out")
    result = verify(recorded.root, recorded.signers)
    assert (result.problems, result.outputs, result.absent) == ((), 1, ("out",))


def test_a_removed_output_in_git_is_named(recorded: Any) -> None:
    (recorded.root / "small.json").unlink()
    [message] = messages(recorded)
    assert message.startswith("small.json: is missing")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cmd": "other"}, "the command differs"),
        ({"params": {"params.yaml": {"make": {"rate": 1}}}}, "the parameters differ"),
        ({"deps": []}, "dependency input.txt differs"),
        ({"outs": [{"path": "out", "md5": "0.dir"}]}, "output small.json differs"),
    ],
)
def test_a_lock_no_record_explains_says_what_differs(
    recorded: Any, change: dict[str, Any], said: str
) -> None:
    lock(recorded, **change)
    [problem] = verify_project(recorded.root, recorded.signers)
    assert isinstance(problem, OutputProblem)
    assert (problem.path, problem.stage) == ("dvc.lock", "make")
    assert said in problem.message
    assert "dvc repro -f make" in problem.message


def test_a_lock_without_any_record_is_not_explained(
    recorded: Any, tamper: Rewrite
) -> None:
    import shutil

    shutil.rmtree(recorded.root / "records")
    assert "no signed record of a passed run" in messages(recorded)[0]
    status, out, _ = recorded.regml("verify")
    assert (status, "no records" in out) == (1, True)


def test_a_failed_run_explains_nothing(project: Any) -> None:
    project.record(["sh", "-c", "exit 1"])
    lock(project)
    assert "no signed record of a passed run" in messages(project)[0]


def test_a_failed_run_after_a_passed_one_leaves_the_lock_explained(
    recorded: Any,
) -> None:
    recorded.record(["sh", "-c", "exit 1"])
    assert messages(recorded) == []


def test_an_empty_project_is_not_praised(project: Any) -> None:
    status, out, _ = project.regml("verify")
    assert (status, "no records" in out) == (1, True)


def test_the_command_counts_what_it_looked_at(recorded: Any) -> None:
    status, out, _ = recorded.regml("verify")
    assert status == 0
    assert "1 of 1 whole and signed" in out
    assert "1 of 1 stages explained" in out
    assert "2 hashed, 0 not here" in out
    recorded.write("small.json", "[]")
    assert recorded.regml("verify", "--quick")[0] == 0
    status, out, _ = recorded.regml("verify", "--format", "json")
    assert (status, json.loads(out)["problems"][0]["path"]) == (1, "small.json")
