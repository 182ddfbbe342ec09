"""What single pieces of evidence say about an item: tests, people, evaluations.

Nothing here is typed by anyone; it follows from records and fingerprints.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from weakref import WeakKeyDictionary

from regml.items.base import Kind
from regml.items.config import Role
from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.recorded import (
    Approval,
    Execution,
    Outcome,
    Record,
    StepOutcome,
    TestCase,
    TestRun,
)
from regml.items.requirements import Requirement, VerificationMethod
from regml.trace.current import signer_may
from regml.trace.model import TraceGraph
from regml.trace.nodes import AcceptanceRow, DatasetVersion, Evaluation, KnownTest
from regml.trace.signatures import approvals_of, missing_approvers
from regml.trace.staleness import of_evaluation, of_execution, of_tests


class Status(StrEnum):
    """Where the verification of an item stands."""

    PASSED = "passed"
    FAILED = "failed"
    STALE = "stale"
    """There is a result, but for other code, another wording or another model."""
    NOT_RUN = "not run"
    NO_TEST = "no test"
    """Nothing is planned that could verify it."""
    NOT_EVALUABLE = "not evaluable"
    """Too few cases in a subgroup: said, and neither a pass nor a failure."""


WORST_FIRST: Final = (
    Status.FAILED,
    Status.STALE,
    Status.NOT_RUN,
    Status.NO_TEST,
    Status.PASSED,
)


@dataclass(frozen=True, slots=True)
class Result:
    """What one piece of evidence says about one item.

    Attributes:
        source: Node id of the test, evaluation, protocol or approval.
        status: What it says.
        detail: Why, in a few words.
        record: Id of the record it comes from; empty when there is none.
        below: It is the status of another item, on which this one rests.
        then: What a stale one said when it was made; ``None`` of any other.
    """

    source: str
    status: Status
    detail: str
    record: str = ""
    below: bool = False
    then: Status | None = None


_OWN: WeakKeyDictionary[TraceGraph, dict[str, tuple[Result, ...]]] = WeakKeyDictionary()
"""What was asked already: one requirement is part of many answers."""


def own_results(graph: TraceGraph, item_id: str) -> tuple[Result, ...]:
    """Return what was found out about an item itself, sorted by source."""
    known = _OWN.setdefault(graph, {})
    if item_id not in known:
        found = sorted(_results(graph, item_id), key=lambda r: (r.source, r.detail))
        known[item_id] = tuple(found)
    return known[item_id]


def worst_of(results: Iterable[Result]) -> Status:
    """Return the status that counts of several results."""
    found = {result.status for result in results}
    if not found:
        return Status.NO_TEST
    return next((status for status in WORST_FIRST if status in found), Status.NOT_RUN)


def approved_now(graph: TraceGraph, item_id: str, roles: Collection[Role]) -> bool:
    """Tell whether someone in one of the roles approved an item as it is now."""
    return _of_approval(graph, item_id, roles, "approval").status is Status.PASSED


def _results(graph: TraceGraph, item_id: str) -> Iterator[Result]:
    item = graph.item(item_id)
    for edge in graph.into(item_id, Link.VERIFIES):
        value = graph.nodes[edge.source].value
        if isinstance(value, KnownTest):
            yield from _of_test(graph, edge.source, value, item_id)
        elif isinstance(by := graph.item(edge.source), TestProtocol) and not by.retired:
            yield _of_protocol(graph, by.id, [item_id])
    if isinstance(item, Requirement):
        yield from _of_acceptance(graph, item)
        if item.method is not VerificationMethod.TEST:
            yield _of_approval(graph, item_id, (Role.QUALITY,), str(item.method))
    elif item and item.kind is Kind.TEST_PROTOCOL:
        yield _of_protocol(graph, item_id)
    elif item and item.kind in (
        Kind.DATASET_SPECIFICATION,
        Kind.ANNOTATION_PROTOCOL,
        Kind.PCCP_MODIFICATION,
    ):
        roles = (Role.QUALITY, Role.CLINICAL)
        yield _of_approval(graph, item_id, roles, "approval")
        if item.kind is Kind.DATASET_SPECIFICATION:
            yield _of_collection(graph, item_id)
    elif item and item.kind in (Kind.EXCLUSION, Kind.EXTERNAL_EVIDENCE):
        yield _of_approval(graph, item_id, (Role.QUALITY,), "approval")


def _of_test(
    graph: TraceGraph, source: str, test: KnownTest, item_id: str
) -> Iterator[Result]:
    """Give one result per run that still counts for one of the test's cases."""
    marked = test.written is not None and item_id in test.written.verifies
    ran = [r for r in test.ran if marked or item_id in r.case.verifies]
    if test.gone or not ran:
        if test.written:
            detail = "no recorded run of this test"
            if test.gone:
                detail = "was left out of the latest complete run"
            yield Result(source, Status.NOT_RUN, detail)
        return
    for record in {r.record.path: r.record for r in ran}.values():
        cases = [r.case for r in ran if r.record is record]
        run = record.statement
        if not isinstance(run, TestRun):
            continue
        elsewhere = bool(cases[0].suite)
        if not (test.written or elsewhere or run.origin.code == graph.evidence.code):
            continue  # the test was removed since; its old result says nothing
        status, word = _of_cases(cases)
        if old := of_tests(graph, run, item_id):
            yield _stale(source, old, record, then=status)
            continue
        where = f"run {record.id}" + (f" of {cases[0].suite}" if elsewhere else "")
        yield Result(source, status, f"{word} in {where}", record.id)


