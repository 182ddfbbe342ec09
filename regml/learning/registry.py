"""The registry of models in MLflow: a view for people, never the evidence."""

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from regml.files.mlflow_store import RELEASED, STORE
from regml.learning.tracking import QUIET


class RegistryError(Exception):
    """The registry did not take a version; the message says why in one line."""


def register(root: Path, name: str, *, source: str, tags: Mapping[str, str]) -> str:
    """Register a version of a model with alias and tags; return its number.

    ``MLFLOW_REGISTRY_URI`` or ``MLFLOW_TRACKING_URI`` names the registry; without them
    it is MLflow's database in the project.

    Args:
        root: The project.
        name: Of the registered model; it is made where there is none.
        source: Where the weights are, or what they are.
        tags: Of the version.

    Raises:
        RegistryError: MLflow is not installed, or the registry cannot be used.
    """
    os.environ.update({key: os.environ.get(key, QUIET[key]) for key in QUIET})
    try:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise RegistryError(f"MLflow is not installed ({error})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, of no use to our users
            return _register(root, name, source, tags)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RegistryError(said) from error


def _register(root: Path, name: str, source: str, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    store = f"sqlite:///{root.resolve() / STORE}"
    tracking = os.environ.get("MLFLOW_TRACKING_URI", store)
    client = MlflowClient(tracking, os.environ.get("MLFLOW_REGISTRY_URI", tracking))
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(name, source, tags=dict(tags))
    client.set_registered_model_alias(name, RELEASED, made.version)
    return str(made.version)
