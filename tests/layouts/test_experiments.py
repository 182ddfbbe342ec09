"""Experiments of DVC: run in the project or in a copy of it, and applied later."""

import os
from pathlib import Path

import pytest

from regml.errors import ConfigError
from regml.items.recorded import StageRun
from regml.project import open_project
from regml.records.experiments import Workplace, workplace
from regml.records.log import log_heads, read_entries
from regml.records.relisting import relist
from regml.records.storage import LOG
from tests.layouts.conftest import Place, dvc, run

COPYING = "open('out/b.txt', 'w').write(open('params.yaml').read())\n"


def test_an_experiment_in_a_copy_is_recorded_in_the_project(
    base: Place, tmp_path: Path
) -> None:
    place = Place(tmp_path / "versuche")  # DVC itself needs ASCII here
    run(tmp_path, "git", "clone", "--quiet", str(base.root), str(place.root))
    place.git("remote", "remove", "origin")
    place.write("src/make.py", (place.root / "src/make.py").read_text() + COPYING)
    head = place.commit()
    log = place.root / LOG
    committed = log.read_bytes()
    dvc(place.root, "exp", "run", "--temp", "-q", "-n", "hot", "-S", "make.rate=0.7")

    record = open_project(place.root).evidence.records[-1]
    tried = record.statement
    assert isinstance(tried, StageRun)
    assert tried.parameters == {"params.yaml": {"make": {"rate": 0.7}}}
    assert (tried.origin.commit, tried.origin.dirty) == (head, ("params.yaml",))
    assert tried.notes["regml_experiment"] == {"name": "hot", "baseline": head}
    # what the project itself holds was neither read nor written
    assert not (place.root / "out").exists()
    assert "0.7" not in (place.root / "params.yaml").read_text()

    dvc(place.root, "exp", "apply", "-q", "hot")
    assert log.read_bytes() == committed  # DVC brought back the log of the copy
    found = place.regml("verify", "--quick")
    assert found.returncode == 1
    assert "record not in log" in found.stdout
    assert place.regml("record", "relist").returncode == 0
    whole = place.verify()
    assert whole.problems == ()
    assert (whole.explained, whole.absent) == (1, ())
    # the parameters were never committed, and the experiment stays what it was
    ((rule, message),) = place.check()
    assert rule == "M04"
    assert "uncommitted changes (params.yaml)" in message


def test_the_copy_stands_for_the_project_also_in_a_subfolder(place: Place) -> None:
    place.git("init", "--quiet")
    project = place.root / "geräte/eins"
    copy = project / ".dvc/tmp/exps/standalone/tmp1"
    there = copy / "geräte/eins"
    there.mkdir(parents=True)
    (copy / ".git").mkdir()
    project.joinpath("regml.toml").touch()
    with pytest.raises(ConfigError, match=r"regml\.toml is not committed"):
        workplace(there, project)
    (there / "regml.toml").touch()
    (there / "src").mkdir()
    assert workplace(there / "src", project) == Workplace(there, project)
    assert workplace(project, project) == Workplace(project, project)
    assert workplace(copy.parent, project) == Workplace(project, project)


def test_a_log_that_lost_lines_gets_them_back_as_they_were(place: Place) -> None:
    log = place.root / LOG
    old = log.read_bytes()
    for _ in range(2):
        place.record()
    whole = log.read_bytes()
    config = open_project(place.root).evidence.config
    log.write_bytes(old)
    assert len(relist(place.root, config.signers).back) == 2
    assert log.read_bytes() == whole
    # the first of two is lost: its line goes before the one that follows it
    lines = whole.splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:-2], lines[-1]]))
    assert len(relist(place.root, config.signers).back) == 1
    assert log.read_bytes() == whole
    assert len(log_heads(read_entries(place.root))) == 1


def test_nothing_that_no_trusted_key_signed_is_listed_again(place: Place) -> None:
    log = place.root / LOG
    old = log.read_bytes()
    place.record()
    last = read_entries(place.root)[-1]
    path = place.root / last.path
    config = open_project(place.root).evidence.config
    log.write_bytes(old)
    (refused,) = relist(place.root, ()).refused
    assert refused[0] == last.path
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))
    forged = path.with_name("forged.json")
    os.link(path, forged)
    done = relist(place.root, config.signers)
    assert {name for name, _ in done.refused} == {
        last.path,
        f"records/runs/{forged.name}",
    }
    assert done.back == ()
    assert log.read_bytes() == old
