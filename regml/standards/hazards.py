"""The checklist of hazards that machine learning adds."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import yaml

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader where PyYAML has it."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row of the checklist.

    Attributes:
        id: ``MLH-01`` and so on.
        area: Where it arises.
        name: What it is, in few words.
    """

    id: str
    area: str
    name: str


@cache
def ml_hazards() -> tuple[Hazard, ...]:
    """Return the checklist, sorted by id."""
    text = resources.files("regml.standards").joinpath("ml_hazards.yaml").read_text()
    rows = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    return tuple(Hazard(**row) for row in rows)
