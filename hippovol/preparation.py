"""Preparation: from the image as it came to what the network was trained on."""

from dataclasses import dataclass

from regml.imaging.preparation import preparation
from regml.imaging.volumes import (
    GridChange,
    Interpolation,
    Volume,
    normalise,
    to_model_grid,
)
from regml.items.data import Preparation

SPACING_MM = 1.0
"""Voxel spacing of the network's grid on all axes."""

CLIP_PERCENTILES = (0.5, 99.5)
"""Intensities of a volume beyond its own percentiles are clipped."""

INTERPOLATION: Interpolation = "cubic"
"""How intensities between voxel centres are found."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An image ready for the network.

    Attributes:
        resampled: Intensities as they came, RAS, 1 mm.
        normalised: The same with mean 0 and standard deviation 1.
        change: How to bring a mask back on the input's grid.
    """

    resampled: Volume
    normalised: Volume
    change: GridChange


# regml: implements SRS-003
# regml: implements SRS-004
def prepare(volume: Volume) -> Prepared:
    """Return the image on the network's grid with normalised intensities.

    Raises:
        ImageError: All voxels have the same value.
    """
    resampled, change = to_model_grid(volume, SPACING_MM, interpolation=INTERPOLATION)
    return Prepared(resampled, normalise(resampled, CLIP_PERCENTILES), change)


def device_preparation() -> Preparation:
    """Return what is done to an image, to compare it with the training images."""
    return preparation(
        spacing_mm=SPACING_MM,
        interpolation=INTERPOLATION,
        clip_percentiles=CLIP_PERCENTILES,
    )
