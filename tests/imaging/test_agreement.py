"""Agreement against numbers worked out by hand."""

import numpy as np
import pytest

from regml.imaging.agreement import agreement, alpha, cohen_kappa, dice

NAMES = {1: "anterior", 2: "posterior"}


def test_dice_by_hand() -> None:
    first, second = np.array([1, 1, 1, 0]) > 0, np.array([0, 1, 1, 1]) > 0
    assert dice(first, second) == pytest.approx(4 / 6)


def test_two_empty_masks_say_nothing_about_agreement() -> None:
    nothing = np.zeros(4, bool)
    assert dice(nothing, nothing) is None
    assert cohen_kappa(np.zeros(4, int), np.zeros(4, int)) is None
    assert alpha([np.zeros(4, int), np.zeros(4, int)]) is None


def test_kappa_by_hand() -> None:
    # 20 + 15 of 50 agree, 25 x 30 + 25 x 20 are expected by chance
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_alpha_of_published_example() -> None:
    # Krippendorff 2011, "Computing Krippendorff's alpha-reliability", example A:
    # two observers, ten units, binary data
    first = np.array([0, 1, 0, 0, 0, 0, 0, 0, 1, 0])
    second = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    assert alpha([first, second]) == pytest.approx(0.095, abs=5e-4)


def test_equal_readers_agree_fully() -> None:
    reading = np.random.default_rng(0).integers(0, 3, (5, 6, 7))
    found = agreement([reading] * 3, NAMES)
    assert found is not None
    assert set(found.dice.values()) == {1.0}
    assert (found.kappa, found.alpha) == (1.0, 1.0)


def test_one_reader_gives_no_agreement() -> None:
    assert agreement([np.ones((2, 2, 2), int)], NAMES) is None


def test_a_structure_nobody_outlined_has_no_dice() -> None:
    reading = np.array([[[0, 1]]])
    found = agreement([reading, reading], NAMES)
    assert found is not None
    assert found.dice == {"anterior": 1.0, "posterior": None, "whole": 1.0}
