import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regml.imaging.phantom import (
    Label,
    Scanner,
    hand,
    outline,
    random_anatomy,
    render,
)

SCANNER = Scanner(scale=500, signal_to_noise=20, bias=0.1, contrast=1)
SHAPE = (39, 45, 37)


def grid(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Return the affine of a grid around the centre of the crop."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -np.array(spacing) * (np.array(SHAPE) - 1) / 2
    return affine


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-1, 1]))
def test_the_hippocampus_has_the_size_of_an_adult_one(seed: int, side: int) -> None:
    anatomy = random_anatomy(np.random.default_rng(seed), side=side)
    labels = outline(anatomy, SHAPE, grid()).array
    assert set(np.unique(labels)) == set(Label)
    assert 2300 < np.count_nonzero(labels) < 4600
    assert np.count_nonzero(labels == Label.ANTERIOR) > 1000


def test_volume_does_not_depend_on_the_grid() -> None:
    anatomy = random_anatomy(np.random.default_rng(1), side=1)
    coarse = outline(anatomy, SHAPE, grid((1.1, 1.05, 1.15)))
    fine = outline(anatomy, SHAPE, grid())
    volumes = [
        np.count_nonzero(labels.array) * labels.voxel_volume_mm3
        for labels in (coarse, fine)
    ]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.03)


def test_a_flipped_grid_sees_the_same_anatomy() -> None:
    anatomy = random_anatomy(np.random.default_rng(1), side=1)
    flipped = grid()
    flipped[0] *= -1
    one = outline(anatomy, SHAPE, grid()).array
    other = outline(anatomy, SHAPE, flipped).array
    assert np.array_equal(one, other[::-1])


def test_the_same_seed_gives_the_same_image() -> None:
    images = []
    for _ in range(2):
        rng = np.random.default_rng(3)
        anatomy = random_anatomy(rng, side=-1)
        images.append(render(anatomy, SCANNER, SHAPE, grid(), rng).array)
    assert np.array_equal(images[0], images[1])
    assert images[0].min() >= 0
    assert 300 < np.median(images[0]) < 700


def test_readers_agree_well_but_not_fully() -> None:
    rng = np.random.default_rng(5)
    anatomy = random_anatomy(rng, side=1)
    one, other = (
        outline(
            anatomy,
            SHAPE,
            grid(),
            margin_mm=hand(rng, SHAPE, (1, 1, 1), wobble_mm=0.35, habit_mm=habit),
        ).array
        > 0
        for habit in (0.05, -0.1)
    )
    dice = 2 * (one & other).sum() / (one.sum() + other.sum())
    assert 0.88 < dice < 0.98
