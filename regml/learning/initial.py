"""What a training starts from: weights of somebody else, or random numbers."""

from pathlib import Path
from typing import Any

from regml.digest import sha256_of
from regml.errors import DataError
from regml.learning.params import TrainParams


def initial_weights(root: Path, params: TrainParams) -> bytes | None:
    """Return the weights to start from, or ``None`` for random numbers.

    Raises:
        DataError: The file is missing or is not the one that the parameters name.
    """
    wanted = params.initial_weights
    if wanted is None:
        return None
    try:
        content = (root / wanted.path).read_bytes()
    except OSError as error:
        raise DataError(
            f"{wanted.path}: cannot be read ({error.strerror}). Get the file that "
            "params.yaml names in train.initial_weights, or leave that section out."
        ) from error
    if (found := sha256_of(content)) != wanted.sha256:
        raise DataError(
            f"{wanted.path}: its sha256 {found[:12]} is not the one that params.yaml "
            f"names, {wanted.sha256[:12]}. Use the named file, or review the other one "
            "and name it."
        )
    return content


def initial_facts(params: TrainParams) -> dict[str, Any]:
    """Return what a training starts from: other weights, or random numbers."""
    start = params.initial_weights
    if start is None:
        return {"source": "none, random initialisation", "seed": params.seed}
    return start.model_dump(mode="json")
