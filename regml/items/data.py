"""What data a project plans for, and the manifest of what it got."""

from enum import StrEnum
from typing import ClassVar

from regml.items.base import Item, ItemId, Kind, Line, Lines, Strict


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
    """Something a dataset cannot show, said in advance."""

    id: Line
    text: Line


class Subgroup(Strict):
    """A group of cases whose performance is reported on its own.

    Attributes:
        column: Column of the dataset manifest, e.g. ``site`` or ``vendor``.
        minimum_cases: Planned number of test cases in each group.
    """

    column: Line
    minimum_cases: int


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


class Label(Strict):
    """One structure that readers outline.

    Attributes:
        value: Its voxel value, 1 or more.
        name: Its name in all tables.
        definition: Where its boundary runs.
    """

    value: int
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
    """

    kind: ClassVar = Kind.ANNOTATION_PROTOCOL

    labels: tuple[Label, ...]
    readers_per_case: int = 2
    qualification: Line
    tool: Line
    consensus: Line = "majority"
    agreement_floor_dice: float


class ManifestCase(Strict):
    """One image with its label in one dataset version.

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


class ExcludedCase(Strict):
    """A case that was found and not used, with the reason."""

    case: Line
    reason: Line


class DatasetManifest(Strict):
    """A dataset version: which exact images, whose, labelled by whom, in which split.

    Attributes:
        specification: The dataset specification it fulfils.
        split_unit: ``patient``, or ``case`` where no patient key exists.
        limitation: Why a split by case was accepted; needed when it was.
        cases: Sorted by case.
        excluded: Cases found and not used.
    """

    specification: ItemId
    split_unit: Line
    limitation: Line | None = None
    cases: tuple[ManifestCase, ...]
    excluded: tuple[ExcludedCase, ...] = ()
