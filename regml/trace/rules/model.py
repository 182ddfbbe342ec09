"""M: model and results belong together, and the decision follows from the scores."""

from collections.abc import Iterator, Mapping
from typing import Any

from regml.digest import Artifact
from regml.files.dvc_status import NOT_DECLARED
from regml.items.installed import installed
from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.recorded import Execution, Record, Release, StageRun, TestRun
from regml.items.requirements import Requirement
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import (
    SHORT,
    AcceptanceRow,
    Evaluation,
    KnownTest,
    ModelVersion,
    NodeType,
)
from regml.trace.results import decisive_execution
from regml.trace.rules.base import Gap, rule
from regml.trace.statistics import CriterionResult, evaluate

TOLERANCE = 2e-6
"""Results may be written rounded to six decimals."""


def _locked_weights(graph: TraceGraph) -> list[tuple[str, str]]:
    """Return path and md5 of every model file that dvc.lock holds as an output."""
    paths = {
        node.value.path
        for node in graph.nodes.values()
        if isinstance(node.value, ModelVersion)
    }
    return [
        (path, md5)
        for locked in graph.evidence.lock
        for path, md5 in locked.outs.items()
        if path in paths
    ]


# IEC 62304 5.8.4, 5.8.8
@rule(
    "M01",
    "Weights in dvc.lock, weights that training produced, weights that were evaluated, "
    "that the model card names and that were released are the same.",
    _locked_weights,
    clauses=("IEC 62304 5.8.4", "IEC 62304 5.8.8"),
)
def is_one_model(graph: TraceGraph, subject: tuple[str, str]) -> Iterator[Gap]:
    """Follows the weights from the lock to the run that made them, to the results."""
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
    yield from _packaged(graph, path, trained)
    evaluation = _evaluation(graph)
    if evaluation is None:
        return
    used = _artifact(evaluation, path)
    if used is None or used.sha256 != trained.sha256:
        name = f"model@{used.sha256[:SHORT]}" if used else "no weights"
        yield Gap(
            f"evaluation@{evaluation.id}",
            f"The results were made with {name}; training produced "
            f"model@{trained.sha256[:SHORT]}.",
            "Run 'dvc repro' so that the present model is evaluated.",
            evaluation.path,
        )


def _packaged(graph: TraceGraph, path: str, trained: Artifact) -> Iterator[Gap]:
    """Compare the weights with the card beside them and with what was released."""
    training = graph.current.training
    card_path = str(facts_of(training, "model").get("card", ""))
    named = graph.evidence.cards.get(card_path, {}).get("weights_sha256")
    if named is not None and named != trained.sha256:
        yield Gap(
            card_path,
            f"The model card {card_path} names the weights model@{str(named)[:SHORT]}; "
            f"training produced model@{trained.sha256[:SHORT]}.",
            "Restore card and weights together with 'git restore' and 'dvc checkout'.",
            card_path,
        )
    for record in graph.current.believed:
        release = record.statement
        if not isinstance(release, Release) or release.model is None:
            continue
        handed_over = [a.sha256 for a in release.artifacts if a.path == path]
        released = f"model@{release.model[:SHORT]}"
        if handed_over and release.model not in handed_over:
            yield Gap(
                f"release@{record.id}",
                f"Release {release.version} names {released}, but the file {path} that "
                f"was handed over is model@{handed_over[0][:SHORT]}.",
                "Stop the delivery, and release again with the right file.",
                record.path,
            )
        if not graph.into(released, Link.EVALUATES):
            yield Gap(
                f"release@{record.id}",
                f"Release {release.version} names {released}, which no recorded "
                "evaluation measured.",
                "Stop the delivery, and release the model that was evaluated.",
                record.path,
            )


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
            f"'dvc repro -f -s {_stage(record)}'.",
            record.path,
        )


def _what_is_older(graph: TraceGraph, record: Record) -> Iterator[str]:
    run, current = record.statement, graph.current
    for name, artifact in (("model", current.model), ("dataset", current.manifest)):
        used = artifact and _artifact(record, artifact.path)
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


