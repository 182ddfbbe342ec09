"""What a training says about itself, and from what it may start."""

from dataclasses import replace
from pathlib import Path

import pytest

from regml.digest import sha256_of
from regml.errors import DataError
from regml.files.scores import CaseScore
from regml.imaging.params import PreprocessParams
from regml.imaging.preparation import preparation
from regml.items.data import DatasetManifest
from regml.learning.augment import TrainingCase
from regml.learning.evaluation import interval_facts, subgroup_summary
from regml.learning.inference import SegmentationModel
from regml.learning.initial import initial_weights
from regml.learning.model import model_card, training_facts
from regml.learning.networks import build_network, weights_bytes
from regml.learning.params import InitialWeights, TrainParams
from regml.learning.plan import Plan
from regml.learning.train import Trained, train
from regml.learning.validate import refuse_other_dataset

TRAINED = Trained(b"weights", 7, 3, 0.5, (), "cpu")


def test_the_card_says_how_images_were_prepared_and_from_what_it_started(
    plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    manifest = tmp_path / "dataset.json"
    manifest.write_text("{}")
    prepared = preparation(
        spacing_mm=1.0, interpolation="cubic", clip_percentiles=(0.5, 99.5)
    )
    card = model_card(
        TRAINED,
        plan,
        params,
        labels={"anterior": 1},
        grid=PreprocessParams(),
        manifest=manifest,
        preparation=prepared,
    )
    assert card["preparation"]["code_sha256"] == prepared.code_sha256
    start = {"source": "none, random initialisation", "seed": params.seed}
    assert card["initial_weights"] == start
    assert training_facts(TRAINED, card)["initial_weights"] == start
    assert card["dataset_manifest_sha256"] == sha256_of(b"{}")


def test_a_training_can_start_from_weights_that_are_named(
    plan: Plan,
    params: TrainParams,
    cases: tuple[TrainingCase, ...],
    tmp_path: Path,
) -> None:
    content = weights_bytes(build_network(plan))
    (tmp_path / "start.safetensors").write_bytes(content)
    named = InitialWeights(
        path="start.safetensors",
        sha256=sha256_of(content),
        source="A model zoo",
        licence="Apache-2.0",
    )
    with_start = params.model_copy(update={"initial_weights": named})
    initial = initial_weights(tmp_path, with_start)
    assert initial == content
    results = [
        train(
            cases[:2],
            cases[2:3],
            plan,
            params,
            key="k",
            checkpoint=tmp_path / name,
            initial=start,
        ).weights
        for name, start in (("a", initial), ("b", initial), ("c", None))
    ]
    assert results[0] == results[1] != results[2]


def test_other_initial_weights_than_named_are_refused(
    params: TrainParams, tmp_path: Path
) -> None:
    named = InitialWeights(
        path="start.safetensors", sha256="0" * 64, source="zoo", licence="MIT"
    )
    with_start = params.model_copy(update={"initial_weights": named})
    with pytest.raises(DataError, match=r"start\.safetensors: cannot be read"):
        initial_weights(tmp_path, with_start)
    (tmp_path / "start.safetensors").write_bytes(b"other")
    with pytest.raises(DataError, match="is not the one that params"):
        initial_weights(tmp_path, with_start)
    assert initial_weights(tmp_path, params) is None


def test_a_model_of_another_dataset_version_is_refused(
    plan: Plan, tmp_path: Path
) -> None:
    manifest = tmp_path / "dataset.json"
    manifest.write_text("{}")
    network = build_network(plan)
    for digest, problem in (
        ("ab" * 32, "learned from dataset@abababababab"),
        ("", "a dataset that nobody noted"),
    ):
        card = {"dataset_manifest_sha256": digest}
        model = SegmentationModel(card, "", plan, network)
        with pytest.raises(DataError, match=problem):
            refuse_other_dataset(model, manifest)
    card = {"dataset_manifest_sha256": sha256_of(b"{}")}
    refuse_other_dataset(SegmentationModel(card, "", plan, network), manifest)


def score(case: str, patient: str, dice: float) -> CaseScore:
    return CaseScore(case, patient, "site-a", "A", "test", "", "whole", {"dice": dice})


def test_every_group_of_test_cases_is_summed_up(
    dataset: tuple[Path, DatasetManifest],
) -> None:
    _, manifest = dataset
    cases = [
        replace(case, split="test", sex=sex)
        for case, sex in zip(manifest.cases, ("F", "F", "M", None), strict=True)
    ]
    manifest = manifest.model_copy(update={"cases": tuple(cases)})
    scores = [
        score(case.case, str(case.patient), 0.5 + n / 10)
        for n, case in enumerate(cases)
    ]
    rows = subgroup_summary([*scores, replace(scores[0], condition="noise")], manifest)
    sexes = {row["group"]: row["mean"] for row in rows if row["column"] == "sex"}
    assert sexes == {"F": 0.55, "M": 0.7, "unknown": 0.8}
    [site] = [row for row in rows if row["column"] == "site"]
    assert (site["cases"], site["mean"]) == (4, 0.65)
    assert site["low"] < site["mean"] < site["high"]


def test_intervals_say_what_was_drawn() -> None:
    known, unknown = score("HV-1", "P-1", 0.5), score("HV-2", "", 0.5)
    assert interval_facts([known])["unit"] == "patient"
    assert interval_facts([known, unknown])["unit"] == "case"
