"""What the risk management file says."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from regml.dhf.context.common import ItemSection, facts, reasons, steps, verdict
from regml.dhf.table import Table, all_well, table
from regml.items.risk import Cause, Estimate, Risk, RiskControl, RiskPolicy, Scale
from regml.standards.hazards import ml_hazards
from regml.trace.exclusions import exclusion_of
from regml.trace.model import TraceGraph
from regml.trace.results import requirement_status

UNESTIMATED = "not estimated"


@dataclass(frozen=True, slots=True)
class RiskFile:
    """Policy, risks and their evaluation.

    Attributes:
        scales: The scales with their headings.
        probability: How p1 and p2 combine.
        matrix: Level per probability and severity.
        levels: Levels with their meaning and acceptability.
        evaluation: Risks per level before and after control.
        overview: One row per risk.
        checklist: Hazards that machine learning adds, and what considers each.
        items: Every risk in full.
        unacceptable: Risks whose residual level is not acceptable.
        acceptable_count: How many residual risks are acceptable.
        total: How many risks there are.
    """

    scales: tuple[tuple[str, Table], ...]
    probability: Table
    matrix: Table
    levels: Table
    evaluation: Table
    overview: Table
    checklist: Table
    items: tuple[ItemSection, ...]
    unacceptable: Table
    acceptable_count: int
    total: int


def risk_file(graph: TraceGraph) -> RiskFile:
    """Return everything the risk management file prints."""
    policy, risks = graph.evidence.policy, graph.items(Risk)
    open_risks = [r for r in risks if _residual(policy, r) not in policy.acceptable]
    return RiskFile(
        scales=tuple(
            (name, _scale(steps))
            for name, steps in (
                ("Severity of harm", policy.severity),
                ("P1: the hazardous situation occurs", policy.p1),
                ("P2: the situation leads to the harm", policy.p2),
            )
        ),
        probability=table(
            ("P1 \\ P2", *(str(step.value) for step in policy.p2)),
            [
                (f"{step.value} {step.name}", *row)
                for step, row in zip(policy.p1, policy.probability, strict=True)
            ],
        ),
        matrix=table(
            (
                "Probability \\ severity",
                *(f"{s.value} {s.name}" for s in policy.severity),
            ),
            [(n, *row) for n, row in enumerate(policy.matrix, 1)],
        ),
        levels=table(
            ("Level", "Meaning", "Acceptable without further control"),
            [
                (level, meaning, level in policy.acceptable)
                for level, meaning in policy.levels.items()
            ],
        ),
        evaluation=_evaluation(policy, risks),
        overview=_overview(policy, risks),
        checklist=_checklist(graph, risks),
        items=tuple(risk_section(graph, risk) for risk in risks),
        unacceptable=table(
            ("Risk", "Title", "Residual level", "Benefit-risk analysis"),
            [
                (r.id, r.title, _residual(policy, r), r.benefit_risk or "none")
                for r in open_risks
            ],
            empty=all_well(
                risks, "Every residual risk has an acceptable level.", "0 risks."
            ),
        ),
        acceptable_count=len(risks) - len(open_risks),
        total=len(risks),
    )


def _scale(steps: Iterable[Scale]) -> Table:
    rows = [(step.value, step.name, step.meaning) for step in steps]
    return table(("Step", "Name", "Meaning"), rows)


def _level(policy: RiskPolicy, estimate: Estimate | None) -> str:
    """Return the level that the policy gives, not the one somebody wrote down."""
    if estimate is None:
        return UNESTIMATED
    try:
        return policy.level(estimate)
    except ValueError:
        return "off the scale"


def _residual(policy: RiskPolicy, risk: Risk) -> str:
    return _level(policy, risk.residual)


def _evaluation(policy: RiskPolicy, risks: Iterable[Risk]) -> Table:
    risks = list(risks)
    before = Counter(_level(policy, risk.initial) for risk in risks)
    after = Counter(_residual(policy, risk) for risk in risks)
    others = sorted((before | after).keys() - policy.levels.keys())
    return table(
        ("Level", "Risks before control", "Risks after control"),
        [(level, before[level], after[level]) for level in [*policy.levels, *others]],
    )


def _overview(policy: RiskPolicy, risks: Iterable[Risk]) -> Table:
    return table(
        ("Risk", "Title", "Hazard", "Harm", "Initial", "Controls", "Residual"),
        [
            (
                risk.id,
                risk.title,
                risk.hazard or "not stated",
                risk.harm or "not stated",
                _level(policy, risk.initial),
                len(risk.controls),
                _residual(policy, risk),
            )
            for risk in risks
        ],
        empty="0 risks.",
    )


def _checklist(graph: TraceGraph, risks: Iterable[Risk]) -> Table:
    considering: dict[str, list[str]] = {}
    for risk in risks:
        for name in (risk.hazard_category, *risk.covers):
            considering.setdefault(name, []).append(risk.id)
    rows = []
    for hazard in ml_hazards():
        excluded = exclusion_of(graph, hazard.id)
        names = considering.get(hazard.id, [])
        if excluded:
            names = [*names, f"excluded by {excluded.item.id}"]
        rows.append((hazard.id, hazard.name, ", ".join(names) or verdict("no risk")))
    return table(("Id", "Hazard", "Considered by"), rows)


def _estimate(policy: RiskPolicy, estimate: Estimate | None) -> str:
    if estimate is None:
        return UNESTIMATED
    computed = _level(policy, estimate)
    written = "" if computed == estimate.level else f"; the item says {estimate.level}"
    return (
        f"severity {estimate.severity}, P1 {estimate.p1}, P2 {estimate.p2}: "
        f"level {computed}{written}"
    )


def risk_section(graph: TraceGraph, risk: Risk) -> ItemSection:
    """Return a risk with its controls with its fields and links."""
    policy = graph.evidence.policy
    status = requirement_status(graph, risk.id)
    rows = [
        ("Hazard", risk.hazard),
        ("Hazard category", risk.hazard_category),
        ("Also covers, of the checklist", risk.covers),
        ("Foreseeable misuse considered", risk.misuse),
        ("Sequence of events", steps(risk.sequence)),
        ("Hazardous situation", risk.hazardous_situation),
        ("Harm", risk.harm),
        ("Who or what is harmed", risk.affected),
        ("Software items that could contribute", risk.software_items),
        ("Causes", steps(map(_cause, risk.causes))),
        ("Initial estimate", _estimate(policy, risk.initial)),
        ("Basis of the probability", risk.probability_basis),
        ("Residual estimate", _estimate(policy, risk.residual)),
        ("Residual rationale", risk.residual_rationale),
        ("Benefit-risk analysis", risk.benefit_risk),
        ("Disclosed in the labelling", risk.disclosure),
        ("Not disclosed, because", risk.no_disclosure_because),
        ("Watched after release", risk.signals),
        ("Status of all that controls it", verdict(status.status)),
        ("Because", reasons(status)),
    ]
    controls = table(
        ("Control", "Option", "Measure", "Implemented by", "Effective by", "Results"),
        [_control(graph, control) for control in risk.controls],
        empty="No control.",
    )
    tables = (("Risk controls", controls), ("Side effects", _side_effects(risk)))
    return ItemSection(risk.id, risk.title, risk.text, facts(rows), tables)


def _cause(cause: Cause) -> str:
    where = f", in {', '.join(cause.items)}" if cause.items else ""
    return f"{cause.text} ({cause.category}{where})"


def _control(graph: TraceGraph, control: RiskControl) -> tuple[str, ...]:
    ids = dict.fromkeys((*control.implemented_by, *control.effectiveness))
    known = [i for i in ids if i in graph.nodes]
    results = ", ".join(f"{i} {requirement_status(graph, i).status}" for i in known)
    return (
        control.id,
        control.option.replace("_", " "),
        control.text,
        ", ".join(control.implemented_by) or verdict("nothing"),
        ", ".join(control.effectiveness) or verdict("nothing"),
        results or verdict("no result"),
    )


def _side_effects(risk: Risk) -> Table:
    return table(
        ("Control", "Why no option of higher priority", "New risks"),
        [
            (
                control.id,
                control.not_higher_option or "not stated",
                ", ".join(control.new_risks)
                or control.no_new_risks_because
                or "not stated",
            )
            for control in risk.controls
        ],
        empty="No control.",
    )
