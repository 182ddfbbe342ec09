"""Is it verified? Derived from records and fingerprints, never typed by anyone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regml.items.base import Kind
from regml.items.config import Role
from regml.items.links import Link
from regml.items.recorded import Approval, Outcome, Record, StageRun, TestRun
from regml.items.requirements import Requirement, VerificationMethod
from regml.trace.current import signer_may
from regml.trace.model import (
    AcceptanceRow,
    Evaluation,
    KnownTest,
    TraceGraph,
)


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


WORST_FIRST: Final = (Status.FAILED, Status.STALE, Status.NOT_RUN, Status.PASSED)


@dataclass(frozen=True, slots=True)
class Result:
    """What one piece of evidence says about one item.

    Attributes:
        source: Node id of the test, evaluation, protocol or approval.
        status: What it says.
        detail: Why, in a few words.
        record: Id of the record it comes from; empty when there is none.
    """

    source: str
    status: Status
    detail: str
    record: str = ""


@dataclass(frozen=True, slots=True)
class RequirementStatus:
    """Where the verification of one item stands, and why.

    Attributes:
        id: The item.
        status: The worst of its results.
        results: All of them, sorted by source.
    """

    id: str
    status: Status
    results: tuple[Result, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What keeps it from being passed, one text per result."""
        return tuple(
            f"{result.source}: {result.detail}"
            for result in self.results
            if result.status not in (Status.PASSED, Status.NOT_EVALUABLE)
        )


def requirement_status(graph: TraceGraph, item_id: str) -> RequirementStatus:
    """Return where the verification of a requirement, need, risk or protocol stands.

    A requirement that is verified by inspection or analysis is passed when quality
    approved it as it is now. Specifications, annotation protocols and planned
    modifications are passed likewise; a dataset specification needs a dataset too.

    Raises:
        UnknownIdError: No node has this id.
    """
    graph.node(item_id)
    results = tuple(
        sorted(_results(graph, item_id), key=lambda r: (r.source, r.detail))
    )
    found = {result.status for result in results}
    if not found:
        return RequirementStatus(item_id, Status.NO_TEST, results)
    worst = next((status for status in WORST_FIRST if status in found), Status.NOT_RUN)
    return RequirementStatus(item_id, worst, results)


def approvals_of(graph: TraceGraph, item_id: str) -> tuple[Record, ...]:
    """Return the believed approvals that an item was part of, oldest first."""
    return tuple(
        record
        for edge in graph.into(item_id, Link.APPROVES)
        if isinstance(record := graph.nodes[edge.source].value, Record)
        and record.path not in graph.current.doubted
    )


def approved_now(graph: TraceGraph, item_id: str, roles: Iterable[Role]) -> bool:
    """Tell whether someone in one of the roles approved an item as it is now."""
    return _of_approval(graph, item_id, roles, "approval").status is Status.PASSED


def standing_test_run(graph: TraceGraph) -> tuple[str, TestRun] | None:
    """Return path and run of the latest believed test run, if it still stands.

    It does as long as code, model and the wording of all it verifies are the same.
    """
    for record in reversed(graph.current.believed):
        run = record.statement
        if not isinstance(run, TestRun):
            continue
        model = graph.current.model
        verified = {item_id for case in run.cases for item_id in case.verifies}
        seen = model is None or run.models.get(model.path) == model.sha256
        outdated = any(_outdated(graph, run, item_id) for item_id in verified)
        return (record.path, run) if seen and not outdated else None
    return None


