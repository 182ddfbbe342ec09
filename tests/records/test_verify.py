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
    assert f"log head   {recorded.log().heads[0]}\n" in out
    assert "1 of 1 stages explained" in out
    assert "2 hashed, 0 not here" in out
    recorded.write("small.json", "[]")
    assert recorded.regml("verify", "--quick")[0] == 0
    status, out, _ = recorded.regml("verify", "--format", "json")
    assert (status, json.loads(out)["problems"][0]["path"]) == (1, "small.json")


def test_what_a_run_read_below_a_folder_of_dvc_is_hashed(project: Any) -> None:
    project.write("raw/in/a.txt", "line\n")
    project.write("raw.dvc", "outs:\n- md5: 0.dir\n  path: raw\n")
    project.write(".gitignore", ".regml/\n/out\n/raw\n__pycache__/\n")
    pipeline = (project.root / "dvc.yaml").read_text()
    project.write("dvc.yaml", pipeline.replace("input.txt]", "raw/in]"))
    project.commit()
    project.record()
    lock(project)
    result = verify(project.root, project.signers)
    assert (result.problems, result.inputs) == ((), 1)
    project.write("raw/in/a.txt", "lime\n")
    [message] = messages(project)
    assert message.startswith("raw/in: is not what the recorded run of make")


def test_a_stage_that_got_another_name_leaves_its_output_to_the_new_one(
    recorded: Any,
) -> None:
    pipeline = (recorded.root / "dvc.yaml").read_text()
    recorded.write("dvc.yaml", pipeline.replace("  make:", "  build:"))
    recorded.write("input.txt", "longer\n")
    recorded.record(stage="build")
    lock(recorded)
    assert messages(recorded) == []
    recorded.write("small.json", "[]")
    [message] = messages(recorded)
    assert "the recorded run of build" in message


def test_what_nothing_was_held_against_is_named(recorded: Any) -> None:
    assert verify(recorded.root, recorded.signers).unseen == ()
    recorded.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    recorded.write("sub/dvc.lock", "schema: '2.0'\nstages: {a: {cmd: x}}\n")
    recorded.write("own/dvc.lock", "schema: '2.0'\nstages: {}\n")
    recorded.write("own/regml.toml", "")
    [unlocked, elsewhere] = verify(recorded.root, recorded.signers).unseen
    assert unlocked.startswith("dvc.lock does not tell of stage make, which passed")
    assert elsewhere.startswith("sub/dvc.lock is not read")


def _rewritten(project: Any) -> None:
    """Forget the commit that was recorded, as others see it who clone."""
    project.git("commit", "--quiet", "--amend", "-m", "Another word")
    project.git("reflog", "expire", "--expire=now", "--all")


def test_a_rewritten_history_loses_the_code_of_records(recorded: Any) -> None:
    assert messages(recorded) == []
    _rewritten(recorded)
    [message] = messages(recorded)
    assert "to which no branch or tag of this repository leads any more" in message
    recorded.git("gc", "--quiet", "--prune=now")
    [message] = messages(recorded)
    assert "which is not in this repository: history was rewritten" in message


def test_earlier_runs_whose_code_is_lost_are_counted(recorded: Any) -> None:
    _rewritten(recorded)
    recorded.record()
    lock(recorded)
    result = verify(recorded.root, recorded.signers)
    assert result.problems == ()
    [said] = result.unseen
    assert said.startswith("the code of 1 record, such as ")
