"""A series becomes the volume it was, or a reason code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from regml.imaging.dicom_series import load_series, read_series
from regml.imaging.volumes import ImageError, Reason, Volume, to_ras

Change = Callable[[Path], object]


def oblique() -> NDArray[np.float64]:
    """Return an affine turned by 12 degrees, anisotropic, with a flipped axis."""
    angle = np.radians(12)
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle), 0],
            [np.sin(angle), np.cos(angle), 0],
            [0, 0, 1],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-0.9375, 1.1, 1.2])
    affine[:3, 3] = [81.5, -100.25, -33.125]
    return affine


@pytest.fixture
def image() -> NDArray[np.int16]:
    return np.random.default_rng(2).integers(0, 900, (9, 11, 6)).astype(np.int16)


@pytest.fixture
def folder(export: Any, image: NDArray[np.int16]) -> Path:
    found: Path = export.folder("HV-1", export.series("HV-1", image))
    return found


@pytest.mark.parametrize(
    "affine", [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0]), oblique()]
)
def test_voxels_keep_value_and_place(
    export: Any, image: NDArray[np.int16], affine: NDArray[np.float64]
) -> None:
    uid = export.series("HV-1", image, affine)
    volume = load_series(export.folder("HV-1", uid))
    expected = to_ras(Volume(image * 2.0 - 5.0, affine))
    upright = to_ras(volume)
    assert upright.same_grid(expected, tolerance=1e-4)
    assert (upright.array == expected.array).all()


def test_the_header_says_whose_and_from_where(folder: Path) -> None:
    series = read_series(folder)
    assert (series.patient, series.site, series.vendor) == (
        "HV-1",
        "SITE-1",
        "Vendor A",
    )
    assert series.series in series.study
    assert len(series.files) == 6


def each(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            edit(path, **changes)

    return change


def one(number: int = 0, **changes: Any) -> Change:
    return lambda folder: edit(sorted(folder.iterdir())[number], **changes)


def edit(path: Path, **changes: Any) -> None:
    item = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(item, keyword, value)
    item.save_as(path)


def slices(folder: Path) -> list[Path]:
    """Return the files in the order in which they are stacked."""
    return sorted(
        folder.iterdir(), key=lambda path: pydicom.dcmread(path).InstanceNumber
    )


def copy_all(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        (folder / f"again-{path.name}").write_bytes(path.read_bytes())


def copy_one(folder: Path) -> None:
    path = slices(folder)[2]
    (folder / "again.dcm").write_bytes(path.read_bytes())


def shift_a_slice(folder: Path) -> None:
    path = slices(folder)[2]
    x, y, z = pydicom.dcmread(path).ImagePositionPatient
    edit(path, ImagePositionPatient=[x, y, z + 0.3])


def tilt(folder: Path) -> None:
    for number, path in enumerate(slices(folder)):
        x, y, z = pydicom.dcmread(path).ImagePositionPatient
        edit(path, ImagePositionPatient=[x, y + 0.2 * number, z])


def keep_two(folder: Path) -> None:
    for path in slices(folder)[2:]:
        path.unlink()


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (each(Modality="CT"), Reason.MODALITY),
        (each(NumberOfFrames=2), Reason.MULTI_FRAME),
        (each(SamplesPerPixel=3), Reason.NOT_GREYSCALE),
        (one(SeriesInstanceUID="1.2.3"), Reason.MIXED_SERIES),
        (one(PixelSpacing=[1.1, 1.0]), Reason.MIXED_SERIES),
        (one(PixelSpacing=None), Reason.UNREADABLE),
        (one(PixelSpacing=[1.0]), Reason.UNREADABLE),
        (one(ImagePositionPatient=[1.0, 2.0]), Reason.UNREADABLE),
        (one(PixelData=b"\0\0"), Reason.UNREADABLE),
        (each(ImageOrientationPatient=[0.0] * 6), Reason.SHEARED),
        (lambda folder: slices(folder)[3].unlink(), Reason.MISSING_SLICE),
        (lambda folder: (folder / "x").write_bytes(b"no"), Reason.UNREADABLE),
        (copy_one, Reason.DUPLICATE_SLICE),
        (copy_all, Reason.NOT_ONE_VOLUME),
        (shift_a_slice, Reason.UNEVEN_SLICES),
        (tilt, Reason.SHEARED),
        (keep_two, Reason.TOO_FEW_SLICES),
        (clear, Reason.TOO_FEW_SLICES),
    ],
)
def test_what_is_no_volume_gets_a_reason(
    folder: Path, change: Change, code: Reason
) -> None:
    change(folder)
    with pytest.raises(ImageError) as caught:
        load_series(folder)
    assert caught.value.code is code
    assert folder.name in str(caught.value)
