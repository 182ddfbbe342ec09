"""One field in one cell: read_cell(form, write_cell(form, value)) == value."""

import datetime as dt

import pytest

from regml.exchange.cells import Form, forms, read_cell, required, write_cell
from regml.exchange.foreign import Value
from regml.items.base import Kind
from regml.items.links import MODELS


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["a", "b; c"],
        ['["a"]'],
        ["[a]", "b"],
        ["two\nlines"],
        ["[", "]"],
        ["\u2028", "\x1c"],
    ],
)
def test_lines_come_back(lines: list[str]) -> None:
    assert read_cell(Form.LINES, write_cell(Form.LINES, lines)) == lines


@pytest.mark.parametrize("value", [True, 3, 0.1, ["a"], {"a": [1, None]}, "text"])
def test_nested_values_come_back(value: object) -> None:
    assert read_cell(Form.JSON, write_cell(Form.JSON, value)) == value


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("A-1, A-2;A-3\nA-4", ["A-1", "A-2", "A-3", "A-4"]),
        (["A 1", " ", 2], ["A 1", "2"]),
        (7.0, ["7"]),
        (None, []),
    ],
)
def test_ids_are_found_in_any_list(value: Value, ids: list[str]) -> None:
    assert read_cell(Form.IDS, value) == ids


def test_a_date_of_a_spreadsheet_is_a_date() -> None:
    assert read_cell(Form.TEXT, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)) == "2026-01-02"


def test_forms_follow_from_the_models() -> None:
    found = forms(MODELS[Kind.REQUIREMENT])
    assert found["refines"] is Form.IDS
    assert found["category"] is Form.TEXT
    assert found["acceptance"] is Form.JSON
    assert forms(MODELS[Kind.SOFTWARE_ITEM])["part_of"] is Form.ID
    assert forms(MODELS[Kind.RISK])["sequence"] is Form.LINES
    assert required(MODELS[Kind.TEST_PROTOCOL]) == {"verifies": [], "steps": []}
    assert required(MODELS[Kind.SOUP])["package"] == "TBD"
