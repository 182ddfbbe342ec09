"""Measure a model on the splits of a dataset version and judge the requirements.

Whatever comes out is a result. A case on which inference fails stays in every
denominator: its Dice coefficient is 0, and metrics that cannot be had are left empty,
which fails the criteria that ask for them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from regml.digest import sha256_of
from regml.errors import DataError
from regml.files.scores import CaseScore, read_case_scores
from regml.imaging.outputs import fresh_folder, pretty_json, write_whole
from regml.imaging.perturb import perturb
from regml.imaging.postprocess import keep_largest
from regml.imaging.volumes import Volume, normalise
from regml.items.data import DatasetManifest, ManifestCase
from regml.items.requirements import Requirement
from regml.learning.data import Labels, LoadedCase, load_case
from regml.learning.evaluation import (
    asked_conditions,
    decisions,
    failures,
    scores_csv,
    subgroup_summary,
    summary,
)
from regml.learning.figures import (
    dice_figure,
    learning_curve_figure,
    overlay_figure,
    volume_figure,
    write_figure,
)
from regml.learning.inference import SegmentationModel
from regml.learning.metrics import WHOLE, case_metrics
from regml.learning.params import ValidateParams


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a validation found.

    Attributes:
        scores: One row per case, label and condition.
        acceptance: One row per criterion and group of cases.
        metrics: Means with intervals, by split, condition, label and metric.
        subgroups: Mean Dice of ``whole`` with its interval, by column and group.
    """

    scores: tuple[CaseScore, ...]
    acceptance: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    subgroups: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headline(self) -> dict[str, float]:
        """Mean Dice by label, unperturbed, on the test split."""
        return {
            row["label"]: row["mean"]
            for row in self.metrics
            if row["metric"] == "dice"
            and row["split"] == "test"
            and row["condition"] is None
        }


