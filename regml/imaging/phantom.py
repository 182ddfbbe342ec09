"""Synthetic head MR crops with a hippocampus whose outline is known exactly.

The anatomy is a function of patient coordinates, so that it can be put on any voxel
grid without resampling: oblique or flipped axes, other spacings, other sizes.
Coordinates are in mm from the centre of the crop, axes to the patient's right,
anterior and superior (RAS).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from regml.imaging.volumes import Volume

Floats = NDArray[np.float64]


class Label(IntEnum):
    """Values in the label volume."""

    BACKGROUND = 0
    ANTERIOR = 1
    POSTERIOR = 2


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One person's hippocampus and what lies around it.

    Attributes:
        centre_mm: Middle of the hippocampus.
        length_mm: From the front of the head to the end of the tail.
        head_mm: Radius at the front.
        tail_mm: Radius at the end.
        bend_mm: How far the tail rises and swings outwards.
        split: Where along its length the anterior part ends, 0 to 1.
        side: 1 for the right, -1 for the left hippocampus.
        fold_phase: Shifts the folds of the cortex around it, in radians.
    """

    centre_mm: tuple[float, float, float]
    length_mm: float
    head_mm: float
    tail_mm: float
    bend_mm: float
    split: float
    side: int
    fold_phase: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a scanner turns tissue into intensities.

    Attributes:
        scale: Intensity of white matter, in the scanner's own unit.
        signal_to_noise: Of white matter.
        bias: Largest relative deviation of the receive field.
        contrast: How far tissues lie apart, 1 is usual.
    """

    scale: float
    signal_to_noise: float
    bias: float
    contrast: float


TISSUE = {"white": 1.0, "cortex": 0.62, "fluid": 0.22, "hippocampus": 0.68}
"""T1-weighted signal relative to white matter."""

BLUR_MM = 0.45
"""Width of the scanner's point spread, as the sigma of a Gaussian in mm."""


def random_anatomy(rng: np.random.Generator, *, side: int) -> Anatomy:
    """Return a person's anatomy; volumes are those of adults, 2.3 to 4.5 ml.

    Args:
        rng: Where chance comes from.
        side: 1 for right, -1 for left.
    """
    x, y, z = rng.normal(0, 0.9, 3)
    first, second, third = rng.uniform(0, 2 * np.pi, 3)
    return Anatomy(
        centre_mm=(float(x), float(y), float(z)),
        length_mm=float(np.clip(rng.normal(26, 1.5), 23, 29)),
        head_mm=float(np.clip(rng.normal(7.3, 0.4), 6.4, 8.2)),
        tail_mm=float(np.clip(rng.normal(4.4, 0.35), 3.6, 5.2)),
        bend_mm=float(np.clip(rng.normal(4.5, 0.8), 3, 6)),
        split=float(np.clip(rng.normal(0.45, 0.02), 0.4, 0.5)),
        side=side,
        fold_phase=(float(first), float(second), float(third)),
    )


def render(
    anatomy: Anatomy,
    scanner: Scanner,
    shape: tuple[int, int, int],
    affine: Floats,
    rng: np.random.Generator,
) -> Volume:
    """Return the image of an anatomy on a voxel grid, never negative.

    Args:
        anatomy: What is seen.
        scanner: By whom.
        shape: Number of voxels along each axis.
        affine: 4 x 4, from voxel index to RAS coordinates in mm from the crop's centre.
        rng: Where the noise comes from.
    """
    points = _grid(shape, affine)
    signal = _tissue(anatomy, scanner, points)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    signal = ndimage.gaussian_filter(signal, BLUR_MM / spacing)
    signal = signal * _bias(points, scanner.bias, rng)
    noise = rng.normal(0, 1 / scanner.signal_to_noise, (2, *shape))
    magnitude = np.hypot(signal + noise[0], noise[1])  # Rician
    return Volume((magnitude * scanner.scale).astype(np.float32), affine)


