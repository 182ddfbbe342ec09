from pathlib import Path
from typing import Any

import pytest

import regml
from regml.errors import RecordError
from regml.records.notes import read_notes


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notes"
    monkeypatch.setenv("REGML_NOTES", str(path))
    return path


def test_outside_a_recording_a_note_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGML_NOTES", raising=False)
    regml.note("model", {"seed": object()})


def test_facts_of_one_topic_are_joined(file: Path) -> None:
    regml.note("model", {"seed": 1, "name": "ü"})
    regml.note("data", {"cases": 2})
    regml.note("model", {"seed": 3})
    assert read_notes(file) == {
        "model": {"seed": 3, "name": "ü"},
        "data": {"cases": 2},
    }


def test_a_line_cut_by_a_kill_is_left_out(file: Path) -> None:
    regml.note("model", {"seed": 1})
    with file.open("a") as stream:
        stream.write('{"topic": "mod')
    assert read_notes(file) == {"model": {"seed": 1}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_is_not_json_is_refused_where_it_is_noted(
    file: Path, value: object
) -> None:
    with pytest.raises(RecordError, match="'model'"):
        regml.note("model", {"value": value})


def test_a_note_that_cannot_be_written_names_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_NOTES", "/dev/full")
    with pytest.raises(RecordError, match=r"/dev/full.*Make room"):
        regml.note("model", {"seed": 1})


@pytest.mark.parametrize(
    ("topic", "facts", "why"),
    [
        ("model", {"weights": 3}, "'weights' is 3 and has to be a text"),
        ("evaluation", {"acceptance": "all"}, "'acceptance' is 'all'"),
        ("evaluation", {"acceptance": [3]}, "'acceptance' has 3 in row 1"),
        (
            "evaluation",
            {"acceptance": [{"outcome": "passed"}]},
            "'acceptance' says no 'requirement' in row 1",
        ),
        (
            "evaluation",
            {
                "acceptance": [
                    {"requirement": "SRS-1", "outcome": "passed", "criterion": "first"}
                ]
            },
            "'criterion' is 'first' and has to be a whole number",
        ),
    ],
)
def test_a_note_that_could_not_be_read_is_refused_where_it_is_noted(
    file: Path, topic: str, facts: dict[str, Any], why: str
) -> None:
    with pytest.raises(RecordError, match=f"{topic}.*{why}"):
        regml.note(topic, facts)
    assert read_notes(file) == {}


def test_a_topic_of_ones_own_has_any_form(file: Path) -> None:
    regml.note("acme", {"weights": 3, "acceptance": None})
    assert read_notes(file) == {"acme": {"weights": 3, "acceptance": None}}
