"""M: data, model and results of now belong together."""

from collections.abc import Iterator

from regml.digest import Artifact
from regml.files.dvc_status import NOT_DECLARED
from regml.items.links import Link
from regml.items.recorded import Outcome, Record, Release, StageRun
from regml.trace.current import artifact_of, facts_of, stage_of
from regml.trace.datasets import stated_by
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, Evaluation, ModelVersion
from regml.trace.rules.base import Gap, rule

Weights = tuple[str, str]
"""Path and md5 of a model file that dvc.lock holds as an output."""


def _weights_and_releases(graph: TraceGraph) -> list[Weights | Record]:
    """Return the weights in dvc.lock, and every release of a model."""
    paths = {
        node.value.path
        for node in graph.nodes.values()
        if isinstance(node.value, ModelVersion)
    }
    releases = (
        record
        for record in graph.current.believed
        if isinstance(record.statement, Release) and record.statement.model
    )
    locked = (
        (path, md5)
        for stage in graph.evidence.lock
        for path, md5 in stage.outs.items()
        if path in paths
    )
    return [*locked, *releases]


# IEC 62304 5.8.4, 5.8.8
@rule(
    "M01",
    "Weights in dvc.lock, weights that training produced, weights that were evaluated, "
    "that the model card names and that were released are the same.",
    _weights_and_releases,
    clauses=("IEC 62304 5.8.4", "IEC 62304 5.8.8"),
)
def is_one_model(graph: TraceGraph, subject: Weights | Record) -> Iterator[Gap]:
    """Follows the weights from the lock to the run that made them, to the results."""
    if isinstance(subject, Record):
        yield from _released(graph, subject)
        return
    path, md5 = subject
    trained = _trained(graph, path)
    if trained is None or trained.md5 != md5:
        yield Gap(
            path,
            f"dvc.lock holds weights with md5 {md5}, which no believed training run "
            "produced last.",
            "Run 'dvc repro' so that the weights come from a recorded training.",
            "dvc.lock",
        )
    if trained is None:
        return
    yield from _carded(graph, trained)
    evaluation = _evaluation(graph)
    if evaluation is None:
        return
    used = artifact_of(evaluation, path)
    if used is None or used.sha256 != trained.sha256:
        name = f"model@{used.sha256[:SHORT]}" if used else "no weights"
        yield Gap(
            f"evaluation@{evaluation.id}",
            f"The results were made with {name}; training produced "
            f"model@{trained.sha256[:SHORT]}.",
            "Run 'dvc repro' so that the present model is evaluated.",
            evaluation.path,
        )


def _carded(graph: TraceGraph, trained: Artifact) -> Iterator[Gap]:
    """Compare the weights with the card beside them; that it is there is for M10."""
    path = str(facts_of(graph.current.training, "model").get("card", ""))
    card = graph.evidence.cards.get(path)
    if card is None or card.get("weights_sha256") == trained.sha256:
        return
    made = f"training produced model@{trained.sha256[:SHORT]}"
    if named := card.get("weights_sha256"):
        message = f"names the weights model@{str(named)[:SHORT]}; {made}"
        remedy = "Restore card and weights together with 'git restore' and 'dvc "
        remedy += "checkout'."
    else:
        message = f"does not say of which weights it is; {made}"
        remedy = stated_by(graph, "model", "in the card 'weights_sha256'")
    yield Gap(path, f"The model card {path} {message}.", remedy, path)