FAILURES: Final = frozenset({Outcome.FAILED, Outcome.KILLED})


def _of_cases(cases: Iterable[TestCase]) -> tuple[Status, str]:
    """Return the worst outcome of the cases of one test, also as a word."""
    outcomes = {case.outcome for case in cases}
    if outcomes & FAILURES:
        return Status.FAILED, "failed"
    if Outcome.SKIPPED in outcomes:
        return Status.NOT_RUN, "was skipped"
    return Status.PASSED, "passed"


def _stale(source: str, why: str, record: Record, *, then: Status) -> Result:
    detail = f"{why}; it had failed" if then is Status.FAILED else why
    return Result(source, Status.STALE, detail, record.id, then=then)


def _of_protocol(
    graph: TraceGraph, protocol: str, item_ids: Iterable[str] | None = None
) -> Result:
    """Return what the latest execution of a protocol says about some items.

    Args:
        graph: The evidence.
        protocol: Its id.
        item_ids: Of the items; all that it verified when left out.
    """
    found = decisive_execution(graph, protocol)
    if found is None:
        title = graph.node(protocol).title
        detail = f"no record says that '{title}' was executed"
        return Result(protocol, Status.NOT_RUN, detail)
    record, done = found
    asked = done.fingerprints if item_ids is None else item_ids
    if old := of_execution(graph, done, asked):
        return _stale(protocol, old, record, then=_OF_VERDICT[done.verdict])
    by = f"by {done.origin.person.name} in {record.id}"
    if done.verdict is StepOutcome.PASSED:
        return Result(protocol, Status.PASSED, f"passed, executed {by}", record.id)
    number, step = next(
        (n, step)
        for n, step in enumerate(done.steps, 1)
        if step.outcome is done.verdict
    )
    status = _OF_VERDICT[done.verdict]
    word = "failed" if status is Status.FAILED else f"was {done.verdict}"
    return Result(
        protocol,
        status,
        f"{word} in step {number}, executed {by}: {step.observed or step.do}",
        record.id,
    )


_OF_VERDICT: Final = {
    StepOutcome.PASSED: Status.PASSED,
    StepOutcome.FAILED: Status.FAILED,
    StepOutcome.BLOCKED: Status.NOT_RUN,
    StepOutcome.SKIPPED: Status.NOT_RUN,
}


def executions_of(
    graph: TraceGraph, protocol: str
) -> tuple[tuple[Record, Execution], ...]:
    """Return the believed executions of a protocol, oldest first."""
    return tuple(
        (record, record.statement)
        for edge in graph.into(protocol, Link.EXECUTES)
        if isinstance(record := graph.nodes[edge.source].value, Record)
        and isinstance(record.statement, Execution)
        and record.path not in graph.current.doubted
    )


def decisive_execution(
    graph: TraceGraph, protocol: str
) -> tuple[Record, Execution] | None:
    """Return the latest execution, or the failed one that it did not answer.

    What was blocked or not finished does not take back an earlier failure.
    """
    executions = executions_of(graph, protocol)
    if not executions:
        return None
    ended = (StepOutcome.PASSED, StepOutcome.FAILED)
    if executions[-1][1].verdict in ended:
        return executions[-1]
    decided = [e for e in executions if e[1].verdict in ended]
    if decided and decided[-1][1].verdict is StepOutcome.FAILED:
        return decided[-1]
    return executions[-1]


