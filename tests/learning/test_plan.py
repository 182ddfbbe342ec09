import pytest
import torch

from regml.learning.networks import (
    SegmentationLoss,
    build_network,
    class_weights,
    weights_bytes,
)
from regml.learning.params import TrainParams
from regml.learning.plan import Plan, make_plan

Three = tuple[float, float, float]
HIPPOCAMPUS: tuple[Three, Three] = ((35, 50, 36), (1, 1, 1))
ANISOTROPIC: tuple[Three, Three] = ((20, 128, 128), (5, 1, 1))


def plan_for(cases: tuple[Three, Three], **params: object) -> Plan:
    shape, spacing = cases
    return make_plan(
        TrainParams.model_validate(params),
        median_shape=shape,
        spacing_mm=spacing,
        classes=3,
    )


def test_a_small_volume_is_covered_by_the_patch() -> None:
    plan = plan_for(HIPPOCAMPUS)
    assert plan.patch == (40, 56, 40)
    assert plan.strides == ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    assert set(plan.kernels) == {(3, 3, 3)}


def test_the_patch_is_a_multiple_of_what_the_network_halves() -> None:
    for cases in (HIPPOCAMPUS, ANISOTROPIC):
        plan = plan_for(cases)
        assert not any(e % d for e, d in zip(plan.patch, plan.divisor, strict=True))


def test_a_coarse_axis_is_halved_later_and_has_flat_kernels() -> None:
    plan = plan_for(ANISOTROPIC)
    assert plan.strides[1] == (1, 2, 2)
    assert plan.kernels[0] == (1, 3, 3)
    assert plan.kernels[-1] == (3, 3, 3)


def test_a_large_volume_is_cut_to_the_budget() -> None:
    plan = plan_for(((512, 512, 512), (1, 1, 1)), voxels_per_step=200_000)
    assert max(plan.patch) <= 64
    assert plan.batch_size == 2


def test_what_the_user_fixed_goes_first() -> None:
    plan = plan_for(HIPPOCAMPUS, patch=(16, 16, 16), batch_size=5)
    assert (plan.patch, plan.batch_size) == ((16, 16, 16), 5)


@pytest.mark.parametrize("network", ["DynUNet", "BasicUNet", "UNet", "SegResNet"])
def test_every_network_gives_one_logit_per_class_and_voxel(network: str) -> None:
    plan = plan_for(((12, 16, 12), (1, 1, 1)), network=network, base_filters=8)
    output = build_network(plan).eval()(torch.zeros(1, 1, *plan.patch))
    assert output.shape == (1, 3, *plan.patch)


@pytest.mark.parametrize("weights", [None, class_weights(torch.tensor([90, 8, 2]))])
@pytest.mark.parametrize("deep_supervision", [False, True])
def test_the_loss_falls_when_the_output_fits(
    weights: torch.Tensor | None, deep_supervision: bool
) -> None:
    label = torch.zeros(2, 1, 16, 16, 16)
    label[:, :, 4:12, 4:12, :8], label[:, :, 4:12, 4:12, 8:] = 1, 2
    truth = torch.stack([(label[:, 0] == n).float() * 20 for n in range(3)], dim=1)
    other = truth.roll(1, 1)
    if deep_supervision:
        truth, other = torch.stack([truth] * 3, 1), torch.stack([other] * 3, 1)
    loss = SegmentationLoss(weights)
    assert float(loss(truth, label)) < 0.05 < 1 < float(loss(other, label))


def test_deep_supervision_gives_several_resolutions_in_training_only() -> None:
    plan = plan_for(HIPPOCAMPUS, deep_supervision=True, base_filters=2)
    network, image = build_network(plan), torch.zeros(2, 1, *plan.patch)
    assert network.train()(image).shape == (2, 3, 3, *plan.patch)
    assert network.eval()(image).shape == (2, 3, *plan.patch)


def test_rare_classes_weigh_more() -> None:
    weights = class_weights(torch.tensor([900, 80, 20]))
    assert weights.tolist() == sorted(weights.tolist())
    assert float(weights.mean()) == pytest.approx(1)


def test_the_same_weights_are_the_same_bytes() -> None:
    network = build_network(plan_for(HIPPOCAMPUS, base_filters=2))
    assert weights_bytes(network) == weights_bytes(network)
