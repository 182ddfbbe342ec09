"""The gate against inputs out of scope, on the made set that DS-03 describes."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import beta

from hippovol.app import measure_input
from hippovol.gate import identify
from hippovol.preparation import prepare
from hippovol.quality import RULES, image_features, quality_flags
from hippovol.result import Outcome
from hippovol.volumetry import measure
from regml.imaging.perturb import rician_noise
from regml.imaging.volumes import Volume, save_nifti
from regml.learning.inference import SegmentationModel

Image = NDArray[np.float64]
Labels = NDArray[np.uint8]
Random = np.random.Generator
Fault = Callable[[Image, Labels, Random], Image]


def strong_noise(image: Image, labels: Labels, random: Random) -> Image:
    """Rician noise with a signal-to-noise ratio of 2 to 4; 20 has to be borne."""
    noisy = rician_noise(Volume(image, np.eye(4)), float(random.uniform(2, 4)), random)
    return noisy.array.astype(np.float64)


def inverted(image: Image, labels: Labels, random: Random) -> Image:
    return np.asarray(image.max() + image.min() - image)


def flattened(image: Image, labels: Labels, random: Random) -> Image:
    """A tenth of the contrast between tissues, with the noise of a usual image."""
    smooth = ndimage.gaussian_filter(image, 1.0)
    noise = random.normal(0, image.std() * 0.15, image.shape)
    return np.asarray(smooth.mean() + 0.1 * (smooth - smooth.mean()) + noise)


def cut_off_intensities(image: Image, labels: Labels, random: Random) -> Image:
    """Everything brighter than the median is as bright as the median."""
    return np.minimum(image, np.percentile(image, 50))


def cut_in_front(image: Image, labels: Labels, random: Random) -> Image:
    places = np.argwhere(labels > 0)[:, 1]
    return image[:, : int(np.percentile(places, 60))]


def cut_behind(image: Image, labels: Labels, random: Random) -> Image:
    places = np.argwhere(labels > 0)[:, 1]
    return image[:, int(np.percentile(places, 40)) :]


def front_to_back(image: Image, labels: Labels, random: Random) -> Image:
    return image[:, ::-1]


def upside_down(image: Image, labels: Labels, random: Random) -> Image:
    return image[:, :, ::-1]


def _mass(image: Image, labels: Labels, random: Random, value: float) -> Image:
    """Put a ball of 12 to 16 mm with a soft edge onto the border of the hippocampus."""
    border = np.argwhere((labels > 0) & ~ndimage.binary_erosion(labels > 0))
    centre = border[random.integers(len(border))]
    distance = np.linalg.norm(np.argwhere(np.ones(image.shape)) - centre, axis=1)
    radius = random.uniform(6, 8)
    inside = 1 / (1 + np.exp(2 * (distance.reshape(image.shape) - radius)))
    return np.asarray(image * (1 - inside) + value * inside)


def bright_mass(image: Image, labels: Labels, random: Random) -> Image:
    """Brighter than everything else, as enhancing tumour or blood."""
    return _mass(image, labels, random, 1.6 * float(np.percentile(image, 99.5)))


def dark_mass(image: Image, labels: Labels, random: Random) -> Image:
    """As dark as the darkest voxels, as a cyst or a cavity after surgery."""
    return _mass(image, labels, random, float(np.percentile(image, 0.5)))


def another_region(image: Image, labels: Labels, random: Random) -> Image:
    """Smooth random tissue with the histogram of the image and no hippocampus."""
    tissue = ndimage.gaussian_filter(random.normal(size=image.shape), 3.0)
    ranks = tissue.ravel().argsort().argsort()
    return np.asarray(np.sort(image.ravel())[ranks].reshape(image.shape))


def constant(image: Image, labels: Labels, random: Random) -> Image:
    return np.full_like(image, image.mean())


FAULTS: Sequence[Fault] = (
    strong_noise,
    inverted,
    flattened,
    cut_off_intensities,
    cut_in_front,
    cut_behind,
    front_to_back,
    upside_down,
    bright_mass,
    dark_mass,
    another_region,
    constant,
)


PER_FAULT = 5
"""Images per fault: 60 inputs bear one miss for a lower bound of 0.90."""

IN_SCOPE = 20

FIRST_IN_SCOPE, FIRST_BROKEN = 500, 600
"""Phantoms from these numbers on; thresholds were chosen on those below 300."""


@pytest.fixture(scope="module")
def outcomes(
    trained_model: SegmentationModel,
    make_phantom: Callable[[int], tuple[Volume, Volume]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[Outcome]]:
    """Return how runs ended, for each fault and for images in scope (empty name)."""
    file = tmp_path_factory.mktemp("gate") / "image.nii.gz"

    def run(image: NDArray[np.float64], affine: NDArray[np.float64]) -> Outcome:
        save_nifti(file, Volume(np.ascontiguousarray(image, np.float32), affine))
        return measure_input(file, identify(file), trained_model).result.outcome

    found: dict[str, list[Outcome]] = {"": []}
    for number in range(IN_SCOPE):
        image, _ = make_phantom(FIRST_IN_SCOPE + number)
        found[""].append(run(image.array.astype(np.float64), image.affine))
    for number in range(PER_FAULT):
        image, labels = make_phantom(FIRST_BROKEN + number)
        for index, fault in enumerate(FAULTS):
            chance = np.random.default_rng([FIRST_BROKEN, number, index])
            broken = fault(image.array.astype(np.float64), labels.array, chance)
            found.setdefault(fault.__name__, []).append(run(broken, image.affine))
    return found


@pytest.mark.verifies("SRS-028")
def test_inputs_out_of_scope_are_withheld_or_flagged(
    outcomes: dict[str, list[Outcome]],
) -> None:
    missed = {
        fault: runs.count(Outcome.OK) for fault, runs in outcomes.items() if fault
    }
    inputs = sum(len(runs) for fault, runs in outcomes.items() if fault)
    caught = inputs - sum(missed.values())

    assert inputs >= 36
    assert lower_bound(caught, inputs) >= 0.90, {
        fault: count for fault, count in missed.items() if count
    }


@pytest.mark.verifies("SRS-028")
def test_at_most_5_percent_of_inputs_in_scope_are_withheld_or_flagged(
    outcomes: dict[str, list[Outcome]],
) -> None:
    in_scope = outcomes[""]

    assert len(in_scope) >= 20
    assert len(in_scope) - in_scope.count(Outcome.OK) <= 0.05 * len(in_scope)


@pytest.mark.verifies("SRS-028")
def test_the_lower_bound_is_the_exact_one_of_clopper_and_pearson() -> None:
    assert lower_bound(36, 36) == pytest.approx(0.025 ** (1 / 36))
    assert lower_bound(35, 36) < 0.90 < lower_bound(36, 36)


def lower_bound(hits: int, trials: int) -> float:
    """Return the lower end of the exact two-sided 95 % interval of a share."""
    return float(beta.ppf(0.025, hits, trials - hits + 1)) if hits else 0.0


@pytest.mark.verifies("SRS-028")
@pytest.mark.parametrize("fault", [strong_noise, flattened, cut_off_intensities])
def test_a_broken_image_is_flagged_whatever_the_network_finds(
    fault: Fault, make_phantom: Callable[[int], tuple[Volume, Volume]]
) -> None:
    for number in range(4):
        image, labels = make_phantom(700 + number)
        values = image.array.astype(np.float64)
        broken = fault(values, labels.array, np.random.default_rng(number))

        for array, expected in ((values, False), (broken, True)):
            found = image_features(prepare(Volume(array, image.affine)))
            outside = [
                name
                for name, value in found.items()
                if not RULES[name].low <= value <= RULES[name].high
            ]
            assert bool(outside) is expected


@pytest.mark.verifies("SRS-028")
@pytest.mark.parametrize("fault", [bright_mass, dark_mass])
def test_a_mass_beside_a_correct_outline_is_flagged(
    fault: Fault, make_phantom: Callable[[int], tuple[Volume, Volume]]
) -> None:
    for number in range(4):
        image, labels = make_phantom(700 + number)
        values = image.array.astype(np.float64)
        broken = fault(values, labels.array, np.random.default_rng(number))

        for array, expected in ((values, set()), (broken, {fault.__name__})):
            prepared = prepare(Volume(array, image.affine))
            measured = measure(labels, prepared.change)
            codes = {flag.code for flag in quality_flags(prepared, measured, 0.95)}
            assert {code.replace("-", "_") for code in codes} == expected
