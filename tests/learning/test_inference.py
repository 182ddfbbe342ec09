import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.learning.inference import CARD, WEIGHTS, SegmentationModel, predict
from regml.learning.networks import build_network, set_weights, weights_bytes
from regml.learning.plan import Plan


@pytest.fixture
def folder(tmp_path: Path, plan: Plan) -> Path:
    torch.manual_seed(0)
    weights = weights_bytes(build_network(plan))
    card = {"plan": plan.model_dump(mode="json"), "weights_sha256": sha256_of(weights)}
    (tmp_path / WEIGHTS).write_bytes(weights)
    (tmp_path / CARD).write_text(json.dumps(card))
    return tmp_path


@pytest.mark.parametrize("shape", [(12, 16, 12), (7, 9, 5), (31, 17, 29)])
def test_every_voxel_gets_a_label(folder: Path, shape: tuple[int, int, int]) -> None:
    model = SegmentationModel.load(folder)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = model.segment(image)
    assert labels.shape == shape
    assert labels.dtype == np.uint8
    probabilities = model.probabilities(image)
    assert np.allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    assert np.array_equal(probabilities.argmax(axis=0), labels)


def test_the_same_image_gives_the_same_labels(folder: Path) -> None:
    image = np.random.default_rng(0).normal(size=(20, 18, 15)).astype(np.float32)
    first, second = (SegmentationModel.load(folder).segment(image) for _ in range(2))
    assert np.array_equal(first, second)


def test_windows_are_put_together_in_their_place(plan: Plan) -> None:
    def identity(windows: Tensor) -> Tensor:
        return windows.clone()

    volume = torch.randn(37, 20, 9)
    for axes in ((), (0, 2)):
        found = predict(identity, volume, plan, mirror_axes=axes)
        assert torch.allclose(found[0], volume, atol=1e-5)


def test_a_single_window_gets_the_answer_for_one(plan: Plan) -> None:
    """The network may see a window twice; what comes out is for one volume."""
    seen = []

    def network(windows: Tensor) -> Tensor:
        seen.append(len(windows))
        return torch.cat([windows, -windows, 2 * windows], dim=1)

    volume = torch.rand(plan.patch)
    logits = predict(network, volume, plan)
    assert logits.shape == (3, *plan.patch)
    torch.testing.assert_close(logits[0], volume)
    torch.testing.assert_close(logits[2], 2 * volume)
    assert seen == [2]


def test_weights_that_were_changed_are_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(BrokenFileError, match=r"is not the one model\.json names"):
        SegmentationModel.load(folder)


def test_weights_of_another_network_are_refused(folder: Path, plan: Plan) -> None:
    wider = plan.model_copy(update={"filters": tuple(2 * n for n in plan.filters)})
    weights = weights_bytes(build_network(wider))
    card = json.loads((folder / CARD).read_text())
    (folder / WEIGHTS).write_bytes(weights)
    (folder / CARD).write_text(
        json.dumps(card | {"weights_sha256": sha256_of(weights)})
    )
    with pytest.raises(BrokenFileError, match="do not fit the network"):
        SegmentationModel.load(folder)


def test_a_pickle_is_not_loaded(plan: Plan) -> None:
    with pytest.raises(ValueError, match="not safetensors"):
        set_weights(build_network(plan), b"\x80\x04\x95pickle")


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BrokenFileError, match=name):
        SegmentationModel.load(folder)


def test_an_image_with_numbers_that_are_not_finite_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="finite"):
        SegmentationModel.load(folder).segment(np.full((9, 9, 9), np.nan, np.float32))
