"""Environments in files of their own: one per content, covered by the signature."""

import json
import os
import subprocess
from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pytest

from regml.digest import sha256_of
from regml.errors import LostEnvironmentError, RecordError
from regml.files.revision import open_revision
from regml.items.recorded import ProblemKind
from regml.records.environment_files import (
    EnvironmentFiles,
    environment_path,
    environment_row,
    keep_environment,
    named_environment,
)
from regml.records.log import append, read_log

FOLDER = "records/environments"
MACHINE = {"cpu": {"cores": 2}, "packages": {"a": {"version": "1", "sha256": None}}}
OTHER = {**MACHINE, "cpu": {"cores": 4}}


def files(root: Path) -> list[str]:
    folder = root / FOLDER
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def test_equal_environments_are_one_file_named_after_its_sha256(project: Any) -> None:
    project.record()
    project.write("input.txt", "other")
    project.record()
    first, second = project.log().records
    [name] = files(project.root)
    assert first.environment == second.environment == f"{FOLDER}/{name}"
    content = (project.root / first.environment).read_bytes()
    assert name == f"{sha256_of(content)}.json"
    assert json.loads(content) == first.statement.origin.environment
    assert first.statement.origin.environment is second.statement.origin.environment
    assert "pytest" in first.statement.origin.environment["packages"]


def test_another_environment_is_another_file(tmp_path: Path) -> None:
    paths = {keep_environment(tmp_path, one) for one in (MACHINE, OTHER, MACHINE)}
    assert sorted(paths) == [f"{FOLDER}/{name}" for name in files(tmp_path)]
    assert len(paths) == 2


def test_a_record_stays_small(project: Any) -> None:
    project.record()
    [record] = project.log().records
    environment = (project.root / record.environment).stat().st_size
    assert (project.root / record.path).stat().st_size < 6000 < environment


def remove(path: Path) -> None:
    path.unlink()


def edit(path: Path) -> None:
    """Put in a byte for another and restore the time, as a careful forger would."""
    before = path.stat()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"version", b"Version", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def exchange(path: Path) -> None:
    path.write_bytes(b'{"packages":{}}\n')


ATTACKS: dict[Callable[[Path], None], str] = {
    remove: "cannot be read",
    edit: "it was edited",
    cut: "(40 bytes, sha256",
    exchange: "is not the one that was signed",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_every_record_of_a_lost_environment_is_doubted(
    project: Any, attack: Callable[[Path], None]
) -> None:
    project.record()
    project.write("input.txt", "other")
    project.record()
    project.approve()
    runs, path = project.log().records[:2], project.log().records[0].environment
    attack(project.root / path)
    log = project.log()
    assert [type(r.statement).__name__ for r in log.records] == ["Approval"]
    assert {p.path for p in log.problems} == {run.path for run in runs}
    for problem in log.problems:
        assert problem.kind is ProblemKind.ENVIRONMENT
        assert ATTACKS[attack] in problem.message
        assert problem.message.endswith(f"bring it back: git checkout -- {path}")
    status, out, _ = project.regml("verify", "--quick")
    assert status == 1
    assert "records    1 of 3 whole and signed" in out
    assert "made in    1 of 2 environments as signed" in out
    assert out.count("environment lost") == 2


@pytest.mark.parametrize("content", [b"{\n", b"[" * 100_000, b"[]\n", b"\xff\n"])
def test_what_was_signed_but_is_no_object_is_a_problem(
    project: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "regml.records.environment_files.environment_content", lambda _: content
    )
    project.approve()
    [problem] = project.log().problems
    assert problem.kind is ProblemKind.ENVIRONMENT
    assert problem.message.startswith("it was signed so, but records/environments/")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "records/environments/other.json"},
        {"name": None},
        {"digest": {"sha256": "../../regml"}},
        {"digest": {"sha256": None}},
        {"digest": {}},
    ],
)
def test_a_name_that_does_not_go_with_the_digest_is_refused(
    change: dict[str, Any],
) -> None:
    row = {**environment_row(MACHINE), **change}
    with pytest.raises((ValueError, TypeError, KeyError)):
        named_environment(row)


