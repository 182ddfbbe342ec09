"""What the data management report says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regml.dhf.context.common import (
    ItemSection,
    facts,
    flatten,
    stage_runs,
    steps,
    targets,
)
from regml.dhf.table import Table, table
from regml.items.data import (
    AnnotationProtocol,
    Annotator,
    DatasetManifest,
    DatasetSpecification,
    FaceProtection,
    Flow,
)
from regml.items.links import Link
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion, NodeType

SPLITS = ("train", "tuning", "test")
"""The order in which splits are printed; others follow by name."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A dataset version whose manifest is in the work tree.

    Attributes:
        id: ``dataset@...``
        facts: What it is.
        splits: Cases and patients per split.
        sites: Cases per site, vendor and split.
        annotators: Cases per reader.
        exclusions: Excluded cases by reason.
        excluded: Every excluded case.
    """

    id: str
    facts: Table
    splits: Table
    sites: Table
    annotators: Table
    exclusions: Table
    excluded: Table


@dataclass(frozen=True, slots=True)
class DataReport:
    """Specifications, versions, de-identification and annotation.

    Attributes:
        specifications: Every dataset specification.
        protocols: Every annotation protocol.
        versions: One row per dataset version, also those that are gone.
        collected: Versions whose manifest can be read.
        deidentification: What each de-identification run noted.
        annotation: What each annotation run noted.
        reports: Stage reports of the current state, by heading.
    """

    specifications: tuple[ItemSection, ...]
    protocols: tuple[ItemSection, ...]
    versions: Table
    collected: tuple[Collected, ...]
    deidentification: Table
    annotation: Table
    reports: tuple[tuple[str, Table], ...]


def data_report(
    graph: TraceGraph, reports: Mapping[str, Mapping[str, Any]]
) -> DataReport:
    """Return everything the data management report prints.

    Args:
        graph: The evidence.
        reports: Present reports of stages by heading.
    """
    versions = dataset_versions(graph)
    return DataReport(
        specifications=tuple(
            specification_section(graph, item)
            for item in graph.items(DatasetSpecification)
        ),
        protocols=tuple(
            annotation_section(item) for item in graph.items(AnnotationProtocol)
        ),
        versions=_versions(graph, versions),
        collected=tuple(
            _collected(name, version.sha256, version.manifest)
            for name, version in versions
            if version.manifest
        ),
        deidentification=_noted(graph, "deidentification"),
        annotation=_noted(graph, "annotations"),
        reports=tuple(
            (title, facts(flatten(report))) for title, report in reports.items()
        ),
    )


def dataset_versions(graph: TraceGraph) -> tuple[tuple[str, DatasetVersion], ...]:
    """Return every dataset version with its id, sorted."""
    return tuple(
        (name, node.value)
        for name, node in sorted(graph.nodes.items())
        if node.type is NodeType.DATASET and isinstance(node.value, DatasetVersion)
    )


def split_table(manifest: DatasetManifest) -> Table:
    """Return cases and patients per split; "unknown" where a patient key is missing."""
    cases = Counter(case.split for case in manifest.cases)
    names = [s for s in SPLITS if s in cases] + sorted(cases.keys() - set(SPLITS))
    rows = [
        (
            name,
            cases[name],
            _patients(c.patient for c in manifest.cases if c.split == name),
        )
        for name in names
    ]
    total = ("all", len(manifest.cases), _patients(c.patient for c in manifest.cases))
    return table(("Split", "Cases", "Patients"), [*rows, total] if rows else rows)


def _patients(patients: Iterable[str | None]) -> str:
    found = list(patients)
    unknown = sum(patient is None for patient in found)
    known = len({patient for patient in found if patient is not None})
    return (
        f"{known}, and {unknown} cases without patient key" if unknown else f"{known}"
    )


def _versions(
    graph: TraceGraph, versions: Iterable[tuple[str, DatasetVersion]]
) -> Table:
    current = graph.current.manifest
    return table(
        ("Version", "Specification", "Cases", "Made by", "Manifest", "State"),
        [
            (
                name,
                targets(graph, name, Link.FULFILS),
                _size(version),
                targets(graph, name, Link.PRODUCED_BY) or "no recorded run",
                version.path,
                "current" if current and current.sha256 == version.sha256 else "older",
            )
            for name, version in versions
        ],
        empty="0 dataset versions: nothing was collected yet.",
    )


def _size(version: DatasetVersion) -> str:
    if version.manifest:
        return str(len(version.manifest.cases))
    cases = version.facts.get("cases")
    if isinstance(cases, Mapping):
        return ", ".join(f"{split} {n}" for split, n in sorted(cases.items()))
    return "not noted"


def _collected(name: str, sha256: str, manifest: DatasetManifest) -> Collected:
    sites = Counter((c.site, c.vendor, c.split) for c in manifest.cases)
    reasons = Counter(excluded.reason for excluded in manifest.excluded)
    return Collected(
        id=name,
        facts=facts(
            [
                ("SHA-256 of the manifest", sha256),
                ("Specification", manifest.specification),
                ("Cases used", len(manifest.cases)),
                ("Cases excluded", len(manifest.excluded)),
                ("Split by", manifest.split_unit),
                ("Accepted because", manifest.limitation),
                *_flow(manifest.flow),
                *_measured(manifest),
            ]
        ),
        splits=split_table(manifest),
        sites=table(
            ("Site", "Vendor", "Split", "Cases"),
            [(*key, count) for key, count in sorted(sites.items())],
            empty="0 cases.",
        ),
        annotators=reader_table(manifest),
        exclusions=table(
            ("Reason", "Cases"), sorted(reasons.items()), empty="0 cases were excluded."
        ),
        excluded=table(
            ("Case", "Reason"),
            [(excluded.case, excluded.reason) for excluded in manifest.excluded],
            empty="0 cases were excluded.",
        ),
    )


def reader_table(manifest: DatasetManifest) -> Table:
    """Return who outlined how many cases of a dataset version, and their training."""
    readers = Counter(reader for c in manifest.cases for reader in c.annotators)
    known = {reader.reader: reader for reader in manifest.annotators}
    return table(
        ("Reader", "Cases outlined", "Qualification", "Years", "Trained on"),
        [
            (name, count, *_qualified(known.get(name)))
            for name, count in sorted(readers.items())
        ],
        empty="The manifest names no reader.",
    )


def _qualified(reader: Annotator | None) -> tuple[str, str, str]:
    if reader is None:
        return ("not stated", "not stated", "not stated")
    years = reader.years_experience
    return (
        reader.qualification or "not stated",
        "not stated" if years is None else f"{years:g}",
        reader.trained_on.isoformat() if reader.trained_on else "not stated",
    )


def _flow(flow: Flow | None) -> Iterator[tuple[str, int]]:
    if flow is not None:
        yield "Images found", flow.found
        yield "Left out by the import of outlines", flow.left_out_by_import
        yield "Left out by the gate of the preparation", flow.left_out_by_gate
        yield "Outlines without image", flow.outlines_without_image


def _measured(manifest: DatasetManifest) -> Iterator[tuple[str, str]]:
    """Give what the stage found out about all images together."""
    if manifest.largest_extent_mm is not None:
        yield "Largest extent of an image", f"{manifest.largest_extent_mm:g} mm"
    if manifest.similarity is not None:
        near = manifest.similarity.nearest
        alike = len(manifest.similarity.pairs)
        most = "" if near is None else f"; the most alike correlate with {near:g}"
        yield "Nearly equal images in different splits", f"{alike}{most}"
    if manifest.headers is not None:
        found = ", ".join(f"{k} in {n}" for k, n in manifest.headers.found.items())
        files = manifest.headers.files
        yield "Headers looked at again", f"{files} files, found: {found or 'nothing'}"


def specification_section(graph: TraceGraph, item: DatasetSpecification) -> ItemSection:
    """Return a dataset specification with its fields and links."""
    versions = ", ".join(sorted(e.source for e in graph.into(item.id, Link.FULFILS)))
    rows = [
        ("Role", item.role.replace("_", " ")),
        ("Collected as", versions or "not collected"),
        ("Asked for by", item.refines),
        ("Population", item.population),
        ("Modality", item.modality),
        ("Inclusion criteria", steps(item.inclusion)),
        ("Exclusion criteria", steps(item.exclusion)),
        ("Source", item.source or "not stated"),
        ("Licence", item.licence or "not stated"),
        ("Ethics", item.ethics or "not stated"),
        ("Annotation protocol", item.annotation_protocol),
        ("Agreed configuration of the de-identification", item.deidentification_sha256),
        ("Faces", _faces(item.faces)),
        ("Models measured on one test split, at most", item.test_models),
    ]
    groups = table(
        ("Subgroup by", "Planned test cases in each group"),
        [(group.column, group.minimum_cases) for group in item.subgroups],
    )
    limitations = table(
        ("Limitation", "What the data cannot show", "Groups"),
        [(limit.id, limit.text, ", ".join(limit.groups)) for limit in item.limitations],
        empty="No limitation is stated.",
    )
    shown = (("Subgroups reported on their own", groups),) if item.subgroups else ()
    tables = (*shown, ("Limitations", limitations))
    return ItemSection(item.id, item.title, item.text, facts(rows), tables)


def _faces(faces: FaceProtection | None) -> str | None:
    if faces is None:
        return None
    limit = faces.largest_extent_mm
    size = "" if limit is None else f" (at most {limit:g} mm on each axis)"
    return f"{faces.measure.replace('_', ' ')}{size}: {faces.rationale}"


def annotation_section(item: AnnotationProtocol) -> ItemSection:
    """Return an annotation protocol with its fields and links."""
    rows = [
        ("Readers per case, at least", item.readers_per_case),
        ("Qualification", item.qualification),
        ("Years of experience, at least", item.minimum_years_experience),
        ("Tool", item.tool),
        ("Consensus", item.consensus),
        ("Least mean Dice between readers", item.agreement_floor_dice),
    ]
    labels = table(
        ("Value", "Structure", "Definition"),
        [(label.value, label.name, label.definition) for label in item.labels],
    )
    return ItemSection(
        item.id, item.title, item.text, facts(rows), (("Labels", labels),)
    )


def _noted(graph: TraceGraph, topic: str) -> Table:
    rows = [
        (f"run@{record.id}", run.origin.started_utc, name, value)
        for record, run in stage_runs(graph)
        for name, value in flatten(facts_of(record, topic))
    ]
    return table(
        ("Run", "Started (UTC)", "Fact", "Value"),
        rows,
        empty=f"0 recorded runs noted anything about {topic}.",
    )


def dataset_id(sha256: str) -> str:
    """Return the id of a dataset version."""
    return f"dataset@{sha256[:SHORT]}"
