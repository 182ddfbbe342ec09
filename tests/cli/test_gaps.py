"""``regml gaps`` as typed, on a project that holds nothing but its configuration."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regml.cli import main

ROOT = Path(__file__).parents[2]
Gaps = Callable[..., tuple[int, str, str]]

EDITION_2 = """
standard: IEC 62304
edition: two, made up
about: Life cycle of health software
sources: [nobody]
levels: {name: level, follows: safety_class, of: {A: I, B: II, C: II}}
rows:
- {id: "5.1", title: Plan, evidence: {documents: [software-development-plan]}}
- {id: "5.2", title: Learning, levels: [II], evidence: {items: [DS], rules: [D01]}}
- {id: "5.3", title: Simple, levels: [I], evidence: {items: [SRS]}}
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Configuration, risk policy, templates and an edition of its own: no evidence."""
    (tmp_path / "risk").mkdir()
    for name in ("regml.toml", "risk/policy.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "requirements.txt").write_text("")
    shutil.copytree(ROOT / "dhf_templates", tmp_path / "dhf_templates")
    (tmp_path / "standards").mkdir()
    (tmp_path / "standards/62304-2.yaml").write_text(EDITION_2)
    return tmp_path


@pytest.fixture
def gaps(
    empty: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Gaps:
    def run(*arguments: str) -> tuple[int, str, str]:
        words = ["regml", "-C", str(empty), "gaps", *arguments]
        monkeypatch.setattr("sys.argv", words)
        status = main()
        out, err = capsys.readouterr()
        return status, out, err

    return run


def parsed(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)["catalogues"]
    assert isinstance(found, list)
    return found


def test_an_empty_project_covers_no_row_of_any_catalogue(gaps: Gaps) -> None:
    status, out, _ = gaps("--all", "--format", "json")
    assert status == 1
    found = parsed(out)
    assert len(found) == 9
    assert {c["name"]: c["counts"]["covered"] for c in found} == {
        c["name"]: 0 for c in found
    }


def test_alone_it_lists_the_catalogues(gaps: Gaps) -> None:
    status, out, _ = gaps()
    assert status == 1
    names = [line.split()[0] for line in out.splitlines()[2:]]
    assert names[:2] == ["14971", "62304"]
    assert "62304-2" in names


def test_it_tells_row_by_row_what_is_missing_and_what_to_do(gaps: Gaps) -> None:
    status, out, _ = gaps("iec62304", "--open")
    assert status == 1
    lines = out.splitlines()
    assert lines[0] == "IEC 62304 (2006 with amendment 1 of 2015), class B"
    at = next(
        n for n, line in enumerate(lines) if line.startswith("gap") and " 9.1 " in line
    )
    assert lines[at + 1].split() == ["missing", "0", "items", "PR"]
    assert lines[at + 2].split()[:4] == ["next", "regml", "new", "pr"]
    assert "withdrawn" not in "\n".join(lines[2:])


def test_another_edition_is_a_file_of_the_project(gaps: Gaps) -> None:
    _, out, _ = gaps("62304-2", "--format", "json")
    (found,) = parsed(out)
    assert found["level"] == "II"
    assert {row["id"]: row["state"] for row in found["rows"]} == {
        "5.1": "manual",
        "5.2": "gap",
        "5.3": "not applicable",
    }
    _, out, _ = gaps("62304-2", "--class", "A")
    assert "level I\n" in out


def test_a_table_can_be_pasted(gaps: Gaps) -> None:
    _, out, _ = gaps("part11", "--format", "markdown")
    assert out.startswith("| clause | title | state | evidence | missing | next |\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("iso0",), "there is no catalogue 'iso0'. Catalogues: 14971,"),
        (("62304", "--class", "Z"), "IEC 62304 has no class 'Z'"),
        (("--level", "Z"), "no catalogue has a class or level 'Z'"),
        (("62304", "--all"), "Name a catalogue or say --all, not both."),
    ],
)
def test_what_it_cannot_answer_it_says_in_one_sentence(
    gaps: Gaps, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = gaps(*arguments)
    assert (status, out) == (2, "")
    assert words in err


def test_a_broken_catalogue_names_file_and_line(empty: Path, gaps: Gaps) -> None:
    text = EDITION_2.replace("items: [SRS]", "item: [SRS]")
    (empty / "standards/62304-2.yaml").write_text(text)
    status, _, err = gaps("62304-2")
    assert status == 2
    assert "standards/62304-2.yaml:10: has an unknown key 'rows.2.evidence.item'" in err


def test_a_check_that_does_not_exist_is_refused(empty: Path, gaps: Gaps) -> None:
    text = EDITION_2.replace("rules: [D01]", "rules: [D77]")
    (empty / "standards/62304-2.yaml").write_text(text)
    status, _, err = gaps("62304-2")
    assert status == 2
    assert "row 5.2: rules names 'D77', which does not exist" in err
