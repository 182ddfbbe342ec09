"""Hospital exports: DICOM series as a scanner sends them, with outlines beside them.

Volumes, made up or real, are wrapped into series of identified single-frame MR objects.
All names, numbers and places are invented; they are planted so that de-identification
has something to remove. The same seed gives the same bytes.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from regml.errors import DataError
from regml.imaging.identities import Identity, Site, Study, add_identity
from regml.imaging.volumes import ImageError, Reason, Volume, load_nifti, save_nifti

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI counts to the right and anterior, DICOM to the left and posterior."""

PIXEL_TYPES = {np.dtype(np.int16): (-32768, 32767), np.dtype(np.uint16): (0, 65535)}
"""Types that pixels are stored in, with their range."""


@dataclass(frozen=True, slots=True)
class Series:
    """One volume with the identity it was acquired under.

    Attributes:
        volume: Intensities; the third axis is the one slices are stacked along.
        identity: Whose it is.
        study: On which occasion.
        site: Where.
        uid: SeriesInstanceUID.
        number: SeriesNumber.
        ascending: Whether instance numbers rise along the third axis.
    """

    volume: Volume
    identity: Identity
    study: Study
    site: Site
    uid: str
    number: int
    ascending: bool = True


@dataclass(slots=True)
class ExportFacts:
    """What ``export.json`` says.

    Attributes:
        source: ``synthetic`` or the name of the folder that was wrapped.
        patient_key: ``hospital``, or ``case`` when nobody knows whose images they are.
        patients: How many patients there are.
        series: How many series there are.
        seed: What chance started from.
        skipped: Reason per case that could not be used.
    """

    source: str
    patient_key: str
    patients: int = 0
    series: int = 0
    seed: int = 0
    skipped: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write ``export.json``."""
        facts = {
            "source": self.source,
            "patient_key": self.patient_key,
            "patients": self.patients,
            "series": self.series,
            "seed": self.seed,
            "skipped": self.skipped,
        }
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / "export.json").write_text(f"{text}\n", "utf-8")


def write_series(series: Series, folder: Path) -> list[Path]:
    """Write a volume as single-frame MR objects and return their paths.

    Args:
        series: What to write; see :func:`stacked` for the order of its slices.
        folder: Folder for the files, made when it is not there.

    Raises:
        ImageError: An intensity is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pixels, slope, intercept = to_pixels(series.volume.array)
    slices = pixels.shape[2]
    dataset = _encoded(_series_dataset(series, pixels, slope, intercept))
    paths = []
    for k in range(slices):
        number = k + 1 if series.ascending else slices - k
        _set_slice(dataset, series, k, number)
        dataset.add_new("PixelData", "OW", pixels[:, :, k].T.tobytes())
        path = folder / f"{series.identity.file_prefix}_{number:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def to_pixels(array: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Return stored pixels with rescale slope and intercept.

    Whole numbers that fit are stored as they are; others are spread over 16 bits, which
    keeps them to 1 part in 65535 of their range.

    Raises:
        ImageError: An intensity is not finite.
    """
    if not np.isfinite(array).all():
        raise ImageError(Reason.NOT_FINITE, "A voxel is infinite or not a number.")
    low, high = float(array.min()), float(array.max())
    if np.array_equal(array, np.rint(array)):
        for dtype, (least, most) in PIXEL_TYPES.items():
            if least <= low and high <= most:
                return array.astype(dtype), 1.0, 0.0
    slope = float(f"{(high - low) / 65535 or 1.0:.9g}")  # DS holds 16 characters
    intercept = float(f"{low:.9g}")
    scaled = np.rint((array.astype(np.float64) - intercept) / slope)
    return np.clip(scaled, 0, 65535).astype(np.uint16), slope, intercept


def stacked(volume: Volume) -> Volume:
    """Return the volume with slices in the order of the normal of their plane.

    The normal is the cross product of the first and the second axis, as in DICOM; a
    left-handed volume is turned round along its third axis.
    """
    if np.linalg.det(volume.affine[:3, :3]) > 0:
        return volume
    flip = np.diag([1.0, 1.0, -1.0, 1.0])
    flip[2, 3] = volume.shape[2] - 1
    array = np.ascontiguousarray(volume.array[:, :, ::-1])
    return Volume(array, volume.affine @ flip)


def write_readers(folder: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Write ``readers.csv``: name, qualification, years of experience, trained on."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("name", "qualification", "years_experience", "trained_on"))
    writer.writerows(rows)
    (folder / "readers.csv").write_text(table.getvalue(), "utf-8")


@dataclass(frozen=True, slots=True)
class Pair:
    """One case of a folder: image and label, on the same grid."""

    case: str
    image: Path
    label: Path


def find_pairs(folder: Path) -> tuple[tuple[Pair, ...], Mapping[str, str]]:
    """Return the cases of a folder and why others are skipped.

    Args:
        folder: With ``images/`` and ``labels/``, NIfTI files of equal names.

    Raises:
        DataError: There is no such folder, or no case in it.
    """
    images, labels = (_nifti_files(folder / part) for part in ("images", "labels"))
    if not images or not labels:
        raise DataError(
            f"{folder}: needs images/ and labels/ with NIfTI files of equal names."
        )
    skipped = dict.fromkeys(images.keys() - labels.keys(), "no label")
    skipped |= dict.fromkeys(labels.keys() - images.keys(), "no image")
    both = sorted(images.keys() & labels.keys())
    pairs = tuple(Pair(case, images[case], labels[case]) for case in both)
    return pairs, dict(sorted(skipped.items()))


def load_pair(pair: Pair) -> tuple[Volume, Volume]:
    """Return image and label of a case.

    Raises:
        ImageError: One cannot be used, or they are not on the same grid.
        BrokenFileError: One cannot be read.
    """
    image, label = load_nifti(pair.image), load_nifti(pair.label)
    if image.shape != label.shape:
        raise DataError(f"{pair.label}: shape {label.shape}, image {image.shape}")
    if not image.same_grid(label):
        raise DataError(f"{pair.label}: lies elsewhere in space than its image")
    if not np.array_equal(label.array, label.array.astype(np.uint8)):
        raise DataError(f"{pair.label}: labels have to be whole numbers up to 255")
    return image, label


def write_case(
    pair: Pair, out: Path, *, identity: Identity, study: Study, site: Site, reader: str
) -> None:
    """Wrap a real case: its image as a series, its label as the outline of a reader.

    Raises:
        DataError: Image or label cannot be used.
    """
    image, label = load_pair(pair)
    series = Series(stacked(image), identity, study, site, f"{study.uid}.1", number=1)
    write_series(series, out / "images" / identity.folder / study.folder)
    # the affine of the image, so that rounding in the label's header does not matter
    outlined = stacked(Volume(label.array.astype(np.uint8), image.affine))
    save_nifti(out / "annotations" / reader / f"{series.uid}.nii.gz", outlined)


def _nifti_files(folder: Path) -> dict[str, Path]:
    """Return NIfTI files by name without suffix."""
    files = (*folder.glob("*.nii"), *folder.glob("*.nii.gz"))
    return {
        path.name.removesuffix(".gz").removesuffix(".nii"): path
        for path in sorted(files)
        if not path.name.startswith(".")
    }


def _series_dataset(
    series: Series, pixels: NDArray[Any], slope: float, intercept: float
) -> Dataset:
    """Return what all slices of a series have in common."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(f"{series.site.uid_root}.1")
    dataset.file_meta.ImplementationVersionName = "PACS_EXPORT_3"
    dataset.file_meta.SourceApplicationEntityTitle = series.site.ae_title
    dataset.SOPClassUID = MRImageStorage
    dataset.Modality = "MR"
    dataset.SeriesInstanceUID = series.uid
    dataset.SeriesNumber = series.number
    dataset.AcquisitionNumber = 1
    add_identity(dataset, series.identity, series.study, series.site)
    _add_geometry(dataset, series.volume)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Columns, dataset.Rows = pixels.shape[0], pixels.shape[1]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(pixels.dtype == np.int16)
    dataset.RescaleIntercept, dataset.RescaleSlope = f"{intercept:.9g}", f"{slope:.9g}"
    dataset.RescaleType = "US"
    low, high = np.percentile(pixels, [1, 99]) * slope + intercept
    dataset.WindowCenter = f"{(low + high) / 2:.6g}"
    dataset.WindowWidth = f"{max(high - low, 1):.6g}"
    return dataset


