import filecmp
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom import dcmread

from regml.errors import DataError
from regml.imaging.dicom_series import load_series
from regml.imaging.exports import SOURCE_READER, export_folder, export_synthetic
from regml.imaging.hospital import find_pairs, stacked, to_pixels
from regml.imaging.volumes import ImageError, Volume, load_nifti, save_nifti

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("REGML_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital") / "export"
    export_synthetic(folder, patients=2, seed=11)
    return folder


def series_of(export: Path) -> dict[str, Path]:
    """Return the folder of each usable series by its UID."""
    return {
        str(dcmread(path, stop_before_pixels=True).SeriesInstanceUID): path.parent
        for path in sorted((export / "images").rglob("*_0001.dcm"))
        if "screen" not in path.name
    }


def write_case(
    folder: Path, case: str, *, image: Volume | None, label: Volume | None
) -> None:
    for part, volume in (("images", image), ("labels", label)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        if volume is not None:
            save_nifti(folder / part / f"{case}.nii.gz", volume)


def volumes(
    affine: np.ndarray, shape: tuple[int, int, int] = (7, 9, 6)
) -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    image = rng.normal(1e5, 2e4, shape).astype(np.float32)
    label = rng.integers(0, 3, shape).astype(np.uint8)
    return Volume(image, affine), Volume(label, affine)


def test_the_first_patient_has_two_studies(export: Path) -> None:
    patients = sorted((export / "images").iterdir())
    studies = [
        sum(1 for study in patient.iterdir() if not study.name.endswith("_screen"))
        for patient in patients
    ]
    assert sorted(studies) == [1, 2]


def test_every_series_has_outlines_of_both_readers_on_its_grid(export: Path) -> None:
    series = series_of(export)
    assert len(series) == 3
    outlines = sorted((export / "annotations").rglob("*.nii.gz"))
    segmentations = sorted((export / "annotations").rglob("*.dcm"))
    assert (len(outlines), len(segmentations)) == (5, 1)
    for path in outlines:
        label = load_nifti(path)
        place = series[path.name.removesuffix(".nii.gz")]
        slices = [
            dcmread(file)
            for file in sorted(place.glob("*.dcm"))
            if "broken" not in file.name
        ]
        assert label.shape == (slices[0].Columns, slices[0].Rows, len(slices))


def test_the_sites_scale_intensities_differently(export: Path) -> None:
    highest = {}
    for place in series_of(export).values():
        image = dcmread(min(place.glob("*_0005.dcm")))
        top = float(image.pixel_array.max()) * float(image.RescaleSlope)
        highest[image.Manufacturer] = top
    assert highest["Philips Medical Systems"] > 50 * highest["SIEMENS"]


def test_the_same_seed_gives_the_same_bytes(export: Path, tmp_path: Path) -> None:
    export_synthetic(tmp_path / "again", patients=2, seed=11)
    names = [
        str(path.relative_to(export)) for path in export.rglob("*") if path.is_file()
    ]
    match, mismatch, errors = filecmp.cmpfiles(
        export, tmp_path / "again", names, shallow=False
    )
    assert (len(match), mismatch, errors) == (len(names), [], [])


def test_another_seed_gives_other_people(export: Path, tmp_path: Path) -> None:
    export_synthetic(tmp_path / "other", patients=1, seed=12)
    (other,) = (tmp_path / "other" / "images").iterdir()
    assert other.name not in {path.name for path in (export / "images").iterdir()}


def test_an_export_has_patients(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="patients"):
        export_synthetic(tmp_path / "none", patients=0)


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1.0, 1.1, 0.9, 1.0]),
        np.diag([-1.0, 1.0, 1.0, 1.0]),
        np.array([[0, 0, 1.2, -3], [1, 0, 0, 5], [0, 1, 0, 7], [0, 0, 0, 1.0]]),
        np.array([[0, 1, 0, -3], [1, 0, 0, 5], [0, 0, 1, 7], [0, 0, 0, 1.0]]),
    ],
)
def test_image_and_label_of_a_real_case_keep_one_grid(
    affine: np.ndarray, tmp_path: Path
) -> None:
    image, label = volumes(affine)
    write_case(tmp_path / "set", "case_1", image=image, label=label)
    facts = export_folder(tmp_path / "set", tmp_path / "export")
    assert (facts.source, facts.patient_key, facts.series) == ("set", "case", 1)
    (folder,) = (tmp_path / "export" / "images").glob("*/*")
    (outline,) = (tmp_path / "export" / "annotations" / SOURCE_READER).iterdir()
    read = load_series(folder)
    drawn = load_nifti(outline)
    assert read.same_grid(drawn)
    expected = stacked(label)
    assert np.array_equal(drawn.array, expected.array)
    step = np.ptp(image.array) / 65535
    assert np.abs(read.array - stacked(image).array).max() <= step


