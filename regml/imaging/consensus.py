"""One outline from several readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regml.errors import ConfigError

Labels = NDArray[Any]

START = 0.99
"""How well every reader is thought to do before STAPLE has looked."""

CONVERGED = 1e-7
"""STAPLE stops when no entry of a reader's table moves by more."""

MAX_ROUNDS = 500
"""STAPLE stops after this many rounds at the latest."""


@dataclass(frozen=True, slots=True, eq=False)
class Staple:
    """What STAPLE found.

    Attributes:
        labels: The most probable label of each voxel.
        performance: One table per reader, reading x truth: the probability that the
            reader says ``row`` where the truth is ``column``; readers x L x L.
    """

    labels: Labels
    performance: NDArray[np.float64]


def consensus(readings: Sequence[Labels], method: str) -> Labels:
    """Return one label array, uint8, by ``majority`` or ``staple``.

    A single reading is its own consensus.

    Raises:
        ConfigError: The method has another name.
    """
    match method:
        case _ if len(readings) == 1:
            return readings[0].astype(np.uint8)
        case "majority":
            return majority(readings)
        case "staple":
            return staple(readings).labels
        case _:
            raise ConfigError(
                f"consensus {method!r} is not known; "
                "write majority or staple into the annotation protocol"
            )


def majority(readings: Sequence[Labels]) -> Labels:
    """Return the label that more than any other was chosen, uint8.

    A tie, also one between two structures, becomes background.
    """
    size = max(int(reading.max()) for reading in readings) + 1
    votes = np.stack(
        [sum((r == value).astype(np.uint8) for r in readings) for value in range(size)]
    )
    winner = votes.argmax(0)
    tied = (votes == votes.max(0)).sum(0) > 1
    return np.where(tied, 0, winner).astype(np.uint8)


def staple(readings: Sequence[Labels]) -> Staple:
    """Weigh readers by how well they do, and label each voxel accordingly.

    Expectation maximisation after Warfield, Zou and Wells, "Simultaneous truth and
    performance level estimation (STAPLE)", IEEE TMI 23 (2004), for several labels and
    with a prior that is the same in each voxel. Only the box around all outlines is
    looked at: far background would drown the readers' differences. Voxels with the
    same readings are one case with a count, so the cost hardly depends on the size.
    """
    size = max(int(reading.max()) for reading in readings) + 1
    stack = np.stack([reading.astype(np.int64) for reading in readings])
    box = _box(np.any(stack, axis=0))
    inside = stack[(slice(None), *box)].reshape(len(readings), -1)
    index = np.zeros(inside.shape[1], dtype=np.int64)
    for row in inside:  # voxels with the same readings so far have the same number
        index = np.unique(index * size + row, return_inverse=True)[1]
    _, first, counts = np.unique(index, return_index=True, return_counts=True)
    performance, truth = _maximise(inside[:, first], counts, size)
    labels = np.zeros(stack.shape[1:], dtype=np.uint8)
    best = truth.argmax(0).astype(np.uint8)
    labels[box] = best[index].reshape(labels[box].shape)
    return Staple(labels, performance)


def _maximise(
    patterns: NDArray[np.int64], counts: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the readers' tables and the probability of each label, L x patterns.

    Args:
        patterns: Readings that occur, readers x patterns.
        counts: How many voxels have them.
        size: Number of labels L with the background.
    """
    readers = len(patterns)
    prior = np.array([(counts * (patterns == s)).sum() for s in range(size)], float)
    prior /= prior.sum()
    performance = np.full((readers, size, size), (1 - START) / max(size - 1, 1))
    performance[:, range(size), range(size)] = START
    truth = _expect(patterns, prior, performance)
    for _ in range(MAX_ROUNDS):
        weights = truth * counts
        updated = performance.copy()
        total = weights.sum(1)
        seen = total > 0
        for reader, row in enumerate(patterns):
            for said in range(size):
                chosen = weights[:, row == said].sum(1)
                updated[reader, said, seen] = chosen[seen] / total[seen]
        moved = np.abs(updated - performance).max()
        performance, truth = updated, _expect(patterns, prior, updated)
        if moved < CONVERGED:
            break
    return performance, truth


def _expect(
    patterns: NDArray[np.int64],
    prior: NDArray[np.float64],
    performance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the probability of each label given the readings, L x patterns."""
    joint = np.repeat(prior[:, None], patterns.shape[1], axis=1)
    for table, row in zip(performance, patterns, strict=True):
        joint *= table[row].T
    total = joint.sum(0)
    truth = np.zeros_like(joint)
    np.divide(joint, total, out=truth, where=total > 0)
    return truth


def _box(mask: NDArray[Any]) -> tuple[slice, ...]:
    """Return the smallest box around a mask, one voxel wider; all when empty."""
    if not mask.any():
        return tuple(slice(0, n) for n in mask.shape)
    return tuple(
        slice(max(int(axis.min()) - 1, 0), int(axis.max()) + 2)
        for axis in np.nonzero(mask)
    )
