"""What the import of annotations reports: ``reports/annotations.json``."""

import csv
from collections import Counter
from pathlib import Path

from pydantic import ValidationError

from regml.errors import BrokenFileError
from regml.imaging.outputs import pretty_json
from regml.items.base import ItemId, Line, Strict
from regml.items.data import ExcludedCase

INDEX = "index.json"
"""Name of the report's copy beside the outlines, for the next stage."""


class ReportedProtocol(Strict):
    """The protocol the outlines follow.

    Attributes:
        id: Its id.
        fingerprint: Its content.
        labels: Structure by voxel value.
        consensus: How readers were brought together.
        readers_per_case: Least number of readers.
        agreement_floor_dice: Least mean Dice between readers.
    """

    id: ItemId
    fingerprint: Line
    labels: dict[int, Line]
    consensus: Line
    readers_per_case: int
    agreement_floor_dice: float


class Reader(Strict):
    """A reader, by pseudonym, with what qualifies them.

    Attributes:
        reader: Pseudonym.
        qualification: As ``readers.csv`` says; ``None`` when it does not know them.
        years_experience: Likewise.
        trained_on: When they were trained on the protocol.
        cases: How many of their outlines are used.
    """

    reader: Line
    qualification: str | None = None
    years_experience: str | None = None
    trained_on: str | None = None
    cases: int = 0


class CaseAgreement(Strict):
    """Agreement between the readers of one case, or the mean over cases."""

    dice: dict[str, float | None]
    kappa: float | None
    alpha: float | None


class AnnotatedCase(Strict):
    """One image with its outlines.

    Attributes:
        case: Pseudonymous key.
        patient: Pseudonymous patient.
        study: Study Instance UID.
        series: Series Instance UID.
        site: Institution.
        vendor: Maker of the scanner.
        images: Folder of the series, relative to the de-identified data.
        outlines: Files by reader, relative to the de-identified data.
        agreement: Between its readers; ``None`` for a single one.
        below_floor: Whether the Dice of ``whole`` is below the protocol's floor.
        volumes_mm3: Of each structure in the consensus.
        absent: Structures that the consensus does not show.
        sex: As the image says; ``None`` when it does not.
        age_years: Likewise.
        field_strength_t: Likewise.
        modality: As the image says, e.g. ``MR``.
    """

    case: Line
    patient: Line
    study: Line
    series: Line
    site: Line
    vendor: Line
    images: Line
    outlines: dict[str, tuple[Line, ...]]
    agreement: CaseAgreement | None
    below_floor: bool
    volumes_mm3: dict[str, float]
    absent: tuple[str, ...] = ()
    sex: Line | None = None
    age_years: float | None = None
    field_strength_t: float | None = None
    modality: Line | None = None


class ReportedProblem(Strict):
    """Something that was found and left out."""

    file: Line
    kind: Line
    message: Line
    remedy: Line


class Totals(Strict):
    """The flow of cases and outlines: found = used + excluded.

    Attributes:
        images_found: Series among the de-identified images.
        outlines_found: Annotation files.
        cases_used: Cases with a consensus.
        cases_excluded: Images that are left out.
        outlines_used: Annotation files that a consensus rests on.
        outlines_without_image: Annotation files whose series is missing.
    """

    images_found: int
    outlines_found: int
    cases_used: int
    cases_excluded: int
    outlines_used: int
    outlines_without_image: int


class AnnotationReport(Strict):
    """Everything the import found.

    Attributes:
        patient_key: ``hospital``, or ``case`` where the source knows no patients.
        agreement: Mean over cases; ``None`` when not measurable.
        agreement_cases: How many cases it rests on.
        agreement_note: Why it is not measurable, or what it covers.
        limitation: Why cases with fewer readers than planned were accepted.
    """

    patient_key: Line
    protocol: ReportedProtocol
    readers: tuple[Reader, ...]
    cases: tuple[AnnotatedCase, ...]
    excluded: tuple[ExcludedCase, ...]
    problems: tuple[ReportedProblem, ...]
    totals: Totals
    agreement: CaseAgreement | None
    agreement_cases: int
    agreement_note: Line
    limitation: Line | None = None

    def to_json(self) -> bytes:
        """Return the text of the report."""
        return pretty_json(self.model_dump(mode="json"))

    def summary(self) -> str:
        """Return what happened in a few lines for the terminal."""
        lines = [
            f"{self.totals.cases_used} of {self.totals.images_found} images have a "
            f"consensus; {self.totals.cases_excluded} left out; "
            f"{self.totals.outlines_without_image} outlines without image."
        ]
        kinds = Counter(problem.kind for problem in self.problems)
        lines += [f"  {kind}: {number}" for kind, number in sorted(kinds.items())]
        return "\n".join([*lines, self.agreement_note])


def read_index(folder: Path) -> AnnotationReport:
    """Return the report that lies beside the outlines.

    Raises:
        BrokenFileError: It is missing or is not such a report.
    """
    path = folder / INDEX
    try:
        return AnnotationReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BrokenFileError(
            path,
            "is not the index of imported annotations.",
            remedy="Reproduce it: dvc repro import_annotations.",
        ) from error


def read_readers(path: Path) -> dict[str, Reader]:
    """Return what ``readers.csv`` says, by pseudonym; empty when it is absent.

    Raises:
        BrokenFileError: It has no column ``pseudonym``.
    """
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if rows and "pseudonym" not in rows[0]:
        raise BrokenFileError(path, "has no column 'pseudonym'.", line=1)
    return {
        row["pseudonym"]: Reader(
            reader=row["pseudonym"],
            qualification=row.get("qualification") or None,
            years_experience=row.get("years_experience") or None,
            trained_on=row.get("trained_on") or None,
        )
        for row in rows
    }
