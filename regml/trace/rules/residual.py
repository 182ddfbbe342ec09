"""R10, R11, R14, R15, R17: what remains of a risk is judged, said and watched."""

from collections.abc import Iterator
from typing import Final

from regml.findings import Severity
from regml.items.base import Kind
from regml.items.risk import Lowers, Risk
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.rules.base import Gap, rule
from regml.trace.signatures import approved_as_it_is, approvers, signatures


def _controlled(graph: TraceGraph) -> list[Risk]:
    return [risk for risk in graph.items(Risk) if risk.controls or risk.residual]


# ISO 14971 7.3, 7.4
@rule(
    "R10",
    "Every residual risk is estimated, and one that is not acceptable has a "
    "benefit-risk analysis.",
    _controlled,
    clauses=("ISO 14971 7.3", "ISO 14971 7.4"),
)
def is_worth_it(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """The stated level counts here; whether it is right is the business of R02."""
    policy = graph.evidence.policy
    if risk.residual is None:
        yield Gap(
            risk.id,
            "The risk has controls, and what remains of it is not estimated.",
            "Estimate the risk with the controls in place under 'residual'.",
            graph.where(risk.id),
        )
    elif risk.residual.level not in policy.acceptable and not risk.benefit_risk:
        level = risk.residual.level
        yield Gap(
            risk.id,
            f"The residual risk is {policy.levels.get(level, level)} ({level}), and "
            "nothing weighs it against the benefit.",
            "Add a control, or write the analysis under 'benefit_risk'.",
            graph.where(risk.id, "residual:"),
        )


# ISO 14971 7.3
@rule(
    "R11",
    "No residual estimate is lower than its controls can make it.",
    lambda graph: [r for r in graph.items(Risk) if r.residual and r.initial],
    severity=Severity.MAJOR,
    clauses=("ISO 14971 7.3",),
)
def is_lowered_by_a_control(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """Most controls lower the probability of harm; few change how bad it is."""
    before, after = risk.initial, risk.residual
    if before is None or after is None:
        return
    lowered = {what for control in risk.controls for what in control.lowers}
    less_severe = after.severity < before.severity
    less_probable = after.p1 < before.p1 or after.p2 < before.p2
    if less_severe and Lowers.SEVERITY not in lowered:
        yield _lowered(
            graph, risk, f"severity falls from {before.severity} to {after.severity}"
        )
    if less_probable and Lowers.PROBABILITY not in lowered:
        yield _lowered(
            graph,
            risk,
            f"probability falls from p1 {before.p1}, p2 {before.p2} to p1 {after.p1}, "
            f"p2 {after.p2}",
        )


def _lowered(graph: TraceGraph, risk: Risk, fall: str) -> Gap:
    what = fall.partition(" ")[0]
    return Gap(
        risk.id,
        f"The {fall}, and no control lowers the {what}.",
        f"Estimate the {what} again, or say 'lowers: [{what}]' at the control that "
        "does it.",
        graph.where(risk.id, "residual:"),
    )


def significant(graph: TraceGraph) -> tuple[Risk, ...]:
    """Return the risks in force whose residual is significant by the risk policy.

    Where nothing controls a risk, all of it remains.
    """
    return tuple(risk for risk in graph.items(Risk) if _is_significant(graph, risk))


def _is_significant(graph: TraceGraph, risk: Risk) -> bool:
    """An estimate off the scale is left to R02."""
    remains = risk.residual or (None if risk.controls else risk.initial)
    if remains is None:
        return False
    try:
        return graph.evidence.policy.is_significant(remains)
    except ValueError:
        return False


# ISO 14971 8
@rule(
    "R14",
    "Every significant residual risk is disclosed in the labelling, or says why it "
    "need not be.",
    significant,
    severity=Severity.MAJOR,
    clauses=("ISO 14971 8",),
)
def is_disclosed(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """The text is what the labelling says, not that it says something."""
    if not risk.disclosure and not risk.no_disclosure_because:
        yield Gap(
            risk.id,
            "The residual risk is significant by risk/policy.yaml, and the labelling "
            "says nothing about it.",
            "Write what the labelling says under 'disclosure', or the reason under "
            "'no_disclosure_because'.",
            graph.where(risk.id, "residual:"),
        )


# ISO 14971 10.2
@rule(
    "R17",
    "For every significant residual risk it is said what is watched after release.",
    significant,
    severity=Severity.MINOR,
    clauses=("ISO 14971 10.2",),
)
def is_watched(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """A signal is something that would be noticed if the estimate were wrong."""
    if not risk.signals:
        yield Gap(
            risk.id,
            "The residual risk is significant by risk/policy.yaml, and nothing is "
            "watched after release that would show it.",
            "Name under 'signals' what would be noticed: complaints, rates in the log, "
            "rejections with a reason.",
            graph.where(risk.id, "residual:"),
        )


REVIEW: Final = "ISO 14971 9"
"""The clause that the document with the review before release names."""

Review = tuple[str, ...]
"""What has to be approved together: one document, or every risk without one."""


def _reviews(graph: TraceGraph) -> list[Review]:
    risks = tuple(risk.id for risk in graph.items(Risk))
    documents: list[Review] = [
        (plan.node_id,)
        for plan in graph.evidence.documents
        if Kind.RISK in plan.items and REVIEW in plan.clauses
    ]
    return (documents or [risks]) if risks else []


# ISO 14971 9
@rule(
    "R15",
    "The risk management file is approved as risks, policy and results are now.",
    _reviews,
    clauses=(REVIEW,),
)
def is_reviewed(graph: TraceGraph, review: Review) -> Iterator[Gap]:
    """An approval older than the newest change is no review of it."""
    unsigned = [name for name in review if not approved_as_it_is(graph, name)]
    if not unsigned:
        return
    roles = " and ".join(approvers(graph, unsigned[0]))
    first = graph.nodes[unsigned[0]]
    if first.type is NodeType.DOCUMENT:
        when = "no more" if signatures(graph, first.id) else "not"
        message = f"'{first.title}' is {when} approved by {roles} as it is now"
    else:
        message = (
            f"{len(unsigned)} of {len(review)} risks are not approved by {roles} as "
            f"they are now: {_some(unsigned)}"
        )
    more = " ..." if unsigned[3:] else ""
    yield Gap(
        first.id,
        f"{message}.",
        "Review the risk management file and sign: 'regml approve --meaning approval "
        f"{' '.join(unsigned[:3])}{more}'.",
        first.where,
    )


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


RULES = (
    is_worth_it,
    is_lowered_by_a_control,
    is_disclosed,
    is_reviewed,
    is_watched,
)
