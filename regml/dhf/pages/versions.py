"""Pages of dataset versions, model versions and evaluations."""

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from regml.dhf.context import Figure
from regml.dhf.context.common import facts, flatten, targets
from regml.dhf.context.data import reader_table, split_table
from regml.dhf.context.model import run_table
from regml.dhf.context.verification import criteria, evaluation_facts, subgroups
from regml.dhf.pages.base import Content, origin
from regml.dhf.pages.names import case_anchor, case_link
from regml.dhf.table import Table, table
from regml.items.data import DatasetManifest
from regml.items.links import Link
from regml.items.recorded import StageRun
from regml.trace.lineage import lineage
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion, Evaluation, ModelVersion


def dataset_page(graph: TraceGraph, name: str, dataset: DatasetVersion) -> Content:
    """Return what the page of a dataset version says."""
    current = graph.current.manifest
    manifest = dataset.manifest
    # what the manifest says itself; without it, the note is all there is
    told = {"manifest", *(("specification", "cases", "patients") if manifest else ())}
    sections = (
        [
            ("Splits", split_table(manifest)),
            ("Readers", reader_table(manifest)),
            ("Images", _images(manifest)),
            ("Excluded cases", _excluded(manifest)),
        ]
        if manifest
        else []
    )
    return Content(
        facts=facts(
            [
                ("SHA-256 of the manifest", dataset.sha256),
                ("Manifest", dataset.path),
                ("Fulfils", targets(graph, name, Link.FULFILS)),
                ("Split by", manifest.split_unit if manifest else None),
                ("Accepted because", manifest.limitation if manifest else None),
                (
                    "Content",
                    None if manifest else "no commit until this one holds it",
                ),
                *flatten({k: v for k, v in dataset.facts.items() if k not in told}),
            ]
        ),
        status=_age(current.sha256 if current else None, dataset.sha256),
        sections=(*sections, ("How it was made", _lineage(graph, name))),
    )


def model_page(graph: TraceGraph, name: str, model: ModelVersion) -> Content:
    """Return what the page of a model version says."""
    current = graph.current.model
    datasets = [edge.target for edge in graph.out(name, Link.TRAINED_ON)]
    evaluations = {edge.source for edge in graph.into(name, Link.EVALUATES)}
    return Content(
        facts=facts(
            [
                ("SHA-256 of the weights", model.sha256),
                ("Weights", model.path),
                ("Trained on", tuple(datasets)),
                ("Evaluated by", tuple(sorted(evaluations))),
                (
                    "Used by test runs",
                    tuple(e.source for e in graph.into(name, Link.USES)),
                ),
            ]
        ),
        status=_age(current.sha256 if current else None, model.sha256),
        sections=(
            *_lineage_sections(graph, name),
            *((f"Images of {d}", _image_links(graph, d)) for d in datasets),
            ("What training noted", facts(flatten(model.facts))),
        ),
    )


def evaluation_page(
    graph: TraceGraph, found: Evaluation, figures: Iterable[Figure]
) -> Content:
    """Return what the page of an evaluation says; figures are of the current one."""
    name, current = f"evaluation@{found.record.id}", graph.current.evaluation
    is_current = current is not None and current.id == found.record.id
    noted = evaluation_facts(found)
    return Content(
        facts=facts(
            [
                ("Model", targets(graph, name, Link.EVALUATES)),
                ("Dataset", targets(graph, name, Link.EVALUATED_ON)),
                *noted,
                *origin(found.record),
            ]
        ),
        status="current" if is_current else "older",
        sections=(
            ("Acceptance criteria", criteria(graph, found.record)),
            ("Subgroups", subgroups(found)),
            *([("Cases", _case_scores(graph, found))] if is_current else []),
        ),
        figures=tuple((f.path, f.caption) for f in figures) if is_current else (),
    )


def _images(manifest: DatasetManifest) -> Table:
    return table(
        (
            *("Case", "Split", "Patient", "Site", "Vendor", "Readers"),
            *("Image", "SHA-256 of the image", "SHA-256 of the label", "Made from"),
        ),
        [
            (
                Markup('<a id="{}" class="case">{}</a>').format(
                    case_anchor(case.case), case.case
                ),
                case.split,
                case.patient or "unknown",
                case.site,
                case.vendor,
                case.annotators,
                case.image,
                case.image_sha256,
                case.label_sha256,
                _folded(f"{len(case.sources)} files", case.sources),
            )
            for case in manifest.cases
        ],
        empty="0 images.",
    )


def _folded(words: str, lines: Iterable[str]) -> Markup:
    """Return words that show more lines when one clicks on them."""
    return Markup("<details><summary>{}</summary>{}</details>").format(
        words, Markup("<br>").join(lines)
    )


def _excluded(manifest: DatasetManifest) -> Table:
    return table(
        ("Case", "Reason"),
        [(case.case, case.reason) for case in manifest.excluded],
        empty="0 cases were excluded.",
    )


def _lineage(graph: TraceGraph, name: str) -> Table:
    """Return the stage runs a node rests on, oldest first."""
    reached = graph.reasons(name)
    runs = [
        (record, record.statement)
        for record in graph.evidence.records
        if f"run@{record.id}" in reached and isinstance(record.statement, StageRun)
    ]
    return run_table(runs, empty="No recorded run made it.")


def _lineage_sections(graph: TraceGraph, name: str) -> Iterator[tuple[str, Table]]:
    """Give the lineage as one readable page: headed facts and tables."""
    for section in lineage(graph, name).sections:
        if section.facts:
            yield section.title, facts(section.facts)
        if section.table and section.table.rows:
            heading = "" if section.facts else section.title
            yield heading, table(section.table.columns, section.table.rows)


def _image_links(graph: TraceGraph, dataset: str) -> Table:
    value = graph.nodes[dataset].value
    manifest = value.manifest if isinstance(value, DatasetVersion) else None
    return table(
        ("Image", "Split", "Patient", "Site", "Vendor", "Readers"),
        [
            (
                case_link(graph.nodes[dataset], case.case),
                case.split,
                case.patient or "unknown",
                case.site,
                case.vendor,
                case.annotators,
            )
            for case in (manifest.cases if manifest else ())
        ],
        empty="No commit until this one holds the manifest.",
    )


def _case_scores(graph: TraceGraph, found: Evaluation) -> Table:
    scores = graph.evidence.scores.get(str(found.facts.get("per_case")), ())
    name = f"evaluation@{found.record.id}"
    datasets = [graph.nodes[e.target] for e in graph.out(name, Link.EVALUATED_ON)]
    metrics = sorted({metric for score in scores for metric in score.metrics})
    return table(
        ("Image", "Label", "Condition", *metrics, "Status"),
        [
            (
                case_link(datasets[0], score.case) if datasets else score.case,
                score.label,
                score.condition or "as acquired",
                *(score.metrics.get(metric) for metric in metrics),
                score.status,
            )
            for score in scores
        ],
        empty="The scores per case are not in the work tree.",
    )


def _age(current: str | None, sha256: str) -> str:
    return "current" if current == sha256 else "older"
