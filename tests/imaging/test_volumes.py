"""Grids: nothing moves, nothing is mirrored, the way back is exact."""

import gzip
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from regml.errors import BrokenFileError
from regml.imaging.params import GeometryLimits
from regml.imaging.volumes import (
    ImageError,
    Reason,
    Volume,
    back_to_source,
    geometry_problems,
    labels_to_model_grid,
    load_nifti,
    nifti_bytes,
    normalise,
    ordered_as,
    resample,
    save_nifti,
    to_model_grid,
    to_ras,
)

nib: Any = nibabel  # its types cover only a part of it
ORIENTATIONS = [
    (axes, signs)
    for axes in permutations(range(3))
    for signs in product([1.0, -1.0], repeat=3)
]


def oriented(
    axes: tuple[int, ...],
    signs: tuple[float, ...],
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    shape: tuple[int, int, int] = (7, 5, 6),
) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel_axis, patient_axis in enumerate(axes):
        affine[patient_axis, voxel_axis] = signs[voxel_axis] * spacing[voxel_axis]
    affine[:3, 3] = [12.5, -30.0, 4.0]
    return Volume(np.arange(np.prod(shape)).reshape(shape).astype(float), affine)


def place(volume: Volume, index: tuple[int, ...]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = volume.affine @ [*index, 1]
    return found


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_reorienting_moves_no_voxel_in_the_patient(
    axes: tuple[int, ...], signs: tuple[float, ...]
) -> None:
    volume = oriented(axes, signs)
    upright = to_ras(volume)
    assert nib.aff2axcodes(upright.affine) == ("R", "A", "S")
    for index in [(0, 0, 0), (6, 4, 5), (2, 3, 1)]:
        [where] = np.argwhere(upright.array == volume.array[index])
        np.testing.assert_allclose(place(upright, tuple(where)), place(volume, index))
    again = ordered_as(upright, volume)
    assert again.same_grid(volume, tolerance=1e-9)
    assert (again.array == volume.array).all()


@settings(max_examples=60, deadline=None)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    spacing=st.tuples(*[st.floats(0.8, 1.5)] * 3),
    shape=st.tuples(*[st.integers(15, 27)] * 3),
)
def test_labels_come_back_to_where_they_were(
    orientation: tuple[tuple[int, ...], tuple[float, ...]],
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
) -> None:
    assert overlap_there_and_back(orientation, spacing, shape) > 0.85


def test_a_small_structure_on_a_fine_grid_comes_back_whole() -> None:
    upright = ((0, 1, 2), (1.0, 1.0, 1.0))
    assert overlap_there_and_back(upright, (0.8125,) * 3, (17, 17, 17)) > 0.85


def test_labels_keep_their_volume_on_any_grid() -> None:
    """Over many grids the volume is neither gained nor lost."""
    generator = np.random.default_rng(7)
    kept = []
    for _ in range(60):
        spacing = generator.uniform(0.8, 1.5, 3)
        shape = tuple(generator.integers(18, 30, 3).tolist())
        source = Volume(np.zeros(shape, np.uint8), np.diag([*spacing, 1.0]))
        away = np.indices(shape).T - (np.array(shape) - 1) / 2
        inside = (((away * spacing / (5.0, 8.0, 4.0)) ** 2).sum(-1) < 1).T
        front = np.indices(shape)[1] > shape[1] / 2
        labels = replace(source, array=np.where(inside, 1 + front, 0).astype(np.uint8))
        _, change = to_model_grid(labels, 1.0)
        model = labels_to_model_grid(labels, change)
        back = back_to_source(model, change)
        there = (model.array > 0).sum() * model.voxel_volume_mm3
        kept.append(
            (
                there / (inside.sum() * source.voxel_volume_mm3),
                (back.array > 0).sum() / inside.sum(),
            )
        )
        assert set(np.unique(back.array)) == {0, 1, 2}
    np.testing.assert_allclose(np.mean(kept, axis=0), 1.0, atol=0.02)


def overlap_there_and_back(
    orientation: tuple[tuple[int, ...], tuple[float, ...]],
    spacing: tuple[float, ...],
    shape: tuple[int, int, int],
) -> float:
    """Return the Dice of a ball with itself after both ways."""
    source = oriented(*orientation, spacing, shape)
    grid = np.indices(shape).astype(float)
    away = [(g - (n - 1) / 2) / (n * 0.35) for g, n in zip(grid, shape, strict=True)]
    ball = (sum(a**2 for a in away) < 1).astype(np.uint8)
    model, change = to_model_grid(source, 1.0, interpolation="linear")
    labels = labels_to_model_grid(Volume(ball, source.affine), change)
    assert labels.same_grid(model)
    back = back_to_source(labels, change)
    assert back.same_grid(source, tolerance=1e-3)
    both = back.array.sum() + ball.sum()
    return float(2 * (back.array & ball).sum() / both)


def test_on_the_same_grid_nothing_changes() -> None:
    source = oriented((0, 1, 2), (1.0, 1.0, 1.0))
    model, change = to_model_grid(source, 1.0)
    assert (model.array == source.array).all()
    labels = Volume((source.array % 3).astype(np.uint8), source.affine)
    assert (back_to_source(labels, change).array == labels.array).all()


