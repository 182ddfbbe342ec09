"""What ``params.yaml`` says to the stages ``train`` and ``validate``."""

from typing import Annotated, Literal

from pydantic import Field

from regml.items.base import Line, Strict

Share = Annotated[float, Field(ge=0, le=1)]
AxisSize = Annotated[int, Field(ge=1)]


class Augmentation(Strict):
    """How training patches are varied.

    Attributes:
        foreground_share: Patches that are centred on a labelled voxel.
        flip_axes: Array axes that are mirrored at random; 0 is left-right, which
            stays out by default because the side means something.
        spatial_probability: Patches that are turned and scaled.
        rotation_degrees: Largest angle around each axis.
        scaling: Largest factor; 1.2 means from 1/1.2 to 1.2.
        intensity_probability: Chance of each change of intensity.
        contrast: Largest factor.
        gamma: Largest exponent.
        noise: Largest standard deviation, in those of the normalised image.
    """

    foreground_share: Share = 0.5
    flip_axes: tuple[Annotated[int, Field(ge=0, le=2)], ...] = ()
    spatial_probability: Share = 0.5
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 15.0
    scaling: Annotated[float, Field(ge=1, le=2)] = 1.2
    intensity_probability: Share = 0.15
    contrast: Annotated[float, Field(ge=1)] = 1.3
    gamma: Annotated[float, Field(ge=1)] = 1.4
    noise: Annotated[float, Field(ge=0)] = 0.2


class InitialWeights(Strict):
    """Weights that a training starts from; they are SOUP.

    Attributes:
        path: safetensors file relative to the project, a dependency in ``dvc.yaml``.
        sha256: Its digest; another file is refused.
        source: Who made them, and from what data.
        licence: Under which terms they may be used.
    """

    path: Line
    sha256: Line
    source: Line
    licence: Line


class TrainParams(Strict):
    """Section ``train`` of ``params.yaml``.

    Attributes:
        network: Name of the MONAI network.
        steps: Optimiser steps at most.
        seed: Of weights and of every random draw.
        threads: CPU threads; 0 means all. Another number may change the last bits.
        base_filters: Channels, doubled per level; DynUNet has half as many at full
            resolution, where most of the time goes.
        maximum_filters: Channels at most.
        patch: Voxels of a training patch; from the fingerprint when left out.
        batch_size: Patches per step; from the fingerprint when left out.
        voxels_per_step: Budget for patch and batch size together.
        deep_supervision: Weigh lower resolutions into the loss.
        class_weights: ``none``, or ``frequency`` (inverse square root of voxels), which
            makes labels that differ only by their place part early.
        optimizer: ``adamw``, or ``sgd`` with Nesterov momentum 0.99.
        learning_rate: Its peak.
        weight_decay: Of the optimiser.
        schedule: ``one_cycle`` (a short rise, then a cosine to zero) or ``poly``.
        evaluate_every: Steps between two looks at the tuning split.
        tuning_cases: Cases looked at then, the first by key; 0 means all.
        patience_steps: Stop when the tuning Dice has not risen for so long; 0: never.
        checkpoint_every: Steps between two checkpoints; 0: never.
        mixed_precision: On a GPU; a CPU always computes in float32.
        augmentation: How patches are varied.
        initial_weights: What to start from; random numbers when left out.
        repeat_tolerance: Largest difference of the tuning Dice of two runs of the same
            training that still counts as the same; 0 asks for the same bytes.
    """

    network: Literal["DynUNet", "BasicUNet", "UNet", "SegResNet"] = "DynUNet"
    steps: Annotated[int, Field(ge=1)] = 120
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20260101
    threads: Annotated[int, Field(ge=0)] = 0
    base_filters: Annotated[int, Field(ge=1)] = 16
    maximum_filters: Annotated[int, Field(ge=1)] = 256
    patch: tuple[AxisSize, AxisSize, AxisSize] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    voxels_per_step: Annotated[int, Field(ge=64)] = 180_000
    deep_supervision: bool = False
    class_weights: Literal["none", "frequency"] = "frequency"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 0.003
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    schedule: Literal["one_cycle", "poly"] = "one_cycle"
    evaluate_every: Annotated[int, Field(ge=1)] = 50
    tuning_cases: Annotated[int, Field(ge=0)] = 0
    patience_steps: Annotated[int, Field(ge=0)] = 0
    checkpoint_every: Annotated[int, Field(ge=0)] = 50
    mixed_precision: bool = True
    augmentation: Augmentation = Augmentation()
    initial_weights: InitialWeights | None = None
    repeat_tolerance: Annotated[float, Field(ge=0)] = 0.0


class ValidateParams(Strict):
    """Section ``validate`` of ``params.yaml``.

    Attributes:
        splits: Splits of the dataset that are measured; ``test`` is what counts.
        mirror_axes: Array axes along which predictions are averaged mirrored.
        largest_component: Keep only the largest component of each label.
        surface_tolerance_mm: Of the normalised surface Dice.
        seed: Of the perturbations.
        threads: CPU threads; 0 means all.
    """

    splits: Annotated[tuple[str, ...], Field(min_length=1)] = ("test",)
    mirror_axes: tuple[Annotated[int, Field(ge=0, le=2)], ...] = ()
    largest_component: bool = True
    surface_tolerance_mm: Annotated[float, Field(gt=0)] = 1.0
    seed: int = 20260101
    threads: Annotated[int, Field(ge=0)] = 0
