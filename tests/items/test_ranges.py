"""Within which limits a planned modification lets a parameter change."""

from typing import Any

import pytest
from pydantic import ValidationError

from regml.items.data import FaceProtection, ManifestCase, group_of
from regml.items.lifecycle import ParameterRange
from tests.factories import case


@pytest.mark.parametrize(
    ("limits", "value", "allowed"),
    [
        ({}, "anything", True),
        ({"at_least": 1, "at_most": 2}, 1, True),
        ({"at_least": 1, "at_most": 2}, 2.0, True),
        ({"at_least": 1, "at_most": 2}, 2.1, False),
        ({"at_least": 1}, 10**9, True),
        ({"at_most": 2}, None, False),
        ({"at_most": 2}, True, False),
        ({"at_most": 2}, "1", False),
        ({"one_of": ("DynUNet", "UNet")}, "UNet", True),
        ({"one_of": ("DynUNet",)}, "UNet", False),
        ({"one_of": ("2",)}, 2, True),
    ],
)
def test_a_range_allows_what_lies_in_it(
    limits: dict[str, Any], value: object, allowed: bool
) -> None:
    assert ParameterRange(parameter="train.x", **limits).allows(value) is allowed


@pytest.mark.parametrize(
    ("fields", "column", "group"),
    [
        ({"field_strength_t": 3.0}, "field_strength_t", "3"),
        ({"field_strength_t": 1.5}, "field_strength_t", "1.5"),
        ({"sex": None}, "sex", "unknown"),
        ({"site": "A"}, "site", "A"),
    ],
)
def test_a_group_reads_as_people_write_it(
    fields: dict[str, Any], column: str, group: str
) -> None:
    row: ManifestCase = case(1, **fields)
    assert group_of(row, column) == group


def test_a_crop_without_size_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs largest_extent_mm"):
        FaceProtection.model_validate({"measure": "cropped", "rationale": "small"})
