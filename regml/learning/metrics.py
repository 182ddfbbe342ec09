"""How well two masks agree, in the units people state requirements in.

Two empty masks agree fully: Dice and surface Dice 1, distance 0. When only one is
empty, both scores are 0 and the distance is the diagonal of the volume in mm: the
worst that this volume can show, so that a miss is never left out of a mean.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from regml.learning.data import Labels

Mask = NDArray[np.bool_]

WHOLE = "whole"
"""Name of all labels taken together."""


def case_metrics(
    found: Labels,
    reference: Labels,
    *,
    labels: Mapping[str, int],
    spacing_mm: Sequence[float],
    tolerance_mm: float = 1.0,
) -> dict[str, dict[str, float]]:
    """Return every metric of every label, and of ``whole``.

    Args:
        found: Label of each voxel as segmented, shape I J K.
        reference: The same as outlined by readers.
        labels: Voxel value of each label by name.
        spacing_mm: Between voxel centres along i, j, k.
        tolerance_mm: Of the normalised surface Dice.
    """
    masks = {
        name: (found == value, reference == value) for name, value in labels.items()
    }
    masks[WHOLE] = (found > 0, reference > 0)
    return {
        name: mask_metrics(a, b, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
        for name, (a, b) in masks.items()
    }


def mask_metrics(
    found: Mask,
    reference: Mask,
    *,
    spacing_mm: Sequence[float],
    tolerance_mm: float = 1.0,
) -> dict[str, float]:
    """Return overlap, surface and volume metrics of one mask.

    ``volume_error_percent`` is signed and relative to the reference; where that is
    empty it is left out, unless both are empty (0).
    """
    voxel_mm3 = math.prod(spacing_mm)
    volume, expected = (float(mask.sum()) * voxel_mm3 for mask in (found, reference))
    there, back = surface_distances_mm(found, reference, spacing_mm=spacing_mm)
    metrics = {
        "dice": dice(found, reference),
        "hd95_mm": hausdorff95_mm(there, back),
        "nsd": surface_dice(there, back, tolerance_mm=tolerance_mm),
        "volume_mm3": volume,
        "reference_mm3": expected,
    }
    if expected or not volume:
        error = 100 * (volume - expected) / expected if expected else 0.0
        metrics["volume_error_percent"] = error
    return metrics


def dice(found: Mask, reference: Mask) -> float:
    """Return the Dice coefficient; two empty masks give 1, one gives 0."""
    total = int(found.sum()) + int(reference.sum())
    return 2 * int((found & reference).sum()) / total if total else 1.0


def hausdorff95_mm(there: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    """Return the larger 95th percentile of the distances in both directions, in mm."""
    if not len(there) and not len(back):
        return 0.0
    return max(float(np.percentile(side, 95)) for side in (there, back) if len(side))


def surface_dice(
    there: NDArray[np.float64], back: NDArray[np.float64], *, tolerance_mm: float
) -> float:
    """Return the share of both surfaces that lies within the tolerance."""
    total = len(there) + len(back)
    if not total:
        return 1.0
    near = int((there <= tolerance_mm).sum()) + int((back <= tolerance_mm).sum())
    return near / total


def surface_distances_mm(
    found: Mask, reference: Mask, *, spacing_mm: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance of each surface voxel to the other surface, both ways.

    A surface voxel is one that lacks a face neighbour of its mask. Where one mask is
    empty, each voxel of the other is as far away as the volume's diagonal is long.
    """
    box = _bounding_box(found | reference)
    surfaces = [_surface(mask[box]) for mask in (found, reference)]
    if not all(surface.any() for surface in surfaces):
        edges = zip(found.shape, spacing_mm, strict=True)
        diagonal = math.hypot(*(size * mm for size, mm in edges))
        there, back = (np.full(int(s.sum()), diagonal) for s in surfaces)
        return there, back
    there, back = (
        np.asarray(distance_transform_edt(~other, sampling=spacing_mm)[own])
        for own, other in (surfaces, surfaces[::-1])
    )
    return there, back


def _surface(mask: Mask) -> Mask:
    return np.asarray(mask & ~binary_erosion(mask), dtype=np.bool_)


def _bounding_box(mask: Mask) -> tuple[slice, ...]:
    """Return the smallest box with all of the mask; all of it where it is empty."""
    if not mask.any():
        return (slice(None),) * mask.ndim
    places = np.nonzero(mask)
    return tuple(slice(int(p.min()), int(p.max()) + 1) for p in places)
