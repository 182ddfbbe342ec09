"""Formats for where things come from: provenance of all, or facts of one dataset."""

from enum import StrEnum

from regml.digest import sha256_of
from regml.errors import ConfigError
from regml.exchange import croissant, datasheet, openlineage, prov_json, ro_crate
from regml.exchange.exporter import commit_time
from regml.exchange.foreign import Remark
from regml.exchange.formats import Exported
from regml.files.past import content_with_digest
from regml.items.data import DatasetSpecification
from regml.project import Project
from regml.trace.current import UNBELIEVABLE
from regml.trace.nodes import DatasetVersion
from regml.trace.wordings import worded


class Trail(StrEnum):
    """What can be exported about the origin of data and models."""

    PROV = "prov"
    RO_CRATE = "ro-crate"
    OPENLINEAGE = "openlineage"
    CROISSANT = "croissant"
    DATASHEET = "datasheet"


OF_DATASET = (Trail.CROISSANT, Trail.DATASHEET)
"""Those that are about one version of a dataset."""


def export_trail(project: Project, form: Trail, name: str | None = None) -> Exported:
    """Return the provenance of a project, or the facts of one dataset version.

    A record that cannot be believed is left out and named.

    Args:
        project: In the work tree or at a revision.
        form: The format.
        name: The dataset version, ``dataset@current`` where none is named; only for
            the formats that are about one.

    Raises:
        ConfigError: The format is about everything, or the name is no dataset.
        UnknownIdError: Nothing fits the name.
    """
    if form in OF_DATASET:
        return Exported(_of_dataset(project, form, name or "dataset@current"))
    if name is not None:
        raise ConfigError(f"{form} is about the whole project: leave {name} out.")
    match form:
        case Trail.PROV:
            content = prov_json.write(project.graph)
        case Trail.RO_CRATE:
            content = ro_crate.write(project, created=commit_time(project))
        case _:
            device = project.evidence.config.device.name
            content = openlineage.write(project.graph, namespace=device)
    return Exported(content, _doubted(project))


def _of_dataset(project: Project, form: Trail, name: str) -> bytes:
    project = project.with_wordings()
    node = project.graph.find(name)
    dataset = node.value
    if not isinstance(dataset, DatasetVersion):
        raise ConfigError(
            f"{node.id} is a {node.type}, not a dataset version. "
            "'regml list datasets' prints those."
        )
    manifest = project.manifest_of(dataset)
    if form is Trail.DATASHEET:
        return datasheet.write(project.graph, node.id, dataset, manifest)
    made_by = dataset.runs[-1] if dataset.runs else None
    chosen = worded(project.graph, manifest.specification, made_by)
    item = chosen and chosen.item
    made = dataset.runs[-1].statement.origin.finished_utc if dataset.runs else None
    return croissant.write(
        manifest,
        item if isinstance(item, DatasetSpecification) else None,
        path=dataset.path,
        sha256=dataset.sha256,
        size_bytes=_size(project, dataset),
        created=made or commit_time(project),
        creator=project.evidence.config.device.manufacturer,
    )


def _size(project: Project, dataset: DatasetVersion) -> int:
    """Return how many bytes the manifest has, as its run or git says."""
    for record in dataset.runs:
        for out in getattr(record.statement, "outputs", ()):
            if out.sha256 == dataset.sha256:
                return int(out.size_bytes)
    place = project.files / dataset.path
    content = place.read_bytes() if place.is_file() else b""
    if sha256_of(content) == dataset.sha256:
        return len(content)
    found = content_with_digest(project.root, dataset.path, dataset.sha256)
    return len(found or b"")


def _doubted(project: Project) -> tuple[Remark, ...]:
    return tuple(
        Remark(
            f"is left out: {problem.message}.",
            "'regml verify' says what it means.",
            problem.path,
        )
        for problem in project.evidence.log_problems
        if problem.kind in UNBELIEVABLE
    )
