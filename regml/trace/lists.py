"""Lists of everything a project holds."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from regml.errors import UnknownIdError
from regml.items.base import Kind
from regml.items.links import Link
from regml.items.recorded import (
    Approval,
    Execution,
    Record,
    Release,
    StageRun,
    TestRun,
    Waiver,
)
from regml.items.requirements import Requirement
from regml.trace.item_states import item_state
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion, Evaluation, KnownTest, ModelVersion
from regml.trace.page import Table, plain
from regml.trace.results import Status, requirement_status
from regml.trace.signatures import (
    approved_as_it_is,
    approvers,
)
from regml.trace.waivers import why_not

V = TypeVar("V")


def item_table(graph: TraceGraph, kind: Kind | None = None) -> Table:
    """Return every item, or those of one kind, with its state and its file."""
    return Table(
        ("id", "title", "state", "file"),
        tuple(
            (
                located.item.id,
                located.item.title,
                item_state(graph, located.item.id),
                located.path,
            )
            for located in graph.evidence.items
            if kind is None or located.item.kind is kind
        ),
    )


def requirement_table(graph: TraceGraph) -> Table:
    """Return the state of every requirement with what it rests on."""
    rows = []
    for item in graph.items(Requirement):
        found = requirement_status(graph, item.id)
        good = [r.source for r in found.results if r.status is Status.PASSED]
        rows.append(
            (
                item.id,
                item.title,
                str(found.status),
                ", ".join(dict.fromkeys(good)),
                "; ".join(found.reasons),
            )
        )
    return Table(("id", "title", "status", "passed in", "open"), tuple(rows))


def list_table(graph: TraceGraph, what: str) -> Table:
    """Return a list of one sort of thing.

    Args:
        graph: The evidence.
        what: One of :data:`LISTS`, or a kind of item such as ``srs``.

    Raises:
        UnknownIdError: There is no such list.
    """
    if what.upper() in set(Kind):
        return item_table(graph, Kind(what.upper()))
    if what not in LISTS:
        kinds = ", ".join(kind.value.lower() for kind in Kind)
        raise UnknownIdError(
            f"there is no list of {what!r}. Lists: {', '.join(sorted(LISTS))}, {kinds}."
        )
    return LISTS[what](graph)


def _items(graph: TraceGraph) -> Table:
    return item_table(graph)


def _runs(graph: TraceGraph) -> Table:
    rows = []
    for record in graph.evidence.records:
        run = record.statement
        if isinstance(run, StageRun):
            person, commit = run.origin.person.name, (run.origin.commit or "")[:SHORT]
            rows.append(
                (
                    f"run@{record.id}",
                    run.stage,
                    str(run.outcome),
                    run.origin.started_utc,
                    person,
                    commit + ("+dirty" if run.origin.dirty else ""),
                    "explains dvc.lock"
                    if graph.current.explained.get(run.stage) is record
                    else "",
                )
            )
    columns = ("id", "stage", "outcome", "started", "by", "commit", "now")
    return Table(columns, tuple(rows))


def _datasets(graph: TraceGraph) -> Table:
    rows = []
    current = graph.current.manifest
    for name, value in _values(graph, DatasetVersion):
        cases = value.facts.get("cases")
        counts = plain(cases) if cases else ""
        if value.manifest:
            counts = counts or f"{len(value.manifest.cases)} cases"
        now = "current" if current and current.sha256 == value.sha256 else ""
        made = value.runs[-1].statement.origin.started_utc if value.runs else ""
        rows.append((name, value.path, counts, made, now))
    return Table(("id", "manifest", "cases", "made", "now"), tuple(rows))


def _models(graph: TraceGraph) -> Table:
    rows = []
    current = graph.current.model
    for name, value in _values(graph, ModelVersion):
        data = ", ".join(e.target for e in graph.out(name, Link.TRAINED_ON))
        now = "current" if current and current.sha256 == value.sha256 else ""
        made = value.runs[-1].statement.origin.started_utc if value.runs else ""
        rows.append((name, graph.nodes[name].title, data, made, now))
    return Table(("id", "architecture", "trained on", "made", "now"), tuple(rows))


def _evaluations(graph: TraceGraph) -> Table:
    rows = []
    for name, value in _values(graph, Evaluation):
        model = ", ".join(e.target for e in graph.out(name, Link.EVALUATES))
        outcomes = [row.outcome for row in value.rows]
        rows.append(
            (
                name,
                model,
                value.record.statement.origin.started_utc,
                *(str(outcomes.count(o)) for o in ("passed", "failed", "skipped")),
            )
        )
    columns = ("id", "model", "made", "passed", "failed", "skipped")
    return Table(columns, tuple(rows))


def _known_tests(graph: TraceGraph) -> Table:
    return Table(
        ("test", "verifies", "outcome", "run", "where"),
        tuple(
            (
                value.name,
                ", ".join(value.verifies),
                str(value.outcome or "not run"),
                value.record.id if value.record else "",
                graph.nodes[name].where,
            )
            for name, value in _values(graph, KnownTest)
        ),
    )


def _approvals(graph: TraceGraph) -> Table:
    rows = []
    for record in graph.evidence.records:
        said = record.statement
        if isinstance(said, Approval):
            believed = "" if record.path not in graph.current.doubted else "doubted"
            rows.append(
                (
                    f"approval@{record.id}",
                    said.meaning,
                    said.origin.person.name,
                    said.role,
                    said.origin.finished_utc,
                    ", ".join(said.fingerprints),
                    believed,
                )
            )
    columns = ("id", "meaning", "by", "role", "signed", "items", "note")
    return Table(columns, tuple(rows))


def _waivers(graph: TraceGraph) -> Table:
    rows = []
    for record in graph.evidence.records:
        said = record.statement
        if isinstance(said, Waiver):
            rows.append(
                (
                    f"waiver@{record.id}",
                    said.rule,
                    ", ".join(said.subjects),
                    said.origin.person.name,
                    said.until.isoformat(),
                    said.because,
                    why_not(graph, record) or "holds",
                )
            )
    columns = ("id", "rule", "subjects", "by", "until", "because", "now")
    return Table(columns, tuple(rows))


def _documents(graph: TraceGraph) -> Table:
    return Table(
        ("id", "title", "presents", "to be approved by", "state"),
        tuple(
            (
                plan.node_id,
                plan.title,
                ", ".join([*plan.items, *plan.versions]),
                ", ".join(approvers(graph, plan.node_id)),
                "approved as it is"
                if approved_as_it_is(graph, plan.node_id)
                else "not approved as it is",
            )
            for plan in graph.evidence.documents
        ),
    )


def _releases(graph: TraceGraph) -> Table:
    columns = ("id", "version", "by", "time", "commit", "model", "dataset", "note")
    return Table(
        columns,
        tuple(
            (
                f"release@{record.id}",
                release.version,
                release.origin.person.name,
                release.origin.finished_utc,
                release.commit[:SHORT],
                f"model@{release.model[:SHORT]}" if release.model else "",
                f"dataset@{release.dataset[:SHORT]}" if release.dataset else "",
                "; ".join(_about_release(graph, record, release)),
            )
            for record in graph.evidence.records
            if isinstance(release := record.statement, Release)
        ),
    )


def _about_release(
    graph: TraceGraph, record: Record, release: Release
) -> Iterator[str]:
    if release.of:
        yield f"rolls back to release@{release.of}"
    if release.known:
        yield f"{len(release.known)} known against it: {release.because}"
    if record.path in graph.current.doubted:
        yield "doubted"


def _test_runs(graph: TraceGraph) -> Table:
    rows = []
    for record in graph.evidence.records:
        run = record.statement
        if isinstance(run, TestRun):
            outcomes = [case.outcome.value for case in run.cases]
            counts = (
                str(outcomes.count(name)) for name in ("passed", "failed", "skipped")
            )
            come = ", ".join(report.name for report in run.reports) or "regml test"
            rows.append((f"tests@{record.id}", run.origin.started_utc, come, *counts))
    columns = ("id", "started", "from", "passed", "failed", "skipped")
    return Table(columns, tuple(rows))


def _executions(graph: TraceGraph) -> Table:
    rows = []
    for record in graph.evidence.records:
        done = record.statement
        if isinstance(done, Execution):
            rows.append(
                (
                    f"execution@{record.id}",
                    done.protocol,
                    str(done.verdict),
                    done.origin.person.name,
                    done.origin.finished_utc,
                    "" if record.path not in graph.current.doubted else "doubted",
                )
            )
    columns = ("id", "protocol", "verdict", "by", "signed", "note")
    return Table(columns, tuple(rows))


def _values(graph: TraceGraph, kind: type[V]) -> Iterator[tuple[str, V]]:
    for name in sorted(graph.nodes):
        value = graph.nodes[name].value
        if isinstance(value, kind):
            yield name, value


LISTS: Final[Mapping[str, Callable[[TraceGraph], Table]]] = {
    "items": _items,
    "requirements": requirement_table,
    "runs": _runs,
    "datasets": _datasets,
    "models": _models,
    "evaluations": _evaluations,
    "tests": _known_tests,
    "testruns": _test_runs,
    "executions": _executions,
    "approvals": _approvals,
    "waivers": _waivers,
    "documents": _documents,
    "releases": _releases,
}
"""What can be listed, besides the kinds of item."""
