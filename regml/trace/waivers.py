"""Waivers: which findings somebody with the right to it decided to live with.

A waived finding stays a finding; it is printed everywhere and only does not count.
Whatever is wrong with the waiver, the finding counts and says what it is.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from regml.errors import SigningKeyError, UnknownIdError
from regml.findings import Finding, RuleOutcome
from regml.items.config import MAY_DECIDE
from regml.items.recorded import Person, Record, Waiver
from regml.trace.current import signer_may
from regml.trace.model import TraceGraph
from regml.trace.signatures import signatures

OF_SIGNATURES: Final = "C12"
"""Says who may sign, and that no author is the only approver."""


def apply_waivers(
    graph: TraceGraph, outcomes: Iterable[RuleOutcome]
) -> tuple[RuleOutcome, ...]:
    """Return the outcomes with every finding marked that a waiver covers."""
    given: dict[tuple[str, str], list[tuple[Record, Waiver]]] = {}
    for record, waiver in _waivers(graph):
        for subject in waiver.subjects:
            given.setdefault((waiver.rule, subject), []).append((record, waiver))
    if not given:
        return tuple(outcomes)
    return tuple(
        replace(
            outcome,
            findings=tuple(
                _marked(graph, finding, given.get((finding.rule, finding.subject), []))
                for finding in outcome.findings
            ),
        )
        for outcome in outcomes
    )


def waivable(
    graph: TraceGraph, outcome: RuleOutcome, subjects: Iterable[str]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return fingerprint and messages of subjects that a rule found something on.

    Only what was found can be waived: nobody can sign for what they have not seen.

    Raises:
        UnknownIdError: The rule finds nothing on one of them.
    """
    found: dict[str, list[str]] = {}
    for finding in outcome.findings:
        found.setdefault(finding.subject, []).append(finding.message)
    prints: dict[str, str] = {}
    for named in subjects:
        meant = (named, named.upper(), f"test:{named}", f"file:{named}")
        subject = next((name for name in meant if name in found), named)
        if subject not in found:
            there = ", ".join(sorted(found))
            finds = f"now finds something on: {there}" if there else "finds nothing now"
            known = "" if subject in graph.nodes else " does not exist, and it"
            raise UnknownIdError(
                f"{subject}{known} has no finding of {outcome.rule} to waive. "
                f"{outcome.rule} {finds}."
            )
        prints[subject] = graph.fingerprint(subject) or ""
    return prints, {name: tuple(found[name]) for name in prints}


def refuse_own(
    graph: TraceGraph, rule: str, subjects: Iterable[str], person: Person
) -> None:
    """Refuse somebody who waives what is found about their own signature.

    Raises:
        SigningKeyError: They do.
    """
    for subject in subjects:
        if _is_own(graph, rule, subject, person):
            raise SigningKeyError(
                f"{person.name} signed {subject} and cannot waive what {rule} says "
                f"about that. Ask another with the role {' or '.join(MAY_DECIDE)}."
            )


def _is_own(graph: TraceGraph, rule: str, subject: str, person: Person) -> bool:
    """Tell whether somebody would excuse that they alone approved what they signed."""
    return rule == OF_SIGNATURES and person.email in {
        signed.person.email for signed in signatures(graph, subject)
    }


def why_not(graph: TraceGraph, record: Record) -> str:
    """Return why a waiver counts for nothing at all, or nothing when it does."""
    waiver = record.statement
    if not isinstance(waiver, Waiver):
        return "it is no waiver"
    if void := _void(graph, record, waiver):
        return void
    return f"it ended on {waiver.until}" if waiver.until < graph.evidence.today else ""


def _void(graph: TraceGraph, record: Record, waiver: Waiver) -> str:
    """Return why a waiver never counted, or nothing."""
    if any(problem.path == record.path for problem in graph.evidence.log_problems):
        return "its record cannot be believed (see C14)"
    if waiver.role not in MAY_DECIDE:
        return f"it was signed in the role {waiver.role}, which waives nothing"
    if not signer_may(record, MAY_DECIDE, graph.evidence.config):
        return f"who signed it has not got the role {' or '.join(MAY_DECIDE)}"
    person = waiver.origin.person
    own = [s for s in waiver.subjects if _is_own(graph, waiver.rule, s, person)]
    if own:
        return f"it is about {', '.join(own)}, which {person.name} signed"
    signed = moment(waiver.origin.finished_utc)
    if signed is None:
        return "nobody can tell when it was signed"
    if is_to_come(signed.date(), graph.evidence.today):
        return f"it was signed on {signed.date()}, a day that is to come"
    return ""


def moment(text: str) -> dt.datetime | None:
    """Return a time of a record, or ``None`` when it is no time in UTC."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.utcoffset() == dt.timedelta() else None


def is_to_come(day: dt.date, today: dt.date) -> bool:
    """Tell whether a record cannot be of a day; it may be of the next one.

    A build that is dated by its commit sees records of the day after it.
    """
    return day - dt.timedelta(days=1) > today


def _waivers(graph: TraceGraph) -> Iterator[tuple[Record, Waiver]]:
    """Give every waiver in the order of the log, also those nobody believes."""
    for record in graph.evidence.records:
        if isinstance(record.statement, Waiver):
            yield record, record.statement


def _marked(
    graph: TraceGraph, finding: Finding, given: list[tuple[Record, Waiver]]
) -> Finding:
    """Return a finding as waived, or with the reason why its last waiver fails.

    The latest waiver of the same words decides, so that a new one can end an old one;
    one that nobody had the right to sign decides nothing.
    """
    reasons = []
    for record, waiver in reversed(given):
        other = _other(graph, finding, waiver)
        reason = why_not(graph, record) or other
        if not reason:
            return replace(
                finding,
                waived_by=record.id,
                waived_until=waiver.until.isoformat(),
                waived_because=(
                    f"{waiver.origin.person.name} ({waiver.role}): {waiver.because}"
                ),
            )
        reasons.append((record, waiver, reason))
        if not other and _ended(graph, record, waiver):
            break
    if not reasons:
        return finding
    record, waiver, reason = reasons[0]
    return replace(
        finding,
        message=f"{finding.message} The waiver {record.id} of "
        f"{waiver.origin.person.name} does not cover it: {reason}.",
    )


def _ended(graph: TraceGraph, record: Record, waiver: Waiver) -> bool:
    """Tell whether the only thing wrong with a waiver is that it ended."""
    return bool(why_not(graph, record)) and not _void(graph, record, waiver)


def _other(graph: TraceGraph, finding: Finding, waiver: Waiver) -> str:
    """Return how what was waived differs from what is found now."""
    seen = waiver.subjects[finding.subject]
    if seen != (graph.fingerprint(finding.subject) or ""):
        return f"{finding.subject} changed since"
    if finding.message not in waiver.messages[finding.subject]:
        return "it was given for something else that was found then"
    return ""