def _encoded(dataset: Dataset) -> Dataset:
    """Return the data set as read from a file, so that it is encoded only once."""
    dataset.SOPInstanceUID = UID("1.2")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)


def _add_geometry(dataset: Dataset, volume: Volume) -> None:
    """Add orientation and spacing; columns run along the first axis."""
    lps = RAS_TO_LPS @ volume.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    row, column = lps[:3, 0] / spacing[0], lps[:3, 1] / spacing[1]
    dataset.ImageOrientationPatient = _decimals([*row, *column])
    dataset.PixelSpacing = _decimals([spacing[1], spacing[0]])
    dataset.SliceThickness = dataset.SpacingBetweenSlices = _decimals([spacing[2]])[0]


def _set_slice(dataset: Dataset, series: Series, k: int, number: int) -> None:
    """Set what differs from slice to slice."""
    lps = RAS_TO_LPS @ series.volume.affine
    position = lps @ [0, 0, k, 1]
    normal = np.cross(lps[:3, 0], lps[:3, 1])
    location = float(position[:3] @ (normal / np.linalg.norm(normal)))
    dataset.ImagePositionPatient = _decimals(position[:3].tolist())
    dataset.SliceLocation = f"{location:.6g}"
    dataset.InstanceNumber = number
    dataset.SOPInstanceUID = f"{series.uid}.{number}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _decimals(values: Sequence[float]) -> list[str]:
    """Return numbers as decimal strings, at most 16 characters each (PS3.5 6.2)."""
    return [f"{value + 0.0:.9g}"[:16] for value in values]
