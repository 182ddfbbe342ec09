"""What the model training record says: every run, also the failed ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regml.dhf.context.common import (
    artifacts,
    at_commit,
    facts,
    flatten,
    stage_runs,
    targets,
    verdict,
)
from regml.dhf.table import Table, table
from regml.items.installed import PACKAGES, installed
from regml.items.links import Link
from regml.items.recorded import Record, StageRun
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import ModelVersion, NodeType


@dataclass(frozen=True, slots=True)
class RunSection:
    """One run of a stage in full."""

    id: str
    title: str
    facts: Table
    parameters: Table
    inputs: Table
    outputs: Table
    notes: Table
    environment: Table
    packages: Table


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """All models and all runs.

    Attributes:
        models: One row per model version.
        current: The run behind the current model, if a believed run explains it.
        runs: One row per run of a stage that made a model, also failed ones.
        others: One row per run of any other stage.
        sections: Every run of a stage that makes models, in full.
    """

    models: Table
    current: RunSection | None
    runs: Table
    others: Table
    sections: tuple[RunSection, ...]


def training_record(graph: TraceGraph) -> TrainingRecord:
    """Return everything the model training record prints."""
    every = stage_runs(graph)
    stages = _training_stages(graph)
    trainings = [(r, run) for r, run in every if run.stage in stages]
    others = [(r, run) for r, run in every if run.stage not in stages]
    training = graph.current.training
    current = [run_section(r, run) for r, run in trainings if r is training]
    return TrainingRecord(
        models=_models(graph),
        current=current[0] if current else None,
        runs=run_table(trainings, empty="0 recorded runs of training."),
        others=run_table(others, empty="0 recorded runs of other stages."),
        sections=tuple(run_section(record, run) for record, run in trainings),
    )


def run_table(runs: Iterable[tuple[Record, StageRun]], *, empty: str) -> Table:
    """Return one row per run, in the order of the log."""
    return table(
        ("Run", "Stage", "Started (UTC)", "By", "Commit", "Outcome", "Exit", "Seconds"),
        [
            (
                f"run@{record.id}",
                run.stage,
                run.origin.started_utc,
                run.origin.person.name,
                at_commit(record),
                verdict(run.outcome),
                run.exit_status,
                _seconds(run),
            )
            for record, run in runs
        ],
        empty=empty,
    )


def run_section(record: Record, run: StageRun) -> RunSection:
    """Return one run in full."""
    origin = run.origin
    return RunSection(
        id=f"run@{record.id}",
        title=f"{run.stage}, {run.outcome}, {origin.started_utc}",
        facts=facts(
            [
                ("Outcome", verdict(run.outcome)),
                ("Exit status", run.exit_status),
                ("Command", run.command),
                ("By", f"{origin.person.name} ({origin.person.email})"),
                ("Started (UTC)", origin.started_utc),
                ("Finished (UTC)", origin.finished_utc),
                ("Commit", origin.commit or "none"),
                ("Changed since the commit", origin.dirty or "nothing"),
                ("SHA-256 of the difference", origin.diff_sha256),
                ("Digest of all source code", origin.code),
                ("SHA-256 of what was printed", run.log_sha256),
                *(
                    (f"Resource {name}", value)
                    for name, value in flatten(run.resources)
                ),
                ("Record", record.path),
                ("SHA-256 of the record", record.sha256),
                ("Environment", record.environment),
                ("Signed with key", record.key_id),
            ]
        ),
        parameters=facts(flatten(run.parameters), title="Parameter"),
        inputs=artifacts(run.inputs, empty="0 inputs."),
        outputs=artifacts(run.outputs, empty="0 outputs were written."),
        notes=facts(flatten(run.notes), title="Noted by the stage"),
        environment=environment(origin.environment),
        packages=packages(origin.environment),
    )


def environment(found: Mapping[str, Any]) -> Table:
    """Return the environment of a run; of its packages only how many there are."""
    rows = [row for row in flatten(found) if not row[0].startswith(f"{PACKAGES}.")]
    count = len(found.get(PACKAGES, ()))
    return facts([*rows, ("packages installed", count or None)], title="Environment")


def packages(found: Mapping[str, Any]) -> Table:
    """Return the packages of a run's environment with versions and digests."""
    return table(
        ("Package", "Version", "SHA-256 of its RECORD"),
        [(name, p.version, p.sha256) for name, p in installed(found).items()],
        empty="The record lists no package.",
    )


def _seconds(run: StageRun) -> str:
    seconds = run.resources.get("wall_seconds")
    return "not measured" if seconds is None else f"{seconds:.1f}"


def _training_stages(graph: TraceGraph) -> set[str]:
    """Return the stages that made a model in any run, or that write its file now."""
    runs = stage_runs(graph)
    made = {run.stage for record, run in runs if facts_of(record, "model")}
    weights = {
        node.value.path
        for node in graph.nodes.values()
        if isinstance(node.value, ModelVersion)
    }
    planned = {
        stage.name
        for stage in graph.evidence.stages
        if stage.name == "train" or weights & {out.path for out in stage.outs}
    }
    return made | planned


def _models(graph: TraceGraph) -> Table:
    current = graph.current.model
    return table(
        ("Model", "Architecture", "Trained on", "Made by", "Seed", "State"),
        [
            (
                name,
                str(node.value.facts.get("architecture", "not noted")),
                targets(graph, name, Link.TRAINED_ON) or "no known dataset version",
                targets(graph, name, Link.PRODUCED_BY),
                node.value.facts.get("seed"),
                "current"
                if current and current.sha256 == node.value.sha256
                else "older",
            )
            for name, node in sorted(graph.nodes.items())
            if node.type is NodeType.MODEL and isinstance(node.value, ModelVersion)
        ],
        empty="0 model versions: no recorded run has made one.",
    )
