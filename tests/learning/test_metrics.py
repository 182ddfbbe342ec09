import math

import numpy as np
import pytest
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice
from monai.metrics.surface_dice import compute_surface_dice

from regml.learning.metrics import Mask, case_metrics, mask_metrics

SPACING = (1.0, 1.5, 0.8)


def blob(centre: tuple[float, float, float], radius: float) -> Mask:
    grid = np.stack(
        np.meshgrid(*(np.arange(n) for n in (21, 17, 19)), indexing="ij"), -1
    )
    return np.asarray((((grid - centre) / radius) ** 2).sum(-1) < 1)


PAIRS = [
    (blob((10, 8, 9), 5.3), blob((11, 8, 9), 5.0)),
    (blob((7, 8, 9), 4.1), blob((12, 8, 10), 4.6)),
    (blob((3, 3, 3), 4.0), blob((4, 3, 3), 4.0)),  # touches the border
]


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's
@pytest.mark.parametrize(("found", "reference"), PAIRS)
def test_metrics_are_those_of_monai(found: Mask, reference: Mask) -> None:
    a, b = (torch.from_numpy(m)[None, None].float() for m in (found, reference))
    expected = {
        "dice": compute_dice(a, b),
        "hd95_mm": compute_hausdorff_distance(
            a, b, include_background=True, percentile=95, spacing=SPACING
        ),
        "nsd": compute_surface_dice(
            a, b, class_thresholds=[1.0], include_background=True, spacing=SPACING
        ),
    }
    metrics = mask_metrics(found, reference, spacing_mm=SPACING)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(float(value), abs=1e-5), name


def test_two_empty_masks_agree_fully() -> None:
    nothing = np.zeros((4, 5, 6), bool)
    assert mask_metrics(nothing, nothing, spacing_mm=SPACING) == {
        "dice": 1.0,
        "hd95_mm": 0.0,
        "nsd": 1.0,
        "volume_mm3": 0.0,
        "reference_mm3": 0.0,
        "volume_error_percent": 0.0,
    }


def test_a_miss_gets_the_worst_scores_of_its_volume() -> None:
    nothing, something = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    metrics = mask_metrics(nothing, something, spacing_mm=(1, 1, 1))
    assert metrics["dice"] == metrics["nsd"] == 0.0
    assert metrics["hd95_mm"] == pytest.approx(math.sqrt(16 + 25 + 36))
    assert metrics["volume_error_percent"] == -100.0


def test_a_false_finding_has_no_relative_volume_error() -> None:
    nothing, something = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    metrics = mask_metrics(something, nothing, spacing_mm=(1, 1, 1))
    assert metrics["dice"] == 0.0
    assert "volume_error_percent" not in metrics


def test_volumes_are_in_cubic_millimetres_and_signed() -> None:
    reference = np.zeros((4, 4, 4), np.uint8)
    found = reference.copy()
    reference[0, 0, :4], found[0, 0, :3] = 1, 2
    metrics = case_metrics(
        found, reference, labels={"a": 1, "b": 2}, spacing_mm=(1, 2, 1.5)
    )
    assert metrics["whole"]["volume_mm3"] == 9.0
    assert metrics["whole"]["reference_mm3"] == 12.0
    assert metrics["whole"]["volume_error_percent"] == -25.0
    assert metrics["a"]["dice"] == metrics["b"]["dice"] == 0.0
