"""From labels to a mask on the input's grid, a side, and volumes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hippovol.app import analyse
from hippovol.gate import admit
from hippovol.model import segment
from hippovol.preparation import prepare
from hippovol.report import markdown
from hippovol.volumetry import Measured, measure
from regml.imaging.postprocess import Side
from regml.imaging.volumes import (
    Volume,
    labels_to_model_grid,
    load_nifti,
    save_nifti,
    to_model_grid,
)
from regml.learning.inference import SegmentationModel

GRIDS = {
    "RAS": np.diag([1.0, 1.0, 1.0, 1.0]),
    "LPS": np.diag([-1.0, -1.0, 1.0, 1.0]),
    "anisotropic": np.diag([0.8, 1.1, 1.5, 1.0]),
    "sagittal": np.array(
        [[0, 0, 1.2, -40.0], [1.0, 0, 0, 20], [0, -1.0, 0, 40], [0, 0, 0, 1]]
    ),
    "oblique": np.array(
        [[0.96, -0.28, 0, 15.0], [0.28, 0.96, 0, -8], [0, 0, 1.1, 3], [0, 0, 0, 1]]
    ),
}


def empty(kind: str, shape: tuple[int, int, int] = (40, 44, 36)) -> Volume:
    return Volume(np.zeros(shape, np.uint8), np.asarray(GRIDS[kind], np.float64))


@pytest.mark.verifies("SRS-005")
def test_every_voxel_has_one_of_three_labels_and_both_parts_are_found(
    trained_model: SegmentationModel, phantom: Volume
) -> None:
    prepared = prepare(phantom).normalised

    labels = segment(trained_model, prepared).labels

    assert labels.shape == prepared.shape
    assert set(np.unique(labels.array)) == {0, 1, 2}


@pytest.mark.verifies("SRS-006")
@pytest.mark.parametrize("kind", list(GRIDS))
def test_the_mask_lies_on_the_grid_of_the_input(
    kind: str, small_model: SegmentationModel, tmp_path: Path, phantom: Volume
) -> None:
    source = Volume(phantom.array, np.asarray(GRIDS[kind], np.float64))
    save_nifti(tmp_path / "image.nii.gz", source)

    analyse(tmp_path / "image.nii.gz", small_model, tmp_path / "out")
    mask = load_nifti(tmp_path / "out" / "mask.nii.gz")

    assert mask.shape == source.shape
    assert np.abs(mask.affine - source.affine).max() <= 1e-3


@pytest.mark.verifies("SRS-006")
@pytest.mark.parametrize("kind", list(GRIDS))
def test_the_mask_covers_the_same_tissue_as_on_the_networks_grid(kind: str) -> None:
    source = empty(kind)
    source.array[12:26, 14:30, 10:22] = 1
    grid, change = to_model_grid(
        Volume(source.array.astype(np.float32), source.affine), 1.0
    )
    labels = Volume((grid.array > 0.5).astype(np.uint8), grid.affine)

    mask = measure(labels, change).mask

    common = np.logical_and(mask.array > 0, source.array > 0).sum()
    assert 2 * common / ((mask.array > 0).sum() + source.array.sum()) > 0.95


@pytest.mark.verifies("SRS-007")
@pytest.mark.parametrize("kind", list(GRIDS))
def test_volume_is_voxel_count_times_voxel_volume(kind: str) -> None:
    measured = measured_block(kind)
    mask = measured.mask
    voxel_mm3 = abs(np.linalg.det(GRIDS[kind][:3, :3]))
    count = {name: int((mask.array == value).sum()) for value, name in PARTS.items()}
    count["whole"] = int((mask.array > 0).sum())

    for row in measured.volumes:
        assert row.voxels == count[row.structure] > 0
        assert row.mm3 == round(count[row.structure] * voxel_mm3, 1)
        assert row.cm3 == round(row.mm3 / 1000, 2)


@pytest.mark.verifies("SRS-007")
def test_a_block_of_known_size_has_its_known_volume() -> None:
    measured = measured_block("RAS")

    assert [row.mm3 for row in measured.volumes] == [1000.0, 500.0, 1500.0]


@pytest.mark.verifies("SRS-007")
def test_the_report_states_both_units(
    small_model: SegmentationModel, tmp_path: Path, phantom: Volume
) -> None:
    save_nifti(tmp_path / "image.nii.gz", phantom)
    result = analyse(tmp_path / "image.nii.gz", small_model, tmp_path / "out")

    text = markdown(result)

    for row in result.volumes:
        assert f"{row.mm3:.1f} mm3" in text
        assert f"{row.cm3:.2f} cm3" in text


@pytest.mark.verifies("SRS-008")
@pytest.mark.parametrize("x_mm", [-28.0, 28.0])
@pytest.mark.parametrize("kind", list(GRIDS))
def test_the_side_follows_from_patient_coordinates(kind: str, x_mm: float) -> None:
    source = empty(kind)
    # the same anatomy: a block around one point of the patient
    affine = source.affine.copy()
    affine[:3, 3] += np.array([x_mm, 0, 0]) - (affine @ [20, 22, 18, 1])[:3]
    source = Volume(source.array, affine)
    source.array[15:26, 17:28, 13:24] = 1

    side = measured_on(source).side

    assert side is (Side.RIGHT if x_mm > 0 else Side.LEFT)


@pytest.mark.verifies("SRS-008")
@pytest.mark.parametrize("x_mm", [-28.0, 28.0])
def test_a_misleading_name_or_description_does_not_change_the_side(
    x_mm: float, phantom: Volume, series: Any
) -> None:
    affine = phantom.affine.copy()
    centre = affine @ [*(np.array(phantom.shape) / 2), 1]
    affine[0, 3] += x_mm - centre[0]
    here = Volume(phantom.array, affine)

    sides = set()
    for word in ("left", "right"):
        folder = series(
            here, name=f"{word} hippocampus", SeriesDescription=f"T1 {word}"
        )
        volume = admit(folder).volume
        assert volume is not None
        sides.add(measured_on(_outlined(volume)).side)

    assert sides == {Side.RIGHT if x_mm > 0 else Side.LEFT}


@pytest.mark.verifies("SRS-008")
def test_near_the_midline_no_side_is_stated() -> None:
    source = empty("RAS")
    source = Volume(source.array, np.diag([1.0, 1.0, 1.0, 1.0]))
    source.affine[0, 3] = -20.0
    source.array[15:26, 17:28, 13:24] = 1

    assert measured_on(source).side is Side.UNKNOWN


@pytest.mark.verifies("SRS-009")
def test_islands_are_removed_and_counted_for_each_label() -> None:
    labels = empty("RAS")
    labels.array[10:20, 10:20, 10:20] = 1
    labels.array[10:20, 20:30, 10:20] = 2
    labels.array[30:32, 30:32, 30:32] = 1
    labels.array[2, 2, 2:5] = 2
    labels.array[35, 2, 2:4] = 2

    measured = measured_on(labels)

    assert measured.volume("anterior").removed_voxels == 8
    assert measured.volume("posterior").removed_voxels == 5
    assert measured.volume("whole").removed_voxels == 13
    assert measured.volume("whole").voxels == 2000
    assert not measured.mask.array[30:, 30:, 30:].any()
    assert not measured.mask.array[2, 2].any()


PARTS = {1: "anterior", 2: "posterior"}


def measured_block(kind: str) -> Measured:
    """Return what is measured on 10 x 10 x 10 and 10 x 5 x 10 voxels."""
    source = empty(kind)
    source.array[10:20, 10:20, 10:20] = 1
    source.array[10:20, 20:25, 10:20] = 2
    return measured_on(source)


def measured_on(labels: Volume) -> Measured:
    """Return what is measured when the network finds these labels."""
    _, change = to_model_grid(Volume(labels.array.astype(np.float32), labels.affine), 1)
    return measure(labels_to_model_grid(labels, change), change)


def _outlined(image: Volume) -> Volume:
    """Return a block in the middle of an image."""
    labels = np.zeros(image.shape, np.uint8)
    middle = tuple(slice(size // 2 - 4, size // 2 + 4) for size in image.shape)
    labels[middle] = 1
    return Volume(labels, image.affine)