def _results(graph: TraceGraph, item_id: str) -> Iterator[Result]:
    item = graph.item(item_id)
    for edge in graph.into(item_id, Link.VERIFIES):
        value = graph.nodes[edge.source].value
        if isinstance(value, KnownTest):
            yield from _of_test(graph, edge.source, value, item_id)
        elif edge.source.startswith(f"{Kind.TEST_PROTOCOL}-"):
            yield _of_protocol(graph, edge.source)
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
    record = test.record
    if record is None or not isinstance(record.statement, TestRun):
        yield Result(source, Status.NOT_RUN, "no recorded run of this test")
        return
    run = record.statement
    if test.written is None and run.origin.code != graph.evidence.code:
        return  # the test was removed since; its old result says nothing
    if old := _outdated(graph, run, item_id):
        yield Result(source, Status.STALE, old, record.id)
    elif test.outcome is Outcome.PASSED:
        yield Result(source, Status.PASSED, f"passed in run {record.id}", record.id)
    elif test.outcome is Outcome.SKIPPED:
        yield Result(source, Status.NOT_RUN, f"was skipped in {record.id}", record.id)
    else:
        yield Result(source, Status.FAILED, f"failed in run {record.id}", record.id)


def _outdated(graph: TraceGraph, run: TestRun, item_id: str) -> str:
    """Return what changed since a test run, or nothing."""
    if run.origin.code != graph.evidence.code:
        return "ran with other source code than there is now"
    if run.fingerprints.get(item_id) != graph.fingerprint(item_id):
        return f"ran before {item_id} got its present wording"
    model = graph.current.model
    if model and run.models.get(model.path, model.sha256) != model.sha256:
        return "ran with another model than the current one"
    return ""


def _of_protocol(graph: TraceGraph, protocol: str) -> Result:
    title = graph.node(protocol).title
    return Result(
        protocol, Status.NOT_RUN, f"no record says that '{title}' was executed"
    )


def _of_approval(
    graph: TraceGraph, item_id: str, roles: Iterable[Role], act: str
) -> Result:
    approvals = [
        (record, record.statement)
        for record in approvals_of(graph, item_id)
        if isinstance(record.statement, Approval)
        and record.statement.meaning == "approval"
        and signer_may(record, roles, graph.evidence.config)
    ]
    wanted = graph.fingerprint(item_id)
    for record, approval in reversed(approvals):
        if approval.fingerprints.get(item_id) == wanted:
            detail = f"{act} signed by {approval.origin.person.name}"
            return Result(f"approval@{record.id}", Status.PASSED, detail, record.id)
    who = " or ".join(str(role) for role in roles)
    if approvals:
        last = approvals[-1][0]
        detail = f"the {act} was signed before {item_id} got its present wording"
        return Result(f"approval@{last.id}", Status.STALE, detail, last.id)
    return Result(item_id, Status.NOT_RUN, f"no signed {act} by {who}")


def _of_collection(graph: TraceGraph, specification: str) -> Result:
    """Return whether data exist that fulfil a specification; a plan is no data."""
    for edge in graph.into(specification, Link.FULFILS):
        return Result(edge.source, Status.PASSED, "a dataset version fulfils it")
    return Result(
        specification, Status.NOT_RUN, "no dataset version fulfils it: not collected"
    )


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
    for index, criterion in enumerate(item.acceptance):
        name = f"{criterion.statistic} {criterion.metric} of {criterion.label}"
        of_criterion = [row for row in mine if row.criterion == index]
        if not of_criterion:
            detail = f"has no result for criterion {index} ({name})"
            yield Result(source, Status.NOT_RUN, detail, record.id)
        for row in of_criterion:
            status, detail = _of_row(graph, record, row)
            where = f" in {row.group}" if row.group else ""
            yield Result(source, status, f"{name}{where}: {detail}", record.id)


def _of_row(
    graph: TraceGraph, record: Record, row: AcceptanceRow
) -> tuple[Status, str]:
    if row.fingerprint != graph.fingerprint(row.requirement):
        return Status.STALE, f"decided before {row.requirement} got its present wording"
    model, run = graph.current.model, record.statement
    inputs = run.inputs if isinstance(run, StageRun) else ()
    if model and all(artifact.sha256 != model.sha256 for artifact in inputs):
        return Status.STALE, "decided for another model than the current one"
    number = "" if row.compared is None else f"{row.compared:.4g}, {row.cases} cases"
    if row.outcome == Outcome.PASSED:
        return Status.PASSED, number
    if row.outcome == Outcome.SKIPPED:
        return Status.NOT_EVALUABLE, row.reason
    return Status.FAILED, row.reason or number
