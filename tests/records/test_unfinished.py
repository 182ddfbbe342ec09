"""Runs that leave no record leave a gap that can be seen."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from regml.items.recorded import StageRun
from regml.records.unfinished import marked, unfinished

PYTHON = sys.executable


def start_and_kill(project: Any, pid_file: Path) -> None:
    """Start a recorded run that waits, and kill its recorder, then its command."""
    wait = (
        "import os, pathlib, time;"
        f"p = pathlib.Path({str(pid_file) + '.part'!r});"
        "p.write_text(str(os.getpid()));"
        f"p.rename({str(pid_file)!r}); time.sleep(60)"
    )
    process = project.start("record", "--stage", "make", "--", PYTHON, "-c", wait)
    deadline = time.monotonic() + 30
    while not pid_file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert unfinished(project.root) == ()  # it is at work
    process.send_signal(signal.SIGKILL)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    process.communicate(timeout=30)


def test_a_killed_recorder_leaves_a_gap_that_verify_names_and_the_next_run_signs(
    project: Any, tmp_path: Path
) -> None:
    start_and_kill(project, tmp_path / "pid")
    [run] = unfinished(project.root)
    assert (run.stage, run.command[0]) == ("make", PYTHON)
    status, out, _ = project.regml("verify")
    assert status == 1
    assert f"stage make began at {run.started_utc}" in out
    assert "left no record" in out
    assert project.record() == 0
    statement = project.log().records[-1].statement
    assert isinstance(statement, StageRun)
    [told] = statement.notes["regml_unrecorded_runs"]["runs"]
    assert told["started_utc"] == run.started_utc
    assert unfinished(project.root) == ()
    assert list((project.root / ".regml/running").iterdir()) == []


def test_a_run_at_work_is_no_gap_and_is_not_taken_over(project: Any) -> None:
    def mark(name: str) -> Any:
        return marked(project.root, stage=name, started_utc="t", command=("true",))

    with mark("one") as first, mark("two") as second:
        assert unfinished(project.root) == ()
        assert (first.before, second.before) == ((), ())
        second.recorded()
    [left] = unfinished(project.root)
    assert left.stage == "one"


def test_a_mark_that_was_cut_short_is_still_a_gap(project: Any) -> None:
    project.write(".regml/running/1.json", '{"sta')
    [left] = unfinished(project.root)
    assert (left.stage, left.mark) == ("", ".regml/running/1.json")
