import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from regml.digest import digest_path, sha256_of
from regml.errors import BrokenFileError, ConfigError, RecordError, SigningKeyError
from regml.items.recorded import Outcome, StageRun
from regml.records.unfinished import unfinished

PYTHON = sys.executable


def last_run(project: Any) -> StageRun:
    log = project.log()
    assert log.problems == ()
    run = log.records[-1].statement
    assert isinstance(run, StageRun)
    return run


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def test_a_passed_run_is_told_completely(project: Any) -> None:
    assert project.record(["python", "src/make.py"]) == 0
    run = last_run(project)
    assert (run.stage, run.outcome, run.exit_status) == ("make", Outcome.PASSED, 0)
    assert run.command == "regml record -- python src/make.py"
    assert run.parameters == {"params.yaml": {"make": {"rate": 0.001}}}
    assert run.inputs == tuple(
        digest_path(project.root / name, name=name)
        for name in ("input.txt", "src/make.py")
    )
    assert run.outputs == tuple(
        digest_path(project.root / name, name=name) for name in ("out", "small.json")
    )
    assert run.notes == {"numbers": {"n": 2}}
    assert run.resources["wall_seconds"] > 0
    assert run.resources["cpu_seconds"] > 0
    # what the recorder itself held hides a command as small as this one
    assert run.resources["peak_memory_at_most_bytes"] > 1_000_000
    assert run.origin.person.email == "ada@example.org"
    assert run.origin.commit == project.git("rev-parse", "HEAD").strip()
    assert run.origin.dirty == ()
    assert run.origin.diff_sha256 is None
    assert run.origin.started_utc < run.origin.finished_utc
    assert run.origin.environment["gpus"] is not None


