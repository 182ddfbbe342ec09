"""R: every risk is estimated, controlled and shown to be controlled (ISO 14971)."""

from collections.abc import Iterator

from regml.items.base import SafetyClass
from regml.items.design import SoftwareItem
from regml.items.links import Link
from regml.items.requirements import Requirement
from regml.items.risk import Estimate, Risk, RiskControl
from regml.trace.model import TraceGraph
from regml.trace.results import Status, requirement_status
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule

Control = tuple[Risk, RiskControl]


def risks(graph: TraceGraph) -> tuple[Risk, ...]:
    """Return the risks in force."""
    return graph.items(Risk)


def controls(graph: TraceGraph) -> tuple[Control, ...]:
    """Return every control measure of the risks in force."""
    return tuple((risk, control) for risk in risks(graph) for control in risk.controls)


# ISO 14971 5.4, 5.5
@rule(
    "R01",
    "Every risk has hazard, sequence of events, hazardous situation, harm, initial "
    "estimate and probability basis.",
    risks,
    clauses=("ISO 14971 5.4", "ISO 14971 5.5"),
)
def is_complete(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """Names the fields that are empty."""
    needed = {
        "hazard": risk.hazard,
        "sequence": risk.sequence,
        "hazardous_situation": risk.hazardous_situation,
        "harm": risk.harm,
        "initial": risk.initial,
        "probability_basis": risk.probability_basis,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        yield Gap(
            risk.id,
            f"The risk has no {', '.join(missing)}.",
            "Fill in the missing fields of the risk.",
            graph.where(risk.id),
        )


# ISO 14971 6
@rule(
    "R02",
    "Every risk level is what the matrix of risk/policy.yaml makes of its estimate.",
    lambda graph: [
        (risk, name, estimate)
        for risk in risks(graph)
        for name, estimate in (("initial", risk.initial), ("residual", risk.residual))
        if estimate
    ],
    clauses=("ISO 14971 6",),
)
def agrees_with_the_matrix(
    graph: TraceGraph, subject: tuple[Risk, str, Estimate]
) -> Iterator[Gap]:
    """Evaluates the estimate again; a value off the scale is a finding too."""
    risk, name, estimate = subject
    try:
        level = graph.evidence.policy.level(estimate)
    except ValueError as error:
        yield Gap(
            risk.id,
            f"The {name} estimate cannot be evaluated: {error}.",
            "Estimate again on the scales of risk/policy.yaml.",
            graph.where(risk.id, f"{name}:"),
        )
        return
    if level != estimate.level:
        yield Gap(
            risk.id,
            f"The {name} level is given as {estimate.level}; the matrix makes it "
            f"{level}.",
            f"Evaluate the risk again; if the matrix is right, write 'level: {level}'.",
            graph.where(risk.id, f"{name}:"),
        )


# ISO 14971 7.1
@rule(
    "R03",
    "Every risk that is not acceptable before controls has a control.",
    risks,
    clauses=("ISO 14971 7.1",),
)
def is_controlled(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    """A risk without an estimate is left to R01."""
    policy = graph.evidence.policy
    if risk.initial is None or risk.controls:
        return
    level = risk.initial.level
    if level not in policy.acceptable:
        yield Gap(
            risk.id,
            f"The risk is {policy.levels.get(level, level)} ({level}) and has no "
            "control.",
            "Add a control measure, inherently safe design first.",
            graph.where(risk.id),
        )


# IEC 62304 5.2.3, 7.2.2 a
@rule(
    "R05",
    "Every control in software is a requirement that names the risk, and back.",
    lambda graph: [
        *(
            (risk.id, target)
            for risk, control in controls(graph)
            for target in control.implemented_by
            if isinstance(graph.item(target), Requirement)
        ),
        *(
            (item.id, target)
            for item in graph.items(Requirement)
            for target in item.controls
            if isinstance(graph.item(target), Risk)
        ),
    ],
    clauses=("IEC 62304 5.2.3", "IEC 62304 7.2.2"),
    classes=CLASS_B_AND_C,
)
def is_linked_both_ways(graph: TraceGraph, pair: tuple[str, str]) -> Iterator[Gap]:
    """The risk names its controlling requirement, and the requirement the risk."""
    source, target = pair
    other = graph.item(target)
    if isinstance(other, Requirement) and source not in other.controls:
        yield Gap(
            source,
            f"A control is implemented by {target}, which does not name {source}.",
            f"Add {source} to 'controls' of {target}.",
            graph.where(source, target),
        )
    if isinstance(other, Risk) and not any(
        source in control.implemented_by for control in other.controls
    ):
        yield Gap(
            source,
            f"The requirement controls {target}, whose controls do not name {source}.",
            f"Add {source} to 'implemented_by' of a control of {target}.",
            graph.where(source, target),
        )


# ISO 14971 7.2, IEC 62304 7.3.1
@rule(
    "R06",
    "Every control is shown to be implemented and to be effective, by results for the "
    "present state.",
    controls,
    clauses=("ISO 14971 7.2", "IEC 62304 7.3.1"),
)
def is_shown_to_work(graph: TraceGraph, subject: Control) -> Iterator[Gap]:
    """Two questions per control: is it there, and does it help."""
    risk, control = subject
    for field, targets in (
        ("implemented_by", control.implemented_by),
        ("effectiveness", control.effectiveness),
    ):
        word = "implementation" if field == "implemented_by" else "effectiveness"
        open_ = {
            target: status
            for target in targets
            if graph.item(target)
            and (status := requirement_status(graph, target).status) != Status.PASSED
        }
        if targets and not open_:
            continue
        why = ", ".join(f"{target} is {status}" for target, status in open_.items())
        yield Gap(
            f"{risk.id}/{control.id}",
            f"The {word} of control {control.id} is not verified: "
            f"{why or f'{field!r} is empty'}.",
            f"See what is lacking: {' and '.join(map(_shown, open_))}."
            if open_
            else f"Name under '{field}' what shows it.",
            graph.where(risk.id, control.id),
        )


def _shown(name: str) -> str:
    return f"'regml show {name}'"


# IEC 62304 7.2.2 b, 4.3
@rule(
    "R07",
    "Every software item that implements a control has at least the class that the "
    "controlled risk asks for.",
    lambda graph: [
        (item, requirement, risk)
        for risk in risks(graph)
        for requirement in sorted(_implementing(graph, risk))
        for item in _carriers(graph, requirement)
    ],
    clauses=("IEC 62304 7.2.2", "IEC 62304 4.3"),
)
def has_a_sufficient_class(
    graph: TraceGraph, subject: tuple[SoftwareItem, str, Risk]
) -> Iterator[Gap]:
    """An item without a class counts as C (4.3 g); tools have no class."""
    item, requirement, risk = subject
    wanted = (
        graph.evidence.policy.safety_class.get(risk.initial.severity)
        if risk.initial
        else None
    )
    has = item.safety_class or SafetyClass.C
    if wanted is not None and has < wanted:
        yield Gap(
            item.id,
            f"The software item is class {has} and implements {requirement}, a control "
            f"of {risk.id}, which asks for class {wanted}.",
            f"Raise 'safety_class' of {item.id} to {wanted}, or move {requirement} to "
            "an item of that class.",
            graph.where(item.id, "safety_class"),
        )


def _implementing(graph: TraceGraph, risk: Risk) -> set[str]:
    """Return what implements the controls of a risk, and what makes that precise."""
    todo = [name for control in risk.controls for name in control.implemented_by]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            refining = (edge.source for edge in graph.into(name, Link.REFINES))
            todo += [n for n in refining if isinstance(graph.item(n), Requirement)]
    return found


def _carriers(graph: TraceGraph, requirement: str) -> Iterator[SoftwareItem]:
    for edge in graph.into(requirement, Link.IMPLEMENTS):
        item = graph.item(edge.source)
        if isinstance(item, SoftwareItem) and item.in_device and not item.retired:
            yield item


RULES = (
    is_complete,
    agrees_with_the_matrix,
    is_controlled,
    is_linked_both_ways,
    is_shown_to_work,
    has_a_sufficient_class,
)