def outline(
    anatomy: Anatomy,
    shape: tuple[int, int, int],
    affine: Floats,
    *,
    margin_mm: Floats | float = 0,
) -> Volume:
    """Return the labels of an anatomy on a voxel grid.

    Args:
        anatomy: What is outlined.
        shape: Number of voxels along each axis.
        affine: 4 x 4, as for :func:`render`.
        margin_mm: How far outside (positive) or inside the boundary the outline runs;
            one number, or one for each voxel.
    """
    depth, along = _hippocampus(anatomy, _grid(shape, affine))
    labels = np.where(along < anatomy.split, Label.ANTERIOR, Label.POSTERIOR)
    labels = np.where(depth <= margin_mm, labels, Label.BACKGROUND)
    return Volume(labels.astype(np.uint8), affine)


def hand(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    *,
    wobble_mm: float,
    habit_mm: float,
) -> Floats:
    """Return by how far a reader's hand strays from the boundary, in mm, per voxel.

    Args:
        rng: Where chance comes from.
        shape: Number of voxels along each axis.
        spacing_mm: Distance between voxel centres.
        wobble_mm: Standard deviation of the displacement, smooth over some mm.
        habit_mm: How far outside the reader draws as a rule.
    """
    steps = 3.0 / np.asarray(spacing_mm)
    field: Floats = ndimage.gaussian_filter(rng.normal(size=shape), steps)
    field *= wobble_mm / field.std()
    return field + habit_mm


def _grid(shape: tuple[int, int, int], affine: Floats) -> Floats:
    """Return the coordinates of all voxel centres in mm, shape (3, I, J, K)."""
    index = np.indices(shape, dtype=np.float64)
    turned = np.einsum("ab,bijk->aijk", affine[:3, :3], index)
    points: Floats = turned + affine[:3, 3][:, None, None, None]
    return points


def _hippocampus(anatomy: Anatomy, points: Floats) -> tuple[Floats, Floats]:
    """Return the distance to the surface in mm (inside: negative) and where along it.

    The second is 0 at the front of the head and 1 at the end of the tail. The surface
    is a bent tube whose radius falls from head to tail; higher than wide at the tail.
    """
    centre = np.asarray(anatomy.centre_mm)[:, None, None, None]
    right, front, up = points - centre
    along = np.clip(0.5 - front / anatomy.length_mm, 0, 1)
    arch = anatomy.bend_mm * along**2
    across = right - anatomy.side * (0.6 * arch - 1.0)
    height = (up - (arch - 1.5)) * (1.15 - 0.2 * along)
    beyond = front - (0.5 - along) * anatomy.length_mm
    radius = anatomy.head_mm + (anatomy.tail_mm - anatomy.head_mm) * along**0.7
    distance: Floats = np.sqrt(across**2 + height**2 + beyond**2) - radius
    return distance, along


def _tissue(anatomy: Anatomy, scanner: Scanner, points: Floats) -> Floats:
    """Return the signal of each voxel before blur, bias and noise."""
    level = {name: 1 - (1 - value) * scanner.contrast for name, value in TISSUE.items()}
    depth, _ = _hippocampus(anatomy, points)
    x, y, z = points
    first, second, third = anatomy.fold_phase
    folds = (
        np.sin(x / 4.1 + 0.5 * np.sin(z / 5) + first)
        + np.sin(y / 5.2 + second)
        + np.sin(z / 4.6 + 0.4 * np.sin(y / 6) + third)
    )
    far = depth > 3.5
    signal = np.full(depth.shape, level["white"])
    signal[(folds > 0.9) & far] = level["cortex"]
    signal[(folds > 1.9) & far] = level["fluid"]
    horn = (depth > 0) & (depth < 2.2) & (anatomy.side * x > 0) & (z > -3)
    signal[horn] = level["fluid"]  # temporal horn of the ventricle
    signal[depth <= 0] = level["hippocampus"]
    return signal


def _bias(points: Floats, largest: float, rng: np.random.Generator) -> Floats:
    """Return a smooth field around 1."""
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    slope = np.einsum("a,aijk->ijk", direction, points)
    field: Floats = 1 + largest * slope / max(float(np.abs(slope).max()), 1.0)
    return field
