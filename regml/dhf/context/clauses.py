"""What the clause coverage says: which evidence each clause has, class by class."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from regml.dhf.context.common import verdict
from regml.dhf.markdown import Markdown, escape
from regml.dhf.table import Table, table
from regml.findings import RuleOutcome
from regml.items.base import SafetyClass
from regml.items.documents import DocumentPlan
from regml.standards.catalogue import load_catalogue
from regml.trace.coverage import gap_table
from regml.trace.model import TraceGraph
from regml.trace.page import Table as Answer

CATALOGUE = "iec62304"
"""Key of the catalogue that the document is about."""


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """Evidence per clause.

    Attributes:
        standard: As one cites it, with its edition.
        safety_class: Of the device.
        counts: Clauses per state and class.
        clauses: Every clause for the class of the device.
        documents: Documents by the clauses they serve.
    """

    standard: str
    safety_class: str
    counts: Table
    clauses: Table
    documents: Table


def clause_coverage(
    graph: TraceGraph,
    outcomes: tuple[RuleOutcome, ...],
    plans: Iterable[DocumentPlan],
) -> ClauseCoverage:
    """Return which evidence each clause has, and which it lacks."""
    catalogue = load_catalogue(CATALOGUE)
    mine = graph.evidence.config.device.safety_class
    answers = {
        asked: gap_table(
            graph, catalogue, asked, outcomes=outcomes if asked == mine else None
        )
        for asked in SafetyClass
    }
    return ClauseCoverage(
        standard=f"{catalogue.standard}, {catalogue.edition}",
        safety_class=str(mine),
        counts=_counts(answers),
        clauses=table(
            ("Clause", "Title", "State", "Evidence", "Missing"),
            [
                (
                    clause,
                    title,
                    verdict(state) if state == "gap" else state,
                    there,
                    gone,
                )
                for clause, title, state, there, gone in answers[mine].rows
            ],
        ),
        documents=table(
            ("Document", "Serves"),
            [
                (
                    Markdown(f"[{p.number} {escape(p.title)}]({p.name}.html)"),
                    p.clauses,
                )
                for p in plans
            ],
        ),
    )


def _counts(answers: dict[SafetyClass, Answer]) -> Table:
    found = {
        asked: Counter(_state(row[2]) for row in answer.rows)
        for asked, answer in answers.items()
    }
    states = sorted({state for counter in found.values() for state in counter})
    return table(
        ("State", *(f"Class {asked}" for asked in found)),
        [(state, *(counter[state] for counter in found.values())) for state in states],
    )


def _state(state: str) -> str:
    return "not asked for" if state.startswith("not asked for") else state
