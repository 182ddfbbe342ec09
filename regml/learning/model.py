"""What a training leaves: weights, the card that describes them, its learning curve."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from regml.digest import sha256_of
from regml.imaging.outputs import pretty_json, write_whole
from regml.imaging.params import PreprocessParams
from regml.items.data import DatasetManifest, Preparation
from regml.learning.inference import CARD, WEIGHTS
from regml.learning.initial import initial_facts
from regml.learning.networks import network_definition
from regml.learning.params import TrainParams
from regml.learning.plan import Plan
from regml.learning.train import Trained

FORMAT = 1
"""Version of the layout of ``model.json``."""

PACKAGES = ("monai", "numpy", "safetensors", "torch")
"""Packages whose versions the card names: the network is built with them."""


def model_card(
    trained: Trained,
    plan: Plan,
    params: TrainParams,
    *,
    labels: Mapping[str, int],
    grid: PreprocessParams,
    manifest: Path,
    preparation: Preparation | None = None,
) -> dict[str, Any]:
    """Return the content of ``model.json``.

    Args:
        trained: The result of the training.
        plan: How the network is built.
        params: As ``params.yaml`` gave them.
        labels: Voxel value of each label by name.
        grid: How the inputs were prepared.
        manifest: File of the dataset version that it learned from.
        preparation: How the images of that version were brought to the grid.

    Raises:
        OSError: The manifest cannot be read.
    """
    return {
        "format": FORMAT,
        "weights_sha256": sha256_of(trained.weights),
        "parameters": trained.parameters,
        "plan": plan.model_dump(mode="json"),
        "network_def": network_definition(plan),
        "labels": dict(labels),
        "orientation": "RAS",
        "spacing_mm": [grid.spacing_mm] * 3,
        "normalisation": {
            "clip_percentiles": list(grid.clip_percentiles),
            "then": "mean 0 and standard deviation 1 of each volume",
        },
        "preparation": preparation.model_dump(mode="json") if preparation else None,
        "dataset_manifest_sha256": sha256_of(manifest.read_bytes()),
        "initial_weights": initial_facts(params),
        "seed": params.seed,
        "hyperparameters": params.model_dump(mode="json"),
        "tuning": {"best_step": trained.best_step, "dice": trained.best_dice},
        "packages": {name: version(name) for name in PACKAGES},
    }


def write_model(folder: Path, trained: Trained, card: Mapping[str, Any]) -> None:
    """Write weights and card, each whole or not at all.

    The card comes last: it names the digest of the weights, so that a model whose
    writing was cut short is refused when it is loaded.
    """
    write_whole(folder / WEIGHTS, trained.weights)
    write_whole(folder / CARD, pretty_json(card))


def training_report(trained: Trained, manifest: DatasetManifest) -> dict[str, Any]:
    """Return the content of ``reports/training.json``: the learning curve by step."""
    return {
        "cases": dict(sorted(Counter(case.split for case in manifest.cases).items())),
        "best_step": trained.best_step,
        "best_tuning_dice": trained.best_dice,
        "curve": [asdict(point) for point in trained.curve],
    }


def training_facts(trained: Trained, card: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the record of the run says about the model."""
    return {
        "architecture": card["plan"]["network"],
        "plan": card["plan"],
        "parameters": trained.parameters,
        "seed": card["seed"],
        "hyperparameters": card["hyperparameters"],
        "initial_weights": card["initial_weights"],
        "best_step": trained.best_step,
        "metrics": {"tuning_dice": trained.best_dice},
        "device": trained.device,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }
