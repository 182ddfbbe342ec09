"""A view of each training for people, in MLflow; never the evidence."""

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.files.config import read_config
from regml.files.mlflow_places import VARIABLE, place_of
from regml.files.mlflow_store import LONGEST_TEXT, Point, metric_facts, stored_value
from regml.files.tree_state import head_commit
from regml.records.notes import note

if TYPE_CHECKING:
    from regml.learning.train import Trained

TOPIC = "mlflow"
"""Topic of the note about what was logged."""

DEFAULT_STORE = "sqlite:///mlflow.db"
"""MLflow's embedded database in the project folder."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Environment under which MLflow sends nothing home and gives up soon."""


def track(root: Path, trained: "Trained", card: Mapping[str, Any]) -> str | None:
    """Log a training under the name of the project's device; see `log_training`.

    Args:
        root: The project.
        trained: The result of the training.
        card: Content of ``model.json``.
    """
    return log_training(
        trained,
        experiment=read_config(root).device.name,
        parameters={"plan": card["plan"], **card["hyperparameters"]},
        tags={
            "commit": head_commit(root) or "none",
            "dataset_manifest_sha256": card["dataset_manifest_sha256"],
            "weights_sha256": card["weights_sha256"],
        },
    )


def log_training(
    trained: "Trained",
    *,
    experiment: str,
    parameters: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str | None:
    """Write a training to MLflow in one batch and return the id of the run.

    What was written is noted in the record of the running stage, so that MLflow can be
    held against it later.
    ``MLFLOW_TRACKING_URI`` names the store. When the store cannot be used the training
    is not lost: a warning goes to stderr and the answer is ``None``.

    Args:
        trained: The result of the training.
        experiment: Name of the experiment, e.g. of the device.
        parameters: Hyperparameters; nested ones get dotted names.
        tags: E.g. digest of the dataset and commit.
    """
    os.environ.update({name: os.environ.get(name, QUIET[name]) for name in QUIET})
    try:
        # MLflow is slow to import and only wanted here
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        _warn(str(error))
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, of no use to our users
            return _log(trained, experiment, parameters, tags)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        _warn(str(error).splitlines()[0] if str(error) else type(error).__name__)
        return None


def logged_facts(
    run: str,
    points: Iterable[tuple[str, int, float]],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a record keeps of a run in MLflow.

    Args:
        run: MLflow's id.
        points: Name, step and value of each logged number.
        parameters: As text.
        tags: As text.
    """
    metrics: dict[str, list[Point]] = {}
    for name, step, value in points:
        metrics.setdefault(name, []).append((step, stored_value(value)))
    return {
        "run": run,
        "metrics": {name: metric_facts(metrics[name]) for name in sorted(metrics)},
        "params": {name: text[:LONGEST_TEXT] for name, text in parameters.items()},
        "tags": dict(tags),
    }


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested values under dotted names, as text."""
    found: dict[str, str] = {}
    for name in sorted(parameters):
        value = parameters[name]
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = str(value)
    return found


def _log(
    trained: "Trained",
    experiment: str,
    parameters: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    uri = os.environ.get(VARIABLE, DEFAULT_STORE)
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    identity = found.experiment_id if found else client.create_experiment(experiment)
    run = client.create_run(identity).info
    points = [
        Metric(name, getattr(point, name), run.start_time + index, point.step)
        for index, point in enumerate(trained.curve)
        for name in ("loss", "learning_rate", "tuning_dice")
    ]
    best = Metric(
        "best_tuning_dice", trained.best_dice, run.start_time, trained.best_step
    )
    metrics = [*points, best][-1000:]  # MLflow takes 1,000 in a batch
    texts = flat(parameters)
    client.log_batch(
        run.run_id,
        metrics=metrics,
        params=[Param(name, text) for name, text in texts.items()],
        tags=[RunTag(name, text) for name, text in sorted(tags.items())],
    )
    client.set_terminated(run.run_id)
    logged = [(m.key, m.step, m.value) for m in metrics]
    facts = logged_facts(str(run.run_id), logged, texts, tags)
    note(TOPIC, {**facts, "store": place_of(uri)})
    return str(run.run_id)


def _warn(problem: str) -> None:
    sys.stderr.write(
        f"warning: MLflow has not logged this training ({problem}). "
        "The training itself and its record are complete; see MLFLOW_TRACKING_URI.\n"
    )