def _released(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Compare the model that a release names with what was handed over and measured."""
    release = record.statement
    if not isinstance(release, Release) or release.model is None:
        return
    name = f"model@{release.model[:SHORT]}"
    if release.model not in {artifact.sha256 for artifact in release.artifacts}:
        yield Gap(
            f"release@{record.id}",
            f"Release {release.version} names {name}, and {_instead(graph, release)}.",
            "Stop the delivery, and release again with the right file.",
            record.path,
        )
    if not _was_measured(graph, name):
        yield Gap(
            f"release@{record.id}",
            f"Release {release.version} names {name}, which no believed evaluation "
            "that passed measured.",
            "Stop the delivery, and release the model that was evaluated.",
            record.path,
        )


def _instead(graph: TraceGraph, release: Release) -> str:
    """Say what a release hands over that is not the model it names."""
    paths = {
        node.value.path
        for node in graph.nodes.values()
        if isinstance(node.value, ModelVersion)
    }
    for artifact in release.artifacts:
        if artifact.path in paths:
            other = f"model@{artifact.sha256[:SHORT]}"
            return f"the file {artifact.path} that was handed over is {other}"
    return "no file that was handed over is it"


def _was_measured(graph: TraceGraph, model: str) -> bool:
    """Tell whether a run that counts evaluated a model; no other result does."""
    for edge in graph.into(model, Link.EVALUATES):
        value = graph.nodes[edge.source].value
        if (
            isinstance(value, Evaluation)
            and value.record.path not in graph.current.doubted
            and _passed(value.record)
        ):
            return True
    return False


def _stages_and_results(graph: TraceGraph) -> list[str | Record]:
    ran = {locked.name for locked in graph.evidence.lock}
    stages = sorted({*ran, *graph.evidence.surroundings.outdated})
    return [*stages, *(record for record in (_evaluation(graph),) if record)]


# IEC 62304 5.7.3, 8.2.3
@rule(
    "M02",
    "Every stage ran with what there is now, and the results belong to the present "
    "dataset, model, code, parameters and requirements.",
    _stages_and_results,
    clauses=("IEC 62304 5.7.3", "IEC 62304 8.2.3"),
)
def is_up_to_date(graph: TraceGraph, subject: str | Record) -> Iterator[Gap]:
    """Says what changed since a stage ran, and for what the results hold instead."""
    if isinstance(subject, Record):
        yield from _stale_results(graph, subject)
    elif why := graph.evidence.surroundings.outdated.get(subject):
        more = f" and {len(why) - SHOWN} more" if len(why) > SHOWN else ""
        yield Gap(
            subject,
            f"Stage {subject} would run again: {'; '.join(why[:SHOWN])}{more}. What "
            "dvc.lock holds of it, and all that rests on that, is of before.",
            "Delete its entry from dvc.lock, where DVC leaves it."
            if why == (NOT_DECLARED,)
            else "Run 'dvc repro', or take the change back.",
            "dvc.yaml",
        )


SHOWN = 4
"""How many differences of one stage are told."""


def _stale_results(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    old = list(_what_is_older(graph, record))
    if old:
        yield Gap(
            f"evaluation@{record.id}",
            f"The results are stale: {'; '.join(old)}.",
            "Run 'dvc repro' again; where only code changed, "
            f"'dvc repro -f -s {stage_of(record)}'.",
            record.path,
        )


def _what_is_older(graph: TraceGraph, record: Record) -> Iterator[str]:
    run, current = record.statement, graph.current
    for name, artifact in (("model", current.model), ("dataset", current.manifest)):
        used = artifact and artifact_of(record, artifact.path)
        if artifact and (used is None or used.sha256 != artifact.sha256):
            had = f"{name}@{used.sha256[:SHORT]}" if used else f"no {name}"
            yield f"they rest on {had}, not on {name}@{artifact.sha256[:SHORT]}"
    if run.origin.code != graph.evidence.code:
        yield f"the source code changed since (then {run.origin.code[:SHORT]})"
    value = graph.nodes[f"evaluation@{record.id}"].value
    rows = value.rows if isinstance(value, Evaluation) else ()
    changed = sorted(
        {
            r.requirement
            for r in rows
            if r.fingerprint != graph.fingerprint(r.requirement)
        }
    )
    if changed:
        yield f"{', '.join(changed)} changed since"


def _evaluation(graph: TraceGraph) -> Record | None:
    """Return the evaluation that dvc.lock stands for, or else the latest believed."""
    if graph.current.evaluation:
        return graph.current.evaluation
    found = [r for r in graph.current.believed if facts_of(r, "evaluation")]
    return found[-1] if found else None


def _trained(graph: TraceGraph, path: str) -> Artifact | None:
    """Return the weights that the latest believed passed training wrote."""
    found = None
    for record in graph.current.believed:
        if facts_of(record, "model").get("weights") == path and _passed(record):
            found = artifact_of(record, path) or found
    return found


def _passed(record: Record) -> bool:
    run = record.statement
    return isinstance(run, StageRun) and run.outcome is Outcome.PASSED


RULES = (is_one_model, is_up_to_date)
