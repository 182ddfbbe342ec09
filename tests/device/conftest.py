"""What the device's tests work on: phantoms, series, and the project's own model.

The tests run in a project (`regml test`), after `dvc repro`. What needs the trained
model or the dataset is skipped with a reason where they are absent, and a skipped test
verifies nothing.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from hippovol.model import load_model
from regml.digest import sha256_of
from regml.imaging.exports import SCANNERS
from regml.imaging.phantom import outline, random_anatomy, render
from regml.imaging.volumes import Volume
from regml.learning.inference import SegmentationModel
from regml.learning.networks import build_network, weights_bytes
from regml.learning.params import TrainParams
from regml.learning.plan import make_plan

ROOT = Path(__file__).resolve().parents[2]
"""The project these tests belong to."""

NAME, PATIENT_ID, BIRTH_DATE = "Quirrenbach^Leopoldine", "MRN-7730915", "19410523"
"""Identifiers that every series made here carries; nobody has them."""


@pytest.fixture(scope="session")
def project() -> Path:
    """The root folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def trained_model_folder() -> Path:
    """The folder of the model that the project trained."""
    folder = ROOT / "model"
    if not (folder / "weights.safetensors").exists():
        pytest.skip("no trained model in model/: run dvc repro first")
    return folder


@pytest.fixture(scope="session")
def trained_model(trained_model_folder: Path) -> SegmentationModel:
    return load_model(trained_model_folder)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights, for what does not depend on accuracy."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder)
    return folder


@pytest.fixture(scope="session")
def small_model(model_folder: Path) -> SegmentationModel:
    return load_model(model_folder)


def write_model(folder: Path) -> None:
    """Write an untrained model in the format of a trained one."""
    params = TrainParams(
        network="UNet", base_filters=2, patch=(40, 56, 40), batch_size=2
    )
    shape, spacing = (40.0, 56.0, 40.0), (1.0, 1.0, 1.0)
    plan = make_plan(params, median_shape=shape, spacing_mm=spacing, classes=3)
    weights = weights_bytes(build_network(plan))
    card = {"plan": plan.model_dump(mode="json"), "weights_sha256": sha256_of(weights)}
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "model.json").write_text(json.dumps(card))


T1_HEADER: dict[str, Any] = {
    "Modality": "MR",
    "MRAcquisitionType": "3D",
    "ScanningSequence": ["GR", "IR"],
    "SequenceVariant": "MP",
    "RepetitionTime": 8.0,
    "EchoTime": 3.7,
    "InversionTime": 860.0,
    "MagneticFieldStrength": 3.0,
    "SliceThickness": 1.0,
    "SeriesDescription": "T1 MPRAGE",
    "PatientName": NAME,
    "PatientID": PATIENT_ID,
    "PatientBirthDate": BIRTH_DATE,
    "PatientAge": "061Y",
}
"""Header of a series within the intended use."""

Series = Callable[..., Path]


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """Write a volume as one DICOM series; keywords change or remove header values."""

    def write(volume: Volume, *, name: str = "series", **changes: Any) -> Path:
        folder = tmp_path / name
        write_series(folder, volume, **changes)
        return folder

    return write


def write_series(folder: Path, volume: Volume, **changes: Any) -> None:
    """Write one single-frame MR object per slice along the last axis."""
    folder.mkdir(parents=True, exist_ok=True)
    header = T1_HEADER | {
        "SliceThickness": volume.spacing_mm[2],
        "SeriesInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
    }
    header |= changes
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    scale = min(1.0, 65535 / float(volume.array.max()))
    array = np.clip(np.rint(volume.array * scale), 0, 65535).astype(np.uint16)
    for index in range(array.shape[2]):
        item = _slice(header, lps, volume, array[:, :, index].T, index)
        item.save_as(folder / f"{index:04d}.dcm", enforce_file_format=True)


def _slice(
    header: dict[str, Any],
    lps: NDArray[np.float64],
    volume: Volume,
    pixels: NDArray[np.uint16],
    index: int,
) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    item.SOPClassUID = MRImageStorage
    item.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    x, y, _ = volume.spacing_mm
    directions = lps[:3, :3] / np.asarray(volume.spacing_mm)
    place = lps @ [0, 0, index, 1]
    item.ImageOrientationPatient = _decimals([*directions[:, 0], *directions[:, 1]])
    item.ImagePositionPatient = _decimals(place[:3])
    item.PixelSpacing = _decimals([y, x])
    item.InstanceNumber = index + 1
    item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
    item.BitsAllocated, item.BitsStored, item.HighBit = 16, 16, 15
    item.PixelRepresentation = 0
    item.Rows, item.Columns = pixels.shape
    item.PixelData = np.ascontiguousarray(pixels).tobytes()
    for keyword, value in header.items():
        if value is not None:
            setattr(item, keyword, value)
    return item


def _decimals(values: Any) -> list[str]:
    return [f"{float(value):.10g}"[:16] for value in values]


@pytest.fixture(scope="session", name="write_series")
def _write_series() -> Callable[..., None]:
    """Write a volume as one DICOM series into any folder."""
    return write_series


@pytest.fixture(scope="session")
def identifiers() -> tuple[str, ...]:
    """What must not be found in any output; every series made here carries it."""
    family, given = NAME.split("^")
    return family, given, PATIENT_ID, BIRTH_DATE


@pytest.fixture
def copied_model(tmp_path: Path, model_folder: Path) -> Path:
    """A copy of the small model that a test may change."""
    return Path(shutil.copytree(model_folder, tmp_path / "copied_model"))


@pytest.fixture
def altered_model(copied_model: Path) -> Path:
    """The small model with one byte of its weights changed."""
    weights = copied_model / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    return copied_model


Phantom = tuple[Volume, Volume]
"""Image and true outline of an invented hippocampus."""


@pytest.fixture(scope="session")
def make_phantom() -> Callable[[int], Phantom]:
    """Make an image in scope from a number: another person, side and scanner each."""
    return _make_phantom


@pytest.fixture(scope="session")
def phantom() -> Volume:
    """An image in scope, of a right hippocampus."""
    return _make_phantom(0)[0]


def _make_phantom(number: int) -> Phantom:
    # people of other seeds than those of the synthetic export
    chance = np.random.default_rng([20260728, number])
    side = 1 if number % 2 == 0 else -1
    shape = (38, 56, 38)
    affine = np.eye(4)
    affine[:3, 3] = -(np.array(shape) - 1) / 2
    anatomy = random_anatomy(chance, side=side)
    scanner = SCANNERS[number // 2 % len(SCANNERS)]
    image = render(anatomy, scanner, shape, affine, chance)
    labels = outline(anatomy, shape, affine)
    affine = affine.copy()
    affine[:3, 3] += [side * 26.0, -18.0, -14.0]  # where it lies in the head
    return Volume(image.array, affine), Volume(labels.array, affine)
