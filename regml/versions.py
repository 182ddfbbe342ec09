"""Versions of data and models side by side; reads what a comparison needs."""

from regml.errors import ConfigError
from regml.files.dvc_values import PARAMETERS, PIPELINE
from regml.files.past import CodeChange, code_change
from regml.project import Project
from regml.trace.dataset_diff import (
    DatasetDifference,
    dataset_difference,
    dataset_page,
)
from regml.trace.model_diff import ModelSide, model_page, model_side
from regml.trace.nodes import DatasetVersion, ModelVersion, Node
from regml.trace.page import Page


def compare(project: Project, before: str, after: str) -> Page:
    """Return how two dataset versions or two model versions differ.

    Args:
        project: That knows both.
        before: Names the earlier one, e.g. ``model@1.9``.
        after: Names the later one.

    Raises:
        UnknownIdError: Nothing or more than one thing fits a name.
        ConfigError: They cannot be compared: a manifest is nowhere to be found, or one
            is a model and the other is not.
        BrokenFileError: A manifest is none.
    """
    old, new = project.graph.find(before), project.graph.find(after)
    match old.value, new.value:
        case DatasetVersion() as was, DatasetVersion() as now:
            found = _datasets(project, was, now)
            return dataset_page(old.id, new.id, found)
        case ModelVersion() as was, ModelVersion() as now:
            left = model_side(project.graph, old.id, was)
            right = model_side(project.graph, new.id, now)
            return model_page(
                left, right, _code(project, left, right), _data(project, left, right)
            )
    raise ConfigError(
        f"{_named(old)} and {_named(new)} cannot be compared. Name two dataset "
        "versions, two model versions, or two revisions."
    )


def _datasets(
    project: Project, before: DatasetVersion, after: DatasetVersion
) -> DatasetDifference:
    return dataset_difference(project.manifest_of(before), project.manifest_of(after))


def _data(
    project: Project, before: ModelSide, after: ModelSide
) -> DatasetDifference | str:
    """Return how the data differ, or why nobody can tell: the rest is told anyway."""
    nodes = project.graph.nodes
    old = nodes[before.dataset].value if before.dataset else None
    new = nodes[after.dataset].value if after.dataset else None
    if not (isinstance(old, DatasetVersion) and isinstance(new, DatasetVersion)):
        return "A training run names no dataset version."
    if before.dataset == after.dataset:
        return f"Both were trained on {after.dataset}."
    try:
        return _datasets(project, old, new)
    except ConfigError as reason:
        return str(reason)


def _code(project: Project, before: ModelSide, after: ModelSide) -> CodeChange | None:
    if before.commit is None or after.commit is None:
        return None
    sources = project.evidence.config.sources
    places = [*sources.software, *sources.tests, PIPELINE, PARAMETERS]
    places += [sources.lock] if sources.lock else []
    return code_change(project.root, before.commit, after.commit, places)


def _named(node: Node) -> str:
    return f"{node.id} ({node.type})"
