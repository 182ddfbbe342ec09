"""One real ``dvc repro`` with recorded stages, and what DVC then believes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regml.files.dvc import differences, read_lock
from regml.items.recorded import StageRun
from regml.records.verify import verify

PIPELINE = """\
vars:
- words: {text: hello}
stages:
  first:
    cmd: regml record -- python src/make.py
    deps: [data, src/make.py]
    params: [make, nested.deep]
    outs:
    - out
    metrics:
    - small.json: {cache: false}
  second:
    cmd: regml record -- sh -c 'cp out/b.txt final.txt; echo ${words.text} >> final.txt'
    deps: [out]
    params:
    - other.json:
    outs:
    - final.txt
"""

PARAMETERS = "make: {rate: 1e-5, word: yes}\nnested: {deep: [1, 2.50]}\n"


@pytest.fixture
def reproduced(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("dvc")
    tools = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    project.write("dvc.yaml", PIPELINE)
    project.write("params.yaml", PARAMETERS)
    project.write("other.json", '{"k": [1, {"a": null}]}')
    project.write("src/make.py", (project.root / "src/make.py").read_text())
    project.write("data/sub/ü b.txt", "x")
    project.write("data/a-.txt", "crlf\r\n")
    project.write("data/empty", "")
    dvc(project.root, "init", "--quiet")
    dvc(project.root, "add", "--quiet", "data")
    project.write(".gitignore", ".regml/\n/data\n/out\n/final.txt\n__pycache__/\n")
    project.commit()
    dvc(project.root, "repro")
    return project


def dvc(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dvc_and_we_agree_on_everything_that_was_run(reproduced: Any) -> None:
    log = reproduced.log()
    assert log.problems == ()
    locked = {stage.name: stage for stage in read_lock(reproduced.root)}
    runs = [record.statement for record in log.records]
    assert [run.stage for run in runs if isinstance(run, StageRun)] == [
        "first",
        "second",
    ]
    for run in runs:
        assert differences(locked[run.stage], run) == ()
        assert run.origin.dirty == ()
    assert runs[0].parameters["params.yaml"] == {
        "make": {"rate": 0.00001, "word": "yes"},
        "nested.deep": [1, 2.5],
    }
    md5 = {artifact.path: artifact.md5 for artifact in runs[0].inputs}
    assert md5["data"].endswith(".dir")
    assert verify(reproduced.root, reproduced.signers).problems == ()
    # an edited cached output, a lock that claims it, and an unrecorded commit
    out = reproduced.root / "final.txt"
    out.unlink()
    out.write_text("better\n")
    dvc(reproduced.root, "commit", "--force")
    found = verify(reproduced.root, reproduced.signers).problems
    assert any("output final.txt differs" in problem.message for problem in found)
