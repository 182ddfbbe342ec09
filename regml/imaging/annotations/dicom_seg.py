"""Outlines in DICOM Segmentation objects (PS3.3 A.51), type BINARY.

Frames are placed by their own position and orientation, so empty frames that an
exporter left out, frames in any order, and one object per structure all work.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from regml.imaging.annotations.problems import AnnotationError, Kind
from regml.imaging.dicom_series import LPS_TO_RAS
from regml.imaging.volumes import Volume

SUFFIX = ".dcm"
"""How the names of these files end."""

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
"""SOP Class UID of Segmentation Storage."""

PLACE_TOLERANCE_MM = 0.01
"""How far a pixel may lie off a voxel: both places are rounded decimal strings."""

_AGAIN = "Export the outline again as a DICOM segmentation of type BINARY."


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a segmentation.

    Attributes:
        segment: Number of its segment.
        affine: 4 x 4, from (column, row, 0) to RAS coordinates in mm.
        mask: Shape (rows, columns).
    """

    segment: int
    affine: NDArray[np.float64]
    mask: NDArray[np.bool_]


def series_of(path: Path) -> str:
    """Return the Series Instance UID that a segmentation refers to.

    Raises:
        AnnotationError: It cannot be read, or refers to no or to several series.
    """
    header = _read(path, pixels=False)
    found = {
        str(item.SeriesInstanceUID)
        for item in header.get("ReferencedSeriesSequence") or ()
        if "SeriesInstanceUID" in item
    }
    if len(found) != 1:
        raise AnnotationError(
            Kind.UNREADABLE,
            f"refers to {len(found)} series, not to one.",
            "Export it with a reference to the series it was drawn on.",
        )
    return found.pop()


def read_labels(
    path: Path, image: Volume, names: Mapping[int, str]
) -> NDArray[np.uint8]:
    """Return labels on the voxel grid of their image.

    Args:
        path: The segmentation.
        image: The volume of the series it refers to.
        names: Structure by label value, as the protocol names them.

    Raises:
        AnnotationError: It cannot be read, lies on another grid, or has segments
            that are not structures of the protocol or overlap.
    """
    dataset = _read(path, pixels=True)
    values = _values(dataset, names)
    labels = np.zeros(image.shape, dtype=np.uint8)
    for frame in _frames(dataset):
        index = _voxels(frame, image)
        value = values.get(frame.segment)
        if value is None:
            raise AnnotationError(
                Kind.UNREADABLE, f"lacks segment {frame.segment}.", _AGAIN
            )
        if np.any((labels[index] != 0) & (labels[index] != value)):
            raise AnnotationError(
                Kind.VALUES,
                "has voxels that belong to two segments.",
                "Draw the structures without overlap.",
            )
        labels[index] = value
    return labels


def _read(path: Path, *, pixels: bool) -> Dataset:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=not pixels)
    except (InvalidDicomError, OSError, EOFError, ValueError) as error:
        raise AnnotationError(
            Kind.UNREADABLE, "is not a readable DICOM file.", _AGAIN
        ) from error
    kind = dataset.get("SegmentationType")
    if dataset.get("SOPClassUID") != SEGMENTATION_STORAGE or kind != "BINARY":
        raise AnnotationError(
            Kind.UNREADABLE,
            f"is {kind or dataset.get('Modality')}, not a segmentation of type BINARY.",
            _AGAIN,
        )
    return dataset


def _values(dataset: Dataset, names: Mapping[int, str]) -> dict[int, int]:
    """Return the label value of each segment number."""
    try:
        segments = [
            (int(segment.SegmentNumber), str(segment.SegmentLabel))
            for segment in dataset.SegmentSequence
        ]
    except (AttributeError, TypeError, ValueError) as error:
        raise AnnotationError(
            Kind.UNREADABLE, "does not describe its segments.", _AGAIN
        ) from error
    return {number: _value_of(label, names) for number, label in segments}


