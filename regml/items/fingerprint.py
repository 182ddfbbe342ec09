"""The fingerprint of a training set: what a network's shape is planned from.

The idea is that of nnU-Net (Isensee et al., Nature Methods 18, 2021). Only training
cases count; their names stand in it, so that this can be checked.
"""

from regml.items.base import Line, Strict

Triple = tuple[float, float, float]
"""One number per axis i, j, k."""


class Spread(Strict):
    """How some numbers are spread."""

    mean: float
    std: float
    percentile_00_5: float
    median: float
    percentile_99_5: float


class Fingerprint(Strict):
    """What a training set looks like on the common grid.

    Attributes:
        cases: The training cases it was taken from, sorted.
        spacing_mm: Voxel spacing of the common grid.
        source_spacing_mm: Median spacing of the series as acquired, in RAS order.
        min_shape: Smallest extent on each axis, in voxels.
        median_shape: Median extent on each axis.
        max_shape: Largest extent on each axis.
        max_foreground_extent: Largest box around the foreground on each axis.
        intensity: Normalised intensities of the foreground.
        label_names: Structure by voxel value; 0 is ``background``.
        label_voxels: Number of voxels by structure.
        label_fraction: Share of all voxels by structure.
        label_cases: In how many cases each structure occurs.
    """

    cases: tuple[Line, ...]
    spacing_mm: Triple
    source_spacing_mm: Triple
    min_shape: tuple[int, int, int]
    median_shape: Triple
    max_shape: tuple[int, int, int]
    max_foreground_extent: tuple[int, int, int]
    intensity: Spread
    label_names: dict[int, Line]
    label_voxels: dict[str, int]
    label_fraction: dict[str, float]
    label_cases: dict[str, int]

    @property
    def labels(self) -> dict[str, int]:
        """Voxel value of each structure by name, without the background."""
        return {
            name: value for value, name in sorted(self.label_names.items()) if value > 0
        }
