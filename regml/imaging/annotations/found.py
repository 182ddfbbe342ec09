"""Which images and which outlines there are in a de-identified export."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from regml.errors import BrokenFileError, DataError
from regml.imaging.annotations import dicom_seg, nifti
from regml.imaging.annotations.problems import AnnotationError, Kind, Problem
from regml.imaging.dicom_series import Series, read_series
from regml.imaging.volumes import ImageError

PATIENT_KEYS = ("hospital", "case")
"""What ``export.json`` may say about where patient keys come from."""


@dataclass(frozen=True, slots=True, order=True)
class Outline:
    """One annotation file.

    Attributes:
        series: Series Instance UID it is for.
        reader: Pseudonym of the reader.
        file: Relative to the de-identified data.
    """

    series: str
    reader: str
    file: str


def read_patient_key(source: Path) -> str:
    """Return whether patient keys come from the hospital or are made per case.

    Raises:
        BrokenFileError: ``export.json`` is missing or does not say.
    """
    path = source / "export.json"
    try:
        key = json.loads(path.read_bytes())["patient_key"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenFileError(
            path,
            "does not say where patient keys come from.",
            remedy='Write {"patient_key": "hospital"} or "case".',
        ) from error
    if key not in PATIENT_KEYS:
        raise BrokenFileError(path, f"patient_key is {key!r}, not hospital or case.")
    return str(key)


def find_series(source: Path) -> tuple[tuple[Series, ...], tuple[Problem, ...]]:
    """Return every series below ``images/<patient>/<series>``, sorted by folder.

    Raises:
        DataError: There is none, or two folders hold the same series.
    """
    found, problems = [], []
    for folder in sorted((source / "images").glob("*/*/")):
        try:
            found.append(read_series(folder))
        except ImageError as error:
            name = folder.relative_to(source).as_posix()
            problems.append(
                Problem(
                    name,
                    Kind.IMAGE,
                    f"cannot be used ({error.code}).",
                    "Export the series again.",
                )
            )
    if not found:
        raise DataError(
            f"{source / 'images'}: holds no readable series. "
            "Run the stage before: dvc repro deidentify."
        )
    twice = [uid for uid, n in Counter(s.series for s in found).items() if n > 1]
    if twice:
        folders = ", ".join(str(s.folder) for s in found if s.series == twice[0])
        raise DataError(
            f"{folders}: hold the same series {twice[0]}. Export each series once."
        )
    return tuple(found), tuple(problems)


def find_outlines(source: Path) -> tuple[tuple[Outline, ...], tuple[Problem, ...]]:
    """Return every outline below ``annotations/<reader>``, sorted."""
    found, problems = [], []
    for path in sorted((source / "annotations").glob("*/*")):
        name = path.relative_to(source).as_posix()
        try:
            found.append(Outline(_series_of(path), path.parent.name, name))
        except AnnotationError as error:
            problems.append(Problem(name, error.kind, error.problem, error.remedy))
    return tuple(sorted(found)), tuple(problems)


def case_keys(series: Iterable[Series]) -> dict[str, str]:
    """Return the case key of each series UID: patient and 4 hex digits of a hash.

    Where two series of a patient begin alike, all keys of that patient get longer.
    """
    by_patient = defaultdict(list)
    for item in series:
        by_patient[item.patient].append(item.series)
    keys: dict[str, str] = {}
    for patient, uids in by_patient.items():
        digits = 4
        while len({short_hash(uid, digits) for uid in uids}) < len(uids):
            digits += 4
        keys |= {uid: f"{patient}-{short_hash(uid, digits)}" for uid in uids}
    return keys


def short_hash(uid: str, digits: int) -> str:
    """Return the first hex digits of the sha256 of a UID."""
    return hashlib.sha256(uid.encode()).hexdigest()[:digits]


def by_series(
    outlines: Iterable[Outline],
) -> Mapping[str, Mapping[str, tuple[Outline, ...]]]:
    """Return outlines by series UID and reader."""
    found: dict[str, dict[str, tuple[Outline, ...]]] = defaultdict(dict)
    for item in sorted(outlines):
        readers = found[item.series]
        readers[item.reader] = (*readers.get(item.reader, ()), item)
    return dict(found)


def _series_of(path: Path) -> str:
    if path.name.endswith(nifti.SUFFIXES):
        return nifti.series_of(path)
    if path.name.endswith(dicom_seg.SUFFIX):
        return dicom_seg.series_of(path)
    raise AnnotationError(
        Kind.UNREADABLE,
        "is neither NIfTI (.nii.gz) nor a DICOM segmentation (.dcm).",
        "Export the outline in one of these formats or remove the file.",
    )
