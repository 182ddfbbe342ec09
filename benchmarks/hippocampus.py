"""Train on a folder of real volumes and print what comes out.

Usage: ``python benchmarks/hippocampus.py FOLDER [NAME=VALUE ...]`` where FOLDER holds
``images/`` and ``labels/`` with NIfTI files of the same names, labels 1 (anterior) and
2 (posterior), spacing 1 mm. NAME is a setting of section ``train`` of ``params.yaml``.
Every fifth case by name is for validation (44 of 220), the others for training. The
weights are those after the last step: the validation cases choose nothing.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from regml.imaging.postprocess import keep_largest
from regml.imaging.volumes import Volume, load_nifti, normalise
from regml.learning.augment import TrainingCase, training_case
from regml.learning.inference import predict
from regml.learning.metrics import case_metrics
from regml.learning.networks import build_network, set_weights
from regml.learning.params import TrainParams
from regml.learning.plan import Plan, make_plan
from regml.learning.train import train

LABELS = {"anterior": 1, "posterior": 2}
SETTINGS = {"steps": 600, "checkpoint_every": 0, "class_weights": "none"}
"""The override of section ``train`` for the real set."""


def main(folder: Path, changes: Sequence[str]) -> None:
    """Train, measure, print."""
    settings = SETTINGS | {
        name: yaml.safe_load(value)
        for name, value in (change.split("=", 1) for change in changes)
    }
    steps = settings["steps"]
    params = TrainParams.model_validate({"evaluate_every": steps, **settings})
    names = sorted(path.name for path in (folder / "images").glob("*.nii.gz"))
    held_out = names[::5]
    training = [load(folder, name) for name in names if name not in held_out]
    validation = [load(folder, name) for name in held_out]
    shapes = [case.image.shape for case in training]
    i, j, k = np.median(shapes, axis=0)
    plan = make_plan(
        params, median_shape=(i, j, k), spacing_mm=(1.0, 1.0, 1.0), classes=3
    )
    print(json.dumps(plan.model_dump(mode="json")))
    print(f"{len(training)} training cases, {len(validation)} for validation")
    wall, cpu = time.perf_counter(), time.process_time()
    weights = fit(training, validation, plan, params, started=(wall, cpu))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    scores = measure(validation, plan, weights)
    print(f"training: {wall:.0f} s, {cpu:.0f} CPU s")
    for label in ("anterior", "posterior", "whole"):
        dice, hd95 = (
            np.mean([s[label][name] for s in scores]) for name in ("dice", "hd95_mm")
        )
        print(f"{label}: mean Dice {dice:.4f}, mean HD95 {hd95:.2f} mm")
    both = np.mean([s[label]["dice"] for s in scores for label in LABELS])
    print(f"mean Dice of anterior and posterior: {both:.4f}")


def load(folder: Path, name: str) -> TrainingCase:
    """Read one case and normalise it as the preprocess stage does."""
    import torch  # after regml.learning, which tells its threads how to wait

    image = normalise(load_nifti(folder / "images" / name))
    label = load_nifti(folder / "labels" / name).array.astype(np.uint8)
    return training_case(name, torch.from_numpy(image.array), torch.from_numpy(label))


def fit(
    training: Sequence[TrainingCase],
    validation: Sequence[TrainingCase],
    plan: Plan,
    params: TrainParams,
    *,
    started: tuple[float, float],
) -> bytes:
    """Train without choosing and return the weights after the last step."""

    def show(step: int, loss: float, _: float) -> None:
        if step % 25 == 0:
            wall, cpu = (
                time.perf_counter() - started[0],
                time.process_time() - started[1],
            )
            print(f"{step} {loss:.3f} {wall:.0f} s {cpu:.0f} CPU s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last.pt"
        trained = train(
            training,
            validation[:1],
            plan,
            params,
            key="",
            checkpoint=path,
            on_step=show,
        )
    return trained.weights


def measure(
    cases: Sequence[TrainingCase], plan: Plan, weights: bytes
) -> list[dict[str, dict[str, float]]]:
    """Return the metrics of each case, cleaned as the device does."""
    network = build_network(plan).eval()
    set_weights(network, weights)
    scores = []
    for case in cases:
        found = predict(network, case.image, plan).argmax(0).numpy().astype(np.uint8)
        clean = keep_largest(Volume(found, np.eye(4)), LABELS.values()).labels.array
        scores.append(
            case_metrics(clean, case.label.numpy(), labels=LABELS, spacing_mm=(1, 1, 1))
        )
    return scores


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
