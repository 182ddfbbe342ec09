"""A built Design History File against its list of digests."""

import json
from pathlib import Path

import pytest

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.files.built import read_built

FOLDER = "build/dhf"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / FOLDER
    state = {"commit": "c0", "heads": ["h0"], "documents": {"doc:05-a": "f0"}}
    files = {"pdf/05-a.pdf": "five", "state.json": json.dumps(state)}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sums = [f"{sha256_of(text.encode())}  {name}" for name, text in files.items()]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    return tmp_path


def test_a_folder_is_as_it_was_built(built: Path) -> None:
    found = read_built(built, FOLDER)
    assert found is not None
    assert (found.changed, found.absent, found.added) == ((), (), ())
    assert (found.commit, found.heads) == ("c0", ("h0",))
    assert found.documents == {"doc:05-a": "f0"}


def test_changes_are_named(built: Path) -> None:
    (built / FOLDER / "pdf/05-a.pdf").write_text("six")
    (built / FOLDER / "pdf/06-b.pdf").write_text("new")
    (built / FOLDER / "state.json").unlink()
    found = read_built(built, FOLDER)
    assert found is not None
    assert found.changed == ("pdf/05-a.pdf",)
    assert found.added == ("pdf/06-b.pdf",)
    assert found.absent == ("state.json",)
    assert found.commit is None


def test_a_state_that_was_taken_out_of_the_list_as_well_is_missed(built: Path) -> None:
    place = built / FOLDER
    (place / "state.json").unlink()
    sums = (place / "SHA256SUMS").read_text().splitlines(keepends=True)
    kept = [line for line in sums if not line.endswith("  state.json\n")]
    (place / "SHA256SUMS").write_text("".join(kept))
    found = read_built(built, FOLDER)
    assert found is not None
    assert (found.absent, found.changed, found.added) == (("state.json",), (), ())


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_built(tmp_path, FOLDER) is None


def test_a_folder_without_its_list_of_digests_is_no_folder_less(built: Path) -> None:
    (built / FOLDER / "SHA256SUMS").unlink()
    found = read_built(built, FOLDER)
    assert found is not None
    assert found.absent == ("SHA256SUMS",)


def test_a_folder_that_is_kept_and_gone_is_missed(tmp_path: Path) -> None:
    found = read_built(tmp_path, FOLDER, kept=True)
    assert found is not None
    assert found.absent == ("SHA256SUMS",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("SHA256SUMS", "no digest here\n", r"SHA256SUMS:1: is no list of SHA-256"),
        ("state.json", "{", r"state.json: is not JSON"),
        ("state.json", '{"heads": 5}', r"state.json: does not say from what"),
    ],
)
def test_what_cannot_be_read_is_named(
    built: Path, name: str, text: str, message: str
) -> None:
    (built / FOLDER / name).write_text(text)
    with pytest.raises(BrokenFileError, match=message):
        read_built(built, FOLDER)
