"""Networks by name, their loss, and their weights as bytes."""

from collections.abc import Mapping
from typing import Any, Final, cast

from monai.losses.dice import DiceCELoss
from monai.networks.nets.basic_unet import BasicUNet
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from regml.learning.plan import Plan

NETWORKS: Final[Mapping[str, type[nn.Module]]] = {
    "BasicUNet": BasicUNet,
    "DynUNet": DynUNet,
    "SegResNet": SegResNet,
    "UNet": UNet,
}
"""Classes of :mod:`monai.networks.nets` by name."""


def build_network(plan: Plan) -> nn.Module:
    """Build the network of a plan; its weights come from torch's global generator.

    It maps float32 ``B 1 I J K`` to logits ``B classes I J K``; while training with
    deep supervision to ``B levels classes I J K``.
    """
    return NETWORKS[plan.network](**_arguments(plan))


def network_definition(plan: Plan) -> dict[str, Any]:
    """Return class and arguments of a network, as a MONAI Bundle configures it."""
    return {"_target_": f"monai.networks.nets.{plan.network}", **_arguments(plan)}


def _arguments(plan: Plan) -> dict[str, Any]:
    """Return what a network is built with, as JSON has it."""
    arguments: dict[str, Any] = {
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": plan.classes,
    }
    strides = [list(stride) for stride in plan.strides]
    match plan.network:
        case "DynUNet":
            arguments |= {
                "kernel_size": [list(kernel) for kernel in plan.kernels],
                "strides": strides,
                "upsample_kernel_size": strides[1:],
                "filters": list(plan.filters),
                "norm_name": ["INSTANCE", {"affine": True}],
                "deep_supervision": plan.supervised_levels > 0,
                "deep_supr_num": max(plan.supervised_levels, 1),
            }
        case "BasicUNet":
            # it has five levels and a sixth width for its last block
            widths = [plan.filters[min(n, len(plan.filters) - 1)] for n in range(5)]
            arguments |= {"features": [*widths, plan.filters[0]]}
        case "UNet":
            arguments |= {
                "channels": list(plan.filters),
                "strides": strides[1:],
                "num_res_units": 1,
            }
        case "SegResNet":
            deeper = len(plan.strides) - 1
            arguments |= {
                "init_filters": plan.filters[0],
                "blocks_down": [1, *[2] * deeper],
                "blocks_up": [1] * deeper,
            }
    return arguments


def head_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return what the last layers of a DynUNet learn; nothing for other networks.

    A step of AdamW moves a weight by the learning rate, whatever its gradient. The
    layers before are normalised, so small steps turn them; the last one is not, and
    with an unlucky seed a short training ends before it has been turned round. It is
    therefore given a higher rate.
    """
    if not isinstance(network, DynUNet):
        return []
    supervised = network.deep_supervision_heads if network.deep_supervision else ()
    heads = (network.output_block, *supervised)
    return [parameter for head in heads for parameter in head.parameters()]


class SegmentationLoss(nn.Module):
    """Dice plus cross-entropy, over one or several resolutions.

    Args:
        class_weights: One per class, background first; ``None`` weighs all the same.
    """

    def __init__(self, class_weights: Tensor | None) -> None:
        super().__init__()
        self._loss = DiceCELoss(
            include_background=False,
            to_onehot_y=True,
            softmax=True,
            batch=True,
            weight=class_weights,
        )

    def forward(self, output: Tensor, label: Tensor) -> Tensor:
        """Return the loss of logits against a label of shape ``B 1 I J K``."""
        if output.ndim == label.ndim:
            return cast(Tensor, self._loss(output, label))
        levels = output.unbind(1)
        weights = [0.5**level for level in range(len(levels))]
        losses = [
            w * self._loss(o, label) for w, o in zip(weights, levels, strict=True)
        ]
        return cast(Tensor, sum(losses)) / sum(weights)


def class_weights(voxels: Tensor) -> Tensor:
    """Return one weight per class: the inverse square root of its share, mean 1.

    Args:
        voxels: How many voxels each class has, background first.
    """
    weights = (voxels.clamp_min(1) / voxels.sum()).rsqrt()
    return weights / weights.mean()


def parameter_count(network: nn.Module) -> int:
    """Return how many numbers are learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def weights_bytes(network: nn.Module) -> bytes:
    """Return the weights as safetensors: the same weights give the same bytes."""
    return save({name: t.cpu().contiguous() for name, t in tensors(network).items()})


def set_weights(network: nn.Module, content: bytes) -> None:
    """Fill a network with the weights of a safetensors file; executes nothing.

    Raises:
        ValueError: They are not safetensors or belong to another network.
    """
    try:
        found = load(content)
    except SafetensorError as error:
        raise ValueError(f"not safetensors: {error}") from error
    wanted = tensors(network)
    if {n: t.shape for n, t in found.items()} != {
        n: t.shape for n, t in wanted.items()
    }:
        raise ValueError("names or shapes of the weights are those of another network")
    for name, tensor in wanted.items():
        tensor.copy_(found[name])


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return every weight and buffer once, by its first name, sorted.

    MONAI's DynUNet knows its blocks under two names each.
    """
    every = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: every[name].detach() for name in sorted(every)}
