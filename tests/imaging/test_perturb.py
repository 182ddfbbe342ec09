"""Perturbations: as strong as they say, and the same every time."""

import numpy as np
import pytest

from regml.imaging.perturb import BIAS, Condition, bias_field, perturb, rotate
from regml.imaging.volumes import Volume


@pytest.fixture
def image() -> Volume:
    x, y, z = np.indices((21, 25, 17)) / 20.0
    return Volume((np.sin(3 * x) + y * z + 1).astype(np.float32), np.eye(4))


@pytest.fixture
def labels(image: Volume) -> Volume:
    array = np.zeros(image.shape, np.uint8)
    array[6:15, 8:16, 5:12] = 1
    return Volume(array, image.affine)


@pytest.mark.parametrize("condition", Condition)
def test_the_same_seed_gives_the_same_image(
    image: Volume, labels: Volume, condition: Condition
) -> None:
    first, second, *others = (
        perturb(image, labels, condition, seed=seed) for seed in (4, 4, 5, 6, 7, 8)
    )
    assert first[0].array.tobytes() == second[0].array.tobytes()
    assert not np.array_equal(first[0].array, image.array)
    assert len({other[0].array.tobytes() for other in others}) > 1
    assert first[0].same_grid(image)
    assert set(np.unique(first[1].array)) == {0, 1}


def test_noise_has_the_strength_it_says(image: Volume, labels: Volume) -> None:
    noisy, _ = perturb(image, labels, "noise", seed=1)
    signal = image.array - image.array.min()
    bright = signal > signal.mean()
    deviation = (noisy.array - image.array)[bright].std()
    assert signal.mean() / deviation == pytest.approx(20, rel=0.1)


def test_the_gain_reaches_its_limits(image: Volume) -> None:
    flat = Volume(np.ones(image.shape), image.affine)
    flat.array[0, 0, 0] = 0  # the darkest voxel is no signal
    gain = bias_field(flat, BIAS, np.random.default_rng(3)).array.ravel()[1:]
    assert np.abs(gain - 1).max() == pytest.approx(BIAS, rel=0.02)


def test_turning_a_quarter_four_times_changes_nothing(labels: Volume) -> None:
    array = labels.array.copy()
    array[6:8, 8:10, 5] = 2
    turned = volume = Volume(array[:17, :17, :17], labels.affine)
    for _ in range(4):
        turned = rotate(turned, 90, 2, order=0)
    assert (turned.array == volume.array).all()
    once = rotate(volume, 90, 2, order=0)
    assert (once.array == np.rot90(volume.array, 1, (0, 1))).all() or (
        once.array == np.rot90(volume.array, -1, (0, 1))
    ).all()


def test_image_and_labels_turn_together(image: Volume, labels: Volume) -> None:
    marked = Volume(labels.array * np.float32(100), labels.affine)
    turned, turned_labels = perturb(marked, labels, "rotation", seed=9)
    inside = turned.array > 50
    overlap = 2 * (inside & (turned_labels.array > 0)).sum()
    assert overlap / (inside.sum() + turned_labels.array.sum()) > 0.97


def test_an_unknown_condition_is_refused(image: Volume, labels: Volume) -> None:
    with pytest.raises(ValueError, match="fog"):
        perturb(image, labels, "fog", seed=0)
