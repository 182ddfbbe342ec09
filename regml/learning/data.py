"""The cases of a dataset version, from their files into memory."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regml.digest import digest_file
from regml.errors import DataError
from regml.imaging.volumes import Volume, load_nifti
from regml.items.data import ManifestCase

Image = NDArray[np.float32]
"""Normalised intensities, shape I J K."""

Labels = NDArray[np.uint8]
"""Label values, shape I J K; 0 is background."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCase:
    """One case of a dataset in memory.

    Attributes:
        facts: Its row of the manifest.
        image: float32, normalised.
        label: uint8, on the same grid.
    """

    facts: ManifestCase
    image: Volume
    label: Volume


def load_cases(root: Path, cases: Iterable[ManifestCase]) -> tuple[LoadedCase, ...]:
    """Read images and labels, several at a time, in the order given.

    Raises:
        DataError: A file is not the one the manifest names, or cannot be used.
        BrokenFileError: A file is not NIfTI.
    """
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(partial(load_case, root), cases))


def load_case(root: Path, facts: ManifestCase) -> LoadedCase:
    """Read one case; see :func:`load_cases`."""
    image = _read(root, facts.image, facts.image_sha256)
    label = _read(root, facts.label, facts.label_sha256)
    if not image.same_grid(label):
        raise DataError(
            f"{facts.label}: it does not lie on the grid of its image. "
            "Reproduce the dataset: dvc repro preprocess."
        )
    if not np.isfinite(image.array).all():
        raise DataError(
            f"{facts.image}: it holds voxels that are not finite. "
            "Reproduce the dataset: dvc repro preprocess."
        )
    return LoadedCase(
        facts,
        Volume(image.array.astype(np.float32), image.affine),
        Volume(label.array.astype(np.uint8), label.affine),
    )


def _read(root: Path, name: str, sha256: str) -> Volume:
    try:
        found = digest_file(root / name, name=name).sha256
    except OSError as error:
        raise DataError(
            f"{name}: cannot be read ({error.strerror}). "
            "Restore it: dvc checkout, or dvc repro preprocess."
        ) from error
    if found != sha256:
        raise DataError(
            f"{name}: it is not the file that the dataset manifest names. "
            "Reproduce the dataset: dvc repro preprocess."
        )
    return load_nifti(root / name)
