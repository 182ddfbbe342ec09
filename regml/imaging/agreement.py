"""How far readers agree on the same image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE = "whole"
"""Name of the union of all labels."""

Labels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two or more readers on one image.

    Attributes:
        dice: Mean over pairs of readers, by label and for ``whole``; ``None`` where
            no pair outlined anything.
        kappa: Mean Cohen's kappa over pairs; ``None`` where only one label occurs.
        alpha: Krippendorff's alpha for nominal values; ``None`` likewise.
    """

    dice: Mapping[str, float | None]
    kappa: float | None
    alpha: float | None


def agreement(readings: Sequence[Labels], names: Mapping[int, str]) -> Agreement | None:
    """Return how far readers agree; ``None`` for fewer than two of them.

    Kappa and alpha count every voxel of the image, so they depend on how much
    background the image shows; Dice does not.

    Args:
        readings: One label array per reader, all of one shape.
        names: Name of each label by its voxel value.
    """
    if len(readings) < 2:
        return None
    pairs = list(combinations(readings, 2))
    by_label = {
        name: _mean([dice(a == value, b == value) for a, b in pairs])
        for value, name in names.items()
    }
    whole = _mean([dice(a > 0, b > 0) for a, b in pairs])
    kappas = [cohen_kappa(a, b) for a, b in pairs]
    return Agreement(by_label | {WHOLE: whole}, _mean(kappas), alpha(readings))


def dice(first: Labels, second: Labels) -> float | None:
    """Return the Dice coefficient of two masks; ``None`` when both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else None


def cohen_kappa(first: Labels, second: Labels) -> float | None:
    """Return Cohen's kappa of two readers over all voxels; ``None`` if undefined."""
    table = _confusion(first, second)
    total = table.sum()
    observed = np.trace(table) / total
    expected = (table.sum(0) @ table.sum(1)) / total**2
    return float((observed - expected) / (1 - expected)) if expected < 1 else None


def alpha(readings: Sequence[Labels]) -> float | None:
    """Return Krippendorff's alpha of nominal values over all voxels.

    Every reader has labelled every voxel. ``None`` when only one value occurs.
    """
    size = max(int(reading.max()) for reading in readings) + 1
    counts = np.stack(
        [sum((r == value).astype(np.int64) for r in readings) for value in range(size)],
        axis=-1,
    ).reshape(-1, size)  # voxel x value: how many readers chose it
    readers, voxels = len(readings), len(counts)
    totals = counts.sum(0)
    pairs = readers * voxels
    agreeing = (counts * (counts - 1)).sum() / (readers - 1)
    chance = (totals * (totals - 1)).sum() / (pairs - 1)
    return float((agreeing - chance) / (pairs - chance)) if chance < pairs else None


def _confusion(first: Labels, second: Labels) -> NDArray[np.float64]:
    """Return how many voxels got which pair of values, values x values."""
    size = int(max(first.max(), second.max())) + 1
    code = first.astype(np.int64) * size + second
    counts = np.bincount(code.ravel(), minlength=size * size)
    return counts.reshape(size, size).astype(np.float64)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
