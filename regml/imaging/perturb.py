"""What everyday scanning does to an image: noise, uneven coils, a tilted head.

Each change is a function of the image, its name and a seed alone, so a robustness
result can be repeated to the last bit.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from regml.imaging.volumes import Volume


class Condition(StrEnum):
    """Conditions that acceptance criteria may name."""

    NOISE = "noise"
    """Rician noise at a signal-to-noise ratio of 20."""
    BIAS_FIELD = "bias_field"
    """Smooth gain from 0.8 to 1.2 over the volume."""
    ROTATION = "rotation"
    """Head turned by 10 degrees about one axis of the patient, labels with it."""


SNR = 20.0
"""Mean signal over standard deviation of the noise."""

BIAS = 0.2
"""Largest deviation of the gain from 1."""

DEGREES = 10.0
"""Angle of rotation; the sign and the axis follow the seed."""


def perturb(
    image: Volume, labels: Volume, condition: Condition | str, *, seed: int
) -> tuple[Volume, Volume]:
    """Return image and labels under a condition; shapes and affines stay.

    Args:
        image: Intensities; also normalised ones, normalise again afterwards.
        labels: Labels on the same grid.
        condition: Which condition.
        seed: Another seed gives other noise, another field, another axis.

    Raises:
        ValueError: The condition is not known.
    """
    random = np.random.default_rng(seed)
    match Condition(condition):
        case Condition.NOISE:
            return rician_noise(image, SNR, random), labels
        case Condition.BIAS_FIELD:
            return bias_field(image, BIAS, random), labels
        case Condition.ROTATION:
            axis = int(random.integers(3))
            degrees = DEGREES * float(random.choice([-1.0, 1.0]))
            turned = rotate(image, degrees, axis, order=1)
            return turned, rotate(labels, degrees, axis, order=0)


def rician_noise(image: Volume, snr: float, random: np.random.Generator) -> Volume:
    """Add noise as in a magnitude image: the length of a noisy complex signal.

    Args:
        image: Intensities; the darkest voxel counts as no signal.
        snr: Mean signal over the standard deviation in each channel.
        random: Where the noise comes from.
    """
    floor = float(image.array.min())
    signal = image.array.astype(np.float64) - floor
    sigma = signal.mean() / snr
    real = signal + random.normal(0.0, 1.0, image.shape) * sigma
    imaginary = random.normal(0.0, 1.0, image.shape) * sigma
    noisy = np.hypot(real, imaginary) + floor
    return Volume(noisy.astype(np.float32), image.affine)


def bias_field(image: Volume, strength: float, random: np.random.Generator) -> Volume:
    """Multiply by a smooth gain, a random polynomial of order 2 in the coordinates.

    Args:
        image: Intensities; the darkest voxel counts as no signal.
        strength: Largest deviation of the gain from 1, reached somewhere.
        random: Where the polynomial comes from.
    """
    floor = float(image.array.min())
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape), indexing="ij")
    terms = np.stack([x, y, z, x * y, x * z, y * z, x * x, y * y, z * z])
    field: NDArray[np.float64] = np.tensordot(
        random.uniform(-1, 1, len(terms)), terms, 1
    )
    field -= (field.max() + field.min()) / 2
    gain = 1 + strength * field / np.abs(field).max()
    lit = (image.array.astype(np.float64) - floor) * gain + floor
    return Volume(lit.astype(np.float32), image.affine)


def rotate(volume: Volume, degrees: float, axis: int, *, order: int) -> Volume:
    """Turn the content about an axis through the centre of the volume, in mm.

    Args:
        volume: Intensities or labels.
        degrees: Angle, right-handed about the array axis.
        axis: Array axis that stays in place, 0 to 2.
        order: 0 for labels (nearest voxel, background beyond the edge), 1 for
            intensities (linear, edge voxels go on).
    """
    first, second = (other for other in range(3) if other != axis)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = cosine
    turn[first, second], turn[second, first] = sine, -sine
    spacing = np.array(volume.spacing_mm)
    matrix = turn * spacing[None, :] / spacing[:, None]
    centre = (np.array(volume.shape) - 1) / 2
    values = volume.array if order == 0 else volume.array.astype(np.float64)
    turned = ndimage.affine_transform(
        values,
        matrix,
        centre - matrix @ centre,
        order=order,
        mode="constant" if order == 0 else "nearest",
    )
    return Volume(turned.astype(volume.array.dtype), volume.affine)
