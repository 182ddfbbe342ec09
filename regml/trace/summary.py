"""One page for the end of the day: what was made of what, and what is missing."""

from collections.abc import Iterable, Iterator
from typing import Final

from regml.findings import RuleOutcome
from regml.items.requirements import Requirement
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion, Evaluation, ModelVersion
from regml.trace.page import Page, Section, Table, plain
from regml.trace.results import Status, requirement_status

ORDER: Final = (
    Status.PASSED,
    Status.FAILED,
    Status.STALE,
    Status.NOT_EVALUABLE,
    Status.NOT_RUN,
    Status.NO_TEST,
)


def summary(graph: TraceGraph, outcomes: Iterable[RuleOutcome]) -> Page:
    """Return the summary of a project.

    Args:
        graph: The evidence.
        outcomes: What the rules found in it.
    """
    device = graph.evidence.config.device
    return Page(
        f"{device.name} {device.version}, class {device.safety_class}",
        "",
        (
            Section("What was trained on what", tuple(_made(graph))),
            Section("Software requirements", tuple(_requirements(graph))),
            Section("Gaps", table=_gaps(outcomes)),
        ),
    )


def _made(graph: TraceGraph) -> Iterator[tuple[str, str]]:
    current = graph.current
    for node in graph.nodes.values():
        match node.value:
            case ModelVersion(sha256=digest, facts=facts) if (
                current.model and digest == current.model.sha256
            ):
                parameters = plain(facts.get("parameters", "unknown"))
                network = facts.get("architecture", "unknown network")
                yield "model", f"{node.id}: {network}, {parameters} parameters"
            case DatasetVersion(sha256=digest, facts=facts) if (
                current.manifest and digest == current.manifest.sha256
            ):
                yield "dataset", f"{node.id}: cases {plain(facts.get('cases', {}))}"
            case Evaluation(record=record, rows=rows) if record == current.evaluation:
                met = sum(row.outcome == "passed" for row in rows)
                yield "evaluation", f"{node.id}: {met} of {len(rows)} criteria met"
    runs = len(graph.current.believed)
    yield "records", f"{runs} signed; log head {_head(graph)}"


def _head(graph: TraceGraph) -> str:
    return ", ".join(head[:12] for head in graph.evidence.log_heads) or "none"


def _requirements(graph: TraceGraph) -> Iterator[tuple[str, str]]:
    found: dict[Status, list[str]] = {status: [] for status in ORDER}
    for item in graph.items(Requirement):
        found[requirement_status(graph, item.id).status].append(item.id)
    for status, ids in found.items():
        if ids:
            yield status.value, f"{len(ids)}: {', '.join(sorted(ids))}"


def _gaps(outcomes: Iterable[RuleOutcome]) -> Table:
    return Table(
        ("check", "findings", "waived", "on subjects", "asks that"),
        tuple(
            (
                outcome.rule,
                str(len(outcome.open)),
                str(len(outcome.waived)),
                str(outcome.subjects),
                outcome.title,
            )
            for outcome in outcomes
            if outcome.findings or (not outcome.subjects and outcome.off is None)
        ),
    )
