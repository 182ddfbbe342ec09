"""The clause coverage document: every catalogue, at every class and level."""

from regml.dhf.context.clauses import clause_coverage
from regml.trace.build import build_graph
from regml.trace.rules import check
from tests.factories import Parts, evidence_of

GRAPH = build_graph(evidence_of(Parts()))
COVERAGE = clause_coverage(GRAPH, check(GRAPH), ())


def test_it_shows_every_catalogue_at_the_level_of_the_device() -> None:
    assert {s.standard: s.level for s in COVERAGE.standards} == {
        "ISO 14971": "",
        "IEC 62304": "class B",
        "IEC 81001-5-1": "",
        "IEC 82304-1": "",
        "AI Act Annex IV": "",
        "FDA AI": "",
        "FDA software": "documentation level Basic",
        "21 CFR": "",
    }


def test_it_counts_the_rows_for_each_class_and_level() -> None:
    counts = {s.standard: s.counts for s in COVERAGE.standards}
    assert counts["IEC 62304"].columns == ("State", "class A", "class B", "class C")
    assert counts["FDA software"].columns[1:] == (
        "documentation level Basic",
        "documentation level Enhanced",
    )
    assert counts["ISO 14971"].columns == ("State", "Rows")
    for standard in COVERAGE.standards:
        for column in range(1, len(standard.counts.columns)):
            total = sum(int(row[column]) for row in standard.counts.rows)
            assert total == len(standard.rows.rows)


def test_every_row_says_why_it_stands_where_it_does() -> None:
    for standard in COVERAGE.standards:
        for clause, _, state, evidence, missing in standard.rows.rows:
            assert evidence or missing, (standard.standard, clause, state)
