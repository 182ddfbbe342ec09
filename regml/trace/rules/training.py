"""M: what the training left fits together, can be repeated, and is what was planned."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

from regml.digest import Artifact
from regml.findings import Severity
from regml.items.config import Role
from regml.items.data import Preparation
from regml.items.lifecycle import PccpModification
from regml.items.recorded import Outcome, Record, Release, StageRun
from regml.trace.current import facts_of
from regml.trace.model import SHORT, ModelVersion, TraceGraph
from regml.trace.results import approved_now
from regml.trace.rules.base import Gap, rule

TOLERANCE = 2e-6
"""Results may be written rounded to six decimals."""


def _training(graph: TraceGraph) -> list[Record]:
    """Return the training run that dvc.lock stands for."""
    return [graph.current.training] if graph.current.training else []


def _cards(graph: TraceGraph) -> list[tuple[Record, str]]:
    """Return the training run with its card, and the evaluation with ``""``."""
    found = [(r, str(facts_of(r, "model").get("card", ""))) for r in _training(graph)]
    if graph.current.evaluation:
        found.append((graph.current.evaluation, ""))
    return found


# FDA guidance on AI-enabled device software functions, model card
@rule(
    "M10",
    "The model card and the reported numbers say what the records say.",
    _cards,
    severity=Severity.MAJOR,
    clauses=("FDA AI 2025 Appendix E", "AI Act Annex IV (2)"),
)
def says_what_was_recorded(
    graph: TraceGraph, subject: tuple[Record, str]
) -> Iterator[Gap]:
    """The card of the training, and the means of the evaluation from its scores."""
    record, path = subject
    if facts_of(record, "model"):
        card = graph.evidence.cards.get(path)
        differing = list(_of_card(record, card)) if card is not None else []
        problem = (
            f"differs from training record {record.id}: {'; '.join(differing)}"
            if differing
            else "is not in the work tree"
        )
        if differing or card is None:
            yield Gap(
                path or f"run@{record.id}",
                f"The model card {path or '(no path noted)'} {problem}.",
                "Get it back with 'git restore', or run 'dvc repro train'.",
                path or record.path,
            )
        return
    for label, told, found in _means(graph, record):
        yield Gap(
            f"evaluation@{record.id}",
            f"The evaluation reports a mean Dice of {told:.4g} for {label}; its scores "
            f"give {found:.4g}.",
            "Run 'dvc repro validate' and find out who changed what.",
            record.path,
        )


def _of_card(record: Record, card: Mapping[str, Any]) -> Iterator[str]:
    facts = facts_of(record, "model")
    tuning, metrics = card.get("tuning"), facts.get("metrics")
    manifest = _input(record, str(facts.get("manifest", "")))
    pairs = {
        "seed": (card.get("seed"), facts.get("seed")),
        "hyperparameters": (card.get("hyperparameters"), facts.get("hyperparameters")),
        "dataset": (
            card.get("dataset_manifest_sha256"),
            manifest.sha256 if manifest else None,
        ),
        "tuning Dice": (
            tuning.get("dice") if isinstance(tuning, Mapping) else None,
            metrics.get("tuning_dice") if isinstance(metrics, Mapping) else None,
        ),
    }
    for name, (told, recorded) in pairs.items():
        if told != recorded:
            short = isinstance(told, int | float | str | None)
            yield f"{name} {told} instead of {recorded}" if short else name


def _means(graph: TraceGraph, record: Record) -> Iterator[tuple[str, float, float]]:
    """Give the reported means that do not follow from the scores."""
    facts = facts_of(record, "evaluation")
    reported = facts.get("metrics")
    scores = graph.evidence.scores.get(str(facts.get("per_case", "")), ())
    for label, told in reported.items() if isinstance(reported, Mapping) else ():
        values = [
            score.metrics["dice"]
            for score in scores
            if (score.split, score.condition, score.label) == ("test", "", label)
            and "dice" in score.metrics
        ]
        if values and abs(fmean(values) - float(told)) > TOLERANCE:
            yield label, float(told), fmean(values)


# IEC 62304 5.8.5
@rule(
    "M11",
    "The training was repeated, and gave the same model.",
    _training,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 5.8.5",),
)
def was_repeated(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Same inputs, parameters and command; the same bytes, or within the tolerance."""
    run = record.statement
    if not isinstance(run, StageRun):
        return
    repeats = [other for other in graph.current.believed if _repeats(other, record)]
    if not repeats:
        yield Gap(
            f"run@{record.id}",
            f"The training {record.id} was not repeated: no other passed run has the "
            "same data and parameters.",
            f"Run it once more with 'dvc repro -f -s {run.stage}', on another machine "
            "if there is one.",
            record.path,
        )
        return
    weights = str(facts_of(record, "model").get("weights", ""))
    mine, score = _output(record, weights), _score(record)
    tolerance = _tolerance(record)
    for other in repeats:
        theirs, again = _output(other, weights), _score(other)
        if mine and theirs and mine.sha256 == theirs.sha256:
            continue
        if score is not None and again is not None and abs(score - again) <= tolerance:
            continue
        yield Gap(
            f"run@{record.id}",
            f"Two runs of the same training differ: {record.id} has a tuning Dice of "
            f"{_number(score)}, {other.id} of {_number(again)}, and the weights are "
            f"not the same; allowed is a difference of {tolerance:g}.",
            "Find out what is random (threads, GPU, packages), or state the tolerance "
            "as train.repeat_tolerance in params.yaml with its reason.",
            other.path,
        )


