"""DVC stage ``validate``: measure the model and judge the acceptance criteria."""

import json
import sys
from pathlib import Path

import regml
from hippovol.preparation import device_preparation
from regml.errors import RegmlError
from regml.files.manifest import read_manifest
from regml.files.markdown import read_items
from regml.imaging.params import load_params
from regml.learning.determinism import make_deterministic
from regml.learning.evaluation import criteria_of, interval_facts
from regml.learning.inference import WEIGHTS, SegmentationModel
from regml.learning.params import ValidateParams
from regml.learning.validate import refuse_other_dataset, validate

ROOT = Path()
MANIFEST = Path("reports/dataset.json")
MODEL = Path("model")
TRAINING = Path("reports/training.json")
TARGET = Path("reports/evaluation")


def main() -> None:
    """Evaluate the model; a criterion that is not met is a result, not an error."""
    params = load_params("validate", ValidateParams)
    device = make_deterministic(seed=params.seed, threads=params.threads)
    model = SegmentationModel.load(MODEL, device=device)
    refuse_other_dataset(model, MANIFEST)
    found = validate(
        ROOT,
        model,
        read_manifest(ROOT, MANIFEST.as_posix()),
        criteria_of(located.item for located in read_items(ROOT)),
        params,
        target=TARGET,
        training=json.loads(TRAINING.read_text("utf-8")) if TRAINING.exists() else None,
    )
    outcomes = [row["outcome"] for row in found.acceptance]
    sys.stderr.write(
        f"mean Dice {found.headline}, {outcomes.count('passed')} of {len(outcomes)} "
        "acceptance results passed\n"
    )
    regml.note(
        "evaluation",
        {
            "weights": (MODEL / WEIGHTS).as_posix(),
            "manifest": MANIFEST.as_posix(),
            "per_case": (TARGET / "per_case.csv").as_posix(),
            "metrics": found.headline,
            "split": "test",
            "acceptance": found.acceptance,
            "subgroups": found.subgroups,
            "interval": interval_facts(found.scores),
            "preparation": device_preparation().model_dump(mode="json"),
        },
    )


if __name__ == "__main__":
    try:
        main()
    except RegmlError as error:
        sys.exit(f"validate: {error}")
