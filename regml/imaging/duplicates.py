"""Nearly equal images: the same one under two names, or exported again.

A coarse image of 8 x 8 x 8 block means, compared by correlation, does not see noise,
another intensity scale or a changed header; an image that was moved by more than a
voxel or mirrored is not found. Two crops of one structure are alike too. So where
correlation alone does not settle it, what an image has of its own decides: the coarse
image less the mean of all.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from regml.imaging.volumes import Volume
from regml.items.data import AlikePair, Similarity

EDGE: Final = 8
"""Voxels of a coarse image along each axis."""

THRESHOLD: Final = 0.97
"""Least correlation of a duplicate."""

SETTLED: Final = 0.995
"""From this correlation on, nothing else is asked."""

OWN: Final = 0.8
"""Least correlation, less the mean of all images, where it is asked for."""

ENOUGH: Final = 8
"""So many images have to be there for their mean to say what they have in common."""

BLOCK: Final = 1024
"""How many images are compared with all others at a time."""

Coarse = NDArray[np.float32]
"""Shape (8, 8, 8)."""


def coarse(volume: Volume) -> Coarse:
    """Return the means of 8 x 8 x 8 blocks, clipped, with mean 0 and deviation 1."""
    array = volume.array.astype(np.float32)
    low, high = np.percentile(array, [0.5, 99.5])
    array = np.clip(array, low, high)
    zoom = [EDGE / size for size in array.shape]
    sigma = [max(size / EDGE - 1, 0) / 2 for size in array.shape]
    smooth = ndimage.gaussian_filter(array, sigma, mode="nearest")
    small = ndimage.zoom(smooth, zoom, order=1, grid_mode=True, mode="nearest")
    return _normal(small)


def alike(images: Mapping[str, Coarse], splits: Mapping[str, str]) -> Similarity:
    """Return the nearly equal images of different splits.

    Args:
        images: Coarse image by case.
        splits: Split by case.
    """
    names = sorted(images)
    flat = np.stack([images[name].ravel() for name in names]).astype(np.float64)
    whole = _unit(flat)
    own = _unit(flat - flat.mean(0)) if len(names) >= ENOUGH else whole
    split = np.array([splits[name] for name in names])
    nearest, pairs = -1.0, []
    for start in range(0, len(names), BLOCK):
        rows = slice(start, start + BLOCK)
        found = np.round(whole[rows] @ whole.T, 4)
        found[split[rows, None] == split[None, :]] = -1.0
        nearest = max(nearest, float(found.max()))
        for i, j in np.argwhere(found >= THRESHOLD):
            value = float(found[i, j])
            if start + i < j and (
                value >= SETTLED or round(float(own[start + i] @ own[j]), 4) >= OWN
            ):
                pair = AlikePair(
                    case=names[start + i], other=names[j], correlation=value
                )
                pairs.append(pair)
    return Similarity(
        threshold=THRESHOLD,
        nearest=nearest if len(set(split)) > 1 else None,
        pairs=tuple(pairs),
    )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows with mean 0 and length 1, so that products are correlations."""
    centred = rows - rows.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 0, length, 1))


def _normal(array: NDArray[np.float32]) -> Coarse:
    deviation = float(array.std())
    normal = (array - array.mean()) / (deviation if deviation > 0 else 1.0)
    return np.asarray(normal, np.float32)
