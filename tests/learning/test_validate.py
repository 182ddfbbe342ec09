import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from regml.errors import BrokenFileError, DataError
from regml.files.scores import read_case_scores
from regml.items.data import DatasetManifest
from regml.items.requirements import Acceptance, Category, Requirement
from regml.learning.data import load_case
from regml.learning.evaluation import criteria_of, decisions, scores_csv
from regml.learning.inference import SegmentationModel
from regml.learning.networks import build_network
from regml.learning.params import ValidateParams
from regml.learning.plan import Plan
from regml.learning.validate import Evaluation, validate

Dataset = tuple[Path, DatasetManifest]
LABELS = {"anterior": 1, "posterior": 2}
CURVE = {"curve": [{"step": 10, "loss": 1.0, "tuning_dice": 0.5}]}


class Thresholds(SegmentationModel):
    """A model without training: the phantom's labels follow from its intensities."""

    def segment(
        self, image: NDArray[np.float32], *, mirror_axes: Any = ()
    ) -> NDArray[np.uint8]:
        return np.asarray(
            (image > 0.6).astype(np.uint8) * (1 + (image < 2.2)), np.uint8
        )


class OutOfMemory(SegmentationModel):
    """A model that does not fit into the machine."""

    def segment(
        self, image: NDArray[np.float32], *, mirror_axes: Any = ()
    ) -> NDArray[np.uint8]:
        raise RuntimeError("not enough memory")


def requirement(*acceptance: dict[str, Any], retired: str | None = None) -> Requirement:
    return Requirement(
        id="SRS-020",
        title="Accuracy",
        category=Category.PERFORMANCE,
        acceptance=tuple(Acceptance.model_validate(row) for row in acceptance),
        retired=retired,
    )


def run(
    dataset: Dataset,
    plan: Plan,
    *acceptance: dict[str, Any],
    kind: type[SegmentationModel] = Thresholds,
) -> Evaluation:
    root, manifest = dataset
    model = kind({"labels": LABELS}, "0" * 64, plan, build_network(plan))
    return validate(
        root,
        model,
        manifest,
        [requirement(*acceptance)],
        ValidateParams(splits=("test", "tuning")),
        target=root / "evaluation",
        training=CURVE,
    )


def test_an_evaluation_leaves_scores_decisions_and_figures(
    dataset: Dataset, plan: Plan
) -> None:
    found = run(
        dataset,
        plan,
        {"metric": "dice", "at_least": 0.5},
        {"metric": "dice", "at_least": 1.01, "label": "anterior"},
        {"metric": "dice_drop", "at_most": 1.0, "condition": "noise"},
    )
    folder = dataset[0] / "evaluation"
    assert [row["outcome"] for row in found.acceptance] == [
        "passed",
        "failed",
        "passed",
    ]
    assert json.loads((folder / "acceptance.json").read_text()) == found.acceptance
    assert {row.condition for row in found.scores} == {"", "noise"}
    assert {row.label for row in found.scores} == {"anterior", "posterior", "whole"}
    assert found.headline["whole"] > 0.5
    figures = {path.stem: path.stat().st_size for path in folder.glob("figures/*.png")}
    assert set(figures) == {
        "dice",
        "volume_agreement",
        "learning_curve",
        "case_worst",
        "case_median",
        "case_best",
    }
    assert max(figures.values()) < 60_000


def test_decisions_follow_from_the_csv_alone(dataset: Dataset, plan: Plan) -> None:
    criterion = {"metric": "dice", "at_least": 0.5, "bound": "ci95_lower"}
    found = run(dataset, plan, criterion)
    text = (dataset[0] / "evaluation/per_case.csv").read_text()
    scores = read_case_scores(text)
    assert decisions([requirement(criterion)], scores) == found.acceptance
    assert scores_csv(scores) == text


def test_two_evaluations_are_the_same_bytes(dataset: Dataset, plan: Plan) -> None:
    contents = []
    for _ in range(2):
        run(dataset, plan, {"metric": "dice_drop", "at_most": 1, "condition": "noise"})
        files = sorted((dataset[0] / "evaluation").rglob("*.*"))
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]


def test_a_failed_case_stays_in_the_denominator(dataset: Dataset, plan: Plan) -> None:
    found = run(
        dataset,
        plan,
        {"metric": "dice", "at_least": 0.5},
        {"metric": "hd95_mm", "at_most": 1000},
        kind=OutOfMemory,
    )
    assert {row.status for row in found.scores} == {"failed:RuntimeError"}
    assert [row["outcome"] for row in found.acceptance] == ["failed", "failed"]
    assert found.acceptance[0]["cases"] == 1
    assert found.acceptance[0]["value"] == 0.0


def test_retired_requirements_are_not_judged() -> None:
    row = {"metric": "dice", "at_least": 0.5}
    assert criteria_of([requirement(row, retired="no longer made")]) == ()
    assert criteria_of([requirement()]) == ()
    assert len(criteria_of([requirement(row)])) == 1


def test_a_split_without_cases_is_named(dataset: Dataset, plan: Plan) -> None:
    root, manifest = dataset
    model = Thresholds({"labels": LABELS}, "", plan, torch.nn.Identity())
    nobody = manifest.model_copy(update={"cases": ()})
    with pytest.raises(DataError, match="no case is in test"):
        validate(root, model, nobody, [], ValidateParams(), target=root / "evaluation")
    assert not (root / "evaluation").exists()


def test_a_changed_image_stops_the_evaluation(dataset: Dataset, plan: Plan) -> None:
    root, manifest = dataset
    (root / manifest.cases[3].image).write_bytes(b"other")
    with pytest.raises(DataError, match="not the file that the dataset manifest names"):
        run(dataset, plan, {"metric": "dice", "at_least": 0.5})


def test_a_missing_image_is_named(dataset: Dataset) -> None:
    root, manifest = dataset
    (root / manifest.cases[0].image).unlink()
    with pytest.raises((DataError, BrokenFileError), match="images/HV-00000000-0001"):
        load_case(root, manifest.cases[0])