def _value_of(label: str, names: Mapping[int, str]) -> int:
    """Return the value of the one structure that a segment label names."""
    words = re.findall(r"[a-z0-9]+", label.casefold())
    exact = [
        value for value, name in names.items() if name.casefold() == label.casefold()
    ]
    contained = [value for value, name in names.items() if name.casefold() in words]
    found = exact or contained
    if len(found) != 1:
        known = ", ".join(names.values())
        raise AnnotationError(
            Kind.VALUES,
            f"has a segment {label!r} that is not one structure of the protocol.",
            f"Name segments {known}.",
        )
    return found[0]


def _frames(dataset: Dataset) -> Iterator[Frame]:
    """Yield the frames of a segmentation with their places."""
    try:
        pixels = dataset.pixel_array
        if pixels.ndim == 2:
            pixels = pixels[np.newaxis]
        shared = dataset.SharedFunctionalGroupsSequence[0]
        groups = dataset.PerFrameFunctionalGroupsSequence
        for mask, group in zip(pixels, groups, strict=True):
            yield Frame(_segment(group, shared), _affine(group, shared), mask > 0)
    except (AttributeError, KeyError, IndexError, RuntimeError, ValueError) as error:
        raise AnnotationError(
            Kind.UNREADABLE, f"lacks what places its frames ({error}).", _AGAIN
        ) from error


def _segment(group: Dataset, shared: Dataset) -> int:
    item = _macro("SegmentIdentificationSequence", group, shared)
    return int(item.ReferencedSegmentNumber)


def _affine(group: Dataset, shared: Dataset) -> NDArray[np.float64]:
    position = _macro("PlanePositionSequence", group, shared).ImagePositionPatient
    cosines = _macro("PlaneOrientationSequence", group, shared).ImageOrientationPatient
    row_step, column_step = _macro("PixelMeasuresSequence", group, shared).PixelSpacing
    affine = np.eye(4)
    affine[:3, 0] = np.array(cosines[:3], dtype=float) * float(column_step)
    affine[:3, 1] = np.array(cosines[3:], dtype=float) * float(row_step)
    affine[:3, 2] = 0  # a frame has no thickness of its own
    affine[:3, 3] = np.array(position, dtype=float)
    return LPS_TO_RAS @ affine


def _macro(name: str, group: Dataset, shared: Dataset) -> Dataset:
    """Return a functional group item, per frame before shared (PS3.3 C.7.6.16)."""
    item: Dataset = (group if name in group else shared)[name].value[0]
    return item


def _voxels(
    frame: Frame, image: Volume
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the voxel indices of the image that a frame marks.

    Raises:
        AnnotationError: Pixels of the frame do not lie on voxels of the image.
    """
    to_voxel = np.linalg.inv(image.affine) @ frame.affine
    rows, columns = frame.mask.shape
    x_end, y_end = columns - 1, rows - 1
    corners = np.array(
        [[0, x_end, 0, x_end], [0, 0, y_end, y_end], [0, 0, 0, 0], [1, 1, 1, 1]]
    )
    places = (to_voxel @ corners)[:3]
    limit = np.array(image.shape)[:, None] - 1
    nearest = np.clip(np.rint(places), 0, limit)
    away = float(np.abs((places - nearest) * np.array(image.spacing_mm)[:, None]).max())
    whole = np.abs(to_voxel[:3, :2] - np.rint(to_voxel[:3, :2])).max() < 1e-3
    if away > PLACE_TOLERANCE_MM or not whole:
        raise AnnotationError(
            Kind.GRID,
            f"has a frame with a corner {away:.4g} mm off the voxels of its image.",
            "Export the outline on the grid of the series it was drawn on.",
        )
    y, x = np.nonzero(frame.mask)
    points = np.stack([x, y, np.zeros_like(x), np.ones_like(x)])
    i, j, k = np.rint((to_voxel @ points)[:3]).astype(np.int64)
    return i, j, k
