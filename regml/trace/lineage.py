"""Where a model or dataset comes from, as one readable page."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from regml.errors import UnknownIdError
from regml.files.lock import normalised
from regml.items.data import (
    AnnotationProtocol,
    DatasetManifest,
    DatasetSpecification,
)
from regml.items.installed import PACKAGES, installed
from regml.items.links import Link
from regml.items.recorded import Record, StageRun
from regml.trace.changes import field_changes
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion, Evaluation, ModelVersion, NodeType
from regml.trace.origins import (
    annotated_by,
    annotators,
    preprocessing,
    released_as,
    signatures,
)
from regml.trace.origins import images as images_of
from regml.trace.page import NONE, Page, Section, Table, plain
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
        yield _run(graph, "Training run", model.runs[-1])
        yield _environment(graph, model.runs[-1])
    datasets = [edge.target for edge in graph.out(name, Link.TRAINED_ON)]
    if not datasets:
        yield Section("Dataset version", (("recorded", NONE),))
    for target in sorted(set(datasets)):
        value = graph.node(target).value
        if isinstance(value, DatasetVersion):
            yield from _of_dataset(graph, target, value, find, users=False)
    yield from _siblings(graph, model.runs)
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
        yield from _upstream(graph, dataset.runs[-1])
    if users:
        models = sorted({e.source for e in graph.into(name, Link.TRAINED_ON)})
        yield Section("Models trained on it", (("models", ", ".join(models) or NONE),))


def _of_evaluation(
    graph: TraceGraph, name: str, evaluation: Evaluation, find: Finder
) -> Iterator[Section]:
    yield _results(name, evaluation)
    yield _run(graph, "Evaluation run", evaluation.record)
    for edge in graph.out(name, Link.EVALUATES):
        value = graph.node(edge.target).value
        if isinstance(value, ModelVersion):
            yield from _of_model(graph, edge.target, value, find)


def _of_run(graph: TraceGraph, record: Record) -> Iterator[Section]:
    yield _run(graph, "Stage run", record)
    yield _environment(graph, record)
    yield from _upstream(graph, record)
    yield from _siblings(graph, (record,))


def _run(graph: TraceGraph, title: str, record: Record) -> Section:
    run = record.statement
    if not isinstance(run, StageRun):
        return Section(title)
    origin = run.origin
    believed = record.path not in graph.current.doubted
    facts = [
        ("record", f"run@{record.id}"),
        ("believed", _yes(believed)),
        ("outcome", f"{run.outcome} (exit status {run.exit_status})"),
        ("by", f"{origin.person.name} <{origin.person.email}>"),
        ("started", origin.started_utc),
        ("finished", origin.finished_utc),
        ("commit", origin.commit or NONE),
        ("uncommitted", ", ".join(origin.dirty) or "nothing"),
        ("command", run.command),
        ("parameters", plain(_inner(run.parameters))),
    ]
    noted = facts_of(record, "model")
    told = (
        *("seed", "hyperparameters", "plan", "initial_weights"),
        *("best_step", "metrics", "mlflow_run"),
    )
    facts += [
        (key.replace("_", " "), plain(noted[key]))
        for key in told
        if noted.get(key) is not None
    ]
    facts += [
        (name.replace("_", " "), _amount(value))
        for name, value in sorted(run.resources.items())
    ]
    return Section(title, tuple(facts), _artifacts(run), f"run@{record.id}")


def _artifacts(run: StageRun) -> Table:
    rows = [("in", a.path, a.sha256, str(a.size_bytes)) for a in run.inputs]
    rows += [("out", a.path, a.sha256, str(a.size_bytes)) for a in run.outputs]
    return Table(("", "path", "sha256", "bytes"), tuple(rows))


def _environment(graph: TraceGraph, record: Record) -> Section:
    """Return the machine and the runtime packages; the record has the others too."""
    environment = record.statement.origin.environment
    facts, packages = [], installed(environment)
    for key, value in sorted(environment.items()):
        if key == PACKAGES:
            told = f"{len(packages)} installed, all in {record.environment}"
            facts.append((key, told))
        elif value not in (None, "", {}, []):
            facts.append((key, plain(value)))
    rows = tuple(
        (name, package.version, (package.sha256 or NONE)[:SHORT])
        for name, package in packages.items()
        if normalised(name) in graph.evidence.packages
    )
    table = Table(("runtime package", "version", "sha256 of RECORD"), rows)
    return Section("Environment", tuple(facts), table)


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


def _upstream(graph: TraceGraph, record: Record) -> Iterator[Section]:
    """Give the runs a run was derived from, nearest first, with what they noted."""
    names, todo = [f"run@{record.id}"], [f"run@{record.id}"]
    while todo:
        for edge in graph.out(todo.pop(0), Link.DERIVED_FROM):
            if edge.target not in names:
                names.append(edge.target)
                todo.append(edge.target)
    rows = []
    for name in names:
        value = graph.node(name).value
        if isinstance(value, Record) and isinstance(value.statement, StageRun):
            run = value.statement
            noted = "; ".join(
                f"{topic}: {plain(_short(facts))}"
                for topic, facts in sorted(run.notes.items())
                if topic not in ("model", "evaluation")
            )
            rows.append((run.stage, name, *_who(run), noted))
    columns = ("stage", "run", "started", "by", "commit", "outcome", "noted")
    yield Section("How the data came here", table=Table(columns, tuple(rows)))


def _siblings(graph: TraceGraph, runs: tuple[Record, ...]) -> Iterator[Section]:
    """Give all other runs of the same stage, also the failed ones."""
    if not runs or not isinstance(run := runs[-1].statement, StageRun):
        return
    mine = {record.id for record in runs}
    rows = []
    for record in graph.runs(run.stage):
        if record.id not in mine and isinstance(other := record.statement, StageRun):
            made = sorted(
                edge.source
                for edge in graph.into(f"run@{record.id}", Link.PRODUCED_BY)
                if graph.nodes[edge.source].type is not NodeType.TEST
            )
            differs = "; ".join(
                line
                for change in field_changes(
                    _inner(run.parameters), _inner(other.parameters)
                )
                for line in change.lines()
            )
            rows.append((f"run@{record.id}", *_who(other), ", ".join(made), differs))
    columns = ("run", "started", "by", "commit", "outcome", "made", "other parameters")
    facts = (("other runs", str(len(rows))),)
    yield Section(f"Other runs of {run.stage}", facts, Table(columns, tuple(rows)))


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


def _who(run: StageRun) -> tuple[str, str, str, str]:
    origin = run.origin
    commit = (origin.commit or NONE)[:SHORT] + ("+dirty" if origin.dirty else "")
    return origin.started_utc, origin.person.name, commit, str(run.outcome)


def _inner(parameters: Mapping[str, Any]) -> Any:
    """Return the values without the name of their file where there is only one."""
    return next(iter(parameters.values())) if len(parameters) == 1 else dict(parameters)


def _short(facts: Any) -> Any:
    """Return facts without nested lists, which belong on their own pages."""
    if not isinstance(facts, Mapping):
        return facts
    return {k: v for k, v in facts.items() if not isinstance(v, list) or len(v) < 9}


def _tally(values: Iterable[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(Counter(values).items()))


def _amount(value: float) -> str:
    """Return seconds or bytes; no digit of a whole number is lost."""
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
