"""M: what the training left fits together, can be repeated, and is what was planned."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

from regml.digest import Artifact
from regml.findings import Severity
from regml.items.data import Preparation
from regml.items.recorded import Outcome, Record, StageRun
from regml.trace.current import facts_of
from regml.trace.datasets import stated_by
from regml.trace.model import TraceGraph
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
            if path
            else "is nowhere: the training noted no path of one"
        )
        if differing or card is None:
            yield Gap(
                path or f"run@{record.id}",
                f"The model card {f'{path} ' if path else ''}{problem}.",
                "Get it back with 'git restore', or reproduce the training."
                if path
                else stated_by(graph, "model", "'card' in its note"),
                path or record.path,
            )
        return
    for label, told, found in _means(graph, record):
        yield Gap(
            f"evaluation@{record.id}",
            f"The evaluation reports a mean Dice of {told:.4g} for {label}; its scores "
            f"give {found:.4g}.",
            "Reproduce the evaluation, and find out who changed what.",
            record.path,
        )


def _of_card(record: Record, card: Mapping[str, Any]) -> Iterator[str]:
    facts = facts_of(record, "model")
    manifest = input_of(record, str(facts.get("manifest", "")))
    pairs = {
        "seed": (card.get("seed"), facts.get("seed")),
        "hyperparameters": (card.get("hyperparameters"), facts.get("hyperparameters")),
        "dataset": (
            card.get("dataset_manifest_sha256"),
            manifest.sha256 if manifest else None,
        ),
        "tuning Dice": (
            _mapping(card.get("tuning")).get("dice"),
            _mapping(facts.get("metrics")).get("tuning_dice"),
        ),
    }
    for name, (told, recorded) in pairs.items():
        if told != recorded:
            short = isinstance(told, int | float | str | None)
            yield f"{name} {told} instead of {recorded}" if short else name


def _means(graph: TraceGraph, record: Record) -> Iterator[tuple[str, float, float]]:
    """Give the reported means that do not follow from the scores of all cases."""
    facts = facts_of(record, "evaluation")
    reported = _mapping(facts.get("metrics"))
    scores = graph.evidence.scores.get(str(facts.get("per_case", "")), ())
    for label, told in reported.items():
        rows = [
            score.metrics
            for score in scores
            if (score.split, score.condition, score.label) == ("test", "", label)
        ]
        # a case without a value failed: it counts as nothing found, not as nothing
        values = [metrics.get("dice", 0.0) for metrics in rows]
        measured = any("dice" in metrics for metrics in rows)
        number = float(told) if isinstance(told, int | float) else math.nan
        if measured and not abs(fmean(values) - number) <= TOLERANCE:
            yield label, number, fmean(values)


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
        if _is_near(score, again, tolerance):
            continue
        yield Gap(
            f"run@{record.id}",
            f"Two runs of the same training differ: {record.id} has a tuning Dice of "
            f"{_number(score)}, {other.id} of {_number(again)}, and the weights are "
            f"not the same; {_allowed(tolerance)}.",
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
    value = _mapping(facts_of(record, "model").get("metrics")).get("tuning_dice")
    return float(value) if isinstance(value, int | float) else None


def _tolerance(record: Record) -> float:
    parameters = _mapping(facts_of(record, "model").get("hyperparameters"))
    value = parameters.get("repeat_tolerance")
    return float(value) if isinstance(value, int | float) else 0.0


def _is_near(score: float | None, again: float | None, tolerance: float) -> bool:
    """Tell whether a tolerance was stated, and two scores keep to it."""
    if score is None or again is None or tolerance <= 0:
        return False
    return abs(score - again) <= tolerance


def _allowed(tolerance: float) -> str:
    if tolerance:
        return f"allowed is a difference of {tolerance:g}"
    return "no tolerance is stated, so they have to be"


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
            if plain(one.get(name)) != plain(two.get(name))
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
    told = {"the device": _mapping(facts_of(record, "evaluation").get("preparation"))}
    current = graph.current.manifest
    if current and (manifest := graph.evidence.manifests.get(current.path)):
        prepared = manifest.preparation
        told["the dataset"] = prepared.model_dump(mode="json") if prepared else {}
    if training := graph.current.training:
        path = str(facts_of(training, "model").get("card", ""))
        card = graph.evidence.cards.get(path, {})
        told["the model card"] = _mapping(card.get("preparation"))
    return told


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a noted mapping, or an empty one where something else was noted."""
    return value if isinstance(value, Mapping) else {}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: a list for a tuple."""
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
    remedy = stated_by(
        graph,
        "model",
        "'initial_weights' in its note (source, licence, sha256; source 'none' and "
        "seed where it starts from random numbers)",
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


def input_of(record: Record, path: str) -> Artifact | None:
    """Return what a run read from a path; ``None`` when it did not."""
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
)
