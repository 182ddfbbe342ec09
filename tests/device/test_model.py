"""The model is the installed one, holds no code, and gives the same mask again."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from hippovol.app import analyse
from hippovol.model import ModelError, load_model
from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.imaging.volumes import Volume


@pytest.mark.verifies("SRS-051")
def test_weights_with_one_changed_byte_measure_nothing(
    altered_model: Path, phantom: Volume, series: Any, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="not the installed ones"):
        analyse(series(phantom), altered_model, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.verifies("SRS-051")
def test_weights_without_a_card_measure_nothing(
    altered_model: Path, phantom: Volume, series: Any, tmp_path: Path
) -> None:
    (altered_model / "model.json").unlink()

    with pytest.raises(BrokenFileError, match="model card is absent"):
        analyse(series(phantom), altered_model, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.verifies("SRS-051")
def test_the_projects_own_model_is_the_one_its_card_states(
    trained_model_folder: Path,
) -> None:
    content = (trained_model_folder / "weights.safetensors").read_bytes()

    assert load_model(trained_model_folder).digest == sha256_of(content)


class _Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.verifies("SRS-052")
@pytest.mark.parametrize("kind", ["pickle", "torch checkpoint"])
def test_a_checkpoint_with_code_is_refused_and_not_executed(
    copied_model: Path, tmp_path: Path, kind: str
) -> None:
    weights, proof = copied_model / "weights.safetensors", tmp_path / "executed"
    if kind == "pickle":
        weights.write_bytes(pickle.dumps(_Payload(proof)))
    else:
        torch.save({"payload": _Payload(proof)}, weights)
    card = copied_model / "model.json"
    stated = load_stated(card)
    card.write_text(card.read_text().replace(stated, sha256_of(weights.read_bytes())))

    with pytest.raises(ModelError, match="is not a safetensors file"):
        load_model(copied_model)

    assert not proof.exists()


def load_stated(card: Path) -> str:
    return str(json.loads(card.read_text())["weights_sha256"])
