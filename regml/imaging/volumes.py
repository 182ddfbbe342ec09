"""A volume: voxels and where they lie in the patient.

Array order is (i, j, k); the affine is 4 x 4, from voxel index to patient coordinates
in mm, with axes to the patient's right, anterior and superior (RAS), as in NIfTI.
"""

import gzip
import io
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from regml.errors import BrokenFileError, DataError
from regml.imaging.outputs import write_whole
from regml.imaging.params import GeometryLimits

nib: Any = nibabel
"""The library without its types: they cover only a part of it."""

AFFINE_TOLERANCE = 1e-3
"""Two affines are the same when no entry differs by more, in mm."""

Interpolation = Literal["nearest", "linear", "cubic"]
"""How values between voxel centres are found."""

_ORDER: dict[Interpolation, int] = {"nearest": 0, "linear": 1, "cubic": 3}


class Reason(StrEnum):
    """Why an image is not accepted."""

    UNREADABLE = "unreadable"
    """A file is not DICOM or not NIfTI, or its pixels cannot be decoded."""
    MODALITY = "modality"
    """Not MR."""
    NOT_GREYSCALE = "not-greyscale"
    """Colour, or several values per pixel."""
    MULTI_FRAME = "multi-frame"
    """An enhanced multi-frame object; one slice per file is needed."""
    MIXED_SERIES = "mixed-series"
    """Files of several series, patients or orientations in one folder."""
    NOT_ONE_VOLUME = "not-one-volume"
    """Several volumes, e.g. a time series."""
    TOO_FEW_SLICES = "too-few-slices"
    """Not enough slices to make a volume."""
    DUPLICATE_SLICE = "duplicate-slice"
    """Two slices at the same place."""
    MISSING_SLICE = "missing-slice"
    """A gap of a slice or more."""
    UNEVEN_SLICES = "uneven-slices"
    """Distances between slices differ."""
    SHEARED = "sheared"
    """Directions are not orthonormal, e.g. a tilted gantry."""
    SPACING = "spacing"
    """Voxel spacing outside the limits."""
    TOO_SMALL = "too-small"
    """Too few voxels along an axis."""
    NOT_FINITE = "not-finite"
    """A voxel is infinite or not a number."""
    NO_CONTRAST = "no-contrast"
    """All voxels have the same value."""


