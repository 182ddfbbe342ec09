"""What the verification and validation report says, failures first."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from regml.dhf.context.common import (
    at_commit,
    evidence_of,
    facts,
    flatten,
    interval,
    number,
    reasons,
    shown,
    targets,
    verdict,
)
from regml.dhf.context.requirements import criterion_text
from regml.dhf.table import Table, all_well, table
from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.recorded import Execution, Outcome, Record, TestRun
from regml.items.requirements import Requirement
from regml.trace.model import TraceGraph
from regml.trace.nodes import AcceptanceRow, Evaluation, KnownTest, NodeType
from regml.trace.results import (
    RequirementStatus,
    Status,
    decisive_execution,
    requirement_status,
)

ORDER: Final = (
    Status.FAILED,
    Status.STALE,
    Status.NO_TEST,
    Status.NOT_RUN,
    Status.NOT_EVALUABLE,
    Status.PASSED,
)
"""Worst first: the order of every list of results."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Results per requirement, per criterion and per test.

    Attributes:
        counts: Requirements per status.
        requirements: One row per requirement, failed ones first.
        evaluation: The evaluation behind the criteria, or why there is none.
        criteria: One row per acceptance criterion and group, failed ones first.
        subgroups: One row per subgroup that the evaluation reports on.
        tests: One row per automated test, failed ones first.
        unlinked: Automated tests that verify nothing.
        test_runs: One row per recorded test run.
        protocols: One row per protocol that a person executes.
        executions: The steps of each protocol as they were carried out last.
        figures: Figures of the evaluation with captions.
    """

    counts: Table
    requirements: Table
    evaluation: Table
    criteria: Table
    subgroups: Table
    tests: Table
    unlinked: Table
    test_runs: Table
    protocols: Table
    executions: tuple[tuple[str, Table], ...]
    figures: tuple[tuple[str, str], ...]


def verification(graph: TraceGraph, figures: Iterable[tuple[str, str]]) -> Verification:
    """Return everything the verification and validation report prints."""
    items = {item.id: item for item in graph.items(Requirement)}
    found = sorted(
        (requirement_status(graph, item_id) for item_id in items),
        key=lambda status: (ORDER.index(status.status), status.id),
    )
    counts = Counter(status.status for status in found)
    known = list(_known_tests(graph))
    return Verification(
        counts=table(
            ("Status", "Requirements"),
            [(verdict(status), counts[status]) for status in ORDER],
        ),
        requirements=table(
            ("Requirement", "Title", "Method", "Status", "Evidence", "Because"),
            [_row(items[status.id], status) for status in found],
            empty="0 requirements.",
        ),
        evaluation=_evaluation(graph),
        criteria=criteria(graph),
        subgroups=subgroups(_current_evaluation(graph)),
        tests=_tests(graph),
        unlinked=table(
            ("Test", "Where"),
            [(t.name, place) for t, place in known if not t.verifies],
            empty=all_well(
                known,
                "Every automated test verifies something.",
                "0 automated tests.",
            ),
        ),
        test_runs=_test_runs(graph),
        protocols=_protocols(graph),
        executions=tuple(_executions(graph)),
        figures=tuple(figures),
    )


def _row(item: Requirement, status: RequirementStatus) -> tuple[str, ...]:
    return (
        item.id,
        item.title,
        item.method,
        verdict(status.status),
        evidence_of(status.results) or "none",
        reasons(status),
    )


def _evaluation(graph: TraceGraph) -> Table:
    record = graph.current.evaluation
    if record is None:
        return table(
            ("Fact", "Value"),
            [],
            empty="Not run: no believed run of the evaluation explains dvc.lock.",
        )
    name = f"evaluation@{record.id}"
    value = graph.nodes[name].value
    return facts(
        [
            ("Evaluation", name),
            ("Run", f"run@{record.id}"),
            ("Model", targets(graph, name, Link.EVALUATES) or "unknown"),
            ("Dataset", targets(graph, name, Link.EVALUATED_ON) or "unknown"),
            *(evaluation_facts(value) if isinstance(value, Evaluation) else ()),
        ]
    )


def _current_evaluation(graph: TraceGraph) -> Evaluation | None:
    record = graph.current.evaluation
    value = graph.nodes[f"evaluation@{record.id}"].value if record else None
    return value if isinstance(value, Evaluation) else None


def evaluation_facts(found: Evaluation) -> list[tuple[str, object]]:
    """Return what an evaluation noted, without what has a table of its own."""
    own = ("acceptance", "subgroups")
    return [row for row in flatten(found.facts) if row[0] not in own]


def subgroups(found: Evaluation | None) -> Table:
    """Return one row per subgroup and metric that an evaluation reported on."""
    rows = found.facts.get("subgroups") or () if found else ()
    return table(
        (
            *("Grouped by", "Group", "Metric", "Mean", "95 % interval", "Median"),
            *("Cases", "With a value"),
        ),
        [
            (
                row["column"],
                row["group"],
                row.get("metric") or "",
                number(row.get("mean")),
                interval(row.get("low"), row.get("high")),
                number(row.get("median")),
                "not noted" if row.get("cases") is None else row["cases"],
                "not noted" if row.get("with_value") is None else row["with_value"],
            )
            for row in rows
        ],
        empty="The evaluation reports on no subgroup.",
    )


def criteria(graph: TraceGraph, record: Record | None = None) -> Table:
    """Return one row per acceptance criterion of an evaluation, failed ones first.

    Args:
        graph: The evidence.
        record: The run of the evaluation; the current one when left out.
    """
    record = record or graph.current.evaluation
    node = graph.nodes.get(f"evaluation@{record.id}") if record else None
    rows = node.value.rows if node and isinstance(node.value, Evaluation) else ()
    order = {"failed": 0, "skipped": 1, "passed": 2}
    ranked = sorted(
        rows,
        key=lambda row: (
            order.get(row.outcome, 0),
            row.requirement,
            row.criterion,
            row.group or "",
        ),
    )
    return table(
        (
            *("Requirement", "Criterion", "Group", "Value", "95 % interval"),
            *("Compared", "Cases", "Outcome", "Reason"),
        ),
        [_criterion(graph, row) for row in ranked],
        empty="0 acceptance criteria were decided.",
    )


def _criterion(graph: TraceGraph, row: AcceptanceRow) -> tuple[str, ...]:
    item = graph.item(row.requirement)
    known = item.acceptance if isinstance(item, Requirement) else ()
    same = row.fingerprint == graph.fingerprint(row.requirement)
    text = (
        criterion_text(known[row.criterion])
        if same and row.criterion < len(known)
        else f"criterion {row.criterion} of an older wording"
    )
    return (
        row.requirement,
        text,
        row.group or "all",
        number(row.value),
        interval(row.low, row.high),
        number(row.compared),
        str(row.cases),
        verdict("not evaluable" if row.outcome == Outcome.SKIPPED else row.outcome),
        row.reason,
    )


def _known_tests(graph: TraceGraph) -> Iterator[tuple[KnownTest, str]]:
    for _, node in sorted(graph.nodes.items()):
        if node.type is NodeType.TEST and isinstance(node.value, KnownTest):
            yield node.value, node.where


def _tests(graph: TraceGraph) -> Table:
    order = (Outcome.KILLED, Outcome.FAILED, None, Outcome.SKIPPED, Outcome.PASSED)
    found = sorted(
        (test for test, _ in _known_tests(graph)),
        key=lambda test: (order.index(test.outcome), test.name),
    )
    return table(
        ("Test", "Verifies", "Cases", "Latest outcome", "Run", "Message"),
        [
            (
                test.name,
                test.verifies,
                len(test.cases),
                verdict(test.outcome or "not run"),
                f"tests@{test.record.id}" if test.record else "",
                next((case.message for case in test.cases if case.message), ""),
            )
            for test in found
        ],
        empty="0 automated tests of the device.",
    )


def _test_runs(graph: TraceGraph) -> Table:
    runs = [
        (record, record.statement)
        for record in graph.evidence.records
        if isinstance(record.statement, TestRun)
    ]
    return table(
        (
            *("Run", "Started (UTC)", "From", "By", "Commit"),
            *("Passed", "Failed", "Skipped", "Code"),
        ),
        [
            (
                f"tests@{record.id}",
                run.origin.started_utc,
                ", ".join(report.name for report in run.reports) or "regml test",
                run.origin.person.name,
                at_commit(record),
                *(_count(run, outcome) for outcome in (Outcome.PASSED, Outcome.FAILED)),
                _count(run, Outcome.SKIPPED),
                "as it is now" if run.origin.code == graph.evidence.code else "older",
            )
            for record, run in runs
        ],
        empty="0 recorded test runs. Run 'regml test'.",
    )


def _count(run: TestRun, outcome: Outcome) -> int:
    return sum(case.outcome is outcome for case in run.cases)


def _protocols(graph: TraceGraph) -> Table:
    return table(
        ("Protocol", "Title", "Verifies", "Steps", "Status", "Executed", "Because"),
        [
            (
                item.id,
                item.title,
                item.verifies,
                len(item.steps),
                verdict(status.status),
                ", ".join(f"execution@{r.record}" for r in status.results if r.record),
                reasons(status),
            )
            for item in graph.items(TestProtocol)
            for status in [requirement_status(graph, item.id)]
        ],
        empty="0 protocols for people.",
    )


def _executions(graph: TraceGraph) -> Iterator[tuple[str, Table]]:
    for item in graph.items(TestProtocol):
        if found := decisive_execution(graph, item.id):
            record, done = found
            who = f"{done.origin.person.name}, {done.origin.finished_utc}"
            yield f"{item.id}: execution@{record.id} ({who})", executed_steps(done)


def executed_steps(done: Execution) -> Table:
    """Return the steps of an executed protocol with what was seen."""
    return table(
        ("Step", "Do", "Expect", "Outcome", "Observed"),
        [
            (number, step.do, step.expect, verdict(step.outcome), step.observed)
            for number, step in enumerate(done.steps, 1)
        ],
    )


def tests_of(graph: TraceGraph, item_id: str) -> list[str]:
    """Return the names of the tests that verify an item."""
    edges = graph.into(item_id, Link.VERIFIES)
    return sorted(shown(e.source) for e in edges if e.source.startswith("test:"))
