"""C: change requests, and commits that have one (IEC 62304 8.2)."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from regml.files.git import lies_in
from regml.files.history import Commit
from regml.findings import Severity
from regml.items.base import Kind
from regml.items.lifecycle import ChangeRequest
from regml.trace.controlled import controlled, is_controlled
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.results import Status, requirement_status
from regml.trace.rules.base import Gap, rule
from regml.trace.signatures import approved_as_it_is, approvers

_NAMED: Final = re.compile(rf"\b{Kind.CHANGE_REQUEST}-\d{{2,}}\b")
_REQUESTS: Final = re.compile(r"(?:CR|PR)-\d{2,}\.md")
"""Files that ask for changes; writing them is no change."""

_MOST: Final = 3
"""How many paths a finding names."""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit under change control.

    Attributes:
        commit: It.
        paths: What it touches of what is under control, sorted.
    """

    commit: Commit
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A path that is to be under change control, and where nothing is."""

    path: str


def changes(graph: TraceGraph) -> Iterator[Change | Nothing | str]:
    """Give each commit that touches what is under control, and named paths of nothing.

    Or the name of the beginning, where git does not know it: then nobody can tell.
    """
    control = graph.evidence.config.change_control
    if control is None:
        return
    there = graph.evidence.tree | graph.evidence.pointers
    for path in control.paths:
        if not any(lies_in(name, {path.rstrip("/")}) for name in there):
            yield Nothing(path)
    if graph.evidence.surroundings.controlled_since is None:
        yield str(control.since)
        return
    places = controlled(graph.evidence.config)
    for commit in graph.evidence.surroundings.history:
        touched = tuple(
            path
            for path in commit.paths
            if is_controlled(path, places)
            and not _REQUESTS.fullmatch(path.rpartition("/")[2])
        )
        if touched:
            yield Change(commit, touched)


# IEC 62304 8.2.1
@rule(
    "C06",
    "Every commit to something under change control names an approved change request.",
    changes,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 8.2.1", "ISO 13485 7.3.9"),
)
def has_a_change_request(
    graph: TraceGraph, change: Change | Nothing | str
) -> Iterator[Gap]:
    """One approved request is enough; a message may name several."""
    if isinstance(change, Nothing):
        yield Gap(
            "regml.toml",
            f"[change_control] names {change.path}, and no file of the project is "
            "there: what was meant is not under control.",
            "Correct the path in regml.toml, or take it out.",
            "regml.toml",
        )
        return
    if isinstance(change, str):
        yield Gap(
            "regml.toml",
            f"Change control is to begin with {change}, which is no tag and no commit "
            "that git knows here: no commit is looked at.",
            "Make the baseline with 'git tag', correct 'since' under [change_control] "
            "(a branch moves on and is no beginning), or fetch a shallow clone whole: "
            "git fetch --unshallow --tags.",
            "regml.toml",
        )
        return
    commit = change.commit
    named = list(dict.fromkeys(_NAMED.findall(f"{commit.subject}\n{commit.body}")))
    reasons = {name: _not_counting(graph, name, commit) for name in named}
    if named and not all(reasons.values()):
        return
    why = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
    more = len(change.paths) - _MOST
    touched = ", ".join(change.paths[:_MOST]) + (
        f" and {more} more" if more > 0 else ""
    )
    yield Gap(
        f"commit@{commit.sha[:SHORT]}",
        f"{commit.person.name} changed {touched} on {commit.time_utc[:10]} "
        f"('{commit.subject}') "
        + (
            f"with a change request that does not count: {why}."
            if why
            else "without naming a change request."
        ),
        _remedy(graph, reasons, commit),
        change.paths[0],
    )


NOT_APPROVED: Final = "is not approved as it is"

DAY: Final = dt.timedelta(days=1)
"""A request is closed on a day of where people are, a commit is made on one in UTC."""


def _not_counting(graph: TraceGraph, name: str, commit: Commit) -> str:
    """Return why a change request does not count, or nothing when it does."""
    item = graph.item(name)
    if not isinstance(item, ChangeRequest):
        return "does not exist"
    if item.retired:
        return f"is retired ({item.retired})"
    if item.closed and (item.closed + DAY).isoformat() < commit.time_utc[:10]:
        return f"was closed before, on {item.closed}"
    return "" if approved_as_it_is(graph, name) else NOT_APPROVED


def _remedy(graph: TraceGraph, reasons: Mapping[str, str], commit: Commit) -> str:
    waiting = [name for name, why in reasons.items() if why == NOT_APPROVED]
    if waiting:
        who = " and ".join(approvers(graph, waiting[0]))
        return f"Have {who} sign it: 'regml approve --meaning approval {waiting[0]}'."
    return (
        "Write a change request and name it in the message (before it is shared: 'git "
        "commit --amend'); for a commit that cannot change, quality signs 'regml waive "
        f"C06 commit@{commit.sha[:SHORT]}' and names the request there."
    )


def closed(graph: TraceGraph) -> tuple[ChangeRequest, ...]:
    """Return the change requests in force that say they are closed."""
    return tuple(c for c in graph.items(ChangeRequest) if c.closed is not None)


# IEC 62304 8.2.2 to 8.2.4, 7.4
@rule(
    "C07",
    "Every closed change request has impact analysis, class check, risk check, "
    "verification that passed, and an approval.",
    closed,
    clauses=("IEC 62304 8.2.2", "IEC 62304 8.2.3", "IEC 62304 8.2.4", "IEC 62304 7.4"),
)
def is_closed_rightly(graph: TraceGraph, change: ChangeRequest) -> Iterator[Gap]:
    """A result that is stale was good when the request was closed."""
    parts = {
        "impact": "impact analysis",
        "class_check": "check of the safety class",
        "risk_check": "check of the risks",
        "verification": "word on its verification",
        "verified_by": "requirement or protocol whose results show it",
    }
    missing = {
        field: what for field, what in parts.items() if not getattr(change, field)
    }
    if missing:
        yield Gap(
            change.id,
            f"{change.id} is closed and has no {', no '.join(missing.values())}.",
            f"Fill in {', '.join(repr(field) for field in missing)} of {change.id}, or "
            "open it again: remove 'closed'.",
            graph.where(change.id, "closed:"),
        )
    for name in change.verified_by:
        if problem := _not_shown(graph, name):
            yield Gap(
                change.id,
                f"{change.id} is closed, but {name}, which is to show that it is done, "
                f"{problem}.",
                f"Verify {name}, or open {change.id} again: remove 'closed'.",
                graph.where(change.id, name),
            )
    yield from _dates(graph, change)
    if not approved_as_it_is(graph, change.id):
        who = " and ".join(approvers(graph, change.id))
        yield Gap(
            change.id,
            f"{change.id} is closed, but {who} has not approved it as it is.",
            f"Have {who} sign: 'regml approve --meaning approval {change.id}'.",
            graph.where(change.id, "closed:"),
        )


def _not_shown(graph: TraceGraph, name: str) -> str:
    if graph.item(name) is None:
        return "does not exist"
    found = requirement_status(graph, name)
    if found.status is not Status.STALE:
        return "" if found.status is Status.PASSED else f"is {found.status}"
    once = {r.then for r in found.results if r.status is Status.STALE}
    return "" if once == {Status.PASSED} else "did not pass when it was tried last"


def _dates(graph: TraceGraph, change: ChangeRequest) -> Iterator[Gap]:
    if change.closed is None:
        return
    if change.closed < change.raised:
        what = f"before it was raised ({change.raised})"
    elif change.closed > graph.evidence.today:
        what = "a day that is to come"
    else:
        return
    yield Gap(
        change.id,
        f"{change.id} says it was closed on {change.closed}, {what}.",
        f"Correct 'closed' or 'raised' of {change.id}.",
        graph.where(change.id, "closed:"),
    )


RULES = (has_a_change_request, is_closed_rightly)
