"""Outlines in NIfTI: one file per reader and series, one value per structure."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regml.errors import BrokenFileError
from regml.imaging.annotations.problems import AnnotationError, Kind
from regml.imaging.volumes import (
    AFFINE_TOLERANCE,
    ImageError,
    Volume,
    load_nifti,
    ordered_as,
    to_ras,
)

SUFFIXES = (".nii.gz", ".nii")
"""How the names of these files end; what stands before is the series UID."""


def series_of(path: Path) -> str:
    """Return the Series Instance UID that a label file is named after."""
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    raise ValueError(f"{path.name} is not a NIfTI file")


def read_labels(
    path: Path, image: Volume, values: Collection[int]
) -> NDArray[np.uint8]:
    """Return labels on the voxel grid of their image.

    Axes in another order or direction are no obstacle as long as the voxels lie at
    the same places.

    Args:
        path: The label file.
        image: The image it belongs to.
        values: Label values of the protocol, without the background.

    Raises:
        AnnotationError: It cannot be read, lies on another grid, or has other values.
    """
    try:
        labels = load_nifti(path)
    except (BrokenFileError, ImageError) as error:
        raise AnnotationError(
            Kind.UNREADABLE,
            "is not a NIfTI file with one volume.",
            "Export the outline again.",
        ) from error
    _check_grid(labels, image)
    _check_values(labels.array, values)
    return ordered_as(labels, image).array.astype(np.uint8)


def _check_grid(labels: Volume, image: Volume) -> None:
    ours, theirs = to_ras(labels), to_ras(image)
    if ours.shape != theirs.shape:
        raise AnnotationError(
            Kind.GRID,
            f"has the shape {_times(ours.shape)}, its image {_times(theirs.shape)} "
            "(right x anterior x superior).",
            "Export the outline on the grid of the series it was drawn on.",
        )
    if not ours.same_grid(theirs, tolerance=AFFINE_TOLERANCE):
        away = float(np.abs(ours.affine - theirs.affine).max())
        raise AnnotationError(
            Kind.GRID,
            f"has an affine that differs from its image by up to {away:.4g}, "
            f"more than {AFFINE_TOLERANCE:g}.",
            "Export the outline on the grid of the series it was drawn on.",
        )


def _check_values(array: NDArray[Any], values: Collection[int]) -> None:
    strange = sorted(set(np.unique(array).tolist()) - {0, *values})
    if strange:
        shown = ", ".join(f"{value:g}" for value in strange[:5])
        known = ", ".join(map(str, sorted(values)))
        raise AnnotationError(
            Kind.VALUES,
            f"has voxel values that the protocol does not know: {shown}.",
            f"Map them to {known} or add them to the annotation protocol.",
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