def test_a_file_that_no_record_names_does_no_harm_and_is_said(project: Any) -> None:
    project.approve()
    left = keep_environment(project.root, OTHER)
    project.write(f"{FOLDER}/notes.json", "{}")
    status, out, _ = project.regml("verify", "--quick")
    assert status == 0
    assert f"not named  {left}: no record names it" in out
    assert f"not named  {FOLDER}/notes.json: no record names it" in out
    assert project.log().records[0].environment not in project.log().unnamed


def test_the_next_record_puts_an_altered_environment_right(project: Any) -> None:
    record = project.approve()
    (project.root / record.environment).write_text("{}")
    assert [p.kind for p in project.log().problems] == [ProblemKind.ENVIRONMENT]
    project.approve()
    assert project.log().problems == ()


def test_an_environment_that_cannot_be_written_leaves_no_record(project: Any) -> None:
    project.write(FOLDER, "a file where a folder has to be")
    with pytest.raises(RecordError, match=FOLDER):
        project.approve()
    assert project.log().listed == 0
    assert not (project.root / "records/approvals").exists()


def test_environments_of_a_revision_are_those_of_then(project: Any) -> None:
    record = project.approve()
    project.commit()
    (project.root / record.environment).unlink()
    project.commit()
    then = read_log(open_revision(project.root, "HEAD~1"), project.signers)
    assert (then.problems, len(then.records)) == ((), 1)
    now = read_log(open_revision(project.root, "HEAD"), project.signers)
    assert [p.kind for p in now.problems] == [ProblemKind.ENVIRONMENT]


def test_branches_that_add_the_same_environment_merge(project: Any) -> None:
    project.write(".gitattributes", "records/log.jsonl merge=union\n")
    project.commit()
    project.git("branch", "side")
    project.record()
    project.commit()
    project.git("checkout", "-q", "side")
    project.record()
    project.commit()
    project.git("merge", "-q", "--no-edit", "-")
    log = project.log()
    assert (len(log.records), log.problems, len(files(project.root))) == (2, (), 1)


def test_each_environment_is_read_once(tmp_path: Path) -> None:
    class Counted:
        def __init__(self, path: Path) -> None:
            self.path = path

        def __truediv__(self, name: str) -> Any:
            read.append(name)
            return self.path / name

    read: list[str] = []
    kept = keep_environment(tmp_path, MACHINE)
    sha256 = sha256_of((tmp_path / kept).read_bytes())
    root: Traversable = Counted(tmp_path)  # type: ignore[assignment]
    environments = EnvironmentFiles(root)
    assert environments(sha256) == MACHINE
    assert environments(sha256) is environments(sha256)
    for _ in range(2):
        with pytest.raises(LostEnvironmentError):
            environments("0" * 64)
    assert read == [kept, environment_path("0" * 64)]


def test_git_shows_records_and_environments(project: Any) -> None:
    record = project.approve()
    done = project.regml("record", "show", f"{project.root / record.environment}")
    assert json.loads(done[1]) == record.statement.origin.environment
    project.write(".gitattributes", "records/**/*.json diff=regml -text\n")
    shown = project.root / "shown"
    shown.write_text("#!/bin/sh\nbasename $1\n")
    shown.chmod(0o755)
    project.git("config", "diff.regml.textconv", str(shown).replace(" ", "\\ "))
    project.git("add", "records")
    said = project.git("diff", "--cached", "--", record.environment)
    [name] = [line[1:] for line in said.splitlines() if line.endswith(".json")][-1:]
    project.write(f"odd/{name}", (project.root / record.environment).read_text())
    assert project.regml("record", "show", f"{project.root}/odd/{name}")[0] == 0


def test_sha256sum_alone_follows_a_record_to_its_environment(project: Any) -> None:
    project.record()
    [record] = project.log().records
    said = subprocess.run(
        ["sha256sum", project.root / record.environment],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shown = json.loads(project.regml("record", "show", record.id)[1])
    inside = shown["predicate"]["buildDefinition"]["internalParameters"]
    named = inside["regml_origin"]["environment"]
    assert named["name"] == record.environment
    assert said.startswith(named["digest"]["sha256"])


def test_an_append_tells_the_file_of_the_environment(project: Any) -> None:
    before = project.approve()
    again = append(project.root, before.statement, project.key)
    assert again.environment == before.environment
    assert again == project.log().records[1]