def test_output_is_passed_through_and_kept_out_of_git(
    project: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    project.record()
    out, err = capfd.readouterr()
    assert (out, "to stderr\n" in err) == ("to stdout\n", True)
    [log] = (project.root / ".regml/logs").iterdir()
    assert log.stem == Path(project.log().records[-1].path).stem
    assert sha256_of(log.read_bytes()) == last_run(project).log_sha256
    assert project.git("check-ignore", str(log)).strip()
    assert "to stdout" not in project.regml("record", "show", last_id(project))[1]


def last_id(project: Any) -> str:
    return str(project.log().records[-1].id)


def test_a_failed_run_is_recorded_with_its_exit_status(project: Any) -> None:
    assert project.record([PYTHON, "-c", "raise SystemExit(3)"]) == 3
    run = last_run(project)
    assert (run.outcome, run.exit_status, run.outputs) == (Outcome.FAILED, 3, ())


def test_a_command_that_does_not_exist_is_recorded(
    project: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert project.record(["no-such-program"]) == 127
    assert last_run(project).outcome is Outcome.FAILED
    assert "no-such-program" in capfd.readouterr().err


def test_a_child_killed_with_signal_9_is_recorded(project: Any) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert project.record([PYTHON, "-c", kill]) == 128 + 9
    run = last_run(project)
    assert (run.outcome, run.exit_status) == (Outcome.KILLED, -9)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_recorder_ends_the_command_and_is_recorded(
    project: Any, number: signal.Signals
) -> None:
    ready = project.root / "ready"
    wait = f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    before = signal.signal(number, lambda *_: None)  # else an ignored one stays so
    process = project.start("record", "--stage", "make", "--", PYTHON, "-c", wait)
    signal.signal(number, before)
    wait_for(ready)
    process.send_signal(number)
    process.communicate(timeout=30)
    run = last_run(project)
    assert run.outcome is Outcome.KILLED
    assert (process.returncode, run.exit_status) == (128 + number, -number)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_what_nohup_and_the_shell_ignore_ends_nothing(
    project: Any, number: signal.Signals
) -> None:
    ready, done = project.root / "ready", project.root / "done"
    wait = f"touch '{ready}'; while [ ! -e '{done}' ]; do sleep 0.05; done"
    before = signal.signal(number, signal.SIG_IGN)
    process = project.start("record", "--stage", "make", "--", "sh", "-c", wait)
    signal.signal(number, before)
    wait_for(ready)
    process.send_signal(number)
    time.sleep(0.1)
    done.touch()
    process.communicate(timeout=30)
    assert (process.returncode, last_run(project).outcome) == (0, Outcome.PASSED)


def test_a_command_that_ends_itself_on_a_signal_counts_as_killed(project: Any) -> None:
    ready = project.root / "ready"
    polite = (
        "import pathlib, signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    process = project.start("record", "--stage", "make", "--", PYTHON, "-c", polite)
    wait_for(ready)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 7
    assert last_run(project).outcome is Outcome.KILLED


def test_a_process_left_behind_does_not_hold_the_recorder(project: Any) -> None:
    begun = time.monotonic()
    leave = f"import subprocess; subprocess.Popen([{PYTHON!r}, '-c', "
    leave += "'import time; time.sleep(30)'])"
    assert project.record([PYTHON, "-c", leave]) == 0
    assert time.monotonic() - begun < 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
@pytest.mark.parametrize(
    "left", ["sleep 30 > /dev/null 2>&1 &", "while sleep 0.02; do echo .; done &"]
)
def test_a_process_left_behind_is_named_however_much_it_prints(
    project: Any, left: str, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    assert project.record(["sh", "-c", f"({left}) ; echo bye"]) == 0
    assert time.monotonic() - begun < 20
    run = last_run(project)
    (name,) = run.notes["regml_left_behind"]["processes"]
    assert name in {"sh", "dash", "bash", "sleep"}
    assert run.resources["wall_seconds"] < 1
    assert f"left processes running ({name})" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
def test_the_time_of_a_process_nobody_waited_for_is_counted(project: Any) -> None:
    busy = "import time\nwhile time.process_time() < 0.6: pass"
    leave = f"import os, subprocess; p = subprocess.Popen([{PYTHON!r}, '-c', {busy!r}])"
    state = "open(f'/proc/{p.pid}/stat').read().split()[2]"
    wait = f"import time\nwhile {state} != 'Z': time.sleep(0.05)\nos._exit(0)"
    assert project.record([PYTHON, "-c", f"{leave}\n{wait}"]) == 0
    run = last_run(project)
    assert run.resources["cpu_seconds"] > 0.6
    assert "regml_left_behind" not in run.notes


def test_helpers_that_end_with_their_program_are_heard_and_not_left_behind(
    project: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    helper = "(sleep 0.5; echo last words) & echo bye"
    assert project.record(["sh", "-c", helper]) == 0
    assert "regml_left_behind" not in last_run(project).notes
    out, err = capfd.readouterr()
    assert (out, err) == ("bye\nlast words\n", "")


def test_a_peak_above_our_own_is_that_of_the_command(project: Any) -> None:
    command = ("record", "--stage", "make", "--", PYTHON, "-c", "b'1' * 200_000_000")
    assert project.regml(*command)[0] == 0
    assert 2e8 < last_run(project).resources["peak_memory_bytes"] < 2.5e8


def test_what_is_no_utf_8_is_spelt_out(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = os.fsdecode(b"caf\xe9")
    project.write(f"src/{strange}.py", "")
    project.commit()
    project.write(f"src/{strange}.py", "print()")
    monkeypatch.setenv("LANG", strange)
    monkeypatch.setenv("REGML_CONTAINER_IMAGE", strange)
    assert project.record(["echo", strange]) == 0
    run = last_run(project)
    assert run.command.endswith(r"-- echo 'caf\xe9'")
    assert run.origin.dirty == (r"src/caf\xe9.py",)
    assert run.origin.environment["locale"]["LANG"] == r"caf\xe9"
    assert run.origin.environment["container_image"] == r"caf\xe9"
    assert project.regml("record", "show", project.log().records[-1].id)[0] == 0


def test_a_key_that_nobody_named_is_told_at_once(
    project: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert project.record(["true"]) == 0
    assert "nobody believes" not in capfd.readouterr().err
    named = (project.root / "regml.toml").read_text()
    day = "2020-01-01"
    project.write("regml.toml", named + f"revoked = {day}\nrevoked_because = 'x'\n")
    assert project.record(["true"]) == 0
    assert f"is revoked from {day} on" in capfd.readouterr().err
    project.write("regml.toml", named.partition("[[signers]]")[0])
    assert project.record(["true"]) == 0
    assert "does not name your key" in capfd.readouterr().err


def closed(folder: Path) -> tuple[str, ...]:
    """Close a folder; return what makes a command obey that also for root."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o500)
    if os.geteuid():
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may do everything, and setpriv is not here")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_a_folder_that_takes_no_record_stops_before_the_command_runs(
    project: Any,
) -> None:
    records = project.root / "records"
    main = "import sys; from regml.cli import main; sys.exit(main())"
    command = [*closed(records), PYTHON, "-c", main, "record", "--stage", "make", "--"]
    done = subprocess.run(
        [*command, "touch", "ran"], capture_output=True, text=True, check=False
    )
    records.chmod(0o700)
    assert done.returncode == 2
    assert done.stderr.startswith("regml: records: no record could be written here")
    assert not (project.root / "ran").exists()


def test_an_output_in_a_closed_folder_is_recorded_as_unreadable(project: Any) -> None:
    pipeline = (project.root / "dvc.yaml").read_text()
    project.write("dvc.yaml", pipeline.replace("small.json", "sub/small.json"))
    main = "import sys; from regml.cli import main; sys.exit(main())"
    rights = closed(project.root / "sub")
    (project.root / "sub").chmod(0o700)
    project.write("sub/small.json", "{}")
    command = [*rights, PYTHON, "-c", main, "record", "--stage", "make", "--"]
    done = subprocess.run(
        [*command, "chmod", "000", "sub"], capture_output=True, text=True, check=False
    )
    (project.root / "sub").chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "sub/small.json (Permission denied)" in done.stderr
    assert last_run(project).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("mkfifo out/x", "out/x (it is neither a file nor a folder)"),
        ("ln -s /dev/zero out/x", "out/x (it is neither a file nor a folder)"),
        ("touch out/$(printf 'x\\377')", "out/x\\xff (its name is not UTF-8)"),
    ],
)
def test_an_output_without_end_or_name_fails_the_stage(
    project: Any, make: str, said: str
) -> None:
    with pytest.raises(RecordError, match=re.escape(said)):
        project.record(["sh", "-c", f"mkdir out; {make}"])
    run = last_run(project)
    assert run.notes["regml_unreadable_outputs"] == {"paths": [said]}
    assert run.outcome is Outcome.FAILED


def test_a_listener_that_leaves_does_not_end_the_run(project: Any) -> None:
    read, write = os.pipe()
    main = "import sys; from regml.cli import main; sys.exit(main())"
    command = ["record", "--stage", "make", "--", PYTHON, "-c", "print('x' * 200_000)"]
    process = subprocess.Popen(
        [PYTHON, "-c", main, *command], stdout=write, cwd=project.root
    )
    os.close(write)
    os.close(read)
    assert process.wait(timeout=30) == 0
    assert last_run(project).outcome is Outcome.PASSED


def test_two_recorders_at_once_lose_nothing(project: Any) -> None:
    command = ("record", "--stage", "make", "--", PYTHON, "-c", "pass")
    both = [project.start(*command), project.start(*command)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    log = project.log()
    assert (log.problems, len(log.records), len(log.heads)) == ((), 2, 1)


def test_a_changed_source_makes_the_run_dirty(project: Any) -> None:
    project.record()
    clean = last_run(project).origin
    project.write("src/make.py", "print('changed')\n")
    project.record()
    dirty = last_run(project).origin
    assert dirty.dirty == ("src/make.py",)
    assert dirty.diff_sha256
    assert dirty.code != clean.code


def test_an_input_nobody_tracks_makes_the_run_dirty(project: Any) -> None:
    project.write(
        "dvc.yaml",
        "stages: {make: {cmd: x, deps: [loose.txt, half, known]}}",
    )
    project.write("half/tracked.txt", "1")
    project.write("known.dvc", "outs: [{path: known, md5: x}]")
    project.write("known/file.txt", "1")
    project.commit()
    project.git("rm", "--quiet", "--cached", "known/file.txt")
    project.git("commit", "--quiet", "-m", "x")
    project.write("half/new.txt", "1")
    project.write("loose.txt", "1")
    project.record([PYTHON, "-c", "pass"])
    first = last_run(project).origin
    assert first.dirty == ("half/new.txt", "loose.txt")
    project.write("loose.txt", "2")
    project.record([PYTHON, "-c", "pass"])
    assert last_run(project).origin.diff_sha256 != first.diff_sha256


def test_the_outputs_of_the_last_run_are_no_dirt(project: Any) -> None:
    project.record()
    project.commit()
    project.write("small.json", "{ }")
    project.record()
    assert last_run(project).origin.dirty == ()


def test_a_command_run_by_hand_does_not_pass_for_that_of_the_stage(
    project: Any,
) -> None:
    project.record([PYTHON, "-c", "pass"])
    assert last_run(project).command.startswith("regml record --stage make -- ")


@pytest.mark.parametrize(
    ("line", "command", "own"),
    [
        ("regml record -- echo a > log", ["echo", "a"], True),
        ("regml record -- echo a > log", ["touch", "model"], False),
        ("regml record -- echo a --seed=$SEED", ["echo", "a", "--seed=3"], True),
        ("regml record -- echo a $MORE", ["echo", "b"], False),
        ("bash -c 'regml record -- echo a' && x", ["echo", "a"], True),
        ("regml record -- $TOOL a", ["echo", "a"], True),
    ],
)
def test_of_a_line_that_a_shell_rewrites_the_words_before_count(
    project: Any, line: str, command: list[str], *, own: bool
) -> None:
    project.write("dvc.yaml", json.dumps({"stages": {"make": {"cmd": line}}}))
    project.record(command)
    assert (last_run(project).command == line) is own


@pytest.mark.parametrize(
    ("break_it", "error", "said"),
    [
        ("rm input.txt", BrokenFileError, r"input\.txt.*dvc"),
        ("rm params.yaml", BrokenFileError, r"params\.yaml"),
        ("echo 'other: 1' > params.yaml", ConfigError, r"params\.yaml.*'make'"),
        ("rm regml.toml", ConfigError, "regml init"),
        ("echo '[' > regml.toml", BrokenFileError, r"regml\.toml"),
        ("echo > regml.toml", ConfigError, "software"),
        ("echo 'stages: [' > dvc.yaml", BrokenFileError, r"dvc\.yaml:2"),
        ("echo 'stages: {x: {cmd: y}}' > dvc.yaml", ConfigError, "Name one of: x"),
        ("rm -rf .regml; echo > .regml", RecordError, r"\.regml"),
        ("echo > records", RecordError, r"records/log\.jsonl"),
    ],
)
def test_what_can_be_refused_is_refused_before_the_command_runs(
    project: Any, break_it: str, error: type[Exception], said: str
) -> None:
    subprocess.run(["sh", "-c", break_it], check=True)
    with pytest.raises(error, match=said):
        project.record()
    assert not (project.root / "out").exists()
    assert not (project.root / "records/runs").exists()


def test_a_broken_key_stops_before_the_command_runs(project: Any) -> None:
    project.key.path.write_text("broken")
    with pytest.raises(SigningKeyError, match="PEM"):
        project.record()
    assert not (project.root / "out").exists()


def test_a_record_that_cannot_be_written_fails_the_stage(project: Any) -> None:
    project.write("records/runs", "a file where a folder has to be")
    status, _, err = project.regml("record", "--stage", "make", "--", "true")
    assert (status, err.count("\n")) == (2, 1)
    assert "the record cannot be written" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_output_that_cannot_be_read_fails_the_stage(project: Any) -> None:
    with pytest.raises(RecordError, match=r"small\.json"):
        project.record(["sh", "-c", "echo > small.json; mkdir out; chmod 0 small.json"])
    assert last_run(project).outcome is Outcome.FAILED


def test_an_output_that_is_a_dead_link_inside_a_folder_fails_the_stage(
    project: Any,
) -> None:
    with pytest.raises(RecordError, match="out"):
        project.record(["sh", "-c", "mkdir out; ln -s nowhere out/link"])
    run = last_run(project)
    assert run.outcome is Outcome.FAILED
    assert "regml_unreadable_outputs" in run.notes


def test_outside_dvc_the_stage_has_to_be_named(project: Any) -> None:
    status, _, err = project.regml("record", "--", "true")
    assert (status, "--stage" in err) == (2, True)


def test_a_command_has_to_be_given(project: Any) -> None:
    status, _, err = project.regml("record", "--stage", "make")
    assert (status, "regml record -- COMMAND" in err) == (2, True)


def test_a_command_called_show_is_still_a_command(project: Any) -> None:
    status, _, _ = project.regml("record", "--stage", "make", "--", "show")
    assert status == 127


def test_dvc_names_stage_and_root(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "make")
    monkeypatch.setenv("DVC_ROOT", str(project.root))
    monkeypatch.chdir("/")
    assert project.regml("-C", "/", "record", "--", "true")[0] == 0
    assert last_run(project).stage == "make"


def test_without_a_repository_there_is_no_commit(project: Any) -> None:
    subprocess.run(["rm", "-rf", ".git"], check=True)
    assert project.record() == 0
    origin = last_run(project).origin
    assert origin.commit is None
    assert origin.dirty == ("input.txt", "src/make.py")


def test_the_recorder_works_without_identity_and_locale(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("config", "--unset", "user.name")
    project.git("config", "--unset", "user.email")
    monkeypatch.setenv("LANG", "C")
    monkeypatch.setenv("LC_ALL", "C")
    project.write("src/ü b.py", "1")
    assert project.regml("record", "--stage", "make", "--", "true")[0] == 0
    assert last_run(project).origin.person.email.endswith("@localhost")


def test_dvcignore_hides_files_from_the_record(project: Any) -> None:
    project.write(".dvcignore", "*.tmp\n")
    project.write("src/scratch.tmp", "1")
    project.write("dvc.yaml", "stages: {make: {cmd: x, deps: [src]}}")
    project.commit()
    project.record([PYTHON, "-c", "pass"])
    run = last_run(project)
    assert [source.files for source in run.inputs] == [1]
    assert run.origin.dirty == ()  # git has it


def test_what_dvcignore_hides_in_an_input_is_dirt_all_the_same(project: Any) -> None:
    """The stage can read it, and neither git nor DVC knows it."""
    project.write(".dvcignore", "*.tmp\n.DS_Store\n__pycache__\n")
    project.write(".gitignore", ".regml/\n/data\n__pycache__/\n")
    project.write("data.dvc", "outs:\n- md5: 0.dir\n  path: data\n")
    project.write("dvc.yaml", "stages: {make: {cmd: x, deps: [data]}}")
    project.commit()
    for name in ("a.txt", "more.tmp", ".DS_Store", "__pycache__/a.pyc"):
        project.write(f"data/{name}", "1")
    project.record([PYTHON, "-c", "pass"])
    first = last_run(project).origin
    assert first.dirty == ("data/more.tmp",)
    project.write("data/more.tmp", "2")
    project.record([PYTHON, "-c", "pass"])
    assert last_run(project).origin.diff_sha256 != first.diff_sha256


def test_an_output_that_a_run_goes_on_from_is_told_and_held_against_the_lock(
    project: Any,
) -> None:
    pipeline = (project.root / "dvc.yaml").read_text()
    project.write("dvc.yaml", pipeline.replace("- out\n", "- out: {persist: true}\n"))
    project.commit()
    project.record()
    assert "regml_went_on_from" not in last_run(project).notes
    made = {a.path: a for a in last_run(project).outputs}["out"]
    outs = [{"path": "out", "md5": made.md5}]
    stages = {"make": {"cmd": "x", "outs": outs}}
    project.write("dvc.lock", json.dumps({"schema": "2.0", "stages": stages}))
    project.record()
    again = last_run(project)
    assert again.notes["regml_went_on_from"] == {"out": made.sha256}
    assert again.origin.dirty == ()
    project.write("out/b.txt", "by hand")
    project.record()
    assert last_run(project).origin.dirty == ("out",)


def limited(limit: str, then: str) -> list[str]:
    return [PYTHON, "-c", f"import resource as r; r.setrlimit(r.{limit}); {then}"]


def test_a_command_that_runs_out_of_memory_is_recorded(project: Any) -> None:
    greedy = limited("RLIMIT_AS, (1 << 28, 1 << 28)", "x = bytearray(1 << 30)")
    assert project.record(greedy) == 1
    assert last_run(project).outcome is Outcome.FAILED


def test_a_command_that_finds_the_disk_full_is_recorded_with_what_it_wrote(
    project: Any,
) -> None:
    write = "import pathlib; pathlib.Path('small.json').write_bytes(bytes(4096))"
    status = project.record(limited("RLIMIT_FSIZE, (100, 100)", write))
    assert status != 0
    run = last_run(project)
    assert run.outcome in {Outcome.FAILED, Outcome.KILLED}
    [left] = run.outputs
    assert (left.path, left.size_bytes) == ("small.json", 100)


def test_a_run_whose_record_finds_the_disk_full_leaves_a_gap(project: Any) -> None:
    project.write("records/runs", "a file where a folder has to be")
    with pytest.raises(RecordError, match="cannot be written"):
        project.record([PYTHON, "-c", "pass"])
    [gap] = unfinished(project.root)
    assert gap.stage == "make"


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(32 << 20)
    tracemalloc.start()
    digest_path(large, name="large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_stage_never_sees_the_passphrase_of_the_key(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_KEY_PASSPHRASE", "secret")
    look = "import os, sys; sys.exit('REGML_KEY_PASSPHRASE' in os.environ)"
    assert project.record([PYTHON, "-c", look]) == 0


@pytest.mark.parametrize("set_to", [None, "logfire"])
def test_a_stage_gets_the_environment_of_who_started_it(
    project: Any, monkeypatch: pytest.MonkeyPatch, set_to: str | None
) -> None:
    name = "PYDANTIC_DISABLE_PLUGINS"  # ours is set while regml runs
    monkeypatch.delenv(name, raising=False)
    if set_to is not None:
        monkeypatch.setenv(name, set_to)
    look = f"import os, sys; sys.exit(os.environ.get({name!r}) != {set_to!r})"
    done = project.regml("record", "--stage", "make", "--", PYTHON, "-c", look)
    assert done[0] == 0, done
