"""DICOM segmentations land on the voxels they were drawn on."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from regml.imaging.annotations.dicom_seg import read_labels, series_of
from regml.imaging.annotations.problems import AnnotationError, Kind
from regml.imaging.dicom_series import load_series
from regml.imaging.volumes import Volume

NAMES = {1: "anterior", 2: "posterior"}


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    array = np.zeros((9, 11, 6), np.uint8)  # first and last slices stay empty
    array[2:5, 3:6, 1:4], array[2:5, 6:9, 2:5] = 1, 2
    return array


@pytest.fixture
def case(export: Any, labels: NDArray[np.uint8]) -> tuple[Path, Volume]:
    uid = export.series("HV-1", (labels * 50).astype(np.int16))
    folder = export.folder("HV-1", uid)
    return folder, load_series(folder)


@pytest.mark.parametrize("values", [(1, 2), (2, 1), (1,), (2,)])
def test_segments_become_the_labels_of_the_protocol(
    export: Any,
    case: tuple[Path, Volume],
    labels: NDArray[np.uint8],
    values: tuple[int, ...],
) -> None:
    folder, image = case
    path = export.segmentation("RD-aa", folder, labels, values)
    assert series_of(path) == export.uids[0]
    found = read_labels(path, image, NAMES)
    assert (found == np.where(np.isin(labels, values), labels, 0)).all()


def changed(path: Path, change: Any) -> Path:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return path


def rename(dataset: Any) -> None:
    dataset.SegmentSequence[0].SegmentLabel = "amygdala"


def both(dataset: Any) -> None:
    dataset.SegmentSequence[0].SegmentLabel = "anterior and posterior"


def move(dataset: Any) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x + 0.4, y, z]


def leave(dataset: Any) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x, y, z + 50]


def coarse(dataset: Any) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [1.5, 1.5]


def overlap(dataset: Any) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0]
        x, y, _ = position.ImagePositionPatient
        position.ImagePositionPatient = [x, y, -28.0]
    dataset.PixelData = b"\xff" * len(dataset.PixelData)


def unplaced(dataset: Any) -> None:
    del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def fractional(dataset: Any) -> None:
    dataset.SegmentationType = "FRACTIONAL"


def homeless(dataset: Any) -> None:
    del dataset.ReferencedSeriesSequence


def find_and_read(path: Path, image: Volume) -> None:
    series_of(path)
    read_labels(path, image, NAMES)


def undescribed(dataset: Any) -> None:
    del dataset.SegmentSequence


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (undescribed, Kind.UNREADABLE, "does not describe its segments"),
        (rename, Kind.VALUES, "segment 'amygdala' that is not one structure"),
        (both, Kind.VALUES, "not one structure"),
        (move, Kind.GRID, "0.4 mm off the voxels"),
        (leave, Kind.GRID, "mm off the voxels"),
        (coarse, Kind.GRID, "off the voxels"),
        (overlap, Kind.VALUES, "belong to two segments"),
        (unplaced, Kind.UNREADABLE, "lacks what places its frames"),
        (fractional, Kind.UNREADABLE, "FRACTIONAL, not a segmentation of type BINARY"),
        (homeless, Kind.UNREADABLE, "refers to 0 series"),
    ],
)
def test_what_cannot_be_used_is_said(
    export: Any,
    case: tuple[Path, Volume],
    labels: NDArray[np.uint8],
    change: Any,
    kind: Kind,
    words: str,
) -> None:
    folder, image = case
    path = changed(export.segmentation("RD-aa", folder, labels), change)
    with pytest.raises(AnnotationError, match=words) as caught:
        find_and_read(path, image)
    assert caught.value.kind is kind
    assert caught.value.remedy


def test_another_file_is_no_segmentation(case: tuple[Path, Volume]) -> None:
    folder, _ = case
    with pytest.raises(AnnotationError, match="MR, not a segmentation"):
        series_of(min(folder.iterdir()))
