"""Self-configuration: what the dataset's fingerprint says about the network.

The rules follow what is published about nnU-Net (Isensee et al., Nature Methods 18,
203-211, 2021): the patch starts from the median shape, axes are halved while their
resolution is not much coarser than the finest one, and kernels are flat along axes
that are still too coarse. The budget is one of CPU time instead of GPU memory.
"""

import math
from collections.abc import Sequence
from typing import Literal

from regml.items.base import Strict
from regml.items.fingerprint import Fingerprint, Triple
from regml.learning.params import TrainParams

Size = tuple[int, int, int]
"""Voxels along i, j, k."""

COARSEST_TO_FINEST = 2.0
"""An axis joins in when its voxels are at most so much longer than the finest."""

SMALLEST_EDGE = 4
"""No axis gets fewer voxels at the lowest resolution."""

MOST_LEVELS = 6
"""Resolutions at most."""


class Plan(Strict):
    """How a network is built and fed.

    Attributes:
        network: Name of the MONAI network.
        classes: Background and labels.
        patch: Voxels of a training patch along i, j, k.
        batch_size: Patches per step.
        strides: Per level and axis; all 1 at full resolution.
        kernels: Per level and axis.
        filters: Channels per level.
        supervised_levels: Lower resolutions that enter the loss.
        overlap: Share by which neighbouring windows overlap at inference.
    """

    network: Literal["DynUNet", "BasicUNet", "UNet", "SegResNet"]
    classes: int
    patch: Size
    batch_size: int
    strides: tuple[Size, ...]
    kernels: tuple[Size, ...]
    filters: tuple[int, ...]
    supervised_levels: int = 0
    overlap: float = 0.5

    @property
    def divisor(self) -> Size:
        """What the edges of every input have to be multiples of."""
        return _product(self.strides)


def plan_for(fingerprint: Fingerprint, params: TrainParams) -> Plan:
    """Configure a network for the training cases that a fingerprint was taken from."""
    return make_plan(
        params,
        median_shape=fingerprint.median_shape,
        spacing_mm=fingerprint.spacing_mm,
        classes=len(fingerprint.labels) + 1,
    )


def make_plan(
    params: TrainParams,
    *,
    median_shape: Triple,
    spacing_mm: Triple,
    classes: int,
) -> Plan:
    """Configure a network.

    Args:
        params: What the user fixed goes before what shape and spacing suggest.
        median_shape: Of the training cases, voxels along i, j, k.
        spacing_mm: Of the common grid.
        classes: Background and labels.
    """
    budget = params.voxels_per_step // 2
    wanted = params.patch or _shrink(median_shape, spacing_mm, budget)
    strides = _network_strides(params.network, wanted, spacing_mm)
    divisor = _product(strides)
    i, j, k = (
        max(math.ceil(w / by), 2) * by for w, by in zip(wanted, divisor, strict=True)
    )
    patch = (i, j, k)
    batch_size = params.batch_size or max(2, params.voxels_per_step // math.prod(patch))
    filters = [
        min(params.base_filters * 2**level, params.maximum_filters)
        for level in range(len(strides))
    ]
    if params.network == "DynUNet":  # full resolution costs most of a CPU's time
        filters[0] = max(1, filters[0] // 2)
    can_supervise = params.network == "DynUNet" and params.deep_supervision
    return Plan(
        network=params.network,
        classes=classes,
        patch=patch,
        batch_size=batch_size,
        strides=strides,
        kernels=_kernels(strides, spacing_mm),
        filters=tuple(filters),
        supervised_levels=max(0, len(strides) - 2) if can_supervise else 0,
    )


def _shrink(median_shape: Triple, spacing_mm: Triple, budget: int) -> Size:
    """Return the median shape, cut down to the budget in voxels.

    The axis that is longest, compared with the median shape in mm, gives way first, so
    that the patch keeps its proportions.
    """
    edges = [max(SMALLEST_EDGE, round(edge)) for edge in median_shape]
    while math.prod(edges) > budget and max(edges) > 2 * SMALLEST_EDGE:
        longest = max(range(3), key=lambda axis: edges[axis] * spacing_mm[axis])
        edges[longest] = max(SMALLEST_EDGE, math.floor(edges[longest] * 0.9))
    return edges[0], edges[1], edges[2]


def _network_strides(
    network: str, patch: Size, spacing_mm: Sequence[float]
) -> tuple[Size, ...]:
    """Return the strides; MONAI's BasicUNet and SegResNet halve all axes alike."""
    if network == "BasicUNet":  # always five levels
        return ((1, 1, 1), *[(2, 2, 2)] * 4)
    if network == "SegResNet":
        edge = min(patch)
        return _strides((edge, edge, edge), (1.0, 1.0, 1.0))
    return _strides(patch, spacing_mm)


def _strides(patch: Sequence[int], spacing_mm: Sequence[float]) -> tuple[Size, ...]:
    """Halve each axis while it stays large enough and is among the finest."""
    strides: list[Size] = [(1, 1, 1)]
    edges, spacing = list(patch), list(spacing_mm)
    while len(strides) < MOST_LEVELS:
        finest = min(spacing)
        halved = [
            edge >= 2 * SMALLEST_EDGE and mm < COARSEST_TO_FINEST * finest + 1e-6
            for edge, mm in zip(edges, spacing, strict=True)
        ]
        if not any(halved):
            break
        i, j, k = (2 if half else 1 for half in halved)
        strides.append((i, j, k))
        edges = [math.ceil(e / s) for e, s in zip(edges, strides[-1], strict=True)]
        spacing = [mm * s for mm, s in zip(spacing, strides[-1], strict=True)]
    return tuple(strides)


def _kernels(strides: Sequence[Size], spacing_mm: Sequence[float]) -> tuple[Size, ...]:
    """Make kernels flat along axes that are still much coarser than the finest."""
    kernels: list[Size] = []
    spacing = list(spacing_mm)
    for stride in strides:
        spacing = [mm * by for mm, by in zip(spacing, stride, strict=True)]
        finest = min(spacing)
        i, j, k = (1 if mm > COARSEST_TO_FINEST * finest else 3 for mm in spacing)
        kernels.append((i, j, k))
    return tuple(kernels)


def _product(strides: Sequence[Size]) -> Size:
    i, j, k = (math.prod(stride[axis] for stride in strides) for axis in range(3))
    return i, j, k
