"""The bill of materials of a model, as CycloneDX: card, data, results and risks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from regml.errors import UnknownIdError
from regml.exchange.cyclonedx import Json, device_ref, document, licence, named
from regml.items.data import DatasetSpecification
from regml.items.links import Link
from regml.items.recorded import Record
from regml.items.risk import Risk
from regml.project import Project
from regml.trace.model import TraceGraph
from regml.trace.nodes import AcceptanceRow, DatasetVersion, Evaluation, ModelVersion
from regml.trace.page import plain
from regml.trace.wordings import worded

CURRENT: Final = "model@current"

NETWORKS: Final = ("BasicUNet", "DynUNet", "SegResNet", "UNet")
"""Networks of the train stage: convolutional ones that segment images."""


def ml_bom(project: Project, name: str = CURRENT) -> tuple[Json, tuple[str, ...]]:
    """Return the bill of materials of a model, and in sentences what is open in it.

    Args:
        project: Where it was trained.
        name: Of the model, e.g. ``model@3f9a12``.

    Raises:
        UnknownIdError: There is no such model.
    """
    project = project.with_wordings()
    graph = project.graph
    node = graph.find(name)
    model = node.value
    if not isinstance(model, ModelVersion):
        raise UnknownIdError(
            f"{node.id} is a {node.type} and no model. 'regml list models' shows all."
        )
    datasets = _datasets(graph, node.id)
    evaluation = _evaluation(graph, node.id)
    built = document(
        project,
        about=f"bill of materials of {node.id}",
        components=[
            _model(project, node.id, model, datasets, evaluation),
            *(_dataset(project, key, value) for key, value in datasets.items()),
        ],
        dependencies={
            device_ref(project): [node.id],
            node.id: list(datasets),
            **{key: [] for key in datasets},
        },
        properties={},
    )
    return built, tuple(_open(graph, node.id, model, datasets, evaluation))


def _datasets(graph: TraceGraph, model: str) -> dict[str, DatasetVersion]:
    found = {}
    for edge in graph.out(model, Link.TRAINED_ON):
        value = graph.node(edge.target).value
        if isinstance(value, DatasetVersion):
            found[edge.target] = value
    return dict(sorted(found.items()))


def _evaluation(graph: TraceGraph, model: str) -> Evaluation | None:
    """Return the last believed evaluation of a model."""
    found = None
    for edge in graph.into(model, Link.EVALUATES):
        value = graph.node(edge.source).value
        if isinstance(value, Evaluation) and _believed(graph, value.record):
            later = found is None or _time(value.record) >= _time(found.record)
            found = value if later else found
    return found


def _model(
    project: Project,
    name: str,
    model: ModelVersion,
    datasets: Mapping[str, DatasetVersion],
    evaluation: Evaluation | None,
) -> Json:
    run = model.runs[-1] if model.runs else None
    maker = {"name": project.evidence.config.device.manufacturer}
    return {
        "type": "machine-learning-model",
        "bom-ref": name,
        "name": f"model of {project.evidence.config.device.name}",
        "version": name.partition("@")[2],
        "manufacturer": maker,
        "supplier": maker,
        "hashes": [{"alg": "SHA-256", "content": model.sha256}],
        "modelCard": {
            "modelParameters": _parameters(project.graph, model, list(datasets)),
            "quantitativeAnalysis": {
                "performanceMetrics": [_metric(row) for row in _rows(evaluation)]
            },
            "considerations": _considerations(project, datasets),
            "properties": named(_outcomes(evaluation)),
        },
        "properties": named(
            {
                "regml:weights": model.path,
                "regml:training-run": f"run@{run.id}" if run else "none recorded",
                "regml:training-commit": run.statement.origin.commit if run else None,
                "regml:evaluation-run": f"run@{evaluation.record.id}"
                if evaluation
                else "none: the model was not evaluated",
                **{
                    f"regml:{key.replace('_', '-')}": plain(model.facts[key])
                    for key in ("parameters", "seed", "initial_weights", "metrics")
                    if model.facts.get(key) is not None
                },
            }
        ),
    }


def _parameters(graph: TraceGraph, model: ModelVersion, datasets: list[str]) -> Json:
    card, facts = _card(graph, model), model.facts
    made: Json = {
        "modelArchitecture": plain(facts.get("architecture", "not stated")),
        "datasets": [{"ref": name} for name in datasets],
    }
    if facts.get("architecture") in NETWORKS:
        made["approach"] = {"type": "supervised"}
        made["architectureFamily"] = "convolutional neural network"
        made["task"] = "image segmentation"
    if "task" in facts:
        made["task"] = str(facts["task"])
    if "spacing_mm" in card:
        sizes = plain(card["spacing_mm"]).replace("; ", " x ")
        grid = f"orientation {card.get('orientation', 'not stated')}, {sizes} mm voxels"
        ways = plain(card.get("normalisation", "not stated"))
        labels = plain(card.get("labels", "not stated"))
        made["inputs"] = [{"format": f"volume, {grid}; normalisation: {ways}"}]
        made["outputs"] = [{"format": f"label volume, {grid}; values: {labels}"}]
    return made


def _card(graph: TraceGraph, model: ModelVersion) -> Mapping[str, Any]:
    """Return the model card where the one in the work tree is about these weights."""
    card = graph.evidence.cards.get(str(model.facts.get("card")), {})
    return card if card.get("weights_sha256") == model.sha256 else {}


def _rows(evaluation: Evaluation | None) -> tuple[AcceptanceRow, ...]:
    return evaluation.rows if evaluation else ()


def _metric(row: AcceptanceRow) -> Json:
    told = [str(row.facts.get(key) or "") for key in ("metric", "label", "statistic")]
    made: Json = {
        "type": f"{' '.join(filter(None, told))} ({row.requirement})",
        "value": f"not evaluated: {row.reason}"
        if row.value is None
        else _number(row.value),
        "slice": _slice(row),
    }
    if row.low is not None and row.high is not None:
        made["confidenceInterval"] = {
            "lowerBound": _number(row.low),
            "upperBound": _number(row.high),
        }
    return made


def _slice(row: AcceptanceRow) -> str:
    parts = [f"{row.facts.get('population', 'test')} split"]
    if row.group is not None:
        parts.append(f"{row.facts.get('subgroup')}={row.group}")
    if condition := row.facts.get("condition"):
        parts.append(f"condition={condition}")
    return f"{', '.join(parts)}; {row.cases} cases"


def _outcomes(evaluation: Evaluation | None) -> dict[str, str]:
    return {
        f"regml:acceptance:{row.requirement}:{row.criterion}:{_slice(row)}": (
            f"{row.outcome}: {row.reason}" if row.reason else row.outcome
        )
        for row in _rows(evaluation)
    }


def _considerations(project: Project, datasets: Mapping[str, DatasetVersion]) -> Json:
    told = project.evidence.config.device
    limits = [f"Not for: {text}" for text in told.not_for]
    groups = []
    for value in datasets.values():
        spec = _specification(project.graph, value)
        for limit in spec.limitations if spec else ():
            limits.append(f"{limit.id}: {limit.text}")
            groups += [
                {"groupAtRisk": group, "harms": limit.text} for group in limit.groups
            ]
    made: Json = {
        "users": [told.users],
        "useCases": [" ".join(told.intended_use.split())],
        "technicalLimitations": limits,
        "ethicalConsiderations": list(_risks(project.graph)),
    }
    if groups:
        made["fairnessAssessments"] = groups
    return made


def _risks(graph: TraceGraph) -> Iterator[Json]:
    """Give the risks in force with the measures against them.

    CycloneDX knows risks only as ethical considerations; there they stand.
    """
    for risk in graph.items(Risk):
        harm = f", harm: {risk.harm}" if risk.harm else ""
        measures = "; ".join(
            f"{c.id} {c.text} ({', '.join(c.implemented_by) or 'not implemented'})"
            for c in risk.controls
        )
        yield {
            "name": f"{risk.id} {risk.title}{harm}",
            "mitigationStrategy": measures or "none",
        }


def _dataset(project: Project, name: str, dataset: DatasetVersion) -> Json:
    graph, manifest = project.graph, dataset.manifest
    spec = _specification(graph, dataset)
    title = spec.title if spec else "dataset"
    run = dataset.runs[-1] if dataset.runs else None
    maker = project.evidence.config.device.manufacturer
    properties: dict[str, str | None] = {
        "regml:manifest": dataset.path,
        "regml:specification": spec.id if spec else "none",
        "regml:data-run": f"run@{run.id}" if run else "none recorded",
        "regml:data-run-by": run.statement.origin.person.name if run else None,
    }
    if spec is not None:
        properties |= {
            "regml:source": spec.source or "not stated",
            "regml:ethics": spec.ethics or "not stated",
            "regml:population": spec.population,
        }
    if manifest is not None:
        counts = Counter(case.split for case in manifest.cases)
        readers = {reader for case in manifest.cases for reader in case.annotators}
        patients = {case.patient for case in manifest.cases if case.patient}
        properties |= {f"regml:cases:{key}": str(n) for key, n in counts.items()}
        properties |= {
            "regml:patients": str(len(patients)),
            "regml:sites": str(len({case.site for case in manifest.cases})),
            "regml:annotators": ", ".join(sorted(readers)) or "none",
            "regml:excluded": str(len(manifest.excluded)),
        }
    data: Json = {
        "type": "dataset",
        "name": title,
        "contents": {"properties": named(properties)},
        "governance": {"custodians": [{"organization": {"name": maker}}]},
    }
    if spec is not None:
        data["sensitiveData"] = [f"pseudonymised images of people ({spec.modality})"]
    made: Json = {
        "type": "data",
        "bom-ref": name,
        "name": title,
        "version": name.partition("@")[2],
        "hashes": [{"alg": "SHA-256", "content": dataset.sha256}],
        "description": "The digest is that of its manifest, which has every file's.",
        "data": [data],
    }
    if spec is not None and spec.licence:
        made["licenses"] = licence(spec.licence)
    return made


def _specification(
    graph: TraceGraph, dataset: DatasetVersion
) -> DatasetSpecification | None:
    named_by = dataset.manifest.specification if dataset.manifest else None
    name = str(named_by or dataset.facts.get("specification", ""))
    chosen = worded(graph, name, dataset.runs[-1] if dataset.runs else None)
    item = chosen and chosen.item
    return item if isinstance(item, DatasetSpecification) else None


def _open(
    graph: TraceGraph,
    name: str,
    model: ModelVersion,
    datasets: Mapping[str, DatasetVersion],
    evaluation: Evaluation | None,
) -> Iterator[str]:
    """Give in sentences what a reader of the document would miss."""
    if not any(_believed(graph, run) for run in model.runs):
        yield f"No believed run trained {name}."
    if not datasets:
        yield f"No dataset is recorded for {name}."
    for key, value in datasets.items():
        if value.manifest is None:
            yield f"The manifest of {key} is not in the work tree: no counts of cases."
    if "spacing_mm" not in _card(graph, model):
        yield f"No model card says what {name} reads and writes: both are left out."
    if evaluation is None:
        yield f"No believed evaluation of {name}: there are no performance metrics."
        return
    outdated = {
        row.requirement
        for row in evaluation.rows
        if graph.fingerprint(row.requirement) != row.fingerprint
    }
    if outdated:
        names = ", ".join(sorted(outdated))
        yield f"Changed since the model was evaluated: {names}."


def _believed(graph: TraceGraph, record: Record) -> bool:
    return record.path not in graph.current.doubted


def _time(record: Record) -> str:
    return record.statement.origin.started_utc


def _number(value: float) -> str:
    return f"{value:.6g}"
