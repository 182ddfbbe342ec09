"""Consensus: ties are background, good readers count more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from regml.errors import ConfigError
from regml.imaging.consensus import consensus, majority, staple


def readers_of(
    truth: NDArray[np.uint8], quality: list[float]
) -> list[NDArray[np.uint8]]:
    """Return readings that are right with the given probability per voxel."""
    random = np.random.default_rng(7)
    return [
        np.where(
            random.random(truth.shape) < q, truth, random.integers(0, 3, truth.shape)
        ).astype(np.uint8)
        for q in quality
    ]


@pytest.fixture
def truth() -> NDArray[np.uint8]:
    labels = np.zeros((14, 15, 9), np.uint8)
    labels[3:11, 3:8, 2:7] = 1
    labels[3:11, 8:12, 2:7] = 2
    return labels


def test_majority_needs_more_votes_than_any_other() -> None:
    votes = [
        np.array(row) for row in ([1, 1, 0, 1, 2], [1, 0, 0, 2, 2], [2, 0, 1, 0, 2])
    ]
    assert majority(votes).tolist() == [1, 0, 0, 0, 2]
    assert majority(votes[:2]).tolist() == [1, 0, 0, 0, 2]


def test_staple_knows_good_readers_from_bad_ones(truth: NDArray[np.uint8]) -> None:
    quality = [0.97, 0.9, 0.8, 0.8, 0.5]
    readings = readers_of(truth, quality)
    found = staple(readings)
    right = np.diagonal(found.performance, axis1=1, axis2=2)
    expected = np.array(quality) + (1 - np.array(quality)) / 3
    np.testing.assert_allclose(right.mean(1), expected, atol=0.05)
    np.testing.assert_allclose(found.performance.sum(1), 1, atol=1e-6)
    assert (found.labels == truth).mean() > (majority(readings) == truth).mean()


def test_staple_of_equal_readings_is_that_reading(truth: NDArray[np.uint8]) -> None:
    assert (staple([truth] * 2).labels == truth).all()


def test_staple_of_nothing_is_nothing() -> None:
    assert not staple([np.zeros((4, 5, 6), np.uint8)] * 2).labels.any()


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.uint8, (3, 4, 3, 3), elements=st.integers(0, 2)),
    st.sampled_from(["majority", "staple"]),
)
def test_a_consensus_invents_no_label(readings: NDArray[np.uint8], method: str) -> None:
    found = consensus(list(readings), method)
    assert found.dtype == np.uint8
    agreed = (readings == readings[0]).all(0)
    if method == "majority":
        assert (found[agreed] == readings[0][agreed]).all()
    assert set(np.unique(found)) <= set(np.unique(readings)) | {0}


def test_one_reading_is_its_own_consensus() -> None:
    reading = np.array([[[0, 2, 1]]])
    assert (consensus([reading], "staple") == reading).all()


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="majority or staple"):
        consensus([np.zeros((1, 1, 1))] * 2, "median")
