"""C: failed results, problem reports and anomalies that stay (IEC 62304 5.8, 9)."""

from collections.abc import Iterator
from dataclasses import dataclass

from regml.items.base import Kind
from regml.items.lifecycle import Criticality, ProblemReport, TestProtocol
from regml.items.recorded import Outcome, Record, StageRun, StepOutcome
from regml.trace.model import TraceGraph
from regml.trace.nodes import Evaluation, KnownTest, NodeType
from regml.trace.problems import (
    ProblemState,
    problem_state,
    resolved_by,
    unverified,
)
from regml.trace.results import decisive_execution
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule


@dataclass(frozen=True, slots=True)
class Happened:
    """The latest outcome of one test, one acceptance criterion or one stage.

    Attributes:
        subject: Node id.
        what: What happened, in words.
        failed: Whether it went wrong.
        affects: Requirements it speaks for.
        record: Where it is recorded.
    """

    subject: str
    what: str
    failed: bool
    affects: tuple[str, ...]
    record: Record


def _outcomes(graph: TraceGraph) -> Iterator[Happened]:
    for name in sorted(graph.nodes):
        node = graph.nodes[name]
        if node.type is NodeType.TEST and isinstance(node.value, KnownTest):
            test = node.value
            if test.record:
                failed = test.outcome in (Outcome.FAILED, Outcome.KILLED)
                what = f"The test {node.title!r} failed"
                yield Happened(name, what, failed, test.verifies, test.record)
    yield from _criteria(graph)
    yield from _protocols(graph)
    latest: dict[str, Record] = {}
    for record in graph.current.believed:
        if isinstance(record.statement, StageRun):
            latest[record.statement.stage] = record
    for stage, record in sorted(latest.items()):
        run = record.statement
        failed = isinstance(run, StageRun) and run.outcome is not Outcome.PASSED
        what = f"The stage {stage} did not pass"
        yield Happened(f"run@{record.id}", what, failed, (), record)


def _protocols(graph: TraceGraph) -> Iterator[Happened]:
    for protocol in graph.items(TestProtocol):
        if found := decisive_execution(graph, protocol.id):
            record, done = found
            failed = done.verdict is StepOutcome.FAILED
            what = f"The protocol {protocol.id} failed"
            affects = (protocol.id, *protocol.verifies)
            yield Happened(f"execution@{record.id}", what, failed, affects, record)


# IEC 62304 5.6.8, 5.7.2
@rule(
    "C08",
    "Every failed result was followed by a pass or by a problem report.",
    _outcomes,
    clauses=("IEC 62304 5.6.8", "IEC 62304 5.7.2"),
)
def is_followed_up(graph: TraceGraph, outcome: Happened) -> Iterator[Gap]:
    """A report counts when it affects the requirement, or names the record.

    One that was answered before cannot know of what failed later.
    """
    if not outcome.failed or _is_reported(graph, outcome):
        return
    about = ", ".join(outcome.affects) or outcome.record.id
    yield Gap(
        outcome.subject,
        f"{outcome.what} in {outcome.record.id}; no later pass and no problem report.",
        f"Write a problem report about {about}, or mend it and run again.",
        outcome.record.path,
    )


def _criteria(graph: TraceGraph) -> Iterator[Happened]:
    """Give the latest outcome of each criterion and group, leaving out skipped ones."""
    latest: dict[tuple[str, int, str], Happened] = {}
    for record in graph.current.believed:
        node = graph.nodes.get(f"evaluation@{record.id}")
        if node is None or not isinstance(node.value, Evaluation):
            continue
        for row in node.value.rows:
            if row.outcome == Outcome.SKIPPED:
                continue
            group = f" in {row.group}" if row.group else ""
            latest[row.requirement, row.criterion, group] = Happened(
                row.requirement,
                f"Criterion {row.criterion} of {row.requirement}{group} failed",
                row.outcome == Outcome.FAILED,
                (row.requirement,),
                record,
            )
    yield from (latest[key] for key in sorted(latest))


def _is_reported(graph: TraceGraph, outcome: Happened) -> bool:
    return any(
        outcome.record.id in report.text
        or (
            set(outcome.affects) & set(report.affects)
            and _can_know(graph, report, outcome.record)
        )
        for report in graph.items(ProblemReport)
    )


