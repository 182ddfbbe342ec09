"""Where a problem report stands: derived from change requests and results."""

from enum import StrEnum

from regml.items.lifecycle import ChangeRequest, ProblemReport
from regml.items.links import Link
from regml.trace.model import TraceGraph
from regml.trace.results import Status, requirement_status


class ProblemState(StrEnum):
    """Where a problem report stands (IEC 62304 9)."""

    OPEN = "open"
    """No change request is to resolve it."""
    IN_WORK = "in work"
    """A change request is to resolve it and is not closed yet."""
    CHANGED = "changed, not verified"
    """A closed change request resolves it; no result shows yet that it is solved."""
    CLOSED = "closed"
    """A closed change request resolves it, and passed results show that it worked."""
    NO_PROBLEM = "no problem"
    """It says why it is none after all."""


def problem_state(graph: TraceGraph, report: ProblemReport) -> ProblemState:
    """Return where a problem report stands."""
    if report.no_problem:
        return ProblemState.NO_PROBLEM
    changes = resolved_by(graph, report)
    if not changes:
        return ProblemState.OPEN
    if not any(_is_closed(graph, name) for name in changes):
        return ProblemState.IN_WORK
    if report.verified_by and not unverified(graph, report):
        return ProblemState.CLOSED
    return ProblemState.CHANGED


def resolved_by(graph: TraceGraph, report: ProblemReport) -> tuple[str, ...]:
    """Return the change requests in force that resolve a report, sorted."""
    found = (edge.source for edge in graph.into(report.id, Link.RESOLVES))
    return tuple(
        sorted(
            name
            for name in found
            if isinstance(item := graph.item(name), ChangeRequest) and not item.retired
        )
    )


def unverified(graph: TraceGraph, report: ProblemReport) -> tuple[str, ...]:
    """Return what should show that a problem is solved and has not passed, in words."""
    states = [
        (name, requirement_status(graph, name).status)
        for name in report.verified_by
        if name in graph.nodes
    ]
    return tuple(
        f"{name} is {status}" for name, status in states if status is not Status.PASSED
    )


def _is_closed(graph: TraceGraph, name: str) -> bool:
    change = graph.item(name)
    return isinstance(change, ChangeRequest) and change.closed is not None