def _repeats(other: Record, record: Record) -> bool:
    one, two = record.statement, other.statement
    if not isinstance(one, StageRun) or not isinstance(two, StageRun):
        return False
    same = (one.stage, one.command, one.parameters) == (
        two.stage,
        two.command,
        two.parameters,
    )
    inputs = [sorted((a.path, a.sha256) for a in run.inputs) for run in (one, two)]
    return (
        other.id != record.id
        and same
        and inputs[0] == inputs[1]
        and two.outcome is Outcome.PASSED
    )


def _score(record: Record) -> float | None:
    metrics = facts_of(record, "model").get("metrics")
    value = metrics.get("tuning_dice") if isinstance(metrics, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _tolerance(record: Record) -> float:
    parameters = facts_of(record, "model").get("hyperparameters")
    value = (
        parameters.get("repeat_tolerance") if isinstance(parameters, Mapping) else None
    )
    return float(value) if isinstance(value, int | float) else 0.0


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _evaluations(graph: TraceGraph) -> list[Record]:
    return [graph.current.evaluation] if graph.current.evaluation else []


# IEC 62304 5.1.12
@rule(
    "M12",
    "The device prepares images as the training images were prepared.",
    _evaluations,
    clauses=("IEC 62304 5.1.12",),
)
def prepares_alike(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Compares parameters, and the digest of the code that resamples and scales."""
    told = _preparations(graph, record)
    silent = [who for who, value in told.items() if not value]
    if silent:
        yield Gap(
            f"evaluation@{record.id}",
            f"It is not said how images are prepared by: {', '.join(silent)}.",
            "Run 'dvc repro', so that the stages note it.",
            record.path,
        )
    known = [(who, value) for who, value in told.items() if value]
    for (first, one), (second, two) in pairwise(known):
        differing = [
            name
            for name in Preparation.model_fields
            if _plain(one.get(name)) != _plain(two.get(name))
        ]
        if differing:
            yield Gap(
                f"evaluation@{record.id}",
                f"{first} and {second} do not prepare images alike: "
                f"{', '.join(differing)} differ.",
                "Use the same code and parameters in both, and run 'dvc repro'.",
                record.path,
            )


def _preparations(graph: TraceGraph, record: Record) -> dict[str, Mapping[str, Any]]:
    """Return what each side that is there says of the preparation, as JSON values."""
    told = {"the device": facts_of(record, "evaluation").get("preparation") or {}}
    current = graph.current.manifest
    if current and (manifest := graph.evidence.manifests.get(current.path)):
        prepared = manifest.preparation
        told["the dataset"] = prepared.model_dump(mode="json") if prepared else {}
    if training := graph.current.training:
        path = str(facts_of(training, "model").get("card", ""))
        card = graph.evidence.cards.get(path, {})
        told["the model card"] = card.get("preparation") or {}
    return told


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# IEC 62304 8.1.2, AI Act Annex IV (2)
@rule(
    "M13",
    "Weights that a training started from have a source, a licence and a digest.",
    _training,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 8.1.2", "AI Act Annex IV (2)"),
)
def starts_from_known_weights(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Random numbers are an answer; then the seed stands for the digest."""
    start = facts_of(record, "model").get("initial_weights")
    remedy = (
        "Name path, sha256, source and licence in params.yaml under "
        "train.initial_weights, or leave it out to start from random numbers."
    )
    if not isinstance(start, Mapping) or not start.get("source"):
        missing = ["from what it started"]
    elif str(start["source"]).startswith("none"):
        missing = [] if start.get("seed") is not None else ["the seed it started from"]
    else:
        missing = [
            f"the {name} of its initial weights"
            for name in ("licence", "sha256")
            if not start.get(name)
        ]
    if missing:
        yield Gap(
            f"run@{record.id}",
            f"The training {record.id} does not say {' and '.join(missing)}.",
            remedy,
            record.path,
        )


def _since_release(graph: TraceGraph) -> list[tuple[Record, Release, str]]:
    """Return the last release with a model, and the sha256 of the present one."""
    releases = [
        (record, record.statement)
        for record in graph.current.believed
        if isinstance(record.statement, Release) and record.statement.model
    ]
    if not releases or graph.current.model is None:
        return []
    record, release = releases[-1]
    return [(record, release, graph.current.model.sha256)]


# FD&C Act section 515C
@rule(
    "M14",
    "A model that was trained anew since the release stays within an approved change "
    "control plan, and was measured.",
    _since_release,
    clauses=("FD&C Act 515C",),
)
def stays_within_the_plan(
    graph: TraceGraph, subject: tuple[Record, Release, str]
) -> Iterator[Gap]:
    """Compares every parameter of the two trainings with the approved ranges."""
    _, release, present = subject
    released = release.model or ""
    if present == released:
        return
    name, old = f"model@{present[:SHORT]}", f"model@{released[:SHORT]}"
    if not graph.current.evaluation:
        yield Gap(
            name,
            f"{name} was trained after {release.version} was released, and no believed "
            "evaluation of it explains dvc.lock.",
            "Carry out the protocol of the plan: run 'dvc repro'.",
            "dvc.lock",
        )
    before = graph.nodes.get(old)
    if before is None or not isinstance(before.value, ModelVersion):
        yield Gap(
            name,
            f"{release.version} was released with {old}, whose training is not in the "
            "records, so that the change cannot be compared with the plan.",
            "Get the records of the released model back from the archive.",
            "records/log.jsonl",
        )
        return
    outside = list(_outside(graph, _settings(before.value.runs[-1])))
    if outside:
        yield Gap(
            name,
            f"{name} differs from the released {old} in what no approved modification "
            f"of the change control plan allows: {'; '.join(outside)}.",
            "Train within the ranges of an approved PCCP item, or take the change "
            "through a change request and a new submission.",
            "dvc.lock",
        )


def _outside(graph: TraceGraph, before: Mapping[str, Any]) -> Iterator[str]:
    """Give each setting that changed beyond what a modification allows."""
    training = graph.current.training
    after = _settings(training) if training else {}
    ranges = [
        limit
        for item in graph.items(PccpModification)
        if approved_now(graph, item.id, (Role.QUALITY, Role.CLINICAL))
        for limit in item.ranges
    ]
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new or any(
            limit.parameter == key and limit.allows(new) for limit in ranges
        ):
            continue
        yield f"{key} from {old} to {new}"


def _settings(record: Record) -> Mapping[str, Any]:
    """Return all that was set for a training, by dotted name, and its dataset."""
    run = record.statement
    if not isinstance(run, StageRun):
        return {}
    facts = facts_of(record, "model")
    found: dict[str, Any] = {}
    for values in run.parameters.values():
        found.update(_flat(values))
    found.update(_flat(facts.get("hyperparameters"), f"{run.stage}."))
    manifest = _input(record, str(facts.get("manifest", "")))
    if manifest:
        found["dataset"] = manifest.sha256[:SHORT]
    return found


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return
    for key, below in value.items():
        if isinstance(below, Mapping):
            yield from _flat(below, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _plain(below)


def _input(record: Record, path: str) -> Artifact | None:
    run = record.statement
    inputs = run.inputs if isinstance(run, StageRun) else ()
    return next((artifact for artifact in inputs if artifact.path == path), None)


def _output(record: Record, path: str) -> Artifact | None:
    run = record.statement
    outputs = run.outputs if isinstance(run, StageRun) else ()
    return next((artifact for artifact in outputs if artifact.path == path), None)


RULES = (
    says_what_was_recorded,
    was_repeated,
    prepares_alike,
    starts_from_known_weights,
    stays_within_the_plan,
)
