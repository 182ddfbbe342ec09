"""Preparation: one orientation, one grid, one intensity scale, and the way back."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from hippovol.preparation import CLIP_PERCENTILES, SPACING_MM, prepare
from regml.imaging.params import PreprocessParams
from regml.imaging.volumes import Volume, back_to_source, labels_to_model_grid

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stored(kind: str) -> Volume:
    """Return an image with odd sizes on a grid as scanners write it."""
    affines = {
        "RAS": np.diag([0.9, 1.2, 1.0, 1.0]),
        "LPS": LPS @ np.diag([1.0, 1.0, 1.4, 1.0]),
        "sagittal": np.array(
            [[0, 0, 1.2, -30], [1.0, 0, 0, 20], [0, -1.0, 0, 40], [0, 0, 0, 1]]
        ),
        "oblique": _turned(0.2) @ np.diag([1.1, 0.9, 1.0, 1.0]),
    }
    values = np.random.default_rng(1).gamma(2.0, 100.0, (23, 31, 26))
    return Volume(values.astype(np.float32), np.asarray(affines[kind], np.float64))


KINDS = ["RAS", "LPS", "sagittal", "oblique"]


@pytest.mark.verifies("SRS-003")
@pytest.mark.parametrize("kind", KINDS)
def test_every_image_comes_onto_a_1_mm_grid_in_ras_order(kind: str) -> None:
    prepared = prepare(stored(kind)).normalised

    assert axes(prepared) == ("R", "A", "S")
    assert prepared.spacing_mm == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)


@pytest.mark.verifies("SRS-003")
@pytest.mark.parametrize("kind", KINDS)
def test_a_point_comes_back_to_where_it_was(kind: str) -> None:
    source = stored(kind)
    prepared = prepare(source)
    index = np.array([11.0, 15.0, 13.0, 1.0])

    patient = source.affine @ index
    on_grid = np.linalg.inv(prepared.change.model_affine) @ patient
    back = prepared.change.model_affine @ on_grid

    assert back == pytest.approx(patient, abs=1e-3)
    assert prepared.change.source_affine == pytest.approx(source.affine, abs=1e-6)
    assert prepared.normalised.affine == pytest.approx(
        prepared.change.model_affine, abs=1e-6
    )


@pytest.mark.verifies("SRS-003")
@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_lies_at_the_same_place_of_the_patient_on_both_grids(
    kind: str,
) -> None:
    source = stored(kind)
    ball = np.zeros(source.shape, np.uint8)
    ball[8:15, 12:19, 10:17] = 1
    prepared = prepare(Volume(ball.astype(np.float32), source.affine))

    there = labels_to_model_grid(Volume(ball, source.affine), prepared.change)
    back = back_to_source(there, prepared.change)

    expected = _centre_mm(Volume(ball, source.affine))
    assert _centre_mm(there) == pytest.approx(expected, abs=0.3)
    assert _bright_centre_mm(prepared.resampled) == pytest.approx(expected, abs=0.3)
    assert (back.array != ball).mean() < 0.01


@pytest.mark.verifies("SRS-004")
@pytest.mark.parametrize("scale", [0.01, 1000.0])
def test_the_scale_of_the_scanner_does_not_matter(scale: float) -> None:
    source = stored("RAS")
    scaled = Volume(source.array * np.float32(scale) + 7, source.affine)

    difference = prepare(source).normalised.array - prepare(scaled).normalised.array

    assert np.abs(difference).max() < 1e-4


@pytest.mark.verifies("SRS-004")
def test_intensities_have_mean_0_and_standard_deviation_1() -> None:
    values = prepare(stored("oblique")).normalised.array

    assert float(values.mean()) == pytest.approx(0, abs=1e-4)
    assert float(values.std()) == pytest.approx(1, abs=1e-4)


@pytest.mark.verifies("SRS-004")
def test_voxels_beyond_the_0_5_and_99_5_percentile_are_clipped() -> None:
    source = stored("RAS")
    on_grid = Volume(source.array, np.eye(4))
    outlier = on_grid.array.copy()
    outlier[3, 3, 3] = 1e6

    clean = prepare(on_grid).normalised.array
    dirty = prepare(Volume(outlier, np.eye(4))).normalised.array
    low, high = np.percentile(source.array, (0.5, 99.5))
    expected = np.clip(source.array, low, high)
    expected = (expected - expected.mean()) / expected.std()

    assert clean == pytest.approx(expected, abs=1e-3)
    assert np.abs(clean - dirty).max() < 0.1 or dirty[3, 3, 3] == dirty.max()
    assert dirty[3, 3, 3] == pytest.approx(clean.max(), rel=0.02)


@pytest.mark.verifies("SRS-003", "SRS-004")
def test_the_device_prepares_images_as_the_training_did(project: Path) -> None:
    file = project / "params.yaml"
    if not file.exists():
        pytest.skip("this project has no params.yaml to compare with")
    section = (yaml.safe_load(file.read_text("utf-8")) or {}).get("preprocess") or {}
    trained = PreprocessParams.model_validate(section)

    assert trained.spacing_mm == SPACING_MM
    assert trained.clip_percentiles == CLIP_PERCENTILES
    assert trained.interpolation == "cubic"


def axes(volume: Volume) -> tuple[str, ...]:
    """Return towards what each array axis runs."""
    codes = nibabel.orientations.aff2axcodes(volume.affine)  # type: ignore[no-untyped-call]
    return tuple(codes)


def _turned(angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.eye(4)
    turn[:3, :3] = [[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]
    return turn


def _centre_mm(labels: Volume) -> tuple[float, ...]:
    places = np.argwhere(labels.array > 0).mean(axis=0)
    return tuple((labels.affine @ [*places, 1])[:3].tolist())


def _bright_centre_mm(image: Volume) -> tuple[float, ...]:
    places = np.argwhere(image.array > 0.5).mean(axis=0)
    return tuple((image.affine @ [*places, 1])[:3].tolist())
