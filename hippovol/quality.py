"""The quality gate: does the image look as expected, and is this a hippocampus?

Each rule holds one number against a range. The ranges are wider than what was measured
on the reference outlines of 220 images of a public set and on phantoms in scope. A flag
never removes a volume; it says that somebody has to look before it is used.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hippovol.preparation import Prepared
from hippovol.result import Remark
from hippovol.volumetry import Measured
from regml.imaging.postprocess import Side

ANTERIOR, POSTERIOR = 1, 2


class Flag(StrEnum):
    """What the quality gate can notice."""

    NOISE = "noise"
    SATURATED = "saturated"
    BRIGHT_MASS = "bright-mass"
    DARK_MASS = "dark-mass"
    CONTRAST = "contrast"
    EMPTY = "empty"
    VOLUME = "volume"
    PROPORTION = "proportion"
    FRAGMENTED = "fragmented"
    CUT = "cut"
    ORIENTATION = "orientation"
    LENGTH = "length"
    CONFIDENCE = "confidence"
    SIDE = "side"


@dataclass(frozen=True, slots=True)
class Rule:
    """A number and the range it has in scope.

    Attributes:
        flag: What is noticed when it is outside.
        low: Lower end, inclusive.
        high: Upper end, inclusive.
        sentence: What the user reads.
    """

    flag: Flag
    low: float
    high: float
    sentence: str


RULES = {
    "noise": Rule(Flag.NOISE, 0.0, 0.42, "The image is very noisy."),
    "saturated": Rule(
        Flag.SATURATED, 0.0, 0.005, "Bright parts of the image are cut off."
    ),
    "brightest": Rule(
        Flag.BRIGHT_MASS, -1.0, 0.95, "Something beside the outline is very bright."
    ),
    "darkest": Rule(
        Flag.DARK_MASS, -0.9, 1.0, "Something beside the outline is very dark."
    ),
    "contrast": Rule(
        Flag.CONTRAST, -1.9, -0.05, "The outline does not lie in grey matter."
    ),
    "whole_mm3": Rule(
        Flag.VOLUME, 0.9 * 2382.0, 1.1 * 4401.0, "The volume is outside that of adults."
    ),
    "anterior_share": Rule(
        Flag.PROPORTION, 0.25, 0.75, "Anterior and posterior part do not go together."
    ),
    "removed_share": Rule(
        Flag.FRAGMENTED, 0.0, 0.15, "The network found several pieces."
    ),
    "margin_voxels": Rule(
        Flag.CUT, 1.0, 1e9, "The outline touches the border of the image."
    ),
    "forward_mm": Rule(
        Flag.ORIENTATION, 8.0, 28.0, "The anterior part is not in front."
    ),
    "downward_mm": Rule(
        Flag.ORIENTATION, 0.9, 16.0, "The anterior part is not below the posterior."
    ),
    "front_share": Rule(
        Flag.ORIENTATION, 0.49, 0.75, "The thick end of the outline is not in front."
    ),
    "length_mm": Rule(Flag.LENGTH, 26.0, 52.0, "The outline is too short or long."),
    "confidence": Rule(Flag.CONFIDENCE, 0.75, 1.0, "The network is not certain."),
}
"""Range of each feature in scope.

