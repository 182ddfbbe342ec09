"""What MONAI makes of a released bundle."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle.config_parser import ConfigParser

from regml.learning.networks import (
    NETWORKS,
    build_network,
    network_definition,
    weights_bytes,
)
from regml.learning.params import TrainParams
from regml.learning.plan import Plan, make_plan
from regml.release.bundle import inference


def plan_of(network: str, **settings: Any) -> Plan:
    params = TrainParams(network=network, base_filters=8, steps=1, seed=1, **settings)
    return make_plan(
        params, median_shape=(16, 16, 16), spacing_mm=(1.0, 1.0, 1.0), classes=3
    )


def bundle(folder: Path, plan: Plan, content: bytes) -> Path:
    card = {"network_def": network_definition(plan), "plan": plan.model_dump()}
    (folder / "models").mkdir()
    (folder / "configs").mkdir()
    (folder / "models/weights.safetensors").write_bytes(content)
    path = folder / "configs/inference.json"
    path.write_text(json.dumps(inference(card, "weights.safetensors")))
    return path


def opened(path: Path) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(path)
    parser["bundle_root"] = str(path.parent.parent)
    return parser


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_monai_builds_the_network_with_its_weights(
    tmp_path: Path, network: str
) -> None:
    plan = plan_of(network)
    ours = build_network(plan).eval()
    parser = opened(bundle(tmp_path, plan, weights_bytes(ours)))
    theirs = parser.get_parsed_content("network")
    volume = torch.linspace(-1, 1, 32**3).reshape(1, 1, 32, 32, 32)
    assert not theirs.training
    with torch.inference_mode():
        assert torch.equal(theirs(volume), ours(volume))


def test_it_also_loads_a_network_that_learned_on_several_levels(tmp_path: Path) -> None:
    plan = plan_of("DynUNet", deep_supervision=True, patch=(32, 32, 32))
    assert plan.supervised_levels > 0
    ours = build_network(plan).eval()
    parser = opened(bundle(tmp_path, plan, weights_bytes(ours)))
    theirs = parser.get_parsed_content("network")
    volume = torch.linspace(-1, 1, 32**3).reshape(1, 1, 32, 32, 32)
    with torch.inference_mode():
        assert torch.equal(theirs(volume), ours(volume))
        windows = parser.get_parsed_content("inferer")(volume, theirs)
    assert windows.shape == (1, plan.classes, 32, 32, 32)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    others = weights_bytes(build_network(plan_of("UNet")))
    parser = opened(bundle(tmp_path, plan_of("SegResNet"), others))
    with pytest.raises(RuntimeError, match="load_model"):
        parser.get_parsed_content("network")


def test_a_card_without_a_network_gives_no_configuration() -> None:
    assert inference({"plan": {"network": "UNet"}}, "weights.safetensors") is None
