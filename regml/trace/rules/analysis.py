"""R04, R09, R12, R13, R16: the risk analysis is thorough and its controls reasoned."""

from collections.abc import Iterator
from typing import Final

from regml.findings import Severity
from regml.items.data import DatasetSpecification
from regml.items.design import SoftwareItem
from regml.items.risk import CauseCategory, ControlOption, Risk, RiskControl
from regml.standards.hazards import Hazard, ml_hazards
from regml.trace.exclusions import exclusion_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule

CHECKLIST: Final = "MLH-"
"""How ids of the ML hazard checklist begin."""

LEARNED: Final = (CauseCategory.DATA, CauseCategory.MODEL)
"""Causes that software has whose behaviour comes from data."""


def _controls(graph: TraceGraph) -> list[tuple[Risk, RiskControl]]:
    return [(risk, control) for risk in graph.items(Risk) for control in risk.controls]


# ISO 14971 7.1, Regulation (EU) 2017/745 Annex I 4
@rule(
    "R04",
    "Every control that is not safe by design says why no option of higher priority "
    "was taken.",
    _controls,
    severity=Severity.MAJOR,
    clauses=("ISO 14971 7.1", "MDR Annex I 4"),
)
def is_the_best_option(
    graph: TraceGraph, subject: tuple[Risk, RiskControl]
) -> Iterator[Gap]:
    """Design before protection before information."""
    risk, control = subject
    if control.option is ControlOption.INHERENT_SAFE_DESIGN:
        return
    if not control.not_higher_option:
        alone = all(
            c.option is ControlOption.INFORMATION_FOR_SAFETY for c in risk.controls
        )
        only = ", and the risk has no other kind of control" if alone else ""
        yield Gap(
            f"{risk.id}/{control.id}",
            f"Control {control.id} is {control.option.replace('_', ' ')}{only}; "
            "nothing says why no safer option was taken.",
            "Give the reason under 'not_higher_option', or control the risk by design.",
            graph.where(risk.id, control.id),
        )


# ISO 14971 7.5
@rule(
    "R09",
    "Every control names the new risks it brings, or says why there are none.",
    _controls,
    severity=Severity.MAJOR,
    clauses=("ISO 14971 7.5",),
)
def has_its_side_effects_looked_at(
    graph: TraceGraph, subject: tuple[Risk, RiskControl]
) -> Iterator[Gap]:
    """Silence is no answer."""
    risk, control = subject
    others = set(control.new_risks) - {risk.id}
    if not others and not control.no_new_risks_because:
        yield Gap(
            f"{risk.id}/{control.id}",
            f"Nothing says whether control {control.id} brings new risks.",
            "Name them under 'new_risks', or say under 'no_new_risks_because' why "
            "there are none.",
            graph.where(risk.id, control.id),
        )


Contribution = tuple[Risk | None, SoftwareItem | None]
"""A risk with a software item that contributes; neither for the model itself."""


def _contributions(graph: TraceGraph) -> list[Contribution]:
    found: list[Contribution] = [
        (risk, item)
        for risk in graph.items(Risk)
        for name in dict.fromkeys((*risk.software_items, *_located(risk)))
        if isinstance(item := graph.item(name), SoftwareItem)
    ]
    return found + ([(None, None)] if graph.current.model else [])


def _located(risk: Risk) -> Iterator[str]:
    """Give the software items in which causes of a risk are said to lie."""
    for cause in risk.causes:
        yield from cause.items


# IEC 62304 7.1.2
@rule(
    "R12",
    "Every software item that contributes to a hazardous situation has a cause; one "
    "that learned from data has causes in the data and in the model.",
    _contributions,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 7.1.2",),
    classes=CLASS_B_AND_C,
)
def has_its_causes(graph: TraceGraph, subject: Contribution) -> Iterator[Gap]:
    """Code fails by defects; what was learned fails without any."""
    risk, item = subject
    if risk is None or item is None:
        yield from _of_model(graph)
        return
    found = {c.category for c in risk.causes if not c.items or item.id in c.items}
    wanted = LEARNED if item.machine_learning else ()
    missing = [category for category in wanted if category not in found]
    if not found:
        yield Gap(
            risk.id,
            f"{item.id} is said to contribute, and no cause lies in it.",
            f"Name the cause under 'causes', or take {item.id} out of "
            "'software_items'.",
            graph.where(risk.id, item.id),
        )
    elif missing:
        yield Gap(
            risk.id,
            f"{item.id} learned from data, and the risk names no cause in the "
            f"{' and none in the '.join(missing)}.",
            f"Say what in {' and '.join(missing)} could cause it, each as a cause of "
            "that category.",
            graph.where(risk.id, "causes"),
        )


