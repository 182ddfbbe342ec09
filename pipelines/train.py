"""DVC stage ``train``: a network for the dataset, the same bytes each time."""

import shutil
import sys
from pathlib import Path

import regml
from regml.errors import RegmlError
from regml.files.manifest import read_manifest
from regml.imaging.fingerprint import read_fingerprint
from regml.imaging.outputs import pretty_json, write_whole
from regml.imaging.params import PreprocessParams, load_params
from regml.learning.inference import CARD, WEIGHTS
from regml.learning.model import (
    model_card,
    training_facts,
    training_report,
    write_model,
)
from regml.learning.params import TrainParams
from regml.learning.plan import plan_for
from regml.learning.tracking import track
from regml.learning.train import train_on

ROOT = Path()
MANIFEST = Path("reports/dataset.json")
FINGERPRINT = Path("reports/fingerprint.json")
MODEL = Path("model")
CHECKPOINTS = MODEL / "checkpoints"
REPORT = Path("reports/training.json")


def main() -> None:
    """Plan, train and describe the model."""
    params = load_params("train", TrainParams)
    manifest = read_manifest(ROOT, MANIFEST.as_posix())
    fingerprint = read_fingerprint(FINGERPRINT)
    plan = plan_for(fingerprint, params)
    trained = train_on(ROOT, manifest, plan, params, checkpoints=CHECKPOINTS)
    card = model_card(
        trained,
        plan,
        params,
        labels=fingerprint.labels,
        grid=load_params("preprocess", PreprocessParams),
        manifest=MANIFEST,
        preparation=manifest.preparation,
    )
    write_model(MODEL, trained, card)
    write_whole(REPORT, pretty_json(training_report(trained, manifest)))
    shutil.rmtree(CHECKPOINTS, ignore_errors=True)
    regml.note(
        "model",
        {
            "weights": (MODEL / WEIGHTS).as_posix(),
            "card": (MODEL / CARD).as_posix(),
            "manifest": MANIFEST.as_posix(),
            "mlflow_run": track(ROOT, trained, card),
            **training_facts(trained, card),
        },
    )


if __name__ == "__main__":
    try:
        main()
    except RegmlError as error:
        sys.exit(f"train: {error}")
