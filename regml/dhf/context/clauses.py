"""What the clause coverage says: which evidence each row of each catalogue has."""

from collections.abc import Iterable
from dataclasses import dataclass

from regml.dhf.context.common import verdict
from regml.dhf.markdown import Markdown, escape
from regml.dhf.table import Table, table
from regml.files.catalogues import known_catalogues
from regml.findings import RuleOutcome
from regml.items.documents import DocumentPlan
from regml.trace.coverage import (
    Coverage,
    RowCoverage,
    State,
    overview_table,
    title_of,
)
from regml.trace.coverage_page import level_words
from regml.trace.ledger import Ledger
from regml.trace.model import TraceGraph


@dataclass(frozen=True, slots=True)
class StandardCoverage:
    """Evidence per row of one catalogue.

    Attributes:
        standard: As one cites it.
        edition: Which edition.
        about: What it is about.
        level: Class or level of the device under it; empty where it has none.
        sources: Where our knowledge of it comes from.
        counts: Rows per state, for each class or level.
        rows: Every row for the level of the device.
    """

    standard: str
    edition: str
    about: str
    level: str
    sources: tuple[str, ...]
    counts: Table
    rows: Table


@dataclass(frozen=True, slots=True)
class ClauseCoverage:
    """Evidence per row of every catalogue.

    Attributes:
        overview: Rows per catalogue and state.
        standards: Each catalogue.
        unknown: What items say about rows that no catalogue has.
        documents: Documents by the clauses they serve.
    """

    overview: Table
    standards: tuple[StandardCoverage, ...]
    unknown: tuple[str, ...]
    documents: Table


def clause_coverage(
    graph: TraceGraph,
    outcomes: tuple[RuleOutcome, ...],
    plans: Iterable[DocumentPlan],
) -> ClauseCoverage:
    """Return which evidence each row has, and which it lacks."""
    known = known_catalogues(graph.evidence.catalogues)
    ledger = Ledger(graph, known, outcomes)
    coverages = ledger.every()
    overview = overview_table(coverages)
    return ClauseCoverage(
        overview=table(overview.columns, overview.rows),
        standards=tuple(_standard(ledger, coverage) for coverage in coverages),
        unknown=ledger.strangers(),
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


def _standard(ledger: Ledger, coverage: Coverage) -> StandardCoverage:
    catalogue = coverage.catalogue
    return StandardCoverage(
        standard=catalogue.standard,
        edition=catalogue.edition,
        about=catalogue.about,
        level=level_words(coverage),
        sources=catalogue.sources,
        counts=_counts(ledger, coverage),
        rows=table(
            ("Clause", "Title", "State", "Evidence", "Missing"),
            [_row(found) for found in coverage.rows],
        ),
    )


def _row(found: RowCoverage) -> tuple[object, ...]:
    state = found.state
    return (
        found.row.id,
        title_of(found.row),
        verdict(state) if state is State.GAP else str(state),
        "; ".join(found.evidence) or found.why,
        "; ".join(found.missing),
    )


def _counts(ledger: Ledger, coverage: Coverage) -> Table:
    """Return rows per state, with a column per level where there are levels."""
    catalogue = coverage.catalogue
    levels = catalogue.levels.values if catalogue.levels else ()
    by_level = {
        f"{catalogue.levels.name} {level}": ledger.coverage(catalogue, level).counts
        for level in levels
        if catalogue.levels
    } or {"Rows": coverage.counts}
    return table(
        ("State", *by_level),
        [
            (str(state), *(counts[state] for counts in by_level.values()))
            for state in State
        ],
    )
