"""The scope gate: is this an image the device was made for?

A refusal is an answer with a reason code, not an error. What the file does not say
counts against it for DICOM (fail closed); a NIfTI file says nothing of how it was
acquired, so there the user vouches for it and the report says so.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from hippovol.result import InputIdentity, Remark
from regml.digest import canonical_json, digest_file, digest_files, sha256_of
from regml.errors import BrokenFileError
from regml.imaging.dicom_series import load_series
from regml.imaging.params import GeometryLimits
from regml.imaging.volumes import (
    ImageError,
    Volume,
    geometry_problems,
    load_nifti,
)
from regml.imaging.volumes import Reason as ImageReason

GEOMETRY = GeometryLimits(min_spacing_mm=0.8, max_spacing_mm=1.5, min_voxels=16)
"""Grids the device accepts."""

MAX_SLICE_THICKNESS_MM = 1.5
MIN_FIELD_STRENGTH_T = 1.4
"""1.5 T scanners write their exact field, e.g. 1.494 T."""

MIN_AGE_YEARS = 18
MAX_T1_ECHO_TIME_MS = 12.0
"""Gradient echoes for T1 are short; T2* and susceptibility images are above 15 ms."""

MAX_T1_REPETITION_TIME_MS = 3000.0
"""Repetition time of an inversion-prepared (MPRAGE-like) acquisition, at most."""

HOUNSFIELD_AIR = -500.0
"""No MR image has values as low as air in CT."""

NIFTI_SUFFIXES = (".nii", ".nii.gz")


class Scope(StrEnum):
    """Reason codes of the scope gate besides those of regml's image reader."""

    NOT_SUPPORTED = "not-supported"
    """Neither a folder with one DICOM series nor a NIfTI file."""
    WEIGHTING = "weighting"
    """Not known to be T1-weighted."""
    ACQUISITION = "acquisition"
    """Not a 3D acquisition."""
    CONTRAST_AGENT = "contrast-agent"
    SLICE_THICKNESS = "slice-thickness"
    FIELD_STRENGTH = "field-strength"
    AGE = "age"


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """What the gate says about an input.

    Attributes:
        volume: The image as it came; ``None`` when it is rejected.
        rejections: Why it is rejected; empty when it is admitted.
        notes: What could not be checked.
    """

    volume: Volume | None
    rejections: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """Something a DICOM header has to show.

    Attributes:
        code: Reason code when it does not.
        sentence: The reason for people.
        broken: Whether a header breaks the rule.
    """

    code: Scope
    sentence: str
    broken: Callable[[pydicom.Dataset], bool]


def identify(source: Path) -> InputIdentity:
    """Return which input this is, from the content of its files alone.

    Raises:
        BrokenFileError: The input does not exist, is empty, or cannot be read.
    """
    try:
        digests = sorted(
            artifact.sha256
            for artifact in (
                digest_files(source)
                if source.is_dir()
                else (digest_file(source, name=source.name),)
            )
        )
    except OSError as e:
        raise BrokenFileError("the input", f"cannot be read: {e.strerror}.") from e
    if not digests:
        raise BrokenFileError("the input", "this folder is empty.")
    sha256 = sha256_of(canonical_json(digests))
    return InputIdentity(
        key=f"IN-{sha256[:12]}",
        sha256=sha256,
        kind="dicom" if source.is_dir() else "nifti",
        files=len(digests),
        series_uid=_series_uid(source),
    )


# regml: implements SRS-001
def admit(source: Path) -> Admission:
    """Decide whether an input is within the intended use, and load it when it is.

    Args:
        source: Folder with the files of one DICOM series, or a NIfTI file.
    """
    try:
        with warnings.catch_warnings():
            # what readers warn of quotes header values, and those may name a patient
            warnings.simplefilter("ignore")
            if source.is_dir():
                return _admit_series(source)
            if source.name.endswith(NIFTI_SUFFIXES):
                return _admit_nifti(source)
    except ImageError as e:
        return _refused(e.code, _SENTENCES.get(e.code, "The image cannot be used."))
    except BrokenFileError:
        # the message names the path, and a path may name a patient
        return _refused(ImageReason.UNREADABLE, "A file of the input cannot be read.")
    return _refused(Scope.NOT_SUPPORTED, "Give a DICOM series folder or a NIfTI file.")


def _admit_series(folder: Path) -> Admission:
    refused = tuple(_header_problems(_headers(folder)))
    if refused:
        return Admission(None, refused)
    return _admit_volume(load_series(folder))


def _admit_nifti(path: Path) -> Admission:
    volume = load_nifti(path)
    if float(np.nanmin(volume.array)) < HOUNSFIELD_AIR:
        return _refused(ImageReason.MODALITY, "The values are those of CT, not of MR.")
    note = Remark(
        code="acquisition-not-checked",
        message="A NIfTI file does not say how it was acquired: the user vouches for "
        "a T1-weighted 3D MR image of an adult without contrast agent.",
    )
    return _admit_volume(volume, note)


# regml: implements SRS-002
def _admit_volume(volume: Volume, *notes: Remark) -> Admission:
    problems = geometry_problems(volume, GEOMETRY)
    if problems:
        return Admission(
            None, tuple(Remark(code=p, message=_SENTENCES[p]) for p in problems)
        )
    return Admission(volume, (), notes)