def test_labels_of_another_grid_do_not_go_back() -> None:
    source = oriented((0, 1, 2), (1.0, 1.0, 1.0), (1.2, 1.0, 1.0))
    _, change = to_model_grid(source, 1.0)
    with pytest.raises(ValueError, match="model grid"):
        back_to_source(Volume(np.zeros((2, 2, 2)), np.eye(4)), change)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_gradient_stays_a_gradient(interpolation: str) -> None:
    shape = (12, 9, 10)
    affine = np.diag([1.25, 0.9, 1.5, 1.0])
    x = np.indices(shape)[0] * 1.25
    volume = Volume(x, affine)
    fine = resample(volume, (1.0, 1.0, 1.0), interpolation=interpolation)  # type: ignore[arg-type]  # a literal
    expected = fine.affine[0, 0] * np.arange(fine.shape[0]) + fine.affine[0, 3]
    np.testing.assert_allclose(fine.array[3:-3, 4, 4], expected[3:-3], atol=0.05)
    assert fine.spacing_mm == pytest.approx((1.0, 1.0, 1.0))


def test_a_grid_covers_what_it_came_from() -> None:
    volume = Volume(np.ones((11, 7, 5)), np.diag([0.8, 1.3, 1.5, 1.0]))
    fine = resample(volume, (1.0, 1.0, 1.0))
    old, new = np.array(volume.shape) * volume.spacing_mm, np.array(fine.shape)
    assert (new >= old - 1e-3).all()
    assert (new < old + 1).all()
    with pytest.raises(ValueError, match="positive"):
        resample(volume, (0.0, 1.0, 1.0))


def test_normal_intensities_do_not_depend_on_the_scale() -> None:
    raw = np.random.default_rng(1).gamma(2.0, 100.0, (9, 8, 7))
    small, large = (
        normalise(Volume(raw * factor + shift, np.eye(4))).array
        for factor, shift in ((1, 0), (17000, 350))
    )
    np.testing.assert_allclose(small, large, atol=1e-4)
    assert small.mean() == pytest.approx(0, abs=1e-4)
    assert small.std() == pytest.approx(1, abs=1e-4)
    assert small.dtype == np.float32


def test_an_image_without_contrast_is_refused() -> None:
    with pytest.raises(ImageError) as caught:
        normalise(Volume(np.full((5, 5, 5), 3.0), np.eye(4)))
    assert caught.value.code is Reason.NO_CONTRAST


def sheared() -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[0, 2] = 0.2
    return affine


@pytest.mark.parametrize(
    ("array", "affine", "reasons"),
    [
        (np.zeros((9, 8, 7)), np.diag([0.8, 1.0, 1.5, 1.0]), ()),
        (np.zeros((9, 8, 7)), np.diag([0.79, 1.0, 1.0, 1.0]), (Reason.SPACING,)),
        (np.zeros((9, 8, 7)), np.diag([1.0, 1.0, 1.51, 1.0]), (Reason.SPACING,)),
        (np.zeros((9, 8, 7)), sheared(), (Reason.SHEARED,)),
        (np.zeros((9, 8, 2)), np.eye(4), (Reason.TOO_SMALL,)),
        (np.full((9, 8, 7), np.nan), np.eye(4), (Reason.NOT_FINITE,)),
        (
            np.zeros((9, 8, 2)),
            np.diag([2.0, 1.0, 1.0, 1.0]),
            (Reason.SPACING, Reason.TOO_SMALL),
        ),
    ],
)
def test_the_gate_names_every_reason(
    array: NDArray[np.float64],
    affine: NDArray[np.float64],
    reasons: tuple[Reason, ...],
) -> None:
    assert geometry_problems(Volume(array, affine), GeometryLimits()) == reasons


def test_the_same_volume_gives_the_same_file(tmp_path: Path) -> None:
    volume = oriented((1, 0, 2), (1.0, -1.0, 1.0), (0.9, 1.1, 1.4))
    save_nifti(tmp_path / "a.nii.gz", volume)
    save_nifti(tmp_path / "other.nii.gz", volume)
    first, second = (p.read_bytes() for p in sorted(tmp_path.iterdir()))
    assert first == second == nifti_bytes(volume)
    assert first[4:8] == b"\0\0\0\0"
    back = load_nifti(tmp_path / "a.nii.gz")
    assert back.same_grid(volume)
    assert (back.array == volume.array).all()


def test_what_is_no_nifti_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    for content in (
        b"",
        b"text",
        gzip.compress(b"short"),
        nifti_bytes(oriented((0, 1, 2), (1.0, 1.0, 1.0)))[:300],
    ):
        path.write_bytes(content)
        with pytest.raises(BrokenFileError, match=r"x\.nii\.gz: is not a readable"):
            load_nifti(path)


def test_a_time_series_is_not_one_volume(tmp_path: Path) -> None:
    path = tmp_path / "bold.nii"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 3), np.float32), np.eye(4)), path)
    with pytest.raises(ImageError) as caught:
        load_nifti(path)
    assert caught.value.code is Reason.NOT_ONE_VOLUME
