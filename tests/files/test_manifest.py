"""Dataset manifests: what is read, and what is refused."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regml.errors import BrokenFileError
from regml.files.manifest import parse_manifest, read_manifest
from regml.items.data import DatasetManifest
from tests.factories import case


@pytest.fixture
def collected() -> Iterator[None]:
    """Give the collection of garbage back as it was."""
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


def manifest() -> DatasetManifest:
    return DatasetManifest(
        specification="DS-01", split_unit="patient", cases=(case(1), case(2))
    )


def written(**changes: Any) -> bytes:
    """Return a manifest whose second row has other fields; ``...`` leaves one out."""
    value = manifest().model_dump(mode="json")
    row = {**value["cases"][1], **changes}
    value["cases"][1] = {k: v for k, v in row.items() if v is not ...}
    return json.dumps(value).encode()


def test_what_was_written_is_read_again() -> None:
    assert parse_manifest(written(), name="m.json") == manifest()


def test_a_byte_order_mark_does_no_harm() -> None:
    assert parse_manifest(b"\xef\xbb\xbf" + written(), name="m.json") == manifest()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": "red"}, "cases.1.colour"),
        ({"image_sha256": ...}, "cases.1.image_sha256"),
        ({"site": "  "}, "cases.1.site"),
        ({"site": 7}, "cases.1.site"),
        ({"image_size_bytes": "large"}, "cases.1.image_size_bytes"),
        ({"age_years": float("nan")}, "cases.1.age_years"),
        ({"same_grid": "perhaps"}, "cases.1.same_grid"),
        ({"sources": "abc"}, "cases.1.sources"),
        ({"annotators": ["R-1", ""]}, "cases.1.annotators.1"),
        ({"label_values": [1, "x"]}, "cases.1.label_values.1"),
    ],
)
def test_the_first_wrong_field_of_a_row_is_named(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(BrokenFileError, match=rf"m\.json.*{named}: .*dvc repro"):
        parse_manifest(written(**change), name="m.json")


@pytest.mark.parametrize("row", [[], ["HV-1"], "HV-1", None, 1])
def test_a_row_that_is_no_mapping_is_refused(row: Any) -> None:
    value = {**manifest().model_dump(mode="json"), "cases": [row]}
    with pytest.raises(BrokenFileError, match=r"cases\.0"):
        parse_manifest(json.dumps(value).encode(), name="m.json")


def test_no_row_can_be_made_or_made_anew_with_wrong_fields() -> None:
    with pytest.raises(ValueError, match="image_size_bytes"):
        case(1, image_size_bytes="large")
    with pytest.raises(ValueError, match="colour"):
        case(1, colour="red")
    with pytest.raises(AttributeError):
        case(1).split = "test"  # type: ignore[misc]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match=r"m\.json: cannot be read"):
        read_manifest(tmp_path, "m.json")


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("content", [written(), b"{"])
def test_garbage_is_collected_afterwards_as_it_was_before(
    on: bool, content: bytes
) -> None:
    (gc.enable if on else gc.disable)()
    kept = gc.get_freeze_count()
    try:
        parse_manifest(content, name="m.json")
    except BrokenFileError:
        assert content == b"{"
    assert gc.isenabled() is on
    assert gc.get_freeze_count() == kept


@pytest.mark.usefixtures("collected")
def test_what_others_keep_for_good_stays_there() -> None:
    gc.freeze()
    try:
        kept = gc.get_freeze_count()
        parse_manifest(written(), name="m.json")
        assert gc.get_freeze_count() >= kept - 1000  # what died meanwhile
    finally:
        gc.unfreeze()