def _headers(folder: Path) -> tuple[pydicom.Dataset, ...]:
    """Return the headers of all files, in order of their names.

    Raises:
        ImageError: A file is not DICOM.
    """
    try:
        return tuple(
            pydicom.dcmread(path, stop_before_pixels=True)
            for path in sorted(folder.iterdir())
            if path.is_file()
        )
    except (InvalidDicomError, OSError, ValueError, EOFError) as e:
        raise ImageError(
            ImageReason.UNREADABLE, "A file of the folder is not DICOM."
        ) from e


def _header_problems(headers: tuple[pydicom.Dataset, ...]) -> Iterator[Remark]:
    """Yield what the headers say against the image, each reason once."""
    series = {str(header.get("SeriesInstanceUID", "")) for header in headers}
    if len(series) != 1:
        reason = ImageReason.MIXED_SERIES if series else ImageReason.UNREADABLE
        yield Remark(code=reason, message=_SENTENCES[reason])
    elif any(header.get("Modality") != "MR" for header in headers):
        # nothing else can be judged
        yield Remark(
            code=ImageReason.MODALITY, message=_SENTENCES[ImageReason.MODALITY]
        )
    else:
        for rule in HEADER_RULES:
            if any(rule.broken(header) for header in headers):
                yield Remark(code=rule.code, message=rule.sentence)


def _series_uid(source: Path) -> str | None:
    """Return the series UID of the first file that has one."""
    if not source.is_dir():
        return None
    for path in sorted(source.iterdir()):
        try:
            header = pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"])
        except (InvalidDicomError, OSError, ValueError, EOFError):
            continue
        if uid := str(header.get("SeriesInstanceUID") or ""):
            return uid
    return None


def _is_not_t1(header: pydicom.Dataset) -> bool:
    """Tell whether a header does not show a T1-weighted gradient echo.

    DICOM has no attribute for it in classic MR objects (PS3.3 C.8.3.1), so timing and
    sequence decide, never the description that somebody typed.
    """
    echo, repetition = _number(header, "EchoTime"), _number(header, "RepetitionTime")
    sequence = _texts(header, "ScanningSequence")
    if echo is None or repetition is None or not {"GR", "IR"} & sequence:
        return True
    return echo > MAX_T1_ECHO_TIME_MS or repetition > MAX_T1_REPETITION_TIME_MS


def _is_child(header: pydicom.Dataset) -> bool:
    """Tell whether Patient's Age (0010,1010) is below that of an adult.

    A missing age passes: de-identified images do not have one.
    """
    age = str(header.get("PatientAge") or "")
    if len(age) != 4 or not age[:3].isdigit():
        return False
    return age[3] in "DWM" or int(age[:3]) < MIN_AGE_YEARS


def _has_contrast(header: pydicom.Dataset) -> bool:
    return any(
        str(header.get(name) or "").strip().upper() not in ("", "NONE", "NO")
        for name in ("ContrastBolusAgent", "ContrastBolusAgentSequence")
    )


def _number(header: pydicom.Dataset, name: str) -> float | None:
    try:
        value = header.get(name)
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def _texts(header: pydicom.Dataset, name: str) -> set[str]:
    value = header.get(name) or ()
    return {value} if isinstance(value, str) else {str(part) for part in value}


def _refused(code: StrEnum, message: str) -> Admission:
    return Admission(None, (Remark(code=code, message=message),))


HEADER_RULES = (
    HeaderRule(
        Scope.WEIGHTING, "The acquisition is not known to be T1-weighted.", _is_not_t1
    ),
    HeaderRule(
        Scope.ACQUISITION,
        "The acquisition is not 3D.",
        lambda header: header.get("MRAcquisitionType") != "3D",
    ),
    HeaderRule(Scope.CONTRAST_AGENT, "A contrast agent was given.", _has_contrast),
    HeaderRule(
        Scope.SLICE_THICKNESS,
        f"Slices are thicker than {MAX_SLICE_THICKNESS_MM} mm, or nobody says.",
        lambda header: (
            not 0 < (_number(header, "SliceThickness") or 0) <= MAX_SLICE_THICKNESS_MM
        ),
    ),
    HeaderRule(
        Scope.FIELD_STRENGTH,
        "The field strength is below 1.5 T, or nobody says.",
        lambda header: (
            not (_number(header, "MagneticFieldStrength") or 0) >= MIN_FIELD_STRENGTH_T
        ),
    ),
    HeaderRule(Scope.AGE, "The patient is not an adult.", _is_child),
)
"""What every header of a series has to show, in the order of the answers."""

_SENTENCES = {
    ImageReason.UNREADABLE: "A file of the input cannot be read.",
    ImageReason.MODALITY: "The modality is not MR.",
    ImageReason.NOT_GREYSCALE: "The image is not greyscale.",
    ImageReason.MULTI_FRAME: "Multi-frame objects are not supported.",
    ImageReason.MIXED_SERIES: "The folder holds more than one series.",
    ImageReason.NOT_ONE_VOLUME: "The input is not a single 3D volume.",
    ImageReason.TOO_FEW_SLICES: "There are too few slices.",
    ImageReason.DUPLICATE_SLICE: "Two slices lie at the same place.",
    ImageReason.MISSING_SLICE: "A slice is missing.",
    ImageReason.UNEVEN_SLICES: "Distances between slices differ.",
    ImageReason.SHEARED: "The axes of the image are not at right angles.",
    ImageReason.SPACING: "The voxel spacing is outside 0.8 to 1.5 mm.",
    ImageReason.TOO_SMALL: "The image is too small.",
    ImageReason.NOT_FINITE: "A voxel is infinite or not a number.",
    ImageReason.NO_CONTRAST: "All voxels have the same value.",
}