def _can_know(graph: TraceGraph, report: ProblemReport, record: Record) -> bool:
    answered = (ProblemState.CLOSED, ProblemState.NO_PROBLEM)
    day, today = record.statement.origin.started_utc[:10], graph.evidence.today
    return (
        problem_state(graph, report) not in answered
        or day <= report.reported.isoformat() <= today.isoformat()
    )


def reports(graph: TraceGraph) -> tuple[ProblemReport, ...]:
    """Return the problem reports in force."""
    return graph.items(ProblemReport)


def _open(graph: TraceGraph) -> Iterator[ProblemReport]:
    for report in reports(graph):
        state = problem_state(graph, report)
        if state in (ProblemState.OPEN, ProblemState.IN_WORK):
            yield report


# IEC 62304 5.8.3
@rule(
    "C09",
    "Every open problem that a release would contain has a risk evaluation and a "
    "rationale.",
    _open,
    clauses=("IEC 62304 5.8.3",),
    classes=CLASS_B_AND_C,
)
def may_stay(graph: TraceGraph, report: ProblemReport) -> Iterator[Gap]:
    """An open problem goes into the release, unless somebody solves it."""
    if not report.residual:
        changes = ", ".join(resolved_by(graph, report))
        why = f"{changes} is not closed" if changes else "no change request resolves it"
        yield Gap(
            report.id,
            f"{report.id} is open: {why}, and nothing says that it may stay in a "
            "release.",
            f"Close {changes}, or set 'residual' and say why."
            if changes
            else f"Write a change request with 'resolves: [{report.id}]', or set "
            "'residual' and say why.",
            graph.where(report.id),
        )
        return
    needed = {
        "risk_evaluation": (report.risk_evaluation, "evaluation of the risk"),
        "residual_rationale": (report.residual_rationale, "rationale"),
    }
    missing = {name: words for name, (value, words) in needed.items() if not value}
    if missing:
        yield Gap(
            report.id,
            f"{report.id} stays in the software without "
            f"{' and without '.join(missing.values())}.",
            f"Fill in '{next(iter(missing))}' of {report.id}.",
            graph.where(report.id, "residual"),
        )


# IEC 62304 9.2, 9.7
@rule(
    "C10",
    "Every problem report has a safety assessment, and is closed only by results that "
    "show that it is solved.",
    reports,
    clauses=("IEC 62304 9.2", "IEC 62304 9.7"),
)
def is_investigated(graph: TraceGraph, report: ProblemReport) -> Iterator[Gap]:
    """Assessment first, then change, then verification of the change."""
    if not report.safety_impact:
        yield Gap(
            report.id,
            f"{report.id} does not say what the problem means for safety.",
            f"Fill in 'safety_impact' of {report.id}.",
            graph.where(report.id),
        )
    risky = any(name.startswith(f"{Kind.RISK}-") for name in report.affects)
    if report.criticality is Criticality.SAFETY and not risky:
        yield Gap(
            report.id,
            f"{report.id} is critical for safety and names no risk that it touches.",
            f"Name the risk under 'affects' of {report.id}; write one if it is new.",
            graph.where(report.id, "criticality"),
        )
    if report.reported > graph.evidence.today:
        yield Gap(
            report.id,
            f"{report.id} says it was reported on {report.reported}, a day that is to "
            "come.",
            f"Correct 'reported' of {report.id}.",
            graph.where(report.id, "reported"),
        )
    yield from _closed_without_proof(graph, report)


def _closed_without_proof(graph: TraceGraph, report: ProblemReport) -> Iterator[Gap]:
    if problem_state(graph, report) is not ProblemState.CHANGED:
        return
    changes = ", ".join(resolved_by(graph, report))
    missing = unverified(graph, report)
    why = "; ".join(missing) if missing else "it names no result that would show it"
    yield Gap(
        report.id,
        f"{changes} resolves {report.id}, but nothing shows that it is solved: {why}.",
        f"Verify it: {', '.join(report.verified_by)}."
        if missing
        else f"Name the requirement or protocol under 'verified_by' of {report.id}.",
        graph.where(report.id, "verified_by") or graph.where(report.id),
    )


RULES = (is_followed_up, may_stay, is_investigated)