def _of_approval(
    graph: TraceGraph, item_id: str, roles: Collection[Role], act: str
) -> Result:
    approvals = [
        (record, record.statement)
        for record in approvals_of(graph, item_id)
        if isinstance(record.statement, Approval)
        and record.statement.meaning == "approval"
        and record.statement.role in roles
        and signer_may(record, (Role(record.statement.role),), graph.evidence.config)
    ]
    wanted = graph.fingerprint(item_id)
    for record, approval in reversed(approvals):
        if approval.fingerprints.get(item_id) == wanted:
            if missing := missing_approvers(graph, item_id):
                detail = f"the {act} is not yet signed by {' and '.join(missing)}"
                return Result(item_id, Status.NOT_RUN, detail)
            detail = f"{act} signed by {approval.origin.person.name}"
            return Result(f"approval@{record.id}", Status.PASSED, detail, record.id)
    who = " or ".join(str(role) for role in roles)
    if approvals:
        last = approvals[-1][0]
        detail = f"the {act} was signed before {item_id} got its present wording"
        return _stale(f"approval@{last.id}", detail, last, then=Status.PASSED)
    return Result(item_id, Status.NOT_RUN, f"no signed {act} by {who}")


def _of_collection(graph: TraceGraph, specification: str) -> Result:
    """Return whether data exist that fulfil a specification; a plan is no data."""
    made = [edge.source for edge in graph.into(specification, Link.FULFILS)]
    for name in made:
        version = graph.nodes[name].value
        if isinstance(version, DatasetVersion) and any(
            record.path not in graph.current.doubted for record in version.runs
        ):
            return Result(name, Status.PASSED, "a dataset version fulfils it")
    detail = "no dataset version fulfils it: not collected"
    if made:
        detail = f"no believed run made {made[0]}, which is to fulfil it"
    return Result(specification, Status.NOT_RUN, detail)


def _of_acceptance(graph: TraceGraph, item: Requirement) -> Iterator[Result]:
    if not item.acceptance:
        return
    record = graph.current.evaluation
    if record is None:
        detail = "no believed run of the evaluation explains dvc.lock"
        yield Result(item.id, Status.NOT_RUN, detail)
        return
    source = f"evaluation@{record.id}"
    found = graph.nodes[source].value
    rows = found.rows if isinstance(found, Evaluation) else ()
    mine = [row for row in rows if row.requirement == item.id]
    if old := of_evaluation(graph, record):
        then = worst_of(Result(source, _decided(r), "") for r in mine)
        yield _stale(source, old, record, then=then)
        return
    for index, criterion in enumerate(item.acceptance):
        name = f"{criterion.statistic} {criterion.metric} of {criterion.label}"
        of_criterion = [row for row in mine if row.criterion == index]
        found_out = [_of_row(graph, source, record, name, row) for row in of_criterion]
        if not of_criterion:
            detail = f"has no result for criterion {index} ({name})"
            yield Result(source, Status.NOT_RUN, detail, record.id)
        elif all(result.status is Status.NOT_EVALUABLE for result in found_out):
            # a small group beside others is said, and no more; here nothing was decided
            why = of_criterion[0].reason.removesuffix(".") or "not evaluable"
            if of_criterion[0].group:
                why = f"no group had enough cases ({of_criterion[0].group}: {why})"
            yield Result(source, Status.NOT_RUN, f"{name}: {why}", record.id)
        else:
            yield from found_out


def _of_row(
    graph: TraceGraph, source: str, record: Record, name: str, row: AcceptanceRow
) -> Result:
    where = f"{name} in {row.group}" if row.group else name
    status = _decided(row)
    if row.fingerprint != graph.fingerprint(row.requirement):
        old = f"decided before {row.requirement} got its present wording"
        return _stale(source, f"{where}: {old}", record, then=status)
    number = "" if row.compared is None else f"{row.compared:.4g}, {row.cases} cases"
    why = row.reason.removesuffix(".")  # part of a longer sentence
    if status is Status.PASSED or (status is Status.FAILED and not why):
        why = number
    return Result(source, status, f"{where}: {why}", record.id)


def _decided(row: AcceptanceRow) -> Status:
    """Return what a decision came to; one of no known outcome is not passed."""
    known = {Outcome.PASSED: Status.PASSED, Outcome.SKIPPED: Status.NOT_EVALUABLE}
    return next((s for o, s in known.items() if o == row.outcome), Status.FAILED)
