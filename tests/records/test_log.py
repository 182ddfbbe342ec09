import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.digest import canonical_json, sha256_of
from regml.errors import RecordError, UnknownIdError
from regml.items.recorded import ProblemKind
from regml.records.log import Entry, find_record, read_entries

Rewrite = Callable[[Callable[[list[str]], list[str]]], None]


def kinds(project: Any) -> set[ProblemKind]:
    return {problem.kind for problem in project.log().problems}


def leftovers(root: Path) -> list[Path]:
    return [path for path in (root / "records").rglob("*") if path.suffix == ".part"]


def test_an_untouched_log_has_no_problems(project: Any) -> None:
    made = [project.approve() for _ in range(3)]
    log = project.log()
    assert log.problems == ()
    assert [record.id for record in log.records] == [record.id for record in made]
    assert log.records[2].previous == (made[1].sha256,)
    assert log.heads == (made[2].sha256,)


def test_a_record_reads_as_it_was_appended(project: Any) -> None:
    record = project.approve()
    assert project.log().records == (record,)


def test_no_records_means_no_heads(project: Any) -> None:
    log = project.log()
    assert (log.records, log.problems, log.heads, log.listed) == ((), (), (), 0)


def test_an_edited_record_shows(project: Any) -> None:
    path = project.root / project.approve().path
    path.write_bytes(path.read_bytes().replace(b'"payload"', b'"payload" '))
    assert kinds(project) == {ProblemKind.CHANGED}
    assert project.log().records == ()


def test_a_record_edited_together_with_the_log_shows(
    project: Any, tamper: Rewrite
) -> None:
    record = project.approve()
    path = project.root / record.path
    envelope = json.loads(path.read_bytes())
    payload = bytearray(envelope["payload"].encode())
    payload[40] ^= 1
    envelope["payload"] = payload.decode()
    path.write_bytes(canonical_json(envelope))
    digest = sha256_of(path.read_bytes())
    tamper(lambda lines: [line.replace(record.sha256, digest) for line in lines])
    assert kinds(project) <= {ProblemKind.BAD_SIGNATURE, ProblemKind.UNREADABLE}
    assert kinds(project)


def test_a_deleted_record_shows(project: Any) -> None:
    record, _ = project.approve(), project.approve()
    (project.root / record.path).unlink()
    assert kinds(project) == {ProblemKind.MISSING}


def test_a_record_deleted_from_the_log_too_shows(project: Any, tamper: Rewrite) -> None:
    record, _ = project.approve(), project.approve()
    (project.root / record.path).unlink()
    tamper(lambda lines: lines[1:])
    assert kinds(project) == {ProblemKind.MISSING}


def test_a_log_cut_short_leaves_records_nobody_lists(
    project: Any, tamper: Rewrite
) -> None:
    project.approve(), project.approve()
    tamper(lambda lines: lines[:-1])
    assert kinds(project) == {ProblemKind.NOT_LISTED}


def test_reordered_lines_show(project: Any, tamper: Rewrite) -> None:
    project.approve(), project.approve()
    tamper(lambda lines: lines[::-1])
    assert ProblemKind.CHANGED in kinds(project)


def test_an_old_record_put_forward_as_new_shows(project: Any, tamper: Rewrite) -> None:
    record, _ = project.approve(), project.approve()
    copy = record.path.replace("review", "newest")
    (project.root / copy).write_bytes((project.root / record.path).read_bytes())
    tamper(lambda lines: [*lines, lines[0].replace(record.path, copy)])
    assert kinds(project) == {ProblemKind.CHANGED}
    assert len(project.log().records) == 2


def test_a_link_rewritten_in_the_log_shows(project: Any, tamper: Rewrite) -> None:
    first, _ = project.approve(), project.approve()
    tamper(lambda lines: [lines[0], lines[1].replace(f'"{first.sha256}"', "", 1)])
    assert ProblemKind.CHANGED in kinds(project)


def test_an_inserted_record_of_a_stranger_shows(
    project: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.approve()
    signers = project.signers
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "stranger"))
    project.approve()
    from regml.records.log import read_log

    log = read_log(project.root, signers)
    assert [problem.kind for problem in log.problems] == [ProblemKind.UNKNOWN_SIGNER]
    assert len(log.records) == 1


def test_a_record_slipped_into_the_folder_shows(project: Any) -> None:
    record = project.approve()
    slipped = project.root / "records/runs/x.json"
    slipped.parent.mkdir()
    slipped.write_bytes((project.root / record.path).read_bytes())
    assert kinds(project) == {ProblemKind.NOT_LISTED}


def test_an_approval_in_another_name_shows(project: Any) -> None:
    from dataclasses import replace

    from regml.items.recorded import Person
    from regml.records.log import append

    statement = project.approve().statement
    other = replace(statement.origin, person=Person("Bob", "bob@example.org"))
    append(project.root, replace(statement, origin=other), project.key)
    assert kinds(project) == {ProblemKind.UNKNOWN_SIGNER}


