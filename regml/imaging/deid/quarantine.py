"""Read one DICOM file, or say why it cannot be used."""

import struct
import warnings
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from regml.errors import DataError


class Reason(StrEnum):
    """Why a file is in quarantine."""

    NOT_DICOM = "not a DICOM file"
    UNREADABLE = "unreadable DICOM file"
    TRUNCATED = "pixel data are incomplete"
    DICOMDIR = "directory of a DICOM medium"
    DOCUMENT = "report or document"
    SECONDARY_CAPTURE = "secondary capture, may have text burned into the image"
    BURNED_IN = "text is burned into the image"
    NO_PATIENT = "neither patient id nor name"
    NO_UIDS = "study, series, instance or class UID missing"
    DUPLICATE = "second file of the same instance"
    RESIDUAL = "identifier found after de-identification"
    NO_SERIES = "annotation of a series that is not among the images"
    NOT_NIFTI = "unreadable NIfTI file"
    UNEXPECTED = "file of a kind that is not expected here"


REMEDIES = {
    Reason.BURNED_IN: "blank the text or leave the file out of the export",
    Reason.SECONDARY_CAPTURE: "leave it out, or have BurnedInAnnotation set to NO",
    Reason.DOCUMENT: "leave it out, or set deidentify.keep_documents",
    Reason.RESIDUAL: "look at the file; add harmless words to deidentify.extra_words",
    Reason.NO_SERIES: "name it after the SeriesInstanceUID of an exported series",
    Reason.UNREADABLE: "export it again",
    Reason.TRUNCATED: "export it again",
    Reason.NOT_NIFTI: "export it again",
}
"""What a user can do about a reason."""


class QuarantineError(DataError):
    """A file cannot be used.

    Attributes:
        reason: Why.
        detail: What the reader of the file said.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else str(reason))


@dataclass(frozen=True, slots=True, order=True)
class Quarantined:
    """A file that was left out.

    Attributes:
        path: Relative to the export, POSIX.
        reason: Why.
        detail: More about it.
    """

    path: str
    reason: Reason
    detail: str = ""


UNREADABLE = (
    *(InvalidDicomError, EOFError, OSError, ValueError, LookupError, TypeError),
    *(AttributeError, NotImplementedError, ArithmeticError, RecursionError),
    *(struct.error, zlib.error),
)
"""What pydicom raises on files that are broken in one way or another."""

_DOCUMENTS = (
    "1.2.840.10008.5.1.4.1.1.88.",  # structured reports
    "1.2.840.10008.5.1.4.1.1.104.",  # encapsulated PDF, CDA, STL
    "1.2.840.10008.5.1.4.1.1.11.",  # presentation states
)
_SECONDARY_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
_IDENTIFYING_MODALITIES = frozenset(["DOC", "SR", "PR", "KO", "AU"])
_PREFIX_BYTES = 132
_PIXEL_DATA = Tag(0x7FE00010)
_PIXEL_KEYWORDS = frozenset(["PixelData", "FloatPixelData", "DoubleFloatPixelData"])
_PATIENT_KEYS = 0x00100030
"""Last of the elements that tell whose file it is, the date of birth."""


def patient_key(path: Path) -> str:
    """Return what tells the patient of a file apart, from its first elements only.

    The patient id counts without its issuer: should two hospitals use one id, two
    people count as one, which never puts one person into two splits.

    Raises:
        QuarantineError: It is no DICOM file or does not say whose it is.
    """

    def is_beyond(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return int(tag) > _PATIENT_KEYS

    with reading(), path.open("rb") as stream:
        force = _has_no_preamble(stream)
        head = read_partial(stream, stop_when=is_beyond, force=force)
        patient, name, born = (
            str(head.get(keyword) or "").strip().casefold()
            for keyword in ("PatientID", "PatientName", "PatientBirthDate")
        )
        has_class = "SOPClassUID" in head
    if not patient and not name:
        raise QuarantineError(Reason.NO_PATIENT if has_class else Reason.UNREADABLE)
    return f"id {patient}" if patient else f"name {name} {born}"


def read_dicom(path: Path, *, keep_documents: bool = False) -> Dataset:
    """Return the data set of a file that may be used.

    Raises:
        QuarantineError: It may not, or cannot be read.
    """
    with reading(), path.open("rb") as stream:
        force = _has_no_preamble(stream)
        dataset = dcmread(stream, force=force)
        _complete_file_meta(dataset)
        _refuse(dataset, keep_documents=keep_documents)
    return dataset


class reading:  # noqa: N801 - reads as "with reading():"
    """Turn what pydicom says of a broken file into one error; quiet otherwise."""

    def __enter__(self) -> None:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        self._validation = disable_value_validation()
        self._validation.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._validation.__exit__(None, None, None)
        self._warnings.__exit__(None, None, None)
        if isinstance(error, QuarantineError):
            return
        if isinstance(error, InvalidDicomError):
            raise QuarantineError(Reason.NOT_DICOM) from error
        if isinstance(error, UNREADABLE):
            detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise QuarantineError(Reason.UNREADABLE, detail) from error


def native_pixel_bytes(dataset: Dataset) -> int:
    """Return the length of uncompressed pixel data in bytes, 0 when there are none."""
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return 0
    if _PIXEL_DATA not in dataset:
        return 0
    return len(dataset.get_item(_PIXEL_DATA).value or b"")


def _has_no_preamble(stream: BinaryIO) -> bool:
    """Tell whether a file starts with an element of group 2 or 8 straight away.

    Raises:
        QuarantineError: It starts with something else.
    """
    start = stream.read(_PREFIX_BYTES)
    stream.seek(0)
    if start[128:] == b"DICM":
        return False
    if start[:2] in {b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"} and len(start) > 16:
        return True
    raise QuarantineError(Reason.NOT_DICOM)


def _complete_file_meta(dataset: Dataset) -> None:
    """Add a transfer syntax where a file without file meta information has none."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    implicit, little = dataset.original_encoding
    if implicit:
        syntax: UID = ImplicitVRLittleEndian
    else:
        syntax = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = syntax


