"""Random training patches: every draw comes from the generator that is passed in."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from regml.learning.params import Augmentation

Size = tuple[int, int, int]
"""Voxels along i, j, k."""


@dataclass(frozen=True, slots=True)
class TrainingCase:
    """One case in memory.

    Attributes:
        case: Its key.
        image: float32, shape I J K, normalised.
        label: uint8, shape I J K.
        foreground: int64, shape N 3: indices of all labelled voxels.
    """

    case: str
    image: Tensor
    label: Tensor
    foreground: Tensor


def training_case(case: str, image: Tensor, label: Tensor) -> TrainingCase:
    """Return a case with the places of its labelled voxels."""
    return TrainingCase(case, image.float(), label, torch.nonzero(label))


def draw_patch(
    case: TrainingCase,
    patch: Size,
    settings: Augmentation,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Cut one random patch out of a case and vary it.

    Beyond the border of the volume the nearest voxel is repeated, in the image as in
    the label; inference pads the same way.

    Returns:
        The image, float32, and the label, int64, both with the shape of the patch.
    """
    centre = _centre(case, patch, settings.foreground_share, generator)
    if _happens(settings.spatial_probability, generator):
        matrix = _rotation_and_scale(settings, generator)
        image, label = _resample(case, patch, centre, matrix)
    else:
        image, label = _cut(case, patch, centre)
    for axis in settings.flip_axes:
        if _happens(0.5, generator):
            image, label = image.flip(axis), label.flip(axis)
    return vary_intensity(image, settings, generator), label.long()


def vary_intensity(
    image: Tensor, settings: Augmentation, generator: Generator
) -> Tensor:
    """Return the image with other contrast, brightness, gamma and more noise."""
    chance = settings.intensity_probability
    if _happens(chance, generator):
        factor = _uniform(1 / settings.contrast, settings.contrast, generator)
        image = image * factor + _uniform(-0.2, 0.2, generator)
    if _happens(chance, generator):
        exponent = _uniform(1 / settings.gamma, settings.gamma, generator)
        low, high = image.amin(), image.amax()
        width = (high - low).clamp_min(1e-6)
        image = ((image - low) / width).pow(exponent) * width + low
    if _happens(chance, generator):
        deviation = _uniform(0.0, settings.noise, generator)
        image = image + deviation * torch.randn(image.shape, generator=generator)
    return image


def _uniform(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _happens(probability: float, generator: Generator) -> bool:
    return float(torch.rand((), generator=generator)) < probability


def _centre(
    case: TrainingCase, patch: Size, foreground_share: float, generator: Generator
) -> tuple[float, float, float]:
    """Return where the patch lies, in voxels, mostly inside the volume."""
    on_foreground = _happens(foreground_share, generator)
    if on_foreground and len(case.foreground):
        index = int(torch.randint(len(case.foreground), (), generator=generator))
        wanted = [float(value) for value in case.foreground[index]]
    else:
        wanted = [_uniform(0, size - 1, generator) for size in case.image.shape]
    i, j, k = (
        _clamp(round(value), (edge - 1) / 2, size - 1 - (edge - 1) / 2)
        for value, edge, size in zip(wanted, patch, case.image.shape, strict=True)
    )
    return i, j, k


def _clamp(value: float, low: float, high: float) -> float:
    return (low + high) / 2 if low > high else min(max(value, low), high)


def _cut(
    case: TrainingCase, patch: Size, centre: tuple[float, float, float]
) -> tuple[Tensor, Tensor]:
    image, label = case.image, case.label
    for axis, (edge, middle) in enumerate(zip(patch, centre, strict=True)):
        start = math.floor(middle - (edge - 1) / 2)
        index = torch.arange(start, start + edge).clamp(0, image.shape[axis] - 1)
        image = image.index_select(axis, index)
        label = label.index_select(axis, index)
    return image, label


def _rotation_and_scale(settings: Augmentation, generator: Generator) -> Tensor:
    """Return a 3 x 3 matrix from offsets in the patch to offsets in the volume."""
    limit = math.radians(settings.rotation_degrees)
    matrix = torch.eye(3)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = _uniform(-limit, limit, generator)
        turn = torch.eye(3)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix / _uniform(1 / settings.scaling, settings.scaling, generator)


def _resample(
    case: TrainingCase,
    patch: Size,
    centre: tuple[float, float, float],
    matrix: Tensor,
) -> tuple[Tensor, Tensor]:
    axes = [torch.arange(edge) - (edge - 1) / 2 for edge in patch]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    voxels = offsets @ matrix.T + torch.tensor(centre)
    last = torch.tensor([max(size - 1, 1) for size in case.image.shape])
    grid = (voxels * (2 / last) - 1).flip(-1)[None]  # grid_sample wants k, j, i
    image = _sample(case.image, grid, "bilinear")
    return image, _sample(case.label.float(), grid, "nearest")


def _sample(volume: Tensor, grid: Tensor, mode: str) -> Tensor:
    return grid_sample(
        volume[None, None], grid, mode, padding_mode="border", align_corners=True
    )[0, 0]
