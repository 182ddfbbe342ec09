"""A trained model as a device uses it: verified weights in, labels out."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad, softmax

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.learning.networks import build_network, set_weights
from regml.learning.plan import Plan

WEIGHTS = "weights.safetensors"
"""File name of the weights in a model folder."""

CARD = "model.json"
"""File name of what is said about them."""

LARGEST_WINDOW = 1.5
"""A window may be so much longer than the training patch along an axis."""


@dataclass(frozen=True)
class SegmentationModel:
    """A network with its weights, ready for volumes on the grid it was trained on.

    Attributes:
        card: Content of ``model.json``.
        digest: sha256 of the weights.
        plan: How the network is built.
        network: In evaluation mode.
    """

    card: Mapping[str, Any]
    digest: str
    plan: Plan
    network: nn.Module

    @classmethod
    def load(
        cls, folder: Path, *, device: torch.device | str = "cpu"
    ) -> "SegmentationModel":
        """Read ``model.json`` and ``weights.safetensors``; no code is executed.

        Args:
            folder: With both files.
            device: Where the network computes.

        Raises:
            BrokenFileError: A file is missing or unreadable, the weights are not
                those that the card names, or they do not fit its network.
        """
        card = _read_card(folder / CARD)
        content = _read_weights(folder / WEIGHTS, wanted=card["weights_sha256"])
        try:
            plan = Plan.model_validate(card["plan"])
            network = build_network(plan)
            set_weights(network, content)
        except ValueError as error:
            raise BrokenFileError(
                folder / WEIGHTS,
                "the weights do not fit the network that model.json describes.",
                remedy="Restore both files together: dvc pull model.",
            ) from error
        return cls(
            MappingProxyType(card), sha256_of(content), plan, network.eval().to(device)
        )

    def segment(
        self, image: NDArray[np.float32], *, mirror_axes: Sequence[int] = ()
    ) -> NDArray[np.uint8]:
        """Return the label of every voxel.

        Args:
            image: Normalised intensities on the model's grid, shape I J K.
            mirror_axes: Array axes along which mirrored predictions are averaged.
        """
        found = self.probabilities(image, mirror_axes=mirror_axes)
        return np.asarray(found.argmax(axis=0), dtype=np.uint8)

    def probabilities(
        self, image: NDArray[np.float32], *, mirror_axes: Sequence[int] = ()
    ) -> NDArray[np.float32]:
        """Return the probability of every class, shape C I J K; sums to one.

        Raises:
            ValueError: The image has not three axes or numbers that are not finite.
        """
        if image.ndim != 3 or not np.isfinite(image).all():
            raise ValueError("an image needs three axes and finite numbers")
        volume = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
        device = next(self.network.parameters()).device
        logits = predict(
            self.network, volume.to(device), self.plan, mirror_axes=mirror_axes
        )
        return np.asarray(softmax(logits, dim=0).cpu().numpy())


@torch.inference_mode()
def predict(
    network: Callable[[Tensor], Tensor],
    volume: Tensor,
    plan: Plan,
    *,
    mirror_axes: Sequence[int] = (),
) -> Tensor:
    """Return the logits of a volume of shape I J K by overlapping windows.

    A volume that is smaller than a window is continued with its border voxels, as in
    training, and cut back afterwards.

    Returns:
        Shape C I J K.
    """
    window = _window(volume.shape, plan)
    padded, inside = _fit(volume, window)
    flips = [
        [axis + 2 for axis in axes]
        for count in range(len(mirror_axes) + 1)
        for axes in combinations(sorted(set(mirror_axes)), count)
    ]
    total = torch.zeros(())
    for flip in flips:
        windows = sliding_window_inference(
            padded.flip(flip),
            roi_size=window,
            sw_batch_size=2,
            predictor=_at_least_two(network)
            if padded.device.type == "cpu"
            else network,
            overlap=plan.overlap,
            mode="gaussian",
        )
        total = total.to(padded.device) + cast(Tensor, windows).flip(flip)
    return (total / len(flips))[0][(slice(None), *inside)]


def _at_least_two(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the same network that sees a single window twice.

    For one small volume torch's CPU convolutions leave oneDNN for a loop of their own
    that is ten times slower; two are done at once. Nothing in a network mixes the
    volumes of a batch when it predicts, so the answer is that for one.
    """

    def predict_windows(windows: Tensor) -> Tensor:
        if len(windows) > 1:
            return network(windows)
        return network(windows.repeat(2, 1, 1, 1, 1))[:1]

    return predict_windows


def _window(shape: Sequence[int], plan: Plan) -> tuple[int, ...]:
    """Return the patch, somewhat larger along axes where that saves a second window."""
    window = []
    for size, edge, divisor in zip(shape, plan.patch, plan.divisor, strict=True):
        whole = math.ceil(size / divisor) * divisor
        window.append(whole if edge < whole <= edge * LARGEST_WINDOW else edge)
    return tuple(window)


def _fit(volume: Tensor, window: Sequence[int]) -> tuple[Tensor, tuple[slice, ...]]:
    """Return the volume, B C I J K, at least as large as a window, and its place."""
    missing = [
        max(0, edge - size) for edge, size in zip(window, volume.shape, strict=True)
    ]
    before = [count // 2 for count in missing]
    after = [count - count // 2 for count in missing]
    border = [n for pair in zip(before[::-1], after[::-1], strict=True) for n in pair]
    inside = tuple(
        slice(start, start + size)
        for start, size in zip(before, volume.shape, strict=True)
    )
    return pad(volume[None, None], border, mode="replicate"), inside


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(card, dict) and {"plan", "weights_sha256"} <= card.keys():
            return card
    except (OSError, ValueError) as error:
        raise BrokenFileError(
            path, "cannot be read as a model card.", remedy="Run: dvc repro train."
        ) from error
    raise BrokenFileError(
        path, "is not a model card.", remedy="Reproduce it: dvc repro train."
    )


def _read_weights(path: Path, *, wanted: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenFileError(
            path, f"cannot be read ({error.strerror}).", remedy="Run: dvc pull model."
        ) from error
    found = sha256_of(content)
    if found != wanted:
        raise BrokenFileError(
            path,
            f"its sha256 {found[:12]} is not the one model.json names, {wanted[:12]}.",
            remedy="Do not use it. Restore both files: dvc pull model.",
        )
    return content
