"""From a label volume to what a user reads: one piece, one volume, one side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import ndimage

from regml.imaging.volumes import Volume

MIDLINE_MM = 5.0
"""Closer to the plane between left and right than this, no side is stated."""

LOST_ORIGIN_MM = 2.0
"""A first voxel this close to the origin on every axis means that cropping has lost
where the image lay in the patient."""


class Side(StrEnum):
    """On which side of the patient a structure lies."""

    LEFT = "left"
    RIGHT = "right"
    UNKNOWN = "unknown"
    """Nothing outlined, too close to the midline, or the position was lost."""


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """Labels with one piece each.

    Attributes:
        labels: The labels.
        removed: How many voxels were removed, by label value.
    """

    labels: Volume
    removed: Mapping[int, int]


def keep_largest(labels: Volume, values: Iterable[int]) -> Cleaned:
    """Keep the largest piece of each label; pieces touch by faces.

    Of pieces of one size, the first in array order stays.

    Args:
        labels: Label volume.
        values: Label values to clean, without the background.
    """
    array = labels.array.copy()
    removed = {}
    for value in sorted(values):
        pieces, number = ndimage.label(labels.array == value)
        sizes = np.bincount(pieces.ravel(), minlength=number + 1)
        sizes[0] = 0
        islands = (pieces > 0) & (pieces != sizes.argmax())
        array[islands] = 0
        removed[value] = int(islands.sum())
    return Cleaned(Volume(array, labels.affine), removed)


def volumes_mm3(labels: Volume, names: Mapping[int, str]) -> dict[str, float]:
    """Return the volume of each structure: voxel count times voxel volume.

    Args:
        labels: Label volume.
        names: Structure by label value.
    """
    voxel = labels.voxel_volume_mm3
    return {
        name: round(int((labels.array == value).sum()) * voxel, 1)
        for value, name in names.items()
    }


def side_of(labels: Volume) -> Side:
    """Return the side of the patient on which the outlined structure lies.

    Only the affine decides: x grows to the patient's right (RAS).
    """
    indices = np.argwhere(labels.array > 0)
    if not len(indices) or _origin_is_lost(labels):
        return Side.UNKNOWN
    centre = labels.affine @ [*indices.mean(axis=0), 1]
    if abs(centre[0]) < MIDLINE_MM:
        return Side.UNKNOWN
    return Side.RIGHT if centre[0] > 0 else Side.LEFT


def _origin_is_lost(labels: Volume) -> bool:
    """Tell whether a corner of the volume sits at the origin of the patient."""
    last = np.array(labels.shape) - 1
    corners = np.array([[*(last * bits), 1] for bits in np.ndindex(2, 2, 2)])
    places = (labels.affine @ corners.T)[:3]
    return bool((np.abs(places).max(axis=0) < LOST_ORIGIN_MM).any())
