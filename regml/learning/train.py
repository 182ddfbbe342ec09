"""The training loop: same input, same bytes, also after an interruption.

Every random draw depends on the seed and the step alone, so a run that goes on from a
checkpoint ends with the weights of one that was never interrupted. On a CPU two runs
give identical bytes; a GPU has no deterministic kernel for some operations and may
differ in the last bits.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, TextColumn
from safetensors.torch import save
from torch import Generator, Tensor, nn

from regml.digest import fingerprint
from regml.errors import ConfigError, DataError
from regml.items.data import DatasetManifest
from regml.learning.augment import TrainingCase, draw_patch, training_case
from regml.learning.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from regml.learning.data import LoadedCase, load_cases
from regml.learning.determinism import make_deterministic
from regml.learning.inference import predict
from regml.learning.initial import initial_weights
from regml.learning.metrics import dice
from regml.learning.networks import (
    SegmentationLoss,
    build_network,
    class_weights,
    parameter_count,
    set_weights,
    tensors,
)
from regml.learning.optimizer import build_optimizer, learning_rate
from regml.learning.params import TrainParams
from regml.learning.plan import Plan

LARGEST_GRADIENT = 12.0
"""Norm to which gradients are clipped."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What was known after some step.

    Attributes:
        step: How many steps were done.
        loss: Mean over the steps since the point before.
        learning_rate: Of the last step.
        tuning_dice: Mean over cases and labels of the tuning split.
    """

    step: int
    loss: float
    learning_rate: float
    tuning_dice: float


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run ends with.

    Attributes:
        weights: safetensors, those with the best tuning Dice.
        parameters: How many numbers were learned.
        best_step: After which step the weights were taken.
        best_dice: Their tuning Dice.
        curve: All points, in order.
        device: ``cpu`` or the name of the GPU.
    """

    weights: bytes
    parameters: int
    best_step: int
    best_dice: float
    curve: tuple[CurvePoint, ...]
    device: str


@dataclass(slots=True)
class _Progress:
    """What changes from step to step beside network and optimiser."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    best_step: int = 0
    best_dice: float = -1.0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)


def train_on(
    root: Path,
    manifest: DatasetManifest,
    plan: Plan,
    params: TrainParams,
    *,
    checkpoints: Path,
) -> Trained:
    """Train on a dataset version, with a progress bar on stderr.

    Run again after it was killed, it goes on from its last checkpoint, unless data,
    plan, parameters, torch or the number of threads have changed.

    Args:
        root: The project; paths in the manifest are relative to it.
        manifest: Which cases, in which split.
        plan: How the network is built and fed.
        params: What the user fixed.
        checkpoints: Folder for checkpoints; to be removed when all is written.

    Raises:
        DataError: A case or the initial weights cannot be used, or a split has none.
        ConfigError: torchrun has started more than one process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "torchrun: training uses one process; start it with --nproc-per-node=1."
        )
    initial = initial_weights(root, params)
    training, tuning = (
        in_memory(
            load_cases(root, (case for case in manifest.cases if case.split == split))
        )
        for split in ("train", "tuning")
    )
    key = fingerprint(
        {
            "manifest": manifest.model_dump(mode="json"),
            "plan": plan.model_dump(mode="json"),
            "params": params.model_dump(mode="json"),
            "torch": torch.__version__,
            "threads": params.threads or torch.get_num_threads(),
            "gpu": torch.cuda.is_available(),
        }
    )
    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[facts]}"))
    console = Console(stderr=True)
    # a thread that redraws would halve the speed of torch's own threads
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("train", total=params.steps, facts="")

        def show(step: int, loss: float, best: float) -> None:
            facts = f"loss {loss:.3f}, tuning Dice {best:.3f}"
            progress.update(task, completed=step, facts=facts, refresh=True)

        path = checkpoints / "last.pt"
        return train(
            training,
            tuning,
            plan,
            params,
            key=key,
            checkpoint=path,
            initial=initial,
            on_step=show,
        )


def in_memory(cases: Iterable[LoadedCase]) -> tuple[TrainingCase, ...]:
    """Return the cases as the training loop wants them."""
    return tuple(
        training_case(
            case.facts.case,
            torch.from_numpy(case.image.array),
            torch.from_numpy(case.label.array),
        )
        for case in cases
    )


def train(
    training: Sequence[TrainingCase],
    tuning: Sequence[TrainingCase],
    plan: Plan,
    params: TrainParams,
    *,
    key: str,
    checkpoint: Path,
    initial: bytes | None = None,
    on_step: Callable[[int, float, float], None] = lambda *_: None,
) -> Trained:
    """Train a network and return the weights with the best tuning Dice.

    Args:
        training: Cases to learn from.
        tuning: Cases to choose the weights by.
        plan: How the network is built and fed.
        params: What the user fixed.
        key: Digest of everything that the result depends on; a checkpoint with
            another key is not continued.
        checkpoint: Where progress is kept; the file is left behind.
        initial: safetensors to start from; random numbers when ``None``.
        on_step: Called with step, loss and best tuning Dice so far.

    Raises:
        DataError: One of the splits is empty.
    """
    for split, cases in (("train", training), ("tuning", tuning)):
        if not cases:
            raise DataError(
                f"reports/dataset.json: the split '{split}' has no case. "
                "Give it a larger share in params.yaml, section preprocess."
            )
    run = _Run(training, tuning, plan, params, initial)
    run.resume(checkpoint, key)
    while run.progress.step < params.steps and not run.exhausted():
        loss = run.step()
        done = run.progress.step
        if done % params.evaluate_every == 0 or done == params.steps:
            run.evaluate()
        if params.checkpoint_every and done % params.checkpoint_every == 0:
            write_checkpoint(checkpoint, run.checkpoint(key))
        on_step(done, loss, max(run.progress.best_dice, 0.0))
    return run.result()


