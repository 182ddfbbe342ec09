"""Is it verified? Derived from records and fingerprints, never typed by anyone.

A requirement has results of its own and those of the requirements that refine it; a
user need has those of all requirements that refine it, a risk those of all that
controls it. The worst one counts, and says on which way it was reached.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from regml.items.base import Kind
from regml.items.links import Link
from regml.items.recorded import Outcome, TestRun
from regml.items.requirements import Requirement
from regml.items.risk import Risk
from regml.trace.model import TraceGraph
from regml.trace.own_results import (
    Result,
    Status,
    approved_now,
    decisive_execution,
    own_results,
    worst_of,
)
from regml.trace.staleness import of_tests

__all__ = [
    "RequirementStatus",
    "Result",
    "Status",
    "approved_now",
    "decisive_execution",
    "own_results",
    "requirement_status",
    "standing_test_run",
]


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
    known = _KNOWN.setdefault(graph, {})
    if item_id not in known:
        own = own_results(graph, item_id)
        below = sorted(_below(graph, item_id), key=lambda r: (r.source, r.detail))
        results = (*own, *below)
        known[item_id] = RequirementStatus(item_id, worst_of(results), results)
    return known[item_id]


_KNOWN: WeakKeyDictionary[TraceGraph, dict[str, RequirementStatus]] = (
    WeakKeyDictionary()
)
"""What was asked already: one requirement is part of many answers."""


def _below(graph: TraceGraph, item_id: str) -> Iterator[Result]:
    """Give the status of everything an item rests on, with the way to it.

    Going level by level ends also where items refine each other in a circle.
    """
    item = graph.item(item_id)
    if isinstance(item, Risk):
        yield from _unshown(item)
    seen: set[str] = {item_id}
    todo: deque[tuple[str, tuple[str, ...]]] = deque([(item_id, ())])
    while todo:
        name, way = todo.popleft()
        for child in _children(graph, name):
            if child in seen:
                continue
            seen.add(child)
            yield _of_child(graph, child, way)
            todo.append((child, (*way, child)))


def _children(graph: TraceGraph, item_id: str) -> list[str]:
    """Return the items in force that a need, a requirement or a risk rests on."""
    item = graph.item(item_id)
    if item is None:
        return []
    if isinstance(item, Risk):
        links = graph.out(item_id, Link.IMPLEMENTED_BY, Link.EFFECTIVE_BY)
        names = {edge.target for edge in links}
        names |= {edge.source for edge in graph.into(item_id, Link.CONTROLS)}
    elif item.kind in (Kind.USER_NEED, Kind.REQUIREMENT):
        refining = (edge.source for edge in graph.into(item_id, Link.REFINES))
        names = {n for n in refining if isinstance(graph.item(n), Requirement)}
    else:
        return []
    return sorted(n for n in names if (found := graph.item(n)) and not found.retired)


def _of_child(graph: TraceGraph, child: str, way: tuple[str, ...]) -> Result:
    own = own_results(graph, child)
    status = worst_of(own)
    those = [result for result in own if result.status is status]
    first = min(those, key=lambda r: r.then is Status.PASSED, default=None)
    detail = str(status)
    if status is Status.NO_TEST:
        detail = "nothing verifies it"
    elif status is not Status.PASSED and first:
        source = first.source.removeprefix("test:")
        detail = first.detail if source == child else f"{source} {first.detail}"
    through = f" (through {', '.join(way)})" if way else ""
    record, then = (first.record, first.then) if first else ("", None)
    return Result(child, status, detail + through, record, below=True, then=then)


def _unshown(risk: Risk) -> Iterator[Result]:
    """Give the questions about the controls of a risk that nobody answers."""
    for control in risk.controls:
        for targets, word in (
            (control.implemented_by, "implemented"),
            (control.effectiveness, "effective"),
        ):
            if not targets:
                detail = f"nothing shows that control {control.id} is {word}"
                yield Result(risk.id, Status.NOT_RUN, detail)


def standing_test_run(graph: TraceGraph) -> tuple[str, TestRun] | None:
    """Return path and run of the latest complete ``regml test``, if it still stands.

    It does as long as code, model and the wording of all it verifies are the same, and
    no later run of some of the tests failed. Imported results say nothing about it.
    """
    for record in reversed(graph.current.believed):
        run = record.statement
        if not isinstance(run, TestRun) or run.reports:
            continue
        failed = any(case.outcome is Outcome.FAILED for case in run.cases)
        if not _stands(graph, run) or (failed and not run.complete):
            return None
        if run.complete:
            return record.path, run
    return None


def _stands(graph: TraceGraph, run: TestRun) -> bool:
    model = graph.current.model
    verified = {item_id for case in run.cases for item_id in case.verifies}
    return (
        run.origin.code == graph.evidence.code
        and (model is None or run.models.get(model.path) == model.sha256)
        and not any(of_tests(graph, run, item_id) for item_id in verified)
    )
