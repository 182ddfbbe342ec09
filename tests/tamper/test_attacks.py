"""Attacks on evidence with real tools, and what regml says about each."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from regml.files.config import read_config
from regml.findings import RuleOutcome
from regml.project import open_project
from regml.records.anchors import read_anchor
from regml.records.verify import Verification, verify
from tests.tamper.attacks import (
    ATTACKS,
    VERIFIES,
    Attack,
    Tiny,
    build,
    lose_data_and_alter_remote,
)

pytest.importorskip("dvc")
pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return build(tmp_path_factory.mktemp("tamper") / "original")


@pytest.fixture
def tiny(original: Tiny, tmp_path: Path) -> Iterator[Tiny]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(tmp_path / "copy/home"))
        yield original.copy(tmp_path / "copy")


def verified(tiny: Tiny, *anchors: str) -> Verification:
    return verify(
        tiny.root,
        read_config(tiny.root).signers,
        anchors=[read_anchor(tiny.root, anchor) for anchor in anchors],
    )


def sentences(result: Verification) -> list[str]:
    return [f"{problem.path}: {problem.message}" for problem in result.problems]


def findings(outcomes: tuple[RuleOutcome, ...]) -> list[str]:
    return [f.message for outcome in outcomes for f in outcome.findings]


def test_nothing_is_said_of_what_nobody_touched(tiny: Tiny) -> None:
    result = verified(tiny, "kept")
    assert sentences(result) == []
    assert (result.believed, result.explained, result.tracked) == (2, 2, 1)
    assert (result.outputs, result.inputs) == (3, 1)
    assert result.anchors == ("revision kept",)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_found_and_named(attack: Attack, tiny: Tiny) -> None:
    attack.perform(tiny)
    if attack.by == "check":
        said = findings(open_project(tiny.root).check())
    else:
        said = sentences(verified(tiny, *([attack.anchor] if attack.anchor else [])))
    assert any(re.search(attack.said, line) for line in said), said


def test_the_command_ends_with_1_and_says_what_it_means(tiny: Tiny) -> None:
    tiny.write("metrics.json", '{"dice": 0.99}\n')
    done = tiny.run("regml", "verify")
    assert done.returncode == 1
    assert re.search(
        r"PROBLEM +metrics\.json: .* 15 bytes .* same size.*changed afterwards",
        done.stdout,
    )
    cut = tiny.run("regml", "verify", "--anchor", "0" * 64)
    assert "lists 2 records, but not 000000000000, which the head" in cut.stdout


def test_a_remote_that_verifies_hands_out_nothing_altered(tiny: Tiny) -> None:
    with (tiny.root / ".dvc/config").open("a") as config:
        config.write(VERIFIES)
    lose_data_and_alter_remote(tiny)
    done = tiny.run("dvc", "pull", "-q")
    assert done.returncode != 0
    assert not (tiny.root / "model.bin").exists()
    result = verified(tiny)
    assert (sentences(result), result.absent) == ([], ("model.bin",))


def test_an_altered_object_is_found_in_the_cache_before_it_is_checked_out(
    tiny: Tiny,
) -> None:
    md5 = tiny.locked_md5("model.bin")
    path = tiny.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    (tiny.root / "model.bin").unlink()
    result = verified(tiny)
    assert (sentences(result), result.cached, result.absent) == ([], 1, ())
    path.chmod(0o644)
    path.write_text("longer than it was before")
    [said] = sentences(verified(tiny))
    assert re.match(r"model\.bin: is not in place.* 25 bytes .* instead of 22", said)


def test_a_log_cut_short_is_seen_against_each_kind_of_anchor(tiny: Tiny) -> None:
    whole = (tiny.root / "records/log.jsonl").read_text().splitlines(keepends=True)
    head = verified(tiny)
    assert sentences(head) == []
    newest = json.loads(whole[-1])["sha256"]
    state = tiny.folder / "state.json"
    state.write_text(json.dumps({"heads": [newest]}))
    (tiny.root / json.loads(whole[-1])["path"]).unlink()
    (tiny.root / "records/log.jsonl").write_text("".join(whole[:-1]))
    tiny.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    (tiny.root / "metrics.json").unlink()
    assert sentences(verified(tiny)) == []  # nothing inside tells
    for anchor in (newest, newest[:12], str(state), "kept"):
        [said] = sentences(verified(tiny, anchor))
        assert f"lists 1 records, but not {newest[:12]}" in said


def test_without_its_database_mlflow_is_said_to_be_unseen(tiny: Tiny) -> None:
    (tiny.root / "mlflow.db").unlink()
    result = verified(tiny)
    assert sentences(result) == []
    assert result.tracked == 0
    [unseen] = result.unseen
    assert "mlflow.db is not here" in unseen


def test_two_branches_with_runs_merge_without_conflict_and_verify(tiny: Tiny) -> None:
    def run_on(branch: str, note: str) -> None:
        tiny.git("checkout", "--quiet", "-b", branch, "kept")
        tiny.write(f"{note}.txt", note)
        done = tiny.run("regml", "record", "--stage", "prepare", "--", "true")
        assert done.returncode == 0, done.stderr
        tiny.commit(note)

    run_on("one", "a")
    run_on("two", "b")
    tiny.git("merge", "--quiet", "-m", "Merge", "one")
    result = verified(tiny, "one", "two")
    assert (sentences(result), result.believed) == ([], 4)


def test_a_revoked_key_leaves_what_it_signed_before(tiny: Tiny) -> None:
    config = tiny.root / "regml.toml"
    text = config.read_text()
    for day, believed in (("2999-01-01", 2), ("2020-01-01", 0)):
        config.write_text(f'{text}revoked = {day}\nrevoked_because = "lost"\n')
        result = verified(tiny)
        assert result.believed == believed
        if not believed:
            assert re.search(r"revoked from 2020-01-01 on \(lost\)", str(result))


def test_an_environment_that_git_leaves_out_is_named(tiny: Tiny) -> None:
    [path] = (tiny.root / "records/environments").glob("*.json")
    with (tiny.root / ".gitignore").open("a") as patterns:
        patterns.write("environments/\n")
    tiny.git("rm", "-r", "-q", "--cached", "records/environments")
    tiny.commit("Leave it out")
    named = [p for p in open_project(tiny.root).evidence.log_problems if p.path]
    assert [p.path for p in named] == [f"records/environments/{path.name}"]
    assert "a clone lacks this evidence" in named[0].message