def validate(
    root: Path,
    model: SegmentationModel,
    manifest: DatasetManifest,
    requirements: Sequence[Requirement],
    params: ValidateParams,
    *,
    target: Path,
    training: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure a model and write everything below ``target``, whole or not at all.

    Args:
        root: The project; paths in the manifest are relative to it.
        model: The model.
        manifest: The dataset version.
        requirements: Requirements in force; their criteria are judged.
        params: What is measured and how.
        target: Folder for ``per_case.csv``, ``metrics.json``, ``acceptance.json`` and
            ``figures/``.
        training: Content of ``reports/training.json``, for the learning curve.

    Raises:
        DataError: No case is in the splits, or a file is not the one of the manifest.
    """
    cases = [case for case in manifest.cases if case.split in params.splits]
    if not cases:
        raise DataError(
            f"reports/dataset.json: no case is in {' or '.join(params.splits)}. "
            "Give them a share in params.yaml, section preprocess."
        )
    conditions = ("", *asked_conditions(requirements))
    console = Console(stderr=True)
    rows = [
        row
        for case in track(cases, "validate", console=console)
        for row in case_scores(load_case(root, case), model, conditions, params)
    ]
    # decisions rest on the rounded numbers in the file, so that anyone can repeat them
    text = scores_csv(rows)
    scores = read_case_scores(text)
    found = Evaluation(
        scores,
        decisions(requirements, scores),
        summary(scores),
        subgroup_summary(scores, manifest),
    )
    with fresh_folder(target) as folder:
        write_whole(folder / "per_case.csv", text.encode())
        write_whole(folder / "acceptance.json", pretty_json(found.acceptance))
        write_whole(folder / "metrics.json", pretty_json(_metrics(model, found)))
        _write_figures(folder / "figures", root, model, manifest, found, params)
        if training is not None:
            curve = learning_curve_figure(training)
            write_figure(folder / "figures/learning_curve.png", curve)
    return found


def refuse_other_dataset(model: SegmentationModel, manifest: Path) -> None:
    """Refuse a model that learned from another dataset version than is measured.

    Its training cases could be among the test cases of the other version.

    Raises:
        DataError: It did, or its card does not say from what it learned.
    """
    trained = str(model.card.get("dataset_manifest_sha256") or "")
    measured = sha256_of(manifest.read_bytes())
    if trained != measured:
        had = f"dataset@{trained[:12]}" if trained else "a dataset that nobody noted"
        raise DataError(
            f"{manifest.as_posix()}: the model learned from {had}, and this is "
            f"dataset@{measured[:12]}; its training cases may be test cases here. "
            "Train it on this version: dvc repro train."
        )


def case_scores(
    case: LoadedCase,
    model: SegmentationModel,
    conditions: Sequence[str],
    params: ValidateParams,
) -> Iterator[CaseScore]:
    """Give the scores of a case, one per condition and label.

    Args:
        case: Image and reference.
        model: The model.
        conditions: ``""`` is the image as it is.
        params: What is measured and how.
    """
    for condition in conditions:
        try:
            image, reference = _under(condition, case, seed=params.seed)
            found = segment(model, image, params)
        except (DataError, ValueError, RuntimeError, MemoryError) as error:
            status = f"failed:{type(error).__name__}"
            yield from _failed(case, condition, model, status)
            continue
        metrics = case_metrics(
            found,
            reference.array,
            labels=model.card["labels"],
            spacing_mm=image.spacing_mm,
            tolerance_mm=params.surface_tolerance_mm,
        )
        for label, values in metrics.items():
            yield _score(case.facts, condition, label, values)


def segment(model: SegmentationModel, image: Volume, params: ValidateParams) -> Labels:
    """Return the labels as the device gives them: segmented and cleaned."""
    labels = model.segment(image.array, mirror_axes=params.mirror_axes)
    if not params.largest_component:
        return labels
    values = model.card["labels"].values()
    return keep_largest(Volume(labels, image.affine), values).labels.array


def _under(condition: str, case: LoadedCase, *, seed: int) -> tuple[Volume, Volume]:
    """Return image and reference under a condition, normalised again."""
    if not condition:
        return case.image, case.label
    text = f"{seed} {case.facts.case} {condition}"
    own_seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    image, label = perturb(case.image, case.label, condition, seed=own_seed)
    return normalise(image), label


def _score(
    facts: ManifestCase,
    condition: str,
    label: str,
    metrics: Mapping[str, float],
    status: str = "ok",
) -> CaseScore:
    return CaseScore(
        case=facts.case,
        patient=facts.patient or "",
        site=facts.site,
        vendor=facts.vendor,
        split=facts.split,
        condition=condition,
        label=label,
        metrics=metrics,
        status=status,
    )


def _failed(
    case: LoadedCase, condition: str, model: SegmentationModel, status: str
) -> Iterator[CaseScore]:
    masks = {
        name: case.label.array == value for name, value in model.card["labels"].items()
    }
    for label, mask in {**masks, WHOLE: case.label.array > 0}.items():
        volume = float(mask.sum()) * case.label.voxel_volume_mm3
        metrics = {"dice": 0.0, "nsd": 0.0, "reference_mm3": volume}
        yield _score(case.facts, condition, label, metrics, status)


def _metrics(model: SegmentationModel, found: Evaluation) -> dict[str, Any]:
    return {
        "weights_sha256": model.digest,
        "rows": found.metrics,
        "subgroups": found.subgroups,
        "failures": dict(failures(found.scores)),
    }


def _write_figures(
    folder: Path,
    root: Path,
    model: SegmentationModel,
    manifest: DatasetManifest,
    found: Evaluation,
    params: ValidateParams,
) -> None:
    split = params.splits[0]
    plain = [row for row in found.scores if not row.condition and row.split == split]
    write_figure(
        folder / "dice.png", dice_figure(plain, [*model.card["labels"], WHOLE])
    )
    write_figure(folder / "volume_agreement.png", volume_figure(plain))
    order = sorted(
        (row for row in plain if row.label == WHOLE and row.status == "ok"),
        key=lambda row: (row.metrics["dice"], row.case),
    )
    facts = {case.case: case for case in manifest.cases}
    places = {"worst": 0, "median": len(order) // 2, "best": len(order) - 1}
    for name, place in places.items() if order else ():
        row = order[place]
        case = load_case(root, facts[row.case])
        labels = segment(model, case.image, params)
        title = f"{name} case {row.case}, Dice {row.metrics['dice']:.3f}"
        figure = overlay_figure(case.image.array, labels, case.label.array, title)
        write_figure(folder / f"case_{name}.png", figure)