# IEC 62304 5.8.5
@rule(
    "M03",
    "The training record says data, commit, packages, hardware, seed and "
    "hyperparameters.",
    lambda graph: [
        (name, node.value, record)
        for name, node in sorted(graph.nodes.items())
        if isinstance(node.value, ModelVersion)
        for record in node.value.runs[-1:]
        if _is_current(graph, record)
    ],
    clauses=("IEC 62304 5.8.5",),
)
def is_repeatable(
    graph: TraceGraph, subject: tuple[str, ModelVersion, Record]
) -> Iterator[Gap]:
    """Without any one of these nobody can train the model again."""
    name, _, record = subject
    origin, facts = record.statement.origin, facts_of(record, "model")
    environment = origin.environment
    needed: Mapping[str, Any] = {
        "dataset by digest": graph.out(name, Link.TRAINED_ON),
        "commit": origin.commit,
        "packages": installed(environment),
        "hardware": any(environment.get(key) for key in HARDWARE),
        "seed": facts.get("seed") is not None,
        "hyperparameters": facts.get("hyperparameters"),
    }
    missing = [what for what, value in needed.items() if not value]
    if missing:
        yield Gap(
            name,
            f"The training record {record.id} does not say: {', '.join(missing)}.",
            "Let the training stage note them, commit, and run it again with "
            f"'dvc repro -f -s {_stage(record)}'.",
            record.path,
        )


HARDWARE = ("processor", "cpu", "cpus", "gpu", "gpus", "hardware")
"""Keys of a recorded environment that tell of the machine."""


def _runs_that_count(graph: TraceGraph) -> list[Record]:
    """Return the runs that explain the lock, and those of each test's latest result."""
    found = {r.path: r for r in graph.current.explained.values() if r}
    for node in graph.nodes.values():
        if node.type is NodeType.TEST and isinstance(node.value, KnownTest):
            known = node.value
            for record in () if known.gone else known.records:
                if record.statement.origin.code == graph.evidence.code:
                    found[record.path] = record
        elif isinstance(graph.item(node.id), TestProtocol):
            done = decisive_execution(graph, node.id)
            if done and done[1].origin.code == graph.evidence.code:
                found[done[0].path] = done[0]
    return [found[path] for path in sorted(found)]


