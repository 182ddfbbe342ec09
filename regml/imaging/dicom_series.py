"""One DICOM series of single-frame slices as a volume, or the reason why not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from regml.imaging.volumes import ImageError, Reason, Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4 x 4, from DICOM patient coordinates to those of NIfTI."""

MODALITY = "MR"
"""The modality this reader is made for."""

POSITION_TOLERANCE_MM = 0.02
"""Slice positions are decimal strings; rounding beyond this is an uneven distance."""

UNKNOWN = "unknown"
"""What a header does not say."""


@dataclass(frozen=True, slots=True)
class Series:
    """What the headers of a folder with one series say.

    Attributes:
        folder: Where its files lie.
        files: Their names, sorted.
        patient: Patient ID.
        study: Study Instance UID.
        series: Series Instance UID.
        site: Institution name, ``unknown`` when the header does not say.
        vendor: Maker of the scanner, ``unknown`` when the header does not say.
        modality: E.g. ``MR``.
        sex: ``F``, ``M`` or ``O``; ``None`` when the header does not say.
        age_years: At the examination, likewise.
        field_strength_t: Of the scanner, likewise.
    """

    folder: Path
    files: tuple[str, ...]
    patient: str
    study: str
    series: str
    site: str
    vendor: str
    modality: str
    sex: str | None = None
    age_years: float | None = None
    field_strength_t: float | None = None


def read_series(folder: Path) -> Series:
    """Return what the first header in a folder says about its series.

    Raises:
        ImageError: The folder is empty or its first file is not DICOM.
    """
    paths = _files(folder)
    header = _read(paths[0], pixels=False)
    return Series(
        folder=folder,
        files=tuple(path.name for path in paths),
        patient=_text(header, "PatientID"),
        study=_text(header, "StudyInstanceUID"),
        series=_text(header, "SeriesInstanceUID"),
        site=_text(header, "InstitutionName"),
        vendor=_text(header, "Manufacturer"),
        modality=_text(header, "Modality"),
        sex=str(header.get("PatientSex") or "").strip() or None,
        age_years=_age_years(str(header.get("PatientAge") or "")),
        field_strength_t=_tesla(header.get("MagneticFieldStrength")),
    )


def load_series(folder: Path) -> Volume:
    """Return the volume of a series: axes (column, row, slice), modality units.

    Args:
        folder: Holds the files of one series and nothing else.

    Raises:
        ImageError: The series is not accepted; ``code`` says why.
    """
    return volume_of(folder, read_slices(folder))


def read_slices(folder: Path) -> list[Dataset]:
    """Return every file of a series with its pixels, by name.

    Raises:
        ImageError: The folder is empty or a file is not DICOM.
    """
    return [_read(path, pixels=True) for path in _files(folder)]


def volume_of(folder: Path, slices: list[Dataset]) -> Volume:
    """Return the volume that slices make: axes (column, row, slice), modality units.

    Slices are ordered by their position along the normal of the image plane
    (DICOM PS3.3 C.7.6.2), never by file name or instance number.

    Args:
        folder: Where they come from, for messages.
        slices: All files of one series.

    Raises:
        ImageError: The series is not accepted; ``code`` says why.
    """
    _check_one_series(folder, slices)
    rows, columns = _directions(slices[0])
    normal = np.cross(rows, columns)
    positions = np.array([_numbers(item, "ImagePositionPatient", 3) for item in slices])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    step = _slice_step(folder, positions, normal)
    row_step, column_step = _numbers(slices[0], "PixelSpacing", 2)
    affine = np.eye(4)
    affine[:3, 0] = rows * column_step
    affine[:3, 1] = columns * row_step
    affine[:3, 2] = step
    affine[:3, 3] = positions[0]
    planes = [_intensities(slices[index]) for index in order]
    return Volume(np.stack(planes, axis=-1), LPS_TO_RAS @ affine)


def _files(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    if not paths:
        raise ImageError(Reason.TOO_FEW_SLICES, f"{folder}: holds no file.")
    return paths


def _read(path: Path, *, pixels: bool) -> Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except (InvalidDicomError, OSError, EOFError, ValueError) as error:
        message = f"{path}: is not a readable DICOM file. Export the series again."
        raise ImageError(Reason.UNREADABLE, message) from error


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword) or "").strip() or UNKNOWN


def _age_years(text: str) -> float | None:
    """Return an age in years from an age string such as ``045Y`` (PS3.5 6.2)."""
    number, unit = text.strip()[:-1], text.strip()[-1:].upper()
    per_year = {"Y": 1, "M": 12, "W": 52, "D": 365}.get(unit)
    if per_year is None or not number.isdecimal():
        return None
    return round(int(number) / per_year, 1)


