"""The model: loaded only when it is the one that was installed."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regml.digest import digest_file
from regml.errors import BrokenFileError, RegmlError
from regml.imaging.volumes import Volume
from regml.learning.inference import CARD, WEIGHTS, SegmentationModel

MAX_HEADER_BYTES = 100_000_000
"""Longest header that the safetensors format allows, in bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Segmented:
    """What the network says about an image.

    Attributes:
        labels: 0 background, 1 anterior, 2 posterior.
        confidence: Mean probability of the label over its voxels, 0 to 1; 0 when
            nothing was found.
    """

    labels: Volume
    confidence: float


class ModelError(RegmlError):
    """The model is not the one that was installed, or cannot be loaded safely."""


# regml: implements SRS-051
def load_model(folder: Path) -> SegmentationModel:
    """Return the model, after its weights were compared with its card.

    Raises:
        BrokenFileError: The card or the weights are absent or unreadable.
        ModelError: The weights are not those of the card, or not safetensors.
    """
    stated, actual = stated_digest(folder), weights_digest(folder)
    if stated != actual:
        raise ModelError(
            f"{folder / WEIGHTS}: these weights ({actual[:12]}) are not the installed "
            f"ones ({stated[:12]}). Install the model again."
        )
    _refuse_code(folder / WEIGHTS)
    return SegmentationModel.load(folder)


# regml: implements SRS-005
def segment(model: SegmentationModel, prepared: Volume) -> Segmented:
    """Return one label for every voxel of a prepared image."""
    probabilities = model.probabilities(prepared.array)
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    found = labels > 0
    confidence = float(probabilities.max(axis=0)[found].mean()) if found.any() else 0.0
    return Segmented(Volume(labels, prepared.affine), confidence)


def stated_digest(folder: Path) -> str:
    """Return the sha256 that the model card states for the weights.

    Raises:
        BrokenFileError: There is no card, or it states none.
    """
    card = folder / CARD
    try:
        return str(json.loads(card.read_text(encoding="utf-8"))["weights_sha256"])
    except OSError as e:
        raise BrokenFileError(
            card, "the model card is absent.", remedy="Install the model."
        ) from e
    except (ValueError, KeyError, TypeError) as e:
        raise BrokenFileError(card, "this card states no weights_sha256.") from e


def weights_digest(folder: Path) -> str:
    """Return the sha256 of the weights file as it lies on disk.

    Raises:
        BrokenFileError: It cannot be read.
    """
    weights = folder / WEIGHTS
    try:
        return digest_file(weights, name=WEIGHTS).sha256
    except OSError as e:
        raise BrokenFileError(
            weights, "the model weights are absent.", remedy="Install the model."
        ) from e


# regml: implements SRS-052
def _refuse_code(weights: Path) -> None:
    """Refuse a file that is not safetensors: 8 bytes of length, then a JSON header."""
    size = weights.stat().st_size
    with weights.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if length <= min(size, MAX_HEADER_BYTES) else b""
    try:
        fields = json.loads(header)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ModelError(
            f"{weights}: is not a safetensors file; no other format is loaded, because "
            "it could carry code. Install the model again."
        )