# IEC 62304 5.1.11
@rule(
    "M04",
    "Runs behind dvc.lock and the latest test results were made from a committed tree, "
    "and its commit is still there.",
    _runs_that_count,
    clauses=("IEC 62304 5.1.11",),
)
def is_from_a_clean_tree(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """What is verified has to be under configuration control before."""
    origin, run = record.statement.origin, record.statement
    match run:
        case TestRun():
            subject, what, again = f"tests@{record.id}", "test run", "regml test"
            if run.reports:
                what, again = "import of test results", "regml test import"
        case Execution():
            subject, what = f"execution@{record.id}", f"execution of {run.protocol}"
            again = f"regml test execute {run.protocol}"
        case _:
            subject, what = f"run@{record.id}", f"run of {_stage(record)}"
            again = f"dvc repro -f -s {_stage(record)}"
    if origin.commit is None:
        yield Gap(
            subject,
            f"The {what} was made before the first commit.",
            f"Commit, then run '{again}'.",
            record.path,
        )
    elif origin.dirty:
        few = ", ".join(origin.dirty[:3]) + (", ..." if len(origin.dirty) > 3 else "")
        yield Gap(
            subject,
            f"The {what} was made with uncommitted changes ({few}).",
            f"Commit, then run '{again}'.",
            record.path,
        )
    if why := graph.evidence.surroundings.lost_commits.get(origin.commit or ""):
        yield Gap(
            subject,
            f"The {what} was made at commit {(origin.commit or '')[:SHORT]}, {why}.",
            "Bring the commit back and keep it with a tag ('git fetch', in a shallow "
            f"clone 'git fetch --unshallow'), or run '{again}' at one that stays.",
            record.path,
        )


def _decisions(graph: TraceGraph) -> Iterator[tuple[Record, AcceptanceRow | None]]:
    """Give the score file (as ``None``) and every row of the present evaluation."""
    record = graph.current.evaluation
    if record is None:
        return
    value = graph.nodes[f"evaluation@{record.id}"].value
    yield record, None
    for row in value.rows if isinstance(value, Evaluation) else ():
        yield record, row


# IEC 62304 5.7.5, 21 CFR 11.10 (a)
@rule(
    "M06",
    "Every acceptance decision follows from the scores per case.",
    _decisions,
    clauses=("IEC 62304 5.7.5", "21 CFR 11.10 (a)"),
)
def follows_from_the_scores(
    graph: TraceGraph, subject: tuple[Record, AcceptanceRow | None]
) -> Iterator[Gap]:
    """Decides again from per_case.csv; wording that changed since is left to M02."""
    record, row = subject
    path = str(facts_of(record, "evaluation").get("per_case", ""))
    if row is None:
        yield from _unchanged(graph, record, path)
        return
    again = _again(graph, row, path)
    if again is None:
        return
    told = (row.outcome, row.value, row.low, row.high)
    found = (str(again.outcome), again.value, again.low, again.high)
    if not _same(told, found):
        group = f" in {row.group}" if row.group else ""
        yield Gap(
            row.requirement,
            f"The recorded result of criterion {row.criterion}{group} is "
            f"{_words(told)}; {path} gives {_words(found)}.",
            f"Run 'dvc repro -f -s {_stage(record)}' and find out who changed what.",
            record.path,
        )


def _unchanged(graph: TraceGraph, record: Record, path: str) -> Iterator[Gap]:
    recorded, present = _artifact(record, path), graph.evidence.workspace.get(path)
    if path not in graph.evidence.scores:
        problem = "is not in the work tree, so that no decision can be made again"
    elif recorded and present and recorded.sha256 != present.sha256:
        problem = "was changed after it was recorded"
    else:
        return
    yield Gap(
        f"evaluation@{record.id}",
        f"{path or 'per_case.csv'} {problem}.",
        "Get it back with 'git restore' or 'dvc checkout'.",
        path,
    )


def _again(graph: TraceGraph, row: AcceptanceRow, path: str) -> CriterionResult | None:
    """Decide a row again; ``None`` where its criterion or its scores are not there."""
    item = graph.item(row.requirement)
    scores = graph.evidence.scores.get(path)
    if (
        scores is None
        or not isinstance(item, Requirement)
        or row.fingerprint != graph.fingerprint(item.id)
        or not 0 <= row.criterion < len(item.acceptance)
    ):
        return None
    results = evaluate(item.acceptance[row.criterion], scores)
    return next((result for result in results if result.group == row.group), None)


def _same(told: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    if told[0] != found[0]:
        return False
    return all(
        left is right
        or (
            isinstance(left, int | float)
            and isinstance(right, int | float)
            and abs(left - right) <= TOLERANCE * max(1.0, abs(right))
        )
        for left, right in zip(told[1:], found[1:], strict=True)
    )


def _words(numbers: tuple[Any, ...]) -> str:
    outcome, value, low, high = numbers
    if value is None:
        return str(outcome)
    interval = f" [{low:.4g}, {high:.4g}]" if low is not None is not high else ""
    return f"{outcome} with {value:.4g}{interval}"


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
            found = _artifact(record, path) or found
    return found


def _passed(record: Record) -> bool:
    run = record.statement
    return isinstance(run, StageRun) and run.outcome == "passed"


def _artifact(record: Record, path: str) -> Artifact | None:
    run = record.statement
    if not isinstance(run, StageRun):
        return None
    artifacts = (*run.inputs, *run.outputs)
    return next((artifact for artifact in artifacts if artifact.path == path), None)


def _is_current(graph: TraceGraph, record: Record) -> bool:
    return graph.current.training is not None and record.id == graph.current.training.id


def _stage(record: Record) -> str:
    return getattr(record.statement, "stage", "")


RULES = (
    is_one_model,
    is_up_to_date,
    is_repeatable,
    is_from_a_clean_tree,
    follows_from_the_scores,
)
