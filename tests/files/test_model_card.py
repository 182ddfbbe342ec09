"""Model cards are read whole or refused with file and line."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.model_card import read_card


def test_a_card_is_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"seed": 7, "plan": {"classes": 3}}')
    assert read_card(tmp_path, "model.json") == {"seed": 7, "plan": {"classes": 3}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"seed":\n 7,\n"a"}', r"model\.json:3: is not JSON.*dvc repro"),
        (b"[1, 2]", r"model\.json: is not a JSON object.*dvc repro"),
        (b'{"a": "\xff"}', r"model\.json"),
    ],
)
def test_what_is_no_card_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(BrokenFileError, match=problem):
        read_card(tmp_path, "model.json")
