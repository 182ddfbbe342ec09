"""Nearly equal images are found under noise and another scale, others are not."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from regml.imaging.duplicates import THRESHOLD, alike, coarse
from regml.imaging.volumes import Volume


def image(seed: int) -> NDArray[np.float64]:
    """Return smooth structure that differs from seed to seed, on common anatomy."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in (23, 31, 19))))
    own = sum(
        random.uniform(0.5, 1) * np.exp(-((grid - place) ** 2).sum(0).T / 0.05)
        for place in random.uniform(-0.8, 0.8, (9, 3, 1, 1, 1))
    )
    common = np.exp(-(grid**2).sum(0).T / 0.3)
    return np.asarray(100 + 80 * common + 60 * own + random.normal(0, 2, own.shape))


def small(array: NDArray[Any]) -> NDArray[np.float32]:
    return coarse(Volume(array, np.eye(4)))


COPIES = {
    "the same": lambda a, r: a,
    "another scale": lambda a, r: a * 7 - 300,
    "noise": lambda a, r: a + r.normal(0, 0.15 * a.std(), a.shape),
    "gamma": lambda a, r: np.power(a - a.min() + 1, 1.1),
}


@pytest.mark.parametrize("change", sorted(COPIES))
def test_a_copy_in_another_split_is_found(change: str) -> None:
    images = {f"HV-{n:02}": small(image(n)) for n in range(12)}
    copy = COPIES[change](image(3), np.random.default_rng(1))
    images["HV-99"] = small(copy)
    splits = dict.fromkeys(images, "train") | {"HV-99": "test", "HV-05": "test"}
    found = alike(images, splits)
    assert [(pair.case, pair.other) for pair in found.pairs] == [("HV-03", "HV-99")]
    assert found.nearest == found.pairs[0].correlation >= THRESHOLD


def test_a_copy_in_the_same_split_is_none_of_its_business() -> None:
    images = {f"HV-{n:02}": small(image(n)) for n in range(10)}
    images["HV-99"] = images["HV-03"]
    splits = dict.fromkeys(images, "train") | {"HV-05": "test"}
    found = alike(images, splits)
    assert found.pairs == ()
    assert found.nearest is not None
    assert found.nearest < THRESHOLD


def test_few_images_are_compared_as_they_are() -> None:
    images = {"HV-1": small(image(1)), "HV-2": small(image(1) * 2)}
    found = alike(images, {"HV-1": "train", "HV-2": "test"})
    assert [pair.correlation for pair in found.pairs] == [1.0]


def test_one_split_has_no_nearest() -> None:
    images = {"HV-1": small(image(1)), "HV-2": small(image(2))}
    assert alike(images, dict.fromkeys(images, "train")).nearest is None


def test_an_image_without_contrast_is_like_no_other() -> None:
    images = {"HV-1": small(np.ones((9, 9, 9))), "HV-2": small(image(2))}
    assert alike(images, {"HV-1": "train", "HV-2": "test"}).pairs == ()
