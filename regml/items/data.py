"""What data a project plans for, and the manifest of what it got."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from regml.items.base import (
    Item,
    ItemId,
    Kind,
    Line,
    Lines,
    Number,
    Strict,
    Whole,
    refuse_twice,
)


class DatasetRole(StrEnum):
    """What a dataset is for."""

    DEVELOPMENT = "development"
    """Training, tuning and the locked test split."""
    EXTERNAL_TEST = "external_test"
    OUT_OF_SCOPE = "out_of_scope"
    """Inputs the device has to reject."""
    DEIDENTIFICATION = "deidentification"
    """Fixtures that show that identifiers are removed."""


class Limitation(Strict):
    """Something a dataset cannot show, said in advance.

    Attributes:
        id: How reports name it.
        text: What cannot be shown, and what follows for who uses the device.
        groups: Subgroups it is about, as ``column=value``, e.g. ``vendor=GE``.
    """

    id: Line
    text: Line
    groups: Lines = ()


GROUPING = ("site", "vendor", "sex", "field_strength_t")
"""Columns of the dataset manifest that cases can be grouped by."""


class Subgroup(Strict):
    """A group of cases whose performance is reported on its own.

    Attributes:
        column: Column of the dataset manifest: ``site``, ``vendor``, ``sex`` or
            ``field_strength_t``.
        minimum_cases: Planned number of test cases in each group.
    """

    column: Literal["site", "vendor", "sex", "field_strength_t"]
    minimum_cases: Whole


class FaceMeasure(StrEnum):
    """How it is prevented that a face can be made from a head image."""

    DEFACED = "defaced"
    """Voxels of the face were removed or changed."""
    CROPPED = "cropped"
    """Only a region without the face is kept."""
    NOT_NEEDED = "not_needed"
    """No face is in the images, or they show nobody."""


class FaceProtection(Strict):
    """Why nobody can be recognised from the surface of a head.

    Attributes:
        measure: What is done.
        rationale: Why that suffices.
        largest_extent_mm: With ``cropped``: no image reaches farther on any axis.
    """

    measure: FaceMeasure
    rationale: Line
    largest_extent_mm: Number | None = None

    @model_validator(mode="after")
    def _a_crop_has_a_size(self) -> Self:
        if self.measure is FaceMeasure.CROPPED and self.largest_extent_mm is None:
            raise ValueError("cropped needs largest_extent_mm")
        return self


class DatasetSpecification(Item):
    """What data are needed, from where, and who may be in them.

    Attributes:
        role: What the data are for.
        refines: User needs or requirements that ask for it.
        population: The people it has to represent.
        inclusion: Selection criteria that every case meets.
        exclusion: Selection criteria that no case meets.
        source: Where the data come from.
        licence: Under which terms they may be used.
        ethics: Consent, waiver or approval reference.
        modality: DICOM modality, e.g. ``MR``.
        annotation_protocol: How they are labelled.
        subgroups: Groups reported on their own.
        limitations: What the data cannot show.
        deidentification_sha256: Configuration of the de-identification that was
            agreed on, as ``reports/deidentification.json`` names it.
        faces: Of head images: how faces are kept out.
        test_models: How many models may be measured on the test split of one dataset
            version, before it has to count as used up.
    """

    kind: ClassVar = Kind.DATASET_SPECIFICATION

    role: DatasetRole
    refines: tuple[ItemId, ...] = ()
    population: Line
    inclusion: Lines
    exclusion: Lines = ()
    source: Line | None = None
    licence: Line | None = None
    ethics: Line | None = None
    modality: Line
    annotation_protocol: ItemId | None = None
    subgroups: tuple[Subgroup, ...] = ()
    limitations: tuple[Limitation, ...] = ()
    deidentification_sha256: Line | None = None
    faces: FaceProtection | None = None
    test_models: Annotated[Whole, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _limitations_have_ids_of_their_own(self) -> Self:
        refuse_twice("'limitations'", (row.id for row in self.limitations))
        return self


class Label(Strict):
    """One structure that readers outline.

    Attributes:
        value: Its voxel value, 1 or more.
        name: Its name in all tables.
        definition: Where its boundary runs.
    """

    value: Annotated[Whole, Field(ge=1)]
    name: Line
    definition: Line


class AnnotationProtocol(Item):
    """How cases are labelled, by whom, and how readers are brought together.

    Attributes:
        labels: The structures.
        readers_per_case: Least number of independent readers.
        qualification: What a reader must be able to show.
        tool: With what they draw.
        consensus: ``majority`` or ``staple``.
        agreement_floor_dice: Least mean Dice between readers.
        minimum_years_experience: What a reader needs at least; no limit when left out.
    """

    kind: ClassVar = Kind.ANNOTATION_PROTOCOL

    labels: tuple[Label, ...]
    readers_per_case: Annotated[Whole, Field(ge=1)] = 2
    qualification: Line
    tool: Line
    consensus: Line = "majority"
    agreement_floor_dice: Annotated[Number, Field(ge=0, le=1)]
    minimum_years_experience: Number | None = None

    @model_validator(mode="after")
    def _labels_can_be_told_apart(self) -> Self:
        refuse_twice("'labels'", (label.value for label in self.labels))
        refuse_twice("'labels'", (label.name for label in self.labels))
        return self


@dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config=ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True),
)
class ManifestCase:
    """One image with its label in one dataset version.

    As strict as a model, and half its size: there may be hundreds of thousands.

    Attributes:
        case: Pseudonymous key of the image.
        patient: Pseudonymous key of the person; ``None`` when unknown.
        study: Pseudonymous study UID.
        series: Pseudonymous series UID.
        site: Pseudonymous site.
        vendor: Maker of the scanner.
        split: ``train``, ``tuning`` or ``test``.
        image: Path of the image file relative to the project.
        image_sha256: Its digest.
        image_size_bytes: Its size.
        label: Path of the label file relative to the project.
        label_sha256: Its digest.
        label_size_bytes: Its size.
        sources: Digests of the de-identified files it was made from.
        annotators: Pseudonyms of the readers whose outlines it rests on.
        sex: ``F``, ``M`` or ``O``, as the image says; ``None`` when it does not.
        age_years: Age at the examination, likewise.
        field_strength_t: Of the scanner, likewise.
        modality: As the image says, e.g. ``MR``; ``None`` in manifests of before.
        voxels_sha256: Digest of shape and voxel values as acquired.
        label_values: Values in the label file, without the background.
        same_grid: Whether label and image, as written, lie on the same grid.
        agreement_dice: Mean Dice of ``whole`` between its readers; ``None`` for one.
        in_statistics: Whether numbers that later stages use were taken from it.
    """

    case: Line
    patient: Line | None
    study: Line
    series: Line
    site: Line
    vendor: Line
    split: Line
    image: Line
    image_sha256: Line
    image_size_bytes: int
    label: Line
    label_sha256: Line
    label_size_bytes: int
    sources: tuple[Line, ...]
    annotators: tuple[Line, ...]
    sex: Line | None = None
    age_years: float | None = None
    field_strength_t: float | None = None
    modality: Line | None = None
    voxels_sha256: Line | None = None
    label_values: tuple[int, ...] | None = None
    same_grid: bool | None = None
    agreement_dice: float | None = None
    in_statistics: bool | None = None


def group_of(case: ManifestCase, column: str) -> str:
    """Return the group of a case, ``unknown`` where the image does not say.

    Args:
        case: A row of the manifest.
        column: One of :data:`GROUPING`.
    """
    value = getattr(case, column)
    if value is None or value == "":
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)


class ExcludedCase(Strict):
    """A case that was found and not used, with the reason."""

    case: Line
    reason: Line


class Annotator(Strict):
    """A reader, by pseudonym, with what qualifies them.

    Attributes:
        reader: Pseudonym.
        qualification: Profession; ``None`` when nobody said.
        years_experience: In such images.
        trained_on: Day of the training on the protocol.
    """

    reader: Line
    qualification: Line | None = None
    years_experience: float | None = None
    trained_on: dt.date | None = None


class Flow(Strict):
    """How many images were found, left out and used.

    Attributes:
        found: Series among the de-identified images.
        left_out_by_import: Without usable outlines.
        left_out_by_gate: Refused for geometry, intensities or an empty label.
        used: Cases of the dataset.
        outlines_without_image: Cases of which only outlines exist.
    """

    found: int
    left_out_by_import: int
    left_out_by_gate: int
    used: int
    outlines_without_image: int = 0


class AlikePair(Strict):
    """Two images of different splits that are nearly the same."""

    case: Line
    other: Line
    correlation: float


class Similarity(Strict):
    """What a search for nearly equal images of different splits found.

    Attributes:
        threshold: Least correlation of the coarse images that counts as a duplicate.
        nearest: Largest correlation between splits; ``None`` without a pair.
        pairs: Those at or above the threshold, sorted.
    """

    threshold: float
    nearest: float | None
    pairs: tuple[AlikePair, ...] = ()


class Preparation(Strict):
    """How an image is brought to what the network sees.

    Attributes:
        code_sha256: Digest of the source that does it.
        spacing_mm: Of the common grid.
        interpolation: How intensities are interpolated.
        clip_percentiles: Intensities of a volume beyond its own are clipped.
    """

    code_sha256: Line
    spacing_mm: float
    interpolation: Line
    clip_percentiles: tuple[float, float]


class HeaderScan(Strict):
    """What a second look at the de-identified headers found, by other code.

    Attributes:
        files: How many files were looked at.
        found: How many files hold an element that identifies, by its keyword.
    """

    files: int
    found: dict[str, int] = Field(default_factory=dict)


class DatasetManifest(Strict):
    """A dataset version: which exact images, whose, labelled by whom, in which split.

    Attributes:
        specification: The dataset specification it fulfils.
        split_unit: ``patient``, or ``case`` where no patient key exists.
        limitation: Why a split by case was accepted; needed when it was.
        cases: Sorted by case.
        excluded: Cases found and not used.
        annotators: The readers, sorted by pseudonym.
        flow: How many images were found, left out and used.
        similarity: Whether nearly equal images are in different splits.
        preparation: How images were brought to the common grid.
        headers: What a second look at the de-identified headers found.
        largest_extent_mm: Of the images as acquired, on any axis.
    """

    # what is worth remembering while it is read: the keys, not a million digests
    model_config = ConfigDict(cache_strings="keys")

    specification: ItemId
    split_unit: Line
    limitation: Line | None = None
    cases: tuple[ManifestCase, ...]
    excluded: tuple[ExcludedCase, ...] = ()
    annotators: tuple[Annotator, ...] = ()
    flow: Flow | None = None
    similarity: Similarity | None = None
    preparation: Preparation | None = None
    headers: HeaderScan | None = None
    largest_extent_mm: float | None = None
