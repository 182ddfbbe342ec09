"""One piece, one volume, one side."""

from itertools import permutations, product

import numpy as np
import pytest

from regml.imaging.postprocess import Side, keep_largest, side_of, volumes_mm3
from regml.imaging.volumes import Volume


def test_islands_are_removed_and_counted() -> None:
    array = np.zeros((9, 9, 9), np.uint8)
    array[1:4, 1:4, 1:4], array[6, 6, 6:8] = 1, 1
    array[1:4, 4:6, 1:4], array[8, 0, 0] = 2, 2
    cleaned = keep_largest(Volume(array, np.eye(4)), [1, 2, 3])
    assert cleaned.removed == {1: 2, 2: 1, 3: 0}
    assert (cleaned.labels.array == 1).sum() == 27
    assert (cleaned.labels.array == 2).sum() == 18


def test_a_volume_is_count_times_voxel_volume() -> None:
    array = np.zeros((4, 4, 4), np.uint8)
    array[0, 0, :3] = 1
    labels = Volume(array, np.diag([-0.8, 1.2, 1.5, 1.0]))
    assert volumes_mm3(labels, {1: "anterior", 2: "posterior"}) == {
        "anterior": 4.3,  # 3 x 1.44
        "posterior": 0.0,
    }


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product([1.0, -1.0], repeat=3)))
@pytest.mark.parametrize(("x", "side"), [(24.0, Side.RIGHT), (-24.0, Side.LEFT)])
def test_the_side_does_not_depend_on_the_storage_order(
    axes: tuple[int, ...], signs: tuple[float, ...], x: float, side: Side
) -> None:
    directions = np.zeros((3, 3))
    for voxel_axis, patient_axis in enumerate(axes):
        directions[patient_axis, voxel_axis] = signs[voxel_axis]
    array = np.zeros((9, 11, 7), np.uint8)
    array[4, 5, 3] = 1
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = [x, -20, -10] - directions @ [4, 5, 3]
    assert side_of(Volume(array, affine)) is side


@pytest.mark.parametrize("origin", [(1.0, 1.0, 1.0), (-7.0, -20.0, -10.0)])
def test_an_ambiguous_side_is_unknown(origin: tuple[float, float, float]) -> None:
    affine = np.eye(4)
    affine[:3, 3] = origin  # a lost position, and a structure on the midline
    array = np.zeros((9, 11, 7), np.uint8)
    array[8 if origin[0] > 0 else 6] = 1
    assert side_of(Volume(array, affine)) is Side.UNKNOWN


def test_nothing_has_no_side() -> None:
    affine = np.eye(4)
    affine[:3, 3] = 30
    assert side_of(Volume(np.zeros((5, 5, 5)), affine)) is Side.UNKNOWN
