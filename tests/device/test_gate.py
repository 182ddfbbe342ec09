"""The scope gate: what is accepted, and with which reason code the rest is refused."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from hippovol.gate import admit, identify
from regml.imaging.volumes import Volume, save_nifti


@pytest.mark.verifies("SRS-001")
def test_a_t1_weighted_3d_series_is_accepted(phantom: Volume, series: Any) -> None:
    admission = admit(series(phantom))

    assert admission.rejections == ()
    assert admission.volume is not None
    assert admission.volume.shape == phantom.shape


@pytest.mark.verifies("SRS-001")
def test_a_nifti_volume_is_accepted_and_its_acquisition_vouched_for(
    phantom: Volume, tmp_path: Path
) -> None:
    save_nifti(tmp_path / "image.nii.gz", phantom)

    admission = admit(tmp_path / "image.nii.gz")

    assert admission.rejections == ()
    assert [note.code for note in admission.notes] == ["acquisition-not-checked"]


@pytest.mark.verifies("SRS-001")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"Modality": "CT"}, "modality", id="CT"),
        pytest.param({"Modality": "PT"}, "modality", id="PET"),
        pytest.param({"EchoTime": 98.0, "RepetitionTime": 4000}, "weighting", id="T2"),
        pytest.param(
            {"ScanningSequence": "SE", "EchoTime": 10.0, "RepetitionTime": 3200},
            "weighting",
            id="proton density",
        ),
        pytest.param({"EchoTime": None}, "weighting", id="unknown weighting"),
        pytest.param({"MRAcquisitionType": "2D"}, "acquisition", id="2D"),
        pytest.param({"ContrastBolusAgent": "Gd"}, "contrast-agent", id="contrast"),
        pytest.param({"SliceThickness": 1.6}, "slice-thickness", id="thick"),
        pytest.param({"SliceThickness": None}, "slice-thickness", id="unknown"),
        pytest.param({"MagneticFieldStrength": 0.5}, "field-strength", id="0.5 T"),
        pytest.param({"PatientAge": "011Y"}, "age", id="child"),
        pytest.param({"PatientAge": "006M"}, "age", id="infant"),
    ],
)
def test_a_series_outside_the_intended_use_is_refused_with_its_reason(
    phantom: Volume, series: Any, changes: dict[str, Any], code: str
) -> None:
    admission = admit(series(phantom, **changes))

    assert [reason.code for reason in admission.rejections] == [code]
    assert admission.volume is None


@pytest.mark.verifies("SRS-001")
def test_the_typed_description_does_not_make_an_image_t1(
    phantom: Volume, series: Any
) -> None:
    folder = series(phantom, SeriesDescription="T1 MPRAGE", EchoTime=98.0)

    assert [reason.code for reason in admit(folder).rejections] == ["weighting"]


@pytest.mark.verifies("SRS-001")
def test_two_series_in_a_folder_are_refused(phantom: Volume, series: Any) -> None:
    folder = series(phantom)
    other = series(phantom, name="other")
    for file in other.iterdir():
        file.rename(folder / f"b{file.name}")

    assert [reason.code for reason in admit(folder).rejections] == ["mixed-series"]


@pytest.mark.verifies("SRS-001")
@pytest.mark.parametrize("name", ["image.nii.gz", "series/0001.dcm"])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"this is no image")
    source = file if name.endswith(".nii.gz") else file.parent

    assert [reason.code for reason in admit(source).rejections] == ["unreadable"]


@pytest.mark.verifies("SRS-001")
def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n")

    codes = [reason.code for reason in admit(tmp_path / "image.png").rejections]

    assert codes == ["not-supported"]


@pytest.mark.verifies("SRS-001")
def test_hounsfield_units_in_a_nifti_file_are_refused(
    phantom: Volume, tmp_path: Path
) -> None:
    scaled = phantom.array.astype(np.float32) - 1000
    save_nifti(tmp_path / "ct.nii.gz", Volume(scaled, phantom.affine))

    codes = [reason.code for reason in admit(tmp_path / "ct.nii.gz").rejections]

    assert codes == ["modality"]


@pytest.mark.verifies("SRS-002")
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("spacing_mm", "accepted"),
    [(0.5, False), (0.79, False), (0.8, True), (1.5, True), (1.51, False)],
)
def test_spacing_from_0_8_to_1_5_mm_is_accepted_on_every_axis(
    tmp_path: Path, axis: int, spacing_mm: float, accepted: bool
) -> None:
    spacing = [1.0, 1.0, 1.0, 1.0]
    spacing[axis] = spacing_mm

    codes = _codes(tmp_path, np.diag(spacing))

    assert codes == ([] if accepted else ["spacing"])


@pytest.mark.verifies("SRS-002")
def test_sheared_axes_are_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.01

    assert _codes(tmp_path, affine) == ["sheared"]


@pytest.mark.verifies("SRS-002")
def test_a_turned_head_is_accepted(tmp_path: Path) -> None:
    affine = np.eye(4)
    cosine, sine = np.cos(0.3), np.sin(0.3)
    affine[:2, :2] = [[cosine, -sine], [sine, cosine]]

    assert _codes(tmp_path, affine) == []


@pytest.mark.verifies("SRS-002")
def test_a_time_series_is_refused(tmp_path: Path) -> None:
    assert _codes(tmp_path, np.eye(4), shape=(20, 20, 20, 2)) == ["not-one-volume"]


@pytest.mark.verifies("SRS-002")
def test_a_missing_slice_is_refused(phantom: Volume, series: Any) -> None:
    folder = series(phantom)
    (folder / "0010.dcm").unlink()

    assert [reason.code for reason in admit(folder).rejections] == ["missing-slice"]


@pytest.mark.verifies("SRS-010")
def test_the_identity_of_an_input_depends_on_its_content_alone(
    phantom: Volume, series: Any, tmp_path: Path
) -> None:
    folder = series(phantom)
    before = identify(folder)
    (folder / "0000.dcm").rename(folder / "zz.dcm")
    renamed = identify(folder.rename(tmp_path / "another name"))
    (tmp_path / "another name" / "0001.dcm").unlink()

    assert renamed == before
    assert identify(tmp_path / "another name").sha256 != before.sha256


def _codes(
    folder: Path, affine: Any, shape: tuple[int, ...] = (20, 20, 20)
) -> list[str]:
    """Return the reason codes for an image with this grid."""
    values = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    image = nibabel.Nifti1Image(values, affine)  # type: ignore[no-untyped-call]
    image.to_filename(folder / "image.nii.gz")
    return [reason.code for reason in admit(folder / "image.nii.gz").rejections]
