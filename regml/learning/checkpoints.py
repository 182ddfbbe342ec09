"""Checkpoints of a training that is under way."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a training needs to go on as if it had never stopped.

    Attributes:
        key: Digest of everything that the result depends on.
        step: Steps done.
        losses: Since the last look at the tuning split.
        best_step: Step of the best weights so far.
        best_dice: Their tuning Dice.
        best_state: The best weights so far.
        curve: Points of the learning curve.
        network: Weights after the last step.
        optimizer: State of the optimiser.
    """

    key: str
    step: int
    losses: list[float]
    best_step: int
    best_dice: float
    best_state: Mapping[str, Tensor]
    curve: list[tuple[int, float, float, float]]
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        fields = {name: getattr(checkpoint, name) for name in Checkpoint.__slots__}
        torch.save(fields, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: Path, *, key: str) -> Checkpoint | None:
    """Return a checkpoint of the same training, ``None`` where there is none.

    One that cannot be read counts as absent: the training then starts anew. Nothing
    in it is executed.
    """
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**found)
    except (OSError, RuntimeError, TypeError, EOFError, pickle.UnpicklingError):
        return None
    return checkpoint if checkpoint.key == key else None
