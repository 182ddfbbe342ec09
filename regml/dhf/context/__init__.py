"""What documents say, computed from the graph: one value per name in a template.

Each module answers for some documents; everything it returns is a frozen dataclass of
texts and tables, so that a template has nothing left to compute.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regml.dhf.context.clauses import clause_coverage
from regml.dhf.context.configuration import (
    approvals,
    configuration,
    findings,
)
from regml.dhf.context.data import data_report
from regml.dhf.context.design import architecture, device, soup
from regml.dhf.context.model import training_record
from regml.dhf.context.plans import bill_of_materials, plan, sections, tools
from regml.dhf.context.release import release_notes
from regml.dhf.context.requirements import requirements, traceability
from regml.dhf.context.risk import risk_file
from regml.dhf.context.verification import verification
from regml.dhf.markdown import Markdown, escape
from regml.dhf.table import Table, table
from regml.findings import RuleOutcome
from regml.items.documents import DocumentPlan
from regml.trace.model import TraceGraph


@dataclass(frozen=True, slots=True)
class Figure:
    """An image that a stage drew.

    Attributes:
        source: Relative to the project.
        path: As documents name it.
        caption: What it shows.
    """

    source: str
    path: str
    caption: str


class Values(Mapping[str, Any]):
    """What templates may name; each value is computed when a template asks for it."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Any:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def document_values(
    graph: TraceGraph,
    *,
    plans: Iterable[DocumentPlan],
    outcomes: tuple[RuleOutcome, ...],
    reports: Mapping[str, Mapping[str, Any]],
    figures: Iterable[Figure],
) -> Values:
    """Return everything that templates may name.

    Args:
        graph: The evidence.
        plans: All documents, for their index.
        outcomes: Of every rule.
        reports: Present reports of stages, by heading.
        figures: Present figures.
    """
    plans, figures = list(plans), list(figures)
    drawn = [(figure.path, figure.caption) for figure in figures]
    return Values(
        {
            "documents": lambda: _documents(plans),
            "device": lambda: device(graph),
            "requirements": lambda: requirements(graph),
            "architecture": lambda: architecture(graph),
            "risks": lambda: risk_file(graph),
            "soup": lambda: soup(graph),
            "data": lambda: data_report(graph, reports),
            "training": lambda: training_record(graph),
            "learning_curves": lambda: tuple(f for f in drawn if _is_curve(f[0])),
            "verification": lambda: verification(graph, drawn),
            "matrix": lambda: traceability(graph),
            "configuration": lambda: configuration(graph),
            "release": lambda: release_notes(graph),
            "plan": lambda: plan(graph),
            "sections": lambda: sections(graph),
            "bill": lambda: bill_of_materials(graph),
            "tools": lambda: tools(graph),
            "findings": lambda: findings(outcomes),
            "approvals": lambda: approvals(graph),
            "clauses": lambda: clause_coverage(graph, outcomes, plans),
        }
    )


def _documents(plans: Iterable[DocumentPlan]) -> Table:
    return table(
        ("Document", "Purpose", "Serves", "Owner", "To be approved by"),
        [
            (
                Markdown(f"[{plan.number} {escape(plan.title)}]({plan.name}.html)"),
                plan.purpose,
                plan.clauses,
                plan.owner,
                plan.approvers,
            )
            for plan in plans
        ],
    )


def _is_curve(path: str) -> bool:
    return any(word in path for word in ("curve", "training", "loss"))