def test_time_that_runs_backwards_shows(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.approve()
    monkeypatch.setattr("regml.records.log.utc_now", lambda: "2001-01-01T00:00:00.000Z")
    project.approve()
    assert kinds(project) == {ProblemKind.TIME}


def test_two_branches_merge_and_the_next_record_names_both_heads(project: Any) -> None:
    project.write(".gitattributes", "records/log.jsonl merge=union\n")
    project.approve("SRS-001")
    project.commit()
    project.git("checkout", "--quiet", "-b", "other")
    one = project.approve("SRS-002")
    project.commit()
    project.git("checkout", "--quiet", "-")
    other = project.approve("SRS-003")
    project.commit()
    project.git("merge", "--quiet", "--no-edit", "other")
    assert set(project.log().heads) == {one.sha256, other.sha256}
    assert set(project.approve("SRS-004").previous) == {one.sha256, other.sha256}
    assert project.log().problems == ()


def test_records_at_the_same_time_lose_nothing(project: Any) -> None:
    code = """
import pathlib
from regml.items.recorded import Approval, Origin, Person
from regml.records.keys import personal_key
from regml.records.log import append, utc_now

for _ in range(5):
    who = Person("Ada", "ada@example.org")
    origin = Origin(who, utc_now(), "", None, (), None, "", {})
    signed = Approval(origin, "quality", "review", {"SRS-001": "f"}, {})
    append(pathlib.Path(), signed, personal_key())
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    log = project.log()
    assert log.problems == ()
    assert len(log.records) == 15
    assert len(log.heads) == 1


def test_a_conflict_in_the_log_names_line_and_remedy(
    project: Any, tamper: Rewrite
) -> None:
    project.approve()
    tamper(lambda lines: [*lines, "<<<<<<< HEAD\n"])
    with pytest.raises(RecordError, match=r"log\.jsonl:2: .*both sides"):
        project.approve()


def test_a_record_is_found_by_the_beginning_of_its_id(project: Any) -> None:
    record = project.approve()
    assert find_record(project.root, record.id) == record.path
    assert find_record(project.root, f"approval@{record.id}") == record.path
    with pytest.raises(UnknownIdError):
        find_record(project.root, "zz")


def test_show_prints_the_statement(project: Any, tmp_path: Path) -> None:
    record = project.approve()
    status, out, _ = project.regml("record", "show", record.id)
    assert (status, json.loads(out)["subject"][0]["name"]) == (0, "SRS-001")
    outside = tmp_path / "copy.json"  # as git's text conversion calls it
    outside.write_bytes((project.root / record.path).read_bytes())
    status, again, _ = project.regml("-C", "/", "record", "show", str(outside))
    assert (status, again) == (0, out)


@given(
    st.text(max_size=12),
    st.lists(st.text("0123456789abcdef", max_size=8), max_size=3),
    st.text("0123456789abcdef", max_size=8),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
def test_a_line_means_what_json_says_however_it_is_written(
    path: str,
    previous: list[str],
    sha256: str,
    separators: tuple[str, str],
    ascii_only: bool,
) -> None:
    row = {"path": path, "previous": previous, "sha256": sha256}
    line = json.dumps(row, separators=separators, ensure_ascii=ascii_only)
    if len(line.splitlines()) != 1:
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "records").mkdir()
        (Path(folder) / "records/log.jsonl").write_text(line, encoding="utf-8")
        assert read_entries(Path(folder)) == (Entry(path, tuple(previous), sha256),)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "a\0b", "records"])
def test_a_line_that_leads_elsewhere_is_a_problem(
    project: Any, tamper: Rewrite, path: str
) -> None:
    record = project.approve()
    told = json.dumps(path)
    tamper(lambda lines: [lines[0].replace(f'"{record.path}"', told)])
    assert kinds(project) & {ProblemKind.MISSING, ProblemKind.CHANGED}
    assert project.log().records == ()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow: the kernel refuses the write, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_takes_no_record_leaves_nothing(
    project: Any, full_disk: None
) -> None:
    with pytest.raises(RecordError, match="Make room"):
        project.approve()
    assert read_entries(project.root) == ()
    assert leftovers(project.root) == []
    assert list((project.root / "records/approvals").iterdir()) == []


def test_a_disk_that_takes_no_line_takes_no_record_either(
    project: Any, tamper: Rewrite
) -> None:
    for _ in range(20):
        record = project.approve()
    size = (project.root / "records/log.jsonl").stat().st_size
    assert (project.root / record.path).stat().st_size < size
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        with pytest.raises(RecordError, match="Make room"):
            project.approve()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    log = project.log()
    assert (log.problems, len(log.records)) == ((), 20)
    assert leftovers(project.root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_really_full_disk_leaves_nothing(project: Any) -> None:
    disk = project.root / "records"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "regml-test", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (disk / "log.jsonl").write_bytes(b"")
        (disk / "filler").write_bytes(b"x" * 4096)
        with pytest.raises(RecordError, match=r"No space left.*Make room"):
            project.approve()
        assert read_entries(project.root) == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_threads_may_read_while_one_writes(project: Any) -> None:
    project.approve()
    with ThreadPoolExecutor(2) as pool:
        seen = [pool.submit(project.log) for _ in range(4)]
        project.approve()
    assert all(future.result().problems == () for future in seen)