class _Run:
    """Network, optimiser and progress of one training."""

    def __init__(
        self,
        training: Sequence[TrainingCase],
        tuning: Sequence[TrainingCase],
        plan: Plan,
        params: TrainParams,
        initial: bytes | None = None,
    ) -> None:
        self.device = make_deterministic(seed=params.seed, threads=params.threads)
        self.plan, self.params = plan, params
        self.cases = training
        self.tuning = tuning[: params.tuning_cases or None]
        self.network = build_network(plan)
        if initial is not None:
            set_weights(self.network, initial)
        self.network = self.network.to(self.device)
        self.loss = SegmentationLoss(self._class_weights()).to(self.device)
        self.optimizer = build_optimizer(self.network, params)
        self.progress = _Progress()

    def step(self) -> float:
        """Learn from one batch and return its loss."""
        image, label = self._batch(self.progress.step)
        rate = learning_rate(self.progress.step, self.params)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.network.train()
        with self._precision():
            loss = self.loss(self.network(image), label)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.progress.step += 1
        self.progress.losses.append(float(loss.detach()))
        return self.progress.losses[-1]

    def evaluate(self) -> None:
        """Look at the tuning split; keep the weights when they are the best so far."""
        progress = self.progress
        self.network.eval()
        score = float(np.mean([self._tuning_dice(case) for case in self.tuning]))
        progress.curve.append(
            CurvePoint(
                step=progress.step,
                loss=round(math.fsum(progress.losses) / len(progress.losses), 6),
                learning_rate=round(learning_rate(progress.step - 1, self.params), 9),
                tuning_dice=round(score, 6),
            )
        )
        progress.losses = []
        if score > progress.best_dice:
            progress.best_step, progress.best_dice = progress.step, score
            progress.best_state = {
                name: value.cpu().clone()
                for name, value in tensors(self.network).items()
            }

    def exhausted(self) -> bool:
        """Tell whether the tuning Dice has not risen for too long."""
        waited = self.progress.step - self.progress.best_step
        return 0 < self.params.patience_steps <= waited and bool(self.progress.curve)

    def checkpoint(self, key: str) -> Checkpoint:
        """Return everything that is needed to go on later."""
        progress = self.progress
        return Checkpoint(
            key=key,
            step=progress.step,
            losses=progress.losses,
            best_step=progress.best_step,
            best_dice=progress.best_dice,
            best_state=progress.best_state,
            curve=[
                (p.step, p.loss, p.learning_rate, p.tuning_dice) for p in progress.curve
            ],
            network=self.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
        )

    def resume(self, path: Path, key: str) -> None:
        """Go on from a checkpoint of the same training, if there is one."""
        if (found := read_checkpoint(path, key=key)) is None:
            return
        self.network.load_state_dict(found.network)
        self.optimizer.load_state_dict(dict(found.optimizer))
        self.progress = _Progress(
            step=found.step,
            losses=list(found.losses),
            best_step=found.best_step,
            best_dice=found.best_dice,
            best_state=dict(found.best_state),
            curve=[CurvePoint(*point) for point in found.curve],
        )

    def result(self) -> Trained:
        """Return the best weights and how they came about."""
        name = "cpu"
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        return Trained(
            weights=save(self.progress.best_state),
            parameters=parameter_count(self.network),
            best_step=self.progress.best_step,
            best_dice=round(self.progress.best_dice, 6),
            curve=tuple(self.progress.curve),
            device=name,
        )

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the images and labels of a step, each B 1 I J K."""
        generator = Generator().manual_seed(self.params.seed * 1_000_003 + step)
        pairs = [
            draw_patch(
                self.cases[index], self.plan.patch, self.params.augmentation, generator
            )
            for index in self._order(step)
        ]
        image, label = (torch.stack(side)[:, None] for side in zip(*pairs, strict=True))
        return image.to(self.device), label.to(self.device)

    def _order(self, step: int) -> list[int]:
        """Return the cases of a step: each epoch shuffles all of them anew."""
        size, count = self.plan.batch_size, len(self.cases)
        places = range(step * size, (step + 1) * size)
        epochs = {
            epoch: torch.randperm(
                count, generator=Generator().manual_seed(self.params.seed + epoch)
            )
            for epoch in {place // count for place in places}
        }
        return [int(epochs[place // count][place % count]) for place in places]

    def _tuning_dice(self, case: TrainingCase) -> float:
        with self._precision():
            logits = predict(self.network, case.image.to(self.device), self.plan)
        found = logits.argmax(0).cpu().numpy()
        label = case.label.numpy()
        return float(
            np.mean([dice(found == n, label == n) for n in range(1, self.plan.classes)])
        )

    def _precision(self) -> torch.autocast:
        mixed = self.device.type == "cuda" and self.params.mixed_precision
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed)

    def _class_weights(self) -> Tensor | None:
        if self.params.class_weights == "none":
            return None
        counts = sum(
            torch.bincount(case.label.flatten().long(), minlength=self.plan.classes)
            for case in self.cases
        )
        return class_weights(torch.as_tensor(counts))
