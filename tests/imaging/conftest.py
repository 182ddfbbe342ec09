"""Small de-identified exports, as the stage before leaves them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from regml.items.data import AnnotationProtocol, Label

nib: Any = nibabel  # its types cover only a part of it
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
NAMES = {1: "anterior", 2: "posterior"}


def affine(
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    origin: tuple[float, float, float] = (20.0, -15.0, -30.0),
) -> NDArray[np.float64]:
    result = np.diag([*spacing, 1.0])
    result[:3, 3] = origin
    return result


def head(
    shape: tuple[int, int, int] = (13, 15, 9), *, seed: int = 0
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Return an image with a bright two-part body, and its labels."""
    grid = np.indices(shape).astype(float)
    centre = (np.array(shape) - 1) / 2
    radius = np.array(shape) * 0.33
    scaled = (grid - centre[:, None, None, None]) / radius[:, None, None, None]
    inside = (scaled**2).sum(0) < 1
    labels = np.where(inside, np.where(grid[1] > centre[1], 1, 2), 0).astype(np.uint8)
    noise = np.random.default_rng(seed).normal(0, 12, shape)
    image = 200 + 300 * inside + 60 * (labels == 1) + noise
    return image.clip(0).astype(np.int16), labels


@dataclass
class Export:
    """A de-identified export below ``root``."""

    root: Path
    uids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "annotations").mkdir(parents=True)
        self.say("hospital")
        (self.root / "readers.csv").write_text(
            "pseudonym,qualification,years_experience,trained_on\n"
            "RD-aa,radiologist,11,2024-02-01\nRD-bb,neurologist,6,2024-02-01\n"
        )

    def say(self, patient_key: str) -> None:
        text = json.dumps({"source": "synthetic", "patient_key": patient_key})
        (self.root / "export.json").write_text(text)

    def series(
        self,
        patient: str,
        array: NDArray[np.int16],
        place: NDArray[np.float64] | None = None,
        *,
        site: str = "SITE-1",
        **changes: object,
    ) -> str:
        """Write a volume as one series; slices are named in a shuffled order."""
        uid = f"1.2.826.0.1.3680043.8.498.{len(self.uids) + 1}.{len(patient)}"
        self.uids.append(uid)
        folder = self.folder(patient, uid)
        folder.mkdir(parents=True)
        lps = RAS_TO_LPS @ (affine() if place is None else place)
        for k in range(array.shape[2]):
            item = slice_of(array[:, :, k].T, lps, k)
            item.PatientID = patient
            item.SeriesInstanceUID = uid
            item.StudyInstanceUID = f"{uid}.1"
            item.FrameOfReferenceUID = f"{uid}.2"
            item.InstitutionName = site
            for keyword, value in changes.items():
                setattr(item, keyword, value)
            item.save_as(folder / f"{(k * 7) % 101:03}.dcm", enforce_file_format=True)
        return uid

    def folder(self, patient: str, uid: str) -> Path:
        return self.root / "images" / patient / f"S-{uid[-6:]}"

    def outline(
        self,
        reader: str,
        uid: str,
        labels: NDArray[np.uint8],
        place: NDArray[np.float64] | None = None,
    ) -> Path:
        path = self.root / "annotations" / reader / f"{uid}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        place = affine() if place is None else place
        nib.save(nib.Nifti1Image(labels, place), path)
        return path

    def segmentation(
        self,
        reader: str,
        folder: Path,
        labels: NDArray[np.uint8],
        values: tuple[int, ...] = (1, 2),
        name: str = "seg",
    ) -> Path:
        """Write labels, on the grid of the series, as a DICOM segmentation."""
        images = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
        images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
        masks = np.stack(
            [
                np.stack(
                    [np.equal(labels[:, :, k].T, value) for value in values], axis=-1
                )
                for k in range(labels.shape[2])
            ]
        )
        path = self.root / "annotations" / reader / f"{name}.dcm"
        path.parent.mkdir(exist_ok=True)
        hd.seg.Segmentation(
            source_images=images,
            pixel_array=masks.astype(np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[
                description(number, NAMES[value])
                for number, value in enumerate(values, start=1)
            ],
            series_instance_uid=generate_uid(),
            series_number=90,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="maker",
            manufacturer_model_name="model",
            software_versions="1",
            device_serial_number="1",
        ).save_as(path)
        return path

    def case(self, patient: str, *, seed: int, site: str = "SITE-1") -> str:
        """Write a case that two readers outlined."""
        image, labels = head(seed=seed)
        uid = self.series(patient, image, site=site)
        self.outline("RD-aa", uid, labels)
        self.outline("RD-bb", uid, np.roll(labels, 1, axis=2))
        return uid


def slice_of(
    pixels: NDArray[np.int16], lps: NDArray[np.float64], number: int
) -> Dataset:
    """Return one slice as an MR image (PS3.3 A.4)."""
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    cosines = lps[:3, :2] / spacing[:2]
    item = Dataset()
    item.file_meta = FileMetaDataset()
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.SOPClassUID = MRImageStorage
    item.SOPInstanceUID = generate_uid()
    item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID
    item.file_meta.MediaStorageSOPInstanceUID = item.SOPInstanceUID
    item.Modality, item.Manufacturer = "MR", "Vendor A"
    item.PatientName = item.PatientBirthDate = item.PatientSex = ""
    item.StudyDate = item.StudyTime = item.AccessionNumber = item.StudyID = ""
    item.ReferringPhysicianName = item.PositionReferenceIndicator = ""
    item.SeriesNumber, item.InstanceNumber = 1, number + 1
    item.Rows, item.Columns = pixels.shape
    item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
    item.BitsAllocated = item.BitsStored = 16
    item.HighBit, item.PixelRepresentation = 15, 1
    item.RescaleSlope, item.RescaleIntercept = "2", "-5"
    item.PixelSpacing = [f"{spacing[1]:.8g}", f"{spacing[0]:.8g}"]
    item.SliceThickness = f"{spacing[2]:.8g}"
    item.ImageOrientationPatient = [f"{x:.9g}" for x in cosines.T.ravel()]
    position = (lps @ [0, 0, number, 1])[:3]
    item.ImagePositionPatient = [f"{x:.9g}" for x in position]
    item.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    return item


def description(number: int, label: str) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"{label} hippocampus",
        segmented_property_category=Code("123037004", "SCT", "Anatomical Structure"),
        segmented_property_type=Code("5366008", "SCT", "Hippocampus"),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Give an empty export at ``data/deidentified`` of a project we stand in."""
    monkeypatch.chdir(tmp_path)
    return Export(Path("data/deidentified"))


@pytest.fixture
def protocol() -> AnnotationProtocol:
    return AnnotationProtocol(
        id="AP-01",
        title="Hippocampus",
        labels=tuple(
            Label(value=value, name=name, definition="as drawn")
            for value, name in NAMES.items()
        ),
        qualification="trained",
        tool="any",
        consensus="staple",
        agreement_floor_dice=0.8,
    )