class ImageError(DataError):
    """An image is not accepted.

    Attributes:
        code: The reason, one of :class:`Reason`.
    """

    def __init__(self, code: Reason, message: str) -> None:
        self.code = code
        super().__init__(f"{message} [{code}]")


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxels and where they lie.

    Attributes:
        array: Voxel values, shape (I, J, K).
        affine: 4 x 4, from voxel index to RAS coordinates in mm.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along each axis."""
        i, j, k = self.array.shape
        return i, j, k

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along each axis."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def same_grid(
        self, other: "Volume", *, tolerance: float = AFFINE_TOLERANCE
    ) -> bool:
        """Tell whether shape and affine are those of another volume."""
        return self.array.shape == other.array.shape and bool(
            np.abs(self.affine - other.affine).max() <= tolerance
        )


@dataclass(frozen=True, slots=True, eq=False)
class GridChange:
    """From which grid to which a volume was brought; enough to go back.

    Attributes:
        source_shape: Shape before.
        source_affine: Affine before.
        model_shape: Shape after.
        model_affine: Affine after.
    """

    source_shape: tuple[int, int, int]
    source_affine: NDArray[np.float64]
    model_shape: tuple[int, int, int]
    model_affine: NDArray[np.float64]


def load_nifti(path: Path) -> Volume:
    """Return the volume in a NIfTI file, voxels in the file's own type.

    Raises:
        BrokenFileError: The file cannot be read.
        ImageError: It does not hold one volume.
    """
    try:
        image = nib.load(path)
        array = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, dtype=np.float64)
    except (OSError, EOFError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise BrokenFileError(
            path, "is not a readable NIfTI file.", remedy="Export it again."
        ) from error
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim != 3:
        raise ImageError(
            Reason.NOT_ONE_VOLUME, f"{path}: holds {array.ndim} dimensions, not 3."
        )
    return Volume(array, affine)


def save_nifti(path: Path, volume: Volume) -> None:
    """Write a volume as ``.nii.gz``; the same volume gives the same bytes."""
    write_whole(path, nifti_bytes(volume))


def nifti_bytes(volume: Volume) -> bytes:
    """Return a volume as gzipped NIfTI without name and time in the gzip header."""
    image = nib.Nifti1Image(volume.array, volume.affine)
    image.set_qform(volume.affine, code=1)
    image.set_sform(volume.affine, code=1)
    image.header.set_xyzt_units("mm")
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=buffer, mtime=0) as stream:
        stream.write(image.to_bytes())
    return buffer.getvalue()


def geometry_problems(volume: Volume, limits: GeometryLimits) -> tuple[Reason, ...]:
    """Return why the grid of a volume is not accepted; empty when it is."""
    directions = volume.affine[:3, :3] / np.asarray(volume.spacing_mm)
    deviation = np.abs(directions.T @ directions - np.eye(3)).max()
    low, high = limits.min_spacing_mm, limits.max_spacing_mm
    slack = AFFINE_TOLERANCE
    checks = {
        Reason.SPACING: any(
            not low - slack <= step <= high + slack for step in volume.spacing_mm
        ),
        Reason.SHEARED: not deviation <= limits.direction_tolerance,
        Reason.TOO_SMALL: min(volume.shape) < limits.min_voxels,
        Reason.NOT_FINITE: not np.isfinite(volume.array).all(),
    }
    return tuple(reason for reason, broken in checks.items() if broken)


def to_ras(volume: Volume) -> Volume:
    """Return the volume with its axes flipped and permuted to be closest to RAS."""
    orientation = nib.orientations.io_orientation(volume.affine)
    array = nib.orientations.apply_orientation(volume.array, orientation)
    change = nib.orientations.inv_ornt_aff(orientation, volume.shape)
    return Volume(np.ascontiguousarray(array), volume.affine @ change)


def ordered_as(volume: Volume, reference: Volume) -> Volume:
    """Return the volume with its axes in the order and direction of another one."""
    upright = to_ras(volume)
    orientation = nib.orientations.io_orientation(reference.affine)
    back = np.empty_like(orientation)
    for axis, (target, flip) in enumerate(orientation):
        back[int(target)] = [axis, flip]
    array = nib.orientations.apply_orientation(upright.array, back)
    change = nib.orientations.inv_ornt_aff(back, upright.shape)
    return Volume(np.ascontiguousarray(array), upright.affine @ change)


def resample(
    volume: Volume,
    spacing_mm: tuple[float, float, float],
    *,
    interpolation: Interpolation = "linear",
) -> Volume:
    """Return the volume on a grid with the given voxel spacing.

    Args:
        volume: Intensities.
        spacing_mm: Distance between voxel centres, same axes.
        interpolation: For labels use :func:`resample_labels`.

    Returns:
        A volume with the same directions and the same centre; its shape is the
        smallest that covers the input.

    Raises:
        ValueError: A spacing is not positive.
    """
    shape, affine = _grid_with_spacing(volume, spacing_mm)
    return resample_onto(volume, shape, affine, interpolation=interpolation)


def resample_onto(
    volume: Volume,
    shape: tuple[int, int, int],
    affine: NDArray[np.float64],
    *,
    interpolation: Interpolation = "linear",
) -> Volume:
    """Return intensities on another grid, float32; edge voxels go on outside."""
    if volume.same_grid(Volume(np.empty(shape, np.bool_), affine), tolerance=1e-9):
        return Volume(volume.array.astype(np.float32), affine)
    order = _ORDER[interpolation]
    values = volume.array.astype(np.float64)
    array = _sample(values, volume.affine, shape, affine, order)
    return Volume(array.astype(np.float32), affine)


def resample_labels(
    labels: Volume, shape: tuple[int, int, int], affine: NDArray[np.float64]
) -> Volume:
    """Return labels on another grid: the largest share, by cubic splines, wins.

    Linear shares are too small wherever a surface is curved, so that a small structure
    loses volume on the way to another grid and again on the way back; cubic splines
    keep it. Ties go to the smaller value, so to the background first.
    """
    if labels.same_grid(Volume(np.empty(shape, np.bool_), affine), tolerance=1e-9):
        return Volume(labels.array.copy(), affine)
    best = np.full(shape, -np.inf)
    result = np.zeros(shape, dtype=labels.array.dtype)
    for value in np.union1d(labels.array, [0]):
        member = (labels.array == value).astype(np.float64)
        share = _sample(member, labels.affine, shape, affine, _ORDER["cubic"])
        wins = share > best + 1e-9
        best[wins], result[wins] = share[wins], value
    return Volume(result, affine)


def to_model_grid(
    volume: Volume, spacing_mm: float, *, interpolation: Interpolation = "cubic"
) -> tuple[Volume, GridChange]:
    """Return the volume in RAS order with equal spacing, and how to go back.

    Args:
        volume: Intensities, any orientation.
        spacing_mm: Voxel spacing of the result on all axes.
        interpolation: How intensities are interpolated.
    """
    upright = to_ras(volume)
    model = resample(upright, (spacing_mm,) * 3, interpolation=interpolation)
    return model, GridChange(volume.shape, volume.affine, model.shape, model.affine)


def labels_to_model_grid(labels: Volume, change: GridChange) -> Volume:
    """Return labels on the model grid of the image they belong to."""
    return resample_labels(to_ras(labels), change.model_shape, change.model_affine)


def back_to_source(labels: Volume, change: GridChange) -> Volume:
    """Return labels from the model grid on the grid the image came with.

    Raises:
        ValueError: The labels do not lie on the model grid of ``change``.
    """
    model = Volume(np.empty(change.model_shape, np.bool_), change.model_affine)
    if not labels.same_grid(model):
        raise ValueError("the labels do not lie on the model grid")
    source = Volume(np.empty(change.source_shape, np.bool_), change.source_affine)
    upright = to_ras(source)
    back = resample_labels(labels, upright.shape, upright.affine)
    return Volume(ordered_as(back, source).array, change.source_affine)


def normalise(volume: Volume, percentiles: tuple[float, float] = (0.5, 99.5)) -> Volume:
    """Return intensities clipped and brought to mean 0 and standard deviation 1.

    Only the volume's own intensities count, so that nothing is learned from others.

    Args:
        volume: Intensities in any unit.
        percentiles: Lower and upper percentile to clip at, 0 to 100.

    Raises:
        ImageError: Nothing differs between the two percentiles.
    """
    array = volume.array.astype(np.float64)
    low, high = np.percentile(array, percentiles)
    array = np.clip(array, low, high)
    deviation = array.std()
    if not deviation > 0:
        raise ImageError(Reason.NO_CONTRAST, "All voxels have the same value.")
    normal = (array - array.mean()) / deviation
    return replace(volume, array=normal.astype(np.float32))


def _grid_with_spacing(
    volume: Volume, spacing_mm: tuple[float, float, float]
) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Return shape and affine that cover a volume around the same centre."""
    if min(spacing_mm) <= 0:
        raise ValueError(f"spacing has to be positive, not {spacing_mm}")
    old_shape, old_spacing = np.array(volume.shape), np.array(volume.spacing_mm)
    new_spacing = np.array(spacing_mm)
    if np.abs(old_spacing - new_spacing).max() <= 1e-6:
        return volume.shape, volume.affine
    count = np.ceil(old_shape * old_spacing / new_spacing - AFFINE_TOLERANCE)
    i, j, k = np.maximum(count, 1).astype(int).tolist()
    affine = volume.affine.copy()
    affine[:3, :3] *= new_spacing / old_spacing
    centre = volume.affine @ [*((old_shape - 1) / 2), 1]
    affine[:3, 3] = centre[:3] - affine[:3, :3] @ ((np.array([i, j, k]) - 1) / 2)
    return (i, j, k), affine


def _sample(
    array: NDArray[np.float64],
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    target: NDArray[np.float64],
    order: int,
) -> NDArray[np.float64]:
    """Return the values of an array at the voxel centres of another grid."""
    change = np.linalg.solve(affine, target)
    matrix, offset = change[:3, :3], change[:3, 3]
    diagonal = np.diag(matrix)
    if np.abs(matrix - np.diag(diagonal)).max() < 1e-9:
        matrix = diagonal  # separable, many times faster
    sampled: NDArray[np.float64] = ndimage.affine_transform(
        array, matrix, offset, output_shape=shape, order=order, mode="nearest"
    )
    return sampled
