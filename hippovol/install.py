"""Installation qualification: is this the released device, and does it work here?"""

import json
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement

from hippovol.model import load_model, segment, stated_digest, weights_digest
from hippovol.preparation import prepare
from hippovol.volumetry import measure
from regml.digest import sha256_of
from regml.errors import BrokenFileError, RegmlError
from regml.files.lock import normalised, read_lock_file
from regml.imaging.outputs import pretty_json, write_whole
from regml.imaging.phantom import Scanner, random_anatomy, render
from regml.imaging.volumes import Volume, nifti_bytes
from regml.items.base import Strict

PYTHON = ((3, 11), (3, 13))
"""Oldest and newest supported interpreter, inclusive."""

GOLDEN_TOLERANCE = 0.005
"""Largest relative difference of a volume between supported environments."""


PHANTOM_SEED = 74
PHANTOM_SHAPE = (38, 56, 38)
PHANTOM_SCANNER = Scanner(scale=900.0, signal_to_noise=24.0, bias=0.15, contrast=1.0)


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of one check.

    Attributes:
        name: What was checked.
        passed: Whether it is as it has to be.
        finding: What was found, in one sentence.
    """

    name: str
    passed: bool
    finding: str


class Golden(Strict):
    """What the bundled phantom gave when the model was released.

    Attributes:
        model_sha256: Of the weights.
        mask_sha256: Of the mask on the reference environment.
        volumes_mm3: By structure.
    """

    model_sha256: str
    mask_sha256: str
    volumes_mm3: dict[str, float]


# regml: implements SRS-074
def qualify(
    *, model: Path, lock: Path, golden: Path, folders: Sequence[Path]
) -> tuple[Check, ...]:
    """Check interpreter, packages, model, output on the phantom, and permissions.

    Args:
        model: Folder of the installed model.
        lock: The requirements file of the release.
        golden: What the phantom has to give, from :func:`write_golden`.
        folders: Folders the device has to be able to write to.

    Returns:
        Every check, also after one failed.
    """
    checks: tuple[tuple[str, Callable[[], tuple[bool, str]]], ...] = (
        ("interpreter", _interpreter),
        ("packages", partial(_packages, lock)),
        ("model", partial(_model, model)),
        ("phantom", partial(_phantom, model, golden)),
        *((f"write {folder}", partial(_writable, folder)) for folder in folders),
    )
    return tuple(_verdict(name, check) for name, check in checks)


def write_golden(model: Path, file: Path) -> Golden:
    """Write what the bundled phantom gives with a model; part of its release.

    Raises:
        RegmlError: The model cannot be loaded.
    """
    golden = _measure_phantom(model)
    write_whole(file, pretty_json(golden.model_dump(mode="json")))
    return golden


def _verdict(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *check())
    except RegmlError as e:
        return Check(name, passed=False, finding=str(e))


def _interpreter() -> tuple[bool, str]:
    oldest, newest = PYTHON
    found = sys.version_info[:2]
    return oldest <= found <= newest, (
        f"Python {platform.python_version()}, "
        f"supported are {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
    )


def _packages(lock: Path) -> tuple[bool, str]:
    """Compare installed versions with the lock; a build tag (+cpu) does not count."""
    locked = _needed_here(lock)
    differing = [
        f"{name} {found} instead of {wanted}"
        for name, wanted in sorted(locked.items())
        if (found := _installed(name)).partition("+")[0] != wanted.partition("+")[0]
    ]
    if differing:
        return False, "; ".join(differing)
    return bool(locked), f"{len(locked)} packages as locked"


def _needed_here(lock: Path) -> dict[str, str]:
    """Return the locked versions, without packages that other interpreters need."""
    locked = read_lock_file(lock.parent, lock.name)
    lines = (line.partition("#")[0].strip() for line in lock.read_text().splitlines())
    needed = [Requirement(line) for line in lines if line]
    return {
        name: locked[name]
        for requirement in needed
        if requirement.marker is None or requirement.marker.evaluate()
        for name in [normalised(requirement.name)]
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(absent)"


def _model(folder: Path) -> tuple[bool, str]:
    stated, actual = stated_digest(folder), weights_digest(folder)
    return stated == actual, f"weights {actual[:12]}, the card states {stated[:12]}"


def _phantom(model: Path, file: Path) -> tuple[bool, str]:
    wanted, found = _read_golden(file), _measure_phantom(model)
    if wanted.model_sha256 != found.model_sha256:
        return False, f"{file} is of another model ({wanted.model_sha256[:12]})"
    if wanted.mask_sha256 == found.mask_sha256:
        return True, "mask is bit-identical to that of the release"
    largest = max(
        abs(found.volumes_mm3.get(name, 0.0) - mm3) / max(mm3, 1.0)
        for name, mm3 in wanted.volumes_mm3.items()
    )
    return largest <= GOLDEN_TOLERANCE, (
        f"volumes differ from those of the release by up to {largest:.2%}"
    )


def _read_golden(file: Path) -> Golden:
    try:
        return Golden.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as e:
        raise BrokenFileError(
            file,
            "the golden output of this model is absent or unreadable.",
            remedy="The manufacturer writes it with `python -m hippovol golden`.",
        ) from e


def _measure_phantom(folder: Path) -> Golden:
    model = load_model(folder)
    prepared = prepare(bundled_phantom())
    measured = measure(segment(model, prepared.normalised).labels, prepared.change)
    return Golden(
        model_sha256=model.digest,
        mask_sha256=sha256_of(nifti_bytes(measured.mask)),
        volumes_mm3={row.structure: row.mm3 for row in measured.volumes},
    )


def _writable(folder: Path) -> tuple[bool, str]:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True, "can be written"
    except OSError as e:
        return False, f"cannot be written: {e.strerror}"


def bundled_phantom() -> Volume:
    """Return the image of an invented right hippocampus; the same everywhere."""
    chance = np.random.default_rng(PHANTOM_SEED)
    affine = np.eye(4)
    affine[:3, 3] = -(np.array(PHANTOM_SHAPE) - 1) / 2
    anatomy = random_anatomy(chance, side=1)
    image = render(anatomy, PHANTOM_SCANNER, PHANTOM_SHAPE, affine, chance)
    placed = affine + np.array([[0, 0, 0, 26.0], *[[0.0] * 4] * 3])
    return Volume(image.array, placed)