def _tesla(value: object) -> float | None:
    """Return a field strength; some scanners write it in gauss."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    if not 0 < number < 100_000:
        return None
    return number if number < 100 else number / 10_000


def _numbers(item: Dataset, keyword: str, count: int) -> NDArray[np.float64]:
    """Return a numeric attribute that every slice needs."""
    try:
        numbers = np.array([float(value) for value in item[keyword].value])
    except (KeyError, TypeError, ValueError) as error:
        message = f"{item.filename}: has no usable {keyword}. Leave the file out."
        raise ImageError(Reason.UNREADABLE, message) from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        message = f"{item.filename}: {keyword} is not {count} numbers."
        raise ImageError(Reason.UNREADABLE, message)
    return numbers


def _number(item: Dataset, keyword: str, default: float) -> float:
    """Return a number that a slice may leave out."""
    try:
        value = item.get(keyword)
        return default if value in (None, "") else float(value)
    except (TypeError, ValueError) as error:
        message = f"{item.filename}: {keyword} is not a number."
        raise ImageError(Reason.UNREADABLE, message) from error


def _check_one_series(folder: Path, slices: list[Dataset]) -> None:
    """Refuse what is not a stack of grey MR slices of one series."""
    for item in slices:
        name = Path(str(item.filename)).name
        if _text(item, "Modality") != MODALITY:
            raise ImageError(
                Reason.MODALITY,
                f"{folder}/{name}: is {_text(item, 'Modality')}, not {MODALITY}.",
            )
        if _number(item, "NumberOfFrames", 1) > 1:
            raise ImageError(
                Reason.MULTI_FRAME,
                f"{folder}/{name}: is multi-frame. Export one file per slice.",
            )
        if item.get("SamplesPerPixel", 1) != 1:
            raise ImageError(Reason.NOT_GREYSCALE, f"{folder}/{name}: is not grey.")
    if len({_identity(item) for item in slices}) > 1:
        raise ImageError(
            Reason.MIXED_SERIES,
            f"{folder}: holds slices of several series, sizes or orientations. "
            "Put each series into its own folder.",
        )


def _identity(item: Dataset) -> tuple[Any, ...]:
    """Return what the slices of one volume have in common."""
    return (
        item.get("SeriesInstanceUID"),
        item.get("Rows"),
        item.get("Columns"),
        tuple(np.round(_numbers(item, "ImageOrientationPatient", 6), 4).tolist()),
        tuple(np.round(_numbers(item, "PixelSpacing", 2), 5).tolist()),
    )


def _directions(item: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the unit vectors along a row and along a column, in LPS."""
    cosines = _numbers(item, "ImageOrientationPatient", 6)
    rows, columns = cosines[:3], cosines[3:]
    lengths = np.linalg.norm(rows), np.linalg.norm(columns)
    if min(lengths) < 0.5:
        raise ImageError(
            Reason.SHEARED, f"{item.filename}: has no usable ImageOrientationPatient."
        )
    return rows / lengths[0], columns / lengths[1]


def _slice_step(
    folder: Path, positions: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the vector from one slice to the next, in mm, LPS.

    Args:
        folder: For messages.
        positions: One row per slice, ordered along the normal.
        normal: Unit normal of the slices.
    """
    if len(positions) < 3:
        raise ImageError(
            Reason.TOO_FEW_SLICES, f"{folder}: has {len(positions)} slices."
        )
    gaps = np.diff(positions @ normal)
    _check_gaps(folder, gaps)
    step: NDArray[np.float64] = (positions[-1] - positions[0]) / (len(positions) - 1)
    if np.linalg.norm(step - normal * (step @ normal)) > POSITION_TOLERANCE_MM:
        raise ImageError(
            Reason.SHEARED, f"{folder}: slices are not stacked along their normal."
        )
    return step


def _check_gaps(folder: Path, gaps: NDArray[np.float64]) -> None:
    """Refuse duplicates, gaps and uneven distances between ordered slices."""
    same = gaps < POSITION_TOLERANCE_MM
    if same.any():
        places = len(gaps) - int(same.sum()) + 1
        several = (len(gaps) + 1) % places == 0 and places > 1
        code = Reason.NOT_ONE_VOLUME if several else Reason.DUPLICATE_SLICE
        raise ImageError(
            code, f"{folder}: {len(gaps) + 1} slices lie at {places} places."
        )
    usual = float(np.median(gaps))
    if gaps.max() > 1.5 * usual:
        raise ImageError(
            Reason.MISSING_SLICE,
            f"{folder}: a gap of {gaps.max():.2f} mm where slices are "
            f"{usual:.2f} mm apart.",
        )
    if gaps.max() - gaps.min() > POSITION_TOLERANCE_MM:
        raise ImageError(
            Reason.UNEVEN_SLICES,
            f"{folder}: distances between slices go from {gaps.min():.3f} to "
            f"{gaps.max():.3f} mm.",
        )


def _intensities(item: Dataset) -> NDArray[np.float32]:
    """Return one slice as (column, row) in modality units."""
    try:
        pixels = item.pixel_array
    except (AttributeError, RuntimeError, ValueError, NotImplementedError) as error:
        raise ImageError(
            Reason.UNREADABLE,
            f"{item.filename}: pixels cannot be decoded ({error}).",
        ) from error
    slope = _number(item, "RescaleSlope", 1)
    intercept = _number(item, "RescaleIntercept", 0)
    return (pixels.T * slope + intercept).astype(np.float32)
