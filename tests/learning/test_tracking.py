from pathlib import Path

import pytest

from regml.learning.tracking import flat, log_training
from regml.learning.train import CurvePoint, Trained

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, at its import

TRAINED = Trained(
    weights=b"",
    parameters=1,
    best_step=20,
    best_dice=0.8,
    curve=tuple(CurvePoint(step, 1 / step, 0.1, 0.04 * step) for step in (10, 20)),
    device="cpu",
)


def log() -> str | None:
    return log_training(
        TRAINED,
        experiment="Device",
        parameters={"steps": 20, "plan": {"patch": [8, 8, 8]}},
        tags={"dataset_manifest_sha256": "ab"},
    )


def test_a_training_is_logged_in_the_project_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    identity = log()
    assert identity
    from mlflow.tracking import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    run = client.get_run(identity)
    assert run.data.params == {"steps": "20", "plan.patch": "[8, 8, 8]"}
    assert run.data.tags["dataset_manifest_sha256"] == "ab"
    assert run.data.metrics["best_tuning_dice"] == 0.8
    history = client.get_metric_history(identity, "tuning_dice")
    assert [point.step for point in history] == [10, 20]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db"]


def test_a_store_that_cannot_be_used_costs_only_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/mlflow.db")
    assert log() is None
    assert "warning: MLflow has not logged this training" in capsys.readouterr().err


def test_nested_parameters_get_dotted_names() -> None:
    assert flat({"a": {"b": 1, "c": {"d": None}}, "e": (1, 2)}) == {
        "a.b": "1",
        "a.c.d": "None",
        "e": "(1, 2)",
    }