@pytest.mark.parametrize("missing", ["image", "label"])
def test_a_lone_image_or_label_is_skipped_with_its_reason(
    missing: str, tmp_path: Path
) -> None:
    image, label = volumes(np.eye(4))
    write_case(tmp_path / "set", "good", image=image, label=label)
    lone = {"image": image, "label": label} | {missing: None}
    write_case(tmp_path / "set", "lone", **lone)
    facts = export_folder(tmp_path / "set", tmp_path / "export")
    assert facts.skipped == {"lone": f"no {missing}"}


def test_a_label_of_another_shape_or_place_is_skipped(tmp_path: Path) -> None:
    image, label = volumes(np.eye(4))
    _, wide = volumes(np.eye(4), (7, 9, 7))
    _, far = volumes(np.diag([1.0, 1.0, 2.0, 1.0]))
    write_case(tmp_path / "set", "good", image=image, label=label)
    write_case(tmp_path / "set", "shape", image=image, label=wide)
    write_case(tmp_path / "set", "place", image=image, label=far)
    facts = export_folder(tmp_path / "set", tmp_path / "export")
    assert facts.series == 1
    assert facts.skipped["shape"] == "shape (7, 9, 7), image (7, 9, 6)"
    assert "lies elsewhere" in facts.skipped["place"]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="images/ and labels/"):
        export_folder(tmp_path, tmp_path / "export")


def test_a_folder_without_usable_cases_is_refused(tmp_path: Path) -> None:
    image, _ = volumes(np.eye(4))
    _, wide = volumes(np.eye(4), (7, 9, 7))
    write_case(tmp_path / "set", "only", image=image, label=wide)
    with pytest.raises(DataError, match="only: shape"):
        export_folder(tmp_path / "set", tmp_path / "export")
    assert not (tmp_path / "export").exists()


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, (3, 4, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_pixels_come_back_within_a_step(array: np.ndarray) -> None:
    pixels, slope, intercept = to_pixels(array)
    assert pixels.dtype in {np.dtype(np.int16), np.dtype(np.uint16)}
    error = np.abs(pixels * slope + intercept - array).max()
    assert error <= slope * 0.51 + 1e-3


def test_infinite_intensities_are_refused() -> None:
    with pytest.raises(ImageError, match="infinite"):
        to_pixels(np.array([[[np.inf]]]))


def test_the_command_says_what_it_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.hospital_export import main

    image, label = volumes(np.eye(4))
    write_case(tmp_path / "set", "good", image=image, label=label)
    write_case(tmp_path / "set", "lone", image=image, label=None)
    main(str(tmp_path / "set"), tmp_path / "export", patients=1, seed=0, jobs=1)
    said = capsys.readouterr().err
    assert "case lone: no label" in said
    assert "1 series of 1 patients, 1 cases skipped" in said
    assert "pipelines.hospital_export" in sys.modules


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real volumes at {DATA}")
def test_the_pairs_of_the_real_set_are_found() -> None:
    pairs, skipped = find_pairs(DATA / "hippocampus")
    assert len(pairs) >= 200
    assert all(reason in {"no label", "no image"} for reason in skipped.values())