def _refuse(dataset: Dataset, *, keep_documents: bool) -> None:
    """Raise when a readable file must not be used."""
    sop_class = _text(dataset, "SOPClassUID")
    media_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    if _MEDIA_DIRECTORY in {sop_class, media_class}:
        raise QuarantineError(Reason.DICOMDIR)
    uids = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    if not sop_class or not all(_text(dataset, keyword) for keyword in uids):
        raise QuarantineError(Reason.NO_UIDS)
    document = sop_class.startswith(_DOCUMENTS)
    if not keep_documents and (
        document or _text(dataset, "Modality") in _IDENTIFYING_MODALITIES
    ):
        raise QuarantineError(Reason.DOCUMENT)
    burned_in = _text(dataset, "BurnedInAnnotation").upper()
    if burned_in == "YES":
        raise QuarantineError(Reason.BURNED_IN)
    if sop_class.startswith(_SECONDARY_CAPTURES) and burned_in != "NO":
        raise QuarantineError(Reason.SECONDARY_CAPTURE)
    _refuse_incomplete_pixels(dataset)


def _refuse_incomplete_pixels(dataset: Dataset) -> None:
    """Raise when uncompressed pixel data are shorter than rows and columns say."""
    if "Rows" in dataset and not any(name in dataset for name in _PIXEL_KEYWORDS):
        raise QuarantineError(Reason.TRUNCATED, "there are none")
    found = native_pixel_bytes(dataset)
    if not found:
        return
    bits = int(dataset.get("BitsAllocated", 8))
    samples = int(dataset.get("SamplesPerPixel", 1))
    voxels = int(dataset.get("Rows", 0)) * int(dataset.get("Columns", 0))
    frames = int(dataset.get("NumberOfFrames") or 1)
    expected = voxels * frames * samples * bits // 8
    if "422" in _text(dataset, "PhotometricInterpretation"):
        expected = expected * 2 // 3
    if found < expected:
        raise QuarantineError(Reason.TRUNCATED, f"{found} of {expected} bytes")


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()
