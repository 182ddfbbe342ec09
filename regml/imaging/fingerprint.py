"""Take the fingerprint of a training set; see :mod:`regml.items.fingerprint`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from regml.errors import BrokenFileError
from regml.imaging.outputs import pretty_json
from regml.imaging.volumes import Volume, load_nifti
from regml.items.fingerprint import Fingerprint, Spread, Triple

SAMPLE_VOXELS = 20_000
"""How many foreground voxels of a case count at most, evenly taken."""


def fingerprint_json(fingerprint: Fingerprint) -> bytes:
    """Return the text of ``reports/fingerprint.json``."""
    return pretty_json(fingerprint.model_dump(mode="json"))


def read_fingerprint(path: Path) -> Fingerprint:
    """Read ``reports/fingerprint.json``.

    Raises:
        BrokenFileError: It is missing or is not a fingerprint.
    """
    try:
        return Fingerprint.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BrokenFileError(
            path,
            "is not a dataset fingerprint.",
            remedy="Reproduce it: dvc repro preprocess.",
        ) from error


def take_fingerprint(
    files: Mapping[str, tuple[Path, Path]],
    source_spacings_mm: Sequence[Triple],
    names: Mapping[int, str],
) -> Fingerprint:
    """Return the fingerprint of the training cases.

    Args:
        files: Image and label file by case; training cases only.
        source_spacings_mm: Spacing of each case as acquired.
        names: Structure by label value, without the background.
    """
    labels_of = {0: "background", **dict(sorted(names.items()))}
    shapes, extents, samples, counts = [], [], [], []
    for case in sorted(files):
        image, labels = (load_nifti(path) for path in files[case])
        shapes.append(image.shape)
        extents.append(_extent(labels))
        samples.append(_sample(image.array[labels.array > 0]))
        counts.append([int((labels.array == value).sum()) for value in labels_of])
        spacing = image.spacing_mm
    voxels = np.array(counts)
    share = voxels.sum(0) / voxels.sum()
    structures = list(labels_of.values())
    return Fingerprint(
        cases=tuple(sorted(files)),
        spacing_mm=_three(np.array(spacing)),
        source_spacing_mm=_three(np.median(source_spacings_mm, axis=0)),
        min_shape=_whole(np.min(shapes, axis=0)),
        median_shape=_three(np.median(shapes, axis=0)),
        max_shape=_whole(np.max(shapes, axis=0)),
        max_foreground_extent=_whole(np.max(extents, axis=0)),
        intensity=_spread(np.concatenate(samples)),
        label_names=labels_of,
        label_voxels=dict(zip(structures, voxels.sum(0).tolist(), strict=True)),
        label_fraction=dict(zip(structures, np.round(share, 6).tolist(), strict=True)),
        label_cases=dict(zip(structures, (voxels > 0).sum(0).tolist(), strict=True)),
    )


def _extent(labels: Volume) -> tuple[int, ...]:
    """Return the size of the box around the foreground, in voxels."""
    return tuple(int(axis.max() - axis.min()) + 1 for axis in np.nonzero(labels.array))


def _sample(values: NDArray[np.float32]) -> NDArray[np.float64]:
    step = -(-len(values) // SAMPLE_VOXELS)
    return values[:: max(step, 1)].astype(np.float64)


def _spread(values: NDArray[np.float64]) -> Spread:
    low, middle, high = np.percentile(values, [0.5, 50, 99.5])
    numbers = (values.mean(), values.std(), low, middle, high)
    mean, std, low, middle, high = (round(float(number), 5) for number in numbers)
    return Spread(
        mean=mean, std=std, percentile_00_5=low, median=middle, percentile_99_5=high
    )


def _three(values: NDArray[np.float64]) -> Triple:
    x, y, z = (round(float(value), 5) for value in values)
    return x, y, z


def _whole(values: NDArray[np.int64]) -> tuple[int, int, int]:
    x, y, z = (int(value) for value in values)
    return x, y, z
