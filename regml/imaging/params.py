"""What ``params.yaml`` may say to the data stages."""

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, Field, model_validator

from regml.errors import BrokenFileError
from regml.files.core_yaml import read_yaml
from regml.files.text import read_text, validate
from regml.items.base import ItemId, Line, Strict

P = TypeVar("P", bound=BaseModel)


class OnProblem(StrEnum):
    """What happens to a case that cannot be used as it is."""

    EXCLUDE = "exclude"
    """It is left out, counted and reported with its reason."""
    FAIL = "fail"
    """The stage stops after it has listed every such case."""


class SplitUnit(StrEnum):
    """What stays together when a dataset is split."""

    PATIENT = "patient"
    CASE = "case"
    """Only where nobody knows whose images they are; needs a limitation."""


class GeometryLimits(Strict):
    """What a series has to look like to be used.

    Attributes:
        min_spacing_mm: Least voxel spacing on each axis, inclusive.
        max_spacing_mm: Largest voxel spacing on each axis, inclusive.
        direction_tolerance: Largest deviation of the direction matrix from an
            orthonormal one, as the largest entry of ``D^T D - I``.
        min_voxels: Least number of voxels on each axis.
    """

    min_spacing_mm: float = Field(default=0.8, gt=0)
    max_spacing_mm: float = Field(default=1.5, gt=0)
    direction_tolerance: float = Field(default=1e-3, gt=0)
    min_voxels: int = Field(default=4, ge=1)


class ImportParams(Strict):
    """Section ``import_annotations``.

    Attributes:
        protocol: The annotation protocol that the outlines follow.
        on_problem: What happens to a case with an annotation that cannot be used.
        fewer_readers_limitation: Why cases with fewer readers than the protocol asks
            for are accepted; ``None`` leaves them out.
        jobs: How many cases are worked on at a time; -1 for all cores.
    """

    protocol: ItemId = "AP-01"
    on_problem: OnProblem = OnProblem.EXCLUDE
    fewer_readers_limitation: Line | None = None
    jobs: int = 1


class SplitParams(Strict):
    """How cases are shared out.

    Attributes:
        unit: What stays together.
        train: Share of the units to learn from.
        tuning: Share to choose settings with.
        test: Share that is locked until the end.
        seed: Another seed gives another split.
        limitation: Why a split by case is accepted; needed for one.
    """

    unit: SplitUnit = SplitUnit.PATIENT
    train: float = Field(default=0.7, gt=0, lt=1)
    tuning: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    seed: int = 0
    limitation: Line | None = None

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if abs(self.train + self.tuning + self.test - 1) > 1e-6:
            raise ValueError("train, tuning and test have to add up to 1")
        return self


class PreprocessParams(Strict):
    """Section ``preprocess``.

    Attributes:
        specification: The dataset specification that the dataset fulfils.
        geometry: What a series has to look like.
        spacing_mm: Voxel spacing of the common grid, all axes.
        interpolation: How intensities are interpolated.
        clip_percentiles: Intensities beyond these of the same volume are clipped.
        split: How cases are shared out.
        jobs: How many cases are worked on at a time; -1 for all cores.
    """

    specification: ItemId = "DS-01"
    geometry: GeometryLimits = GeometryLimits()
    spacing_mm: float = Field(default=1.0, gt=0)
    interpolation: Literal["linear", "cubic"] = "cubic"
    clip_percentiles: tuple[float, float] = (0.5, 99.5)
    split: SplitParams = SplitParams()
    jobs: int = 1


def load_params(section: str, model: type[P], path: Path = Path("params.yaml")) -> P:
    """Return one section of the parameter file.

    A section that is absent gives the defaults.

    Raises:
        BrokenFileError: The file cannot be read or the section does not fit.
    """
    name = path.as_posix()
    text = read_text(path, name=name)
    sections = read_yaml(path.parent, path.name) or {}  # as DVC reads it
    if not isinstance(sections, dict):
        raise BrokenFileError(name, "needs one section per stage.")
    first = _first_line(text, section)
    below = "\n".join(text.split("\n")[first - 1 :])
    values = sections.get(section) or {}
    return validate(model, values, text=below, name=name, first_line=first)


def _first_line(text: str, section: str) -> int:
    """Return the 1-based line on which the content of a section begins."""
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    lines = [value.start_mark.line for key, value in pairs if key.value == section]
    return lines[0] + 1 if lines else 1