The reference volumes of the public set are 2382 to 4401 mm3; a tenth is added for the
error of the measurement itself.
"""

NEAR_VOXELS = 4
"""How far beside the outline a mass is looked for."""


# regml: implements SRS-028
def quality_flags(
    prepared: Prepared, measured: Measured, confidence: float
) -> tuple[Remark, ...]:
    """Return what a user has to look at; empty when nothing is unusual.

    Args:
        prepared: The image.
        measured: The cleaned outline.
        confidence: Mean probability of the labels, from the network.
    """
    found = features(prepared, measured, confidence)
    remarks = [
        Remark(code=rule.flag, message=rule.sentence)
        for name, rule in RULES.items()
        if name in found and not rule.low <= found[name] <= rule.high
    ]
    if not measured.labels.array.any():
        remarks.append(Remark(code=Flag.EMPTY, message="No hippocampus was found."))
    elif measured.side is Side.UNKNOWN:
        remarks.append(
            Remark(code=Flag.SIDE, message="The image does not tell the side.")
        )
    return tuple(remarks)


def features(
    prepared: Prepared, measured: Measured, confidence: float
) -> dict[str, float]:
    """Return the numbers that the rules look at, by name.

    - ``noise``: standard deviation of the noise, in those of the image
    - ``saturated``: share of voxels that have the largest value
    - ``brightest``, ``darkest``: extreme local means (2 mm) up to 4 mm beside the
      outline, where 0 is the median of the image and -1 its 0.5 percentile
    - ``contrast``: median inside the outline, in standard deviations of the image
    - ``whole_mm3``: volume of the whole hippocampus
    - ``anterior_share``: anterior part of it, 0 to 1
    - ``removed_share``: voxels that cleaning removed, relative to those that stayed
    - ``margin_voxels``: voxels between the outline and the border of the image
    - ``forward_mm``, ``downward_mm``: how far the anterior part lies in front of and
      below the posterior one
    - ``front_share``: voxels in the front half of the outline's length, 0 to 1
    - ``length_mm``: extent from front to back
    - ``confidence``: mean probability of the labels, 0 to 1

    Without an outline only the first two are there.
    """
    found = image_features(prepared)
    if measured.labels.array.any():
        found |= outline_features(prepared, measured) | {"confidence": confidence}
    return found


def image_features(prepared: Prepared) -> dict[str, float]:
    """Return the features that need no segmentation, by name."""
    raw = prepared.resampled.array
    return {
        "noise": noise_level(prepared.normalised.array),
        "saturated": float((raw == raw.max()).mean()),
    }


def noise_level(image: NDArray[np.float32]) -> float:
    """Return the standard deviation of the noise of an image.

    From the median absolute response to the product of second differences along all
    axes, which smooth anatomy hardly excites (after Immerkaer, Computer Vision and
    Image Understanding 64, 300-302, 1996).
    """
    response = image.astype(np.float64)
    for axis in range(3):
        response = np.diff(response, 2, axis=axis)
    gain = 6.0**1.5  # of white noise through [1, -2, 1] along three axes
    return float(np.median(np.abs(response)) / 0.6745 / gain)


def outline_features(prepared: Prepared, measured: Measured) -> dict[str, float]:
    """Return the features of an outline that is not empty, by name."""
    labels = measured.labels.array
    places = np.argwhere(labels > 0)
    whole, anterior = measured.volume("whole"), measured.volume("anterior")
    margin = min(places.min(), (np.array(labels.shape) - 1 - places.max(axis=0)).min())
    middle = (places[:, 1].min() + places[:, 1].max()) / 2
    _, forward, upward = _centre(labels, ANTERIOR) - _centre(labels, POSTERIOR)
    local = _local_means(prepared)[
        ndimage.binary_dilation(labels > 0, iterations=NEAR_VOXELS)
    ]
    return {
        "brightest": float(local.max()),
        "darkest": float(local.min()),
        "contrast": float(np.median(prepared.normalised.array[labels > 0])),
        "whole_mm3": whole.mm3,
        "anterior_share": anterior.voxels / max(whole.voxels, 1),
        "removed_share": whole.removed_voxels / len(places),
        "margin_voxels": float(margin),
        "forward_mm": float(forward),
        "downward_mm": float(-upward),
        "front_share": float((places[:, 1] > middle).mean()),
        "length_mm": float(np.ptp(places[:, 1]) + 1),
    }


def _centre(labels: NDArray[np.uint8], value: int) -> NDArray[np.float64]:
    """Return the mean position of a label in voxels; 0 when it is absent."""
    places = np.argwhere(labels == value)
    return np.asarray(places.mean(axis=0)) if len(places) else np.zeros(3)


def _local_means(prepared: Prepared) -> NDArray[np.float64]:
    """Return the smoothed image: 0 is its median, -1 its 0.5 percentile."""
    raw = prepared.resampled.array.astype(np.float64)
    low, middle = np.percentile(raw, (0.5, 50))
    scaled = (raw - middle) / max(float(middle - low), 1e-9)
    return np.asarray(ndimage.gaussian_filter(scaled, 2.0))
