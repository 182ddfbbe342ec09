"""M: what was decided follows from the scores, by criteria that were set before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from regml.items.lifecycle import ChangeRequest
from regml.items.recorded import Record
from regml.items.requirements import Acceptance, Requirement
from regml.trace.current import artifact_of, facts_of, stage_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import AcceptanceRow, Evaluation
from regml.trace.rules.base import Gap, rule
from regml.trace.signatures import approved_as_it_is, kept_content
from regml.trace.statistics import CriterionResult, evaluate

TOLERANCE = 2e-6
"""Results may be written rounded to six decimals."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the present evaluation decided on one criterion.

    Attributes:
        record: The evaluation.
        requirement: Whose criterion it is.
        criterion: Its index there.
        rows: What was decided, for each group.
    """

    record: Record
    requirement: str
    criterion: int
    rows: tuple[AcceptanceRow, ...]


def _decisions(graph: TraceGraph) -> Iterator[Record | Decided]:
    """Give the present evaluation, for its scores, and each criterion it decided on."""
    record = graph.current.evaluation
    if record is None:
        return
    yield record
    value = graph.nodes[f"evaluation@{record.id}"].value
    found: dict[tuple[str, int], list[AcceptanceRow]] = {}
    for row in value.rows if isinstance(value, Evaluation) else ():
        found.setdefault((row.requirement, row.criterion), []).append(row)
    for (name, criterion), rows in found.items():
        yield Decided(record, name, criterion, tuple(rows))


# IEC 62304 5.7.5, 21 CFR 11.10 (a)
@rule(
    "M06",
    "Every acceptance decision follows from the scores per case, and none is left out.",
    _decisions,
    clauses=("IEC 62304 5.7.5", "21 CFR 11.10 (a)"),
)
def follows_from_the_scores(
    graph: TraceGraph, subject: Record | Decided
) -> Iterator[Gap]:
    """Decides again from per_case.csv; wording that changed since is left to M02."""
    if isinstance(subject, Record):
        yield from _unchanged(graph, subject)
        return
    again = _again(graph, subject)
    if again is None:
        return
    record, path = subject.record, _scores_of(subject.record)
    told = {row.group: _words(_told(row)) for row in subject.rows}
    words = {group: _words(_found(result)) for group, result in again.items()}
    differing = {
        row.group
        for row in subject.rows
        if row.group not in again or not _same(_told(row), _found(again[row.group]))
    }
    for group in sorted(differing | (again.keys() - told.keys()), key=str):
        where = f" in {group}" if group else ""
        yield Gap(
            subject.requirement,
            f"The recorded result of criterion {subject.criterion}{where} is "
            f"{told.get(group, 'left out')}; {path} gives {words.get(group, 'none')}.",
            f"Run 'dvc repro -f -s {stage_of(record)}' and find out who changed what.",
            record.path,
        )


def _scores_of(record: Record) -> str:
    return str(facts_of(record, "evaluation").get("per_case", ""))


def _unchanged(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    path = _scores_of(record)
    recorded, present = artifact_of(record, path), graph.evidence.workspace.get(path)
    if path not in graph.evidence.scores:
        problem = "is not in the work tree, so that no decision can be made again"
    elif recorded and present and recorded.sha256 != present.sha256:
        problem = "was changed after it was recorded"
    else:
        return
    yield Gap(
        f"evaluation@{record.id}",
        f"{path or 'per_case.csv'} {problem}.",
        "Get it back with 'git restore' or 'dvc checkout'.",
        path,
    )


def _again(
    graph: TraceGraph, decided: Decided
) -> dict[str | None, CriterionResult] | None:
    """Decide again by group; ``None`` where criterion or scores are not there."""
    item = graph.item(decided.requirement)
    scores = graph.evidence.scores.get(_scores_of(decided.record))
    if (
        scores is None
        or not isinstance(item, Requirement)
        or any(row.fingerprint != graph.fingerprint(item.id) for row in decided.rows)
        or not 0 <= decided.criterion < len(item.acceptance)
    ):
        return None
    results = evaluate(item.acceptance[decided.criterion], scores)
    return {result.group: result for result in results}


def _told(row: AcceptanceRow) -> tuple[Any, ...]:
    return row.outcome, row.value, row.low, row.high


def _found(result: CriterionResult) -> tuple[Any, ...]:
    return str(result.outcome), result.value, result.low, result.high


def _same(told: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    if told[0] != found[0]:
        return False
    return all(
        left is right
        or (
            isinstance(left, int | float)
            and isinstance(right, int | float)
            and abs(left - right) <= TOLERANCE * max(1.0, abs(right))
        )
        for left, right in zip(told[1:], found[1:], strict=True)
    )


def _words(numbers: tuple[Any, ...]) -> str:
    outcome, value, low, high = numbers
    if value is None:
        return str(outcome)
    interval = f" [{low:.4g}, {high:.4g}]" if low is not None is not high else ""
    return f"{outcome} with {value:.4g}{interval}"


CRITERION = frozenset(Acceptance.model_fields)
"""What makes a criterion."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The criteria of one requirement as one evaluation had them.

    Attributes:
        record: The evaluation.
        fingerprint: Of the requirement then.
        criteria: Field by field; ``None`` where nobody can tell any more.
    """

    record: Record
    fingerprint: str
    criteria: tuple[Mapping[str, Any], ...] | None

    @property
    def day(self) -> str:
        """When the evaluation saw the cases, as in ``2026-01-05``."""
        return self.record.statement.origin.started_utc[:10]


def _decided_before(graph: TraceGraph) -> list[tuple[str, tuple[Seen, ...]]]:
    """Return what evaluations decided on, with what each knew, oldest first."""
    found: dict[str, tuple[Seen, ...]] = {}
    for record in graph.current.believed:
        node = graph.nodes.get(f"evaluation@{record.id}")
        rows = node.value.rows if node and isinstance(node.value, Evaluation) else ()
        by_name: dict[str, list[AcceptanceRow]] = {}
        for row in rows:
            by_name.setdefault(row.requirement, []).append(row)
        for name, decided in by_name.items():
            found[name] = (*found.get(name, ()), _seen(graph, record, decided))
    return list(found.items())


def _seen(graph: TraceGraph, record: Record, rows: list[AcceptanceRow]) -> Seen:
    """Return the criteria as rows note them, or else as the wording then had them."""
    name, fingerprint = rows[0].requirement, rows[0].fingerprint
    if all(row.facts.keys() >= CRITERION for row in rows):
        by_index = {row.criterion: row.facts for row in rows}
        return Seen(record, fingerprint, tuple(by_index[i] for i in sorted(by_index)))
    if fingerprint == graph.fingerprint(name):
        return Seen(record, fingerprint, _present(graph, name))
    kept = kept_content(graph, fingerprint)
    if kept is None:
        return Seen(record, fingerprint, None)
    then = (Acceptance.model_validate(row) for row in kept.get("acceptance", ()))
    return Seen(record, fingerprint, tuple(c.model_dump(mode="json") for c in then))


def _present(graph: TraceGraph, name: str) -> tuple[Mapping[str, Any], ...]:
    """Return the criteria of now; none of what was retired or removed."""
    item = graph.item(name)
    if not isinstance(item, Requirement) or item.retired:
        return ()
    return tuple(c.model_dump(mode="json") for c in item.acceptance)


# IEC 62304 7.3.7; criteria are set before the test data are seen
@rule(
    "M07",
    "No acceptance criterion was changed or given up after its first evaluation "
    "without an approved change request.",
    _decided_before,
    clauses=("IEC 62304 8.2.1", "GMLP 8"),
)
def is_set_before(
    graph: TraceGraph, subject: tuple[str, tuple[Seen, ...]]
) -> Iterator[Gap]:
    """Compares what each evaluation recorded with the next, and the last with now.

    A request that was closed before an evaluation excuses no change after it.
    """
    name, history = subject
    first = history[0]
    asked = _asked(graph, name, first.day)
    approved = [r for r in asked if approved_as_it_is(graph, r.id)]
    now = Seen(first.record, graph.fingerprint(name) or "", _present(graph, name))
    changes = dict.fromkeys(
        change
        for before, after in pairwise((*history, now))
        if not any(_is_open(request, before.day) for request in approved)
        for change in _between(before, after)
    )
    if changes:
        why, remedy = _unasked(name, asked, approved)
        yield Gap(
            name,
            f"The acceptance criteria of {name} were changed after evaluation "
            f"{first.record.id} of {first.day} had seen the test cases: "
            f"{'; '.join(changes)}. {why}",
            remedy,
            graph.where(name, "acceptance") or history[-1].record.path,
        )


def _asked(graph: TraceGraph, name: str, day: str) -> list[ChangeRequest]:
    """Return the requests to change an item that were raised since a day."""
    today = graph.evidence.today.isoformat()
    return [
        request
        for request in graph.items(ChangeRequest)
        if name in request.changes and day <= request.raised.isoformat() <= today
    ]


def _is_open(request: ChangeRequest, day: str) -> bool:
    return request.closed is None or request.closed.isoformat() >= day


def _unasked(
    name: str, asked: list[ChangeRequest], approved: list[ChangeRequest]
) -> tuple[str, str]:
    """Return why no change request excuses a change, and what to do."""
    waiting = [request.id for request in asked if request not in approved]
    if waiting:
        return (
            f"{', '.join(waiting)} names {name} and is not approved as it is.",
            f"Have {waiting[0]} approved, or set the criteria back.",
        )
    why = f"No change request names {name} since."
    if approved:
        closed = ", ".join(f"{r.id} (closed on {r.closed})" for r in approved)
        why = f"No change request that was open then names {name}, only {closed}."
    return (
        why,
        f"Raise a change request that names {name} and says why, have it approved, or "
        "set the criteria back.",
    )


def _between(before: Seen, after: Seen) -> Iterator[str]:
    """Give what differs between the criteria of two moments."""
    if before.criteria is not None and after.criteria is not None:
        yield from _changes(before.criteria, after.criteria)
    elif before.fingerprint != after.fingerprint:
        silent = before if before.criteria is None else after
        yield (
            f"evaluation {silent.record.id} did not note its criteria ('metric', "
            "'at_least', ...), and was by another wording than there was next"
        )


def _changes(
    before: tuple[Mapping[str, Any], ...], after: tuple[Mapping[str, Any], ...]
) -> Iterator[str]:
    if len(before) != len(after):
        yield f"{len(before)} criteria became {len(after)}"
        return
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        for name in Acceptance.model_fields:
            if old[name] != new[name]:
                yield f"{name} of criterion {index} from {old[name]} to {new[name]}"


RULES = (follows_from_the_scores, is_set_before)
