"""Where a model or dataset comes from, as one readable page."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from regml.errors import UnknownIdError
from regml.items.data import (
    AnnotationProtocol,
    DatasetManifest,
    DatasetSpecification,
)
from regml.items.links import Link
from regml.items.recorded import Record, StageRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion, Evaluation, ModelVersion
from regml.trace.origins import (
    annotated_by,
    annotators,
    preprocessing,
    released_as,
    signatures,
)
from regml.trace.origins import images as images_of
from regml.trace.page import NONE, Page, Section, Table, plain
from regml.trace.run_sections import (
    environment_section,
    run_section,
    siblings,
    upstream,
)
from regml.trace.wordings import worded

Finder: TypeAlias = Callable[[DatasetVersion], DatasetManifest | None]
"""Gives the manifest of a dataset version; ``None`` where it is nowhere."""

SPLITS: Final = ("train", "tuning", "test")


def _at_hand(dataset: DatasetVersion) -> DatasetManifest | None:
    return dataset.manifest


def lineage(
    graph: TraceGraph, text: str, find: Finder = _at_hand, *, images: bool = False
) -> Page:
    """Return the page of a model, dataset, evaluation or stage run.

    A model's page goes from its training to its dataset, who chose the cases, who
    annotated them, how they were prepared, the other training runs (failed ones too)
    and its results.

    Args:
        graph: The evidence.
        text: ``model@3f9a12``, ``model@current``, ``dataset@...``, ``run@...``, ...
        find: Where the manifest of an earlier dataset version comes from.
        images: Also list every image of the dataset.

    Raises:
        UnknownIdError: Nothing fits, or it has no lineage.
    """
    node = graph.find(text)
    match node.value:
        case ModelVersion() as model:
            sections = _of_model(graph, node.id, model, find)
        case DatasetVersion() as dataset:
            sections = _of_dataset(graph, node.id, dataset, find)
        case Evaluation() as evaluation:
            sections = _of_evaluation(graph, node.id, evaluation, find)
        case Record(statement=StageRun()) as record:
            sections = _of_run(graph, record)
        case _:
            raise UnknownIdError(
                f"{node.id} is a {node.type} and has no lineage. "
                f"Use 'regml trace {node.id}'."
            )
    listed = images_of(graph, node.id, find) if images else ()
    return Page(f"Lineage of {node.id}", node.id, (*sections, *listed))


def _of_model(
    graph: TraceGraph, name: str, model: ModelVersion, find: Finder
) -> Iterator[Section]:
    current = graph.current.model
    yield Section(
        "Model",
        (
            ("weights sha256", model.sha256),
            ("file", model.path),
            ("architecture", str(model.facts.get("architecture", NONE))),
            ("parameters", plain(model.facts.get("parameters", NONE))),
            (
                "is current",
                _yes(current is not None and current.sha256 == model.sha256),
            ),
            ("released", released_as(graph, name)),
        ),
        node=name,
    )
    if model.runs:
        yield run_section(graph, "Training run", model.runs[-1])
        yield environment_section(graph, model.runs[-1])
    datasets = [edge.target for edge in graph.out(name, Link.TRAINED_ON)]
    if not datasets:
        yield Section("Dataset version", (("recorded", NONE),))
    for target in sorted(set(datasets)):
        value = graph.node(target).value
        if isinstance(value, DatasetVersion):
            yield from _of_dataset(graph, target, value, find, users=False)
    if model.runs:
        yield from siblings(graph, model.runs[-1])
    for edge in graph.into(name, Link.EVALUATES):
        value = graph.node(edge.source).value
        if isinstance(value, Evaluation):
            yield _results(edge.source, value)


def _of_dataset(
    graph: TraceGraph,
    name: str,
    dataset: DatasetVersion,
    find: Finder,
    *,
    users: bool = True,
) -> Iterator[Section]:
    manifest = find(dataset)
    facts = [("manifest sha256", dataset.sha256), ("file", dataset.path)]
    if manifest:
        facts += _counts(manifest)
    else:
        facts.append(("cases", "its manifest is in no commit that is here"))
        facts += [(key, plain(value)) for key, value in sorted(dataset.facts.items())]
    table = _split_table(manifest) if manifest else None
    yield Section("Dataset version", tuple(facts), table, name)
    for edge in graph.out(name, Link.FULFILS):
        made = dataset.runs[-1] if dataset.runs else None
        yield from _specification(graph, edge.target, manifest, made)
    if manifest:
        yield annotators(manifest)
    yield preprocessing(graph, manifest, dataset.runs[-1] if dataset.runs else None)
    if dataset.runs:
        yield from upstream(graph, dataset.runs[-1])
    if users:
        models = sorted({e.source for e in graph.into(name, Link.TRAINED_ON)})
        yield Section("Models trained on it", (("models", ", ".join(models) or NONE),))


def _of_evaluation(
    graph: TraceGraph, name: str, evaluation: Evaluation, find: Finder
) -> Iterator[Section]:
    yield _results(name, evaluation)
    yield run_section(graph, "Evaluation run", evaluation.record)
    for edge in graph.out(name, Link.EVALUATES):
        value = graph.node(edge.target).value
        if isinstance(value, ModelVersion):
            yield from _of_model(graph, edge.target, value, find)


def _of_run(graph: TraceGraph, record: Record) -> Iterator[Section]:
    yield run_section(graph, "Stage run", record)
    yield environment_section(graph, record)
    yield from upstream(graph, record)
    yield from siblings(graph, record)


def _counts(manifest: DatasetManifest) -> list[tuple[str, str]]:
    cases = manifest.cases
    annotators = sorted({reader for case in cases for reader in case.annotators})
    return [
        ("specification", manifest.specification),
        ("cases", str(len(cases))),
        ("patients", str(len({case.patient for case in cases if case.patient}))),
        ("split by", manifest.split_unit),
        ("limitation", manifest.limitation or "none stated"),
        ("excluded", str(len(manifest.excluded))),
        ("annotators", ", ".join(annotators) or NONE),
        ("source files", str(sum(len(case.sources) for case in cases))),
    ]


def _split_table(manifest: DatasetManifest) -> Table:
    present = {case.split for case in manifest.cases}
    order = [s for s in SPLITS if s in present] + sorted(present - set(SPLITS))
    rows = []
    for split in order:
        cases = [case for case in manifest.cases if case.split == split]
        rows.append(
            (
                split,
                str(len(cases)),
                str(len({case.patient for case in cases if case.patient})),
                _tally(case.site for case in cases),
                _tally(case.vendor for case in cases),
            )
        )
    return Table(("split", "cases", "patients", "sites", "vendors"), tuple(rows))


def _specification(
    graph: TraceGraph,
    item_id: str,
    manifest: DatasetManifest | None,
    made: Record | None,
) -> Iterator[Section]:
    chosen = worded(graph, item_id, made)
    spec = chosen and chosen.item
    if chosen is None or not isinstance(spec, DatasetSpecification):
        yield Section("Dataset specification", (("item", f"{item_id} is missing"),))
        return
    facts = (
        ("item", f"{spec.id} {spec.title}"),
        ("wording", chosen.said),
        ("population", spec.population),
        ("inclusion", "; ".join(spec.inclusion)),
        ("exclusion", "; ".join(spec.exclusion) or "none stated"),
        ("source", spec.source or NONE),
        ("licence", spec.licence or NONE),
        ("ethics", spec.ethics or NONE),
        (
            "limitations",
            "; ".join(f"{x.id} {x.text}" for x in spec.limitations) or NONE,
        ),
    )
    reasons = Counter(case.reason for case in manifest.excluded) if manifest else {}
    rows = tuple((reason, str(count)) for reason, count in sorted(reasons.items()))
    table = Table(("excluded because", "cases"), rows) if rows else None
    yield Section("Selection of cases", facts, table, spec.id)
    yield signatures(graph, chosen, "the selection")
    outlined = annotated_by(graph, spec, made)
    protocol = outlined and outlined.item
    if outlined and isinstance(protocol, AnnotationProtocol):
        labels = "; ".join(
            f"{x.value} {x.name}: {x.definition}" for x in protocol.labels
        )
        yield Section(
            "Annotation protocol",
            (
                ("item", f"{protocol.id} {protocol.title}"),
                ("wording", outlined.said),
                ("labels", labels),
                ("readers per case", str(protocol.readers_per_case)),
                ("qualification", protocol.qualification),
                ("consensus", protocol.consensus),
                ("agreement floor (Dice)", f"{protocol.agreement_floor_dice:g}"),
            ),
            node=protocol.id,
        )
        yield signatures(graph, outlined, "the annotation")


def _results(name: str, evaluation: Evaluation) -> Section:
    rows = tuple(
        (
            row.requirement,
            str(row.facts.get("metric", "")),
            str(row.facts.get("label", "")),
            str(row.facts.get("statistic", "")),
            row.group or str(row.facts.get("condition") or "all"),
            _number(row.value),
            NONE
            if row.low is None or row.high is None
            else f"{_number(row.low)} to {_number(row.high)}",
            str(row.cases),
            row.limit or NONE,
            row.outcome,
        )
        for row in evaluation.rows
    )
    columns = (
        *("requirement", "metric", "label", "statistic", "group"),
        *("value", "95 % interval", "cases", "limit", "outcome"),
    )
    facts = (
        ("record", f"run@{evaluation.record.id}"),
        ("made", evaluation.record.statement.origin.started_utc),
        ("split", str(evaluation.facts.get("split", ""))),
    )
    return Section("Results", facts, Table(columns, rows), name)


def _tally(values: Iterable[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(Counter(values).items()))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
