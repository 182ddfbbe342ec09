"""Volumetry: from the network's labels to a mask, a side and volumes."""

from collections.abc import Mapping
from dataclasses import dataclass

from hippovol.result import StructureVolume
from regml.imaging.postprocess import Side, keep_largest, side_of, volumes_mm3
from regml.imaging.volumes import GridChange, Volume, back_to_source

STRUCTURES = {1: "anterior", 2: "posterior"}
"""Name of each label value."""

WHOLE = "whole"
"""Name of all labels together."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A cleaned segmentation and what was measured on it.

    Attributes:
        labels: Cleaned labels on the network's grid.
        mask: The same on the grid of the input.
        side: Side of the patient, from patient coordinates alone.
        volumes: Anterior, posterior, whole; counted on ``mask``.
    """

    labels: Volume
    mask: Volume
    side: Side
    volumes: tuple[StructureVolume, ...]

    def volume(self, structure: str) -> StructureVolume:
        """Return the row of one structure.

        Raises:
            KeyError: There is no such structure.
        """
        return {row.structure: row for row in self.volumes}[structure]


# regml: implements SRS-006
# regml: implements SRS-008
# regml: implements SRS-009
def measure(labels: Volume, change: GridChange) -> Measured:
    """Clean the network's labels, bring them back to the input and measure them.

    Args:
        labels: Label per voxel on the network's grid.
        change: From the input's grid to the network's.
    """
    cleaned = keep_largest(labels, STRUCTURES)
    mask = back_to_source(cleaned.labels, change)
    return Measured(
        labels=cleaned.labels,
        mask=mask,
        side=side_of(mask),
        volumes=volumes_of(mask, cleaned.removed),
    )


# regml: implements SRS-007
def volumes_of(mask: Volume, removed: Mapping[int, int]) -> tuple[StructureVolume, ...]:
    """Return the volume of each structure and of all together.

    Args:
        mask: Labels on the grid of the input.
        removed: Voxels that cleaning removed, by label value.
    """
    counts = {name: int((mask.array == n).sum()) for n, name in STRUCTURES.items()}
    counts[WHOLE] = sum(counts.values())
    gone = {name: removed[value] for value, name in STRUCTURES.items()}
    gone[WHOLE] = sum(gone.values())
    mm3 = volumes_mm3(mask, STRUCTURES)
    mm3[WHOLE] = round(counts[WHOLE] * mask.voxel_volume_mm3, 1)
    return tuple(
        StructureVolume(
            structure=name,
            voxels=counts[name],
            mm3=mm3[name],
            cm3=round(mm3[name] / 1000, 2),
            removed_voxels=gone[name],
        )
        for name in counts
    )
