from pathlib import Path

import pytest

from regml.errors import DataError
from regml.learning.augment import TrainingCase
from regml.learning.checkpoints import read_checkpoint
from regml.learning.optimizer import learning_rate
from regml.learning.params import TrainParams
from regml.learning.plan import Plan
from regml.learning.train import Trained, train

Cases = tuple[TrainingCase, ...]


def run(
    cases: Cases, plan: Plan, params: TrainParams, path: Path, *, stop_at: int = 0
) -> Trained:
    class Killed(Exception):  # noqa: N818 - stands for a signal
        pass

    def on_step(step: int, loss: float, best: float) -> None:
        if step == stop_at:
            raise Killed

    try:
        return train(
            cases[:2],
            cases[2:3],
            plan,
            params,
            key="k",
            checkpoint=path,
            on_step=on_step,
        )
    except Killed:
        return run(cases, plan, params, path)


def test_two_runs_give_the_same_bytes(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    first = run(cases, plan, params, tmp_path / "a.pt")
    assert run(cases, plan, params, tmp_path / "b.pt") == first


def test_another_seed_gives_other_weights(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    other = params.model_copy(update={"seed": 1})
    first, second = (
        run(cases, plan, p, tmp_path / f"{p.seed}.pt") for p in (params, other)
    )
    assert first.weights != second.weights


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path, optimizer: str
) -> None:
    params = params.model_copy(update={"optimizer": optimizer})
    whole = run(cases, plan, params, tmp_path / "whole.pt")
    broken = run(cases, plan, params, tmp_path / "broken.pt", stop_at=5)
    assert broken == whole


def test_a_checkpoint_of_another_training_is_not_continued(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    path = tmp_path / "last.pt"
    run(cases, plan, params, path)
    found = read_checkpoint(path, key="k")
    assert found is not None
    assert found.step == 6
    assert read_checkpoint(path, key="other") is None


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_a_damaged_checkpoint_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    assert read_checkpoint(path, key="k") is None


def test_a_network_learns_the_phantom(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    longer = params.model_copy(
        update={"steps": 60, "evaluate_every": 20, "learning_rate": 0.005}
    )
    trained = run(cases, plan, longer, tmp_path / "last.pt")
    assert trained.best_dice > 0.7
    assert trained.curve[-1].loss < trained.curve[0].loss


def test_training_stops_when_the_tuning_dice_no_longer_rises(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    idle = params.model_copy(
        update={
            "steps": 50,
            "learning_rate": 1e-12,
            "evaluate_every": 1,
            "patience_steps": 3,
        }
    )
    trained = run(cases, plan, idle, tmp_path / "last.pt")
    assert trained.curve[-1].step == trained.best_step + 3 < 50


def test_deep_supervision_and_class_weights_train(
    cases: Cases, params: TrainParams, plan: Plan, tmp_path: Path
) -> None:
    richer = params.model_copy(update={"class_weights": "frequency"})
    supervised = plan.model_copy(update={"supervised_levels": len(plan.strides) - 2})
    assert run(cases, supervised, richer, tmp_path / "last.pt").best_step


def test_an_empty_split_is_named(
    cases: Cases, plan: Plan, params: TrainParams, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="'tuning' has no case"):
        train(cases, (), plan, params, key="k", checkpoint=tmp_path / "last.pt")


@pytest.mark.parametrize("schedule", ["one_cycle", "poly"])
def test_the_learning_rate_ends_near_zero(schedule: str) -> None:
    params = TrainParams(steps=100, schedule=schedule)
    rates = [learning_rate(step, params) for step in range(100)]
    assert max(rates) == pytest.approx(params.learning_rate)
    assert 0 < rates[-1] < 0.05 * params.learning_rate