def _of_model(graph: TraceGraph) -> Iterator[Gap]:
    if any(item.machine_learning for item in graph.items(SoftwareItem)):
        return
    model = graph.current.model
    name = f"model@{model.sha256[:SHORT]}" if model else "model"
    yield Gap(
        name,
        "A model was trained, and no software item says that it learned from data.",
        "Set 'machine_learning: true' in the software item that holds the model.",
        graph.where(name) or "design",
    )


def _asked(graph: TraceGraph) -> tuple[Hazard | Risk, ...]:
    """Return the checklist where there is machine learning, and who cites it."""
    risks = graph.items(Risk)
    learns = graph.items(DatasetSpecification) or any(
        item.machine_learning for item in graph.items(SoftwareItem)
    )
    citing = tuple(risk for risk in risks if _cited(risk))
    return (*ml_hazards(), *citing) if risks and (learns or citing) else ()


def _cited(risk: Risk) -> tuple[str, ...]:
    named = (risk.hazard_category, *risk.covers)
    return tuple(name for name in named if name.startswith(CHECKLIST))


# ISO 14971 7.6
@rule(
    "R13",
    "Every row of the ML hazard checklist is considered by a risk or excluded with "
    "approval.",
    _asked,
    severity=Severity.MAJOR,
    clauses=("ISO 14971 5.4", "ISO 14971 7.6"),
)
def is_considered(graph: TraceGraph, subject: Hazard | Risk) -> Iterator[Gap]:
    """A risk that cites a row which does not exist is found as well."""
    if isinstance(subject, Risk):
        yield from _of_unknown_rows(graph, subject)
        return
    by = [risk.id for risk in graph.items(Risk) if subject.id in _cited(risk)]
    excluded = exclusion_of(graph, subject.id)
    if excluded and by:
        yield Gap(
            excluded.item.id,
            f"It excludes {subject.id} ({subject.name}), which {by[0]} considers.",
            f"Retire {excluded.item.id}, take {subject.id} out of it, or out of "
            f"{by[0]}.",
            graph.where(excluded.item.id, subject.id),
        )
    elif excluded and (lacks := excluded.lacks):
        problem, remedy = lacks
        yield Gap(
            excluded.item.id,
            f"It excludes {subject.id} ({subject.name}), and {problem}.",
            remedy,
            graph.where(excluded.item.id, subject.id),
        )
    elif not excluded and not by:
        yield Gap(
            subject.id,
            f"No risk considers {subject.name}.",
            f"Write a risk with 'hazard_category: {subject.id}', add {subject.id} to "
            "'covers' of one that considers it, or exclude it with an item NA-....",
            "risk",
        )


def _of_unknown_rows(graph: TraceGraph, risk: Risk) -> Iterator[Gap]:
    known = {hazard.id for hazard in ml_hazards()}
    for name in _cited(risk):
        if name not in known:
            yield Gap(
                risk.id,
                f"It names {name}, which is no row of the ML hazard checklist.",
                f"Correct it; the checklist runs to {ml_hazards()[-1].id}.",
                graph.where(risk.id, name),
            )


def _misuse(graph: TraceGraph) -> tuple[str | Risk, ...]:
    """Return the foreseeable misuse with the risks that name some; ``""`` for none."""
    risks = graph.items(Risk)
    listed = tuple(row.id for row in graph.evidence.config.device.misuse)
    return (*(listed or ("",)), *(r for r in risks if r.misuse)) if risks else ()


# ISO 14971 5.2
@rule(
    "R16",
    "Every foreseeable misuse in regml.toml is considered by a risk.",
    _misuse,
    severity=Severity.MAJOR,
    clauses=("ISO 14971 5.2",),
)
def is_foreseen(graph: TraceGraph, subject: str | Risk) -> Iterator[Gap]:
    """A list without entries is a gap: every device can be misused."""
    listed = {row.id: row.text for row in graph.evidence.config.device.misuse}
    if isinstance(subject, Risk):
        for name in subject.misuse:
            if name not in listed:
                yield Gap(
                    subject.id,
                    f"'misuse' names {name}, which regml.toml does not list.",
                    f"Correct it, or add {name} as a [[device.misuse]].",
                    graph.where(subject.id, name),
                )
    elif not subject:
        yield Gap(
            "device",
            "No foreseeable misuse is listed.",
            "List each in regml.toml as [[device.misuse]] with id and text, and name "
            "it under 'misuse' of the risk that considers it.",
            "regml.toml",
        )
    elif not any(subject in risk.misuse for risk in graph.items(Risk)):
        yield Gap(
            subject,
            f"No risk considers this foreseeable misuse: {listed[subject]}.",
            f"Write a risk with 'misuse: [{subject}]', or add it to one that considers "
            "it.",
            "regml.toml",
        )


RULES = (
    is_the_best_option,
    has_its_side_effects_looked_at,
    has_its_causes,
    is_considered,
    is_foreseen,
)
