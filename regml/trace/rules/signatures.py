"""C: signatures hold what was signed, by whom, and when (21 CFR 11.50, 11.70)."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from regml.findings import Severity
from regml.items.base import Kind
from regml.items.config import MAY_DECIDE, Config
from regml.items.links import references
from regml.items.recorded import (
    Approval,
    Execution,
    Person,
    Record,
    Release,
    StageRun,
    TestRun,
    Waiver,
)
from regml.trace.current import key_id, signer_may
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule
from regml.trace.signatures import (
    APPROVING,
    MEANINGS,
    Signed,
    approvers,
    changes_since,
    confirming,
    has_role,
    may_approve,
    named_then,
    of_target,
    signatures,
    signed_names,
    standing,
)
from regml.trace.waivers import is_to_come, moment

TELL_OF_THE_PAST: Final = frozenset({Kind.CHANGE_REQUEST, Kind.PROBLEM_REPORT})
"""What they name changes because of them: that makes no link of theirs suspect."""

CLOCKS_APART: Final = dt.timedelta(minutes=2)
"""How far the clocks of two machines may be apart."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A link of a signed item, and what its signature saw at the other end.

    Attributes:
        signed: The signature that stands for the item.
        target: Where the link leads.
        seen: Fingerprint of the target then; ``None`` when the link was not there.
    """

    signed: Signed
    target: str
    seen: str | None


def _links(graph: TraceGraph) -> Iterator[Confirmed]:
    """Give each link of every signed item in force to something that exists."""
    for located in graph.evidence.items:
        item = located.item
        if item.retired or item.kind in TELL_OF_THE_PAST:
            continue
        for signed in confirming(graph, item.id):
            named = named_then(graph, signed)
            for target in dict.fromkeys(ref.target for ref in references(item)):
                if graph.fingerprint(target) is not None:
                    was_there = named is None or target in named
                    seen = signed.said.linked.get(target) if was_there else None
                    yield Confirmed(signed, target, seen)


# IEC 62304 6.3.1, 8.2.3
@rule(
    "T12",
    "What a signed item rests on is as it was when the item was signed.",
    _links,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 6.3.1", "IEC 62304 8.2.3"),
)
def is_not_suspect(graph: TraceGraph, link: Confirmed) -> Iterator[Gap]:
    """A link is suspect when its target changed, or when nobody confirmed it."""
    source, target = link.signed.name, link.target
    if graph.fingerprint(target) == link.seen:
        return
    who, record = link.signed.person.name, link.signed.record
    if link.seen is None:
        message = (
            f"The link to {target} is suspect: it was not there, or led nowhere, when "
            f"{who} signed {source} ({record.id})."
        )
        details: tuple[str, ...] = ()
    else:
        message = (
            f"The link to {target} is suspect: {target} changed since {who} signed "
            f"{source} ({record.id})."
        )
        details = tuple(
            of_target(target, changes_since(graph, target, link.seen, record))
        )
    yield Gap(
        source,
        message,
        f"Read {source} against the present {target} and sign with "
        f"'regml approve --meaning approval {source}'.",
        graph.where(source, target),
        details=details,
    )


def _standing(graph: TraceGraph) -> Iterator[Signed]:
    for name in signed_names(graph):
        if signed := standing(graph, name):
            yield signed


# 21 CFR 11.70, 11.10 (e)
@rule(
    "C11",
    "Everything that was signed is as it was when it was signed.",
    _standing,
    clauses=("21 CFR 11.70", "21 CFR 11.10 (e)"),
)
def is_as_signed(graph: TraceGraph, signed: Signed) -> Iterator[Gap]:
    """Compares item or document with the signature that stands for it."""
    name, now = signed.name, graph.fingerprint(signed.name)
    if now == signed.fingerprint:
        return
    what = "was removed" if now is None else "changed"
    yield Gap(
        name,
        f"{name} {what} since {signed.person.name} signed it ({signed.record.id}).",
        f"Review the change and sign with 'regml approve --meaning approval {name}'."
        if now
        else f"Retire {name} instead of removing it.",
        graph.where(name) or signed.record.path,
        details=changes_since(graph, name, signed.fingerprint, signed.record),
    )


def _by_somebody(graph: TraceGraph) -> Iterator[str | Record]:
    """Give the name of everything signed, each release, each waiver that still runs."""
    yield from signed_names(graph)
    for record in graph.current.believed:
        said = record.statement
        runs = isinstance(said, Waiver) and said.until >= graph.evidence.today
        if runs or isinstance(said, Release):
            yield record


# 21 CFR 11.10 (g), ISO 13485 7.3.5
@rule(
    "C12",
    "Whoever signs has the role to do so, everybody who has to approve has, and no "
    "author is the only approver.",
    _by_somebody,
    clauses=("21 CFR 11.10 (g)", "ISO 13485 7.3.5"),
)
def has_the_right_signatures(graph: TraceGraph, subject: str | Record) -> Iterator[Gap]:
    """Looks at the last signatures: a later one with the right role heals."""
    if isinstance(subject, Record):
        yield from _decision_without_role(graph, subject)
        return
    found = signatures(graph, subject)
    entitled = [
        s for s in found if s.said.meaning in APPROVING and may_approve(graph, s)
    ]
    after = found[found.index(entitled[-1]) + 1 :] if entitled else found
    for signed in after:
        yield from _without_role(graph, signed)
    standing_ones = [s for s in entitled if s.fingerprint == graph.fingerprint(subject)]
    if standing_ones:
        yield from _incomplete(graph, subject, standing_ones)
        yield from _by_its_author(graph, subject, standing_ones)


def _without_role(graph: TraceGraph, signed: Signed) -> Iterator[Gap]:
    said, who = signed.said, signed.person.name
    if not has_role(graph, signed):
        owner = _owner(signed.record, graph.evidence.config)
        what = f"signed it as {said.role}, but with the key of {owner}"
    elif said.meaning in APPROVING and not may_approve(graph, signed):
        wanted = " and ".join(approvers(graph, signed.name))
        what = f"signed it as {said.role}, but {wanted} has to approve it"
    else:
        return
    yield Gap(
        signed.name,
        f"The {said.meaning} of {signed.name} by {who} ({signed.record.id}) does not "
        f"count: {who} {what}.",
        f"Have {' and '.join(approvers(graph, signed.name))} sign with "
        f"'regml approve --meaning approval {signed.name}', or correct [approvals] or "
        "the signer's roles in regml.toml.",
        graph.where(signed.name) or signed.record.path,
    )


def _decision_without_role(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Waivers and releases are for quality alone, whatever regml.toml says."""
    said, config = record.statement, graph.evidence.config
    if not isinstance(said, Waiver | Release):
        return
    if said.role in MAY_DECIDE and signer_may(record, MAY_DECIDE, config):
        return
    roles, who = " or ".join(MAY_DECIDE), said.origin.person.name
    if isinstance(said, Waiver):
        what, consequence = f"waived {said.rule}", "waive, so it covers nothing"
        remedy = f"Mend the finding, or have {roles} sign a waiver of their own."
    else:
        what, consequence = f"released {said.version}", "release"
        remedy = f"Have {roles} review and sign the release."
    by = ""
    if said.role in MAY_DECIDE:
        by = f", but with the key of {_owner(record, config)}"
    yield Gap(
        f"{type(said).__name__.lower()}@{record.id}",
        f"{who} {what} as {said.role}{by}; only {roles} may {consequence}.",
        remedy,
        record.path,
    )


def _owner(record: Record, config: Config) -> str:
    """Return whom regml.toml names for the key of a record, and in which roles."""
    owners = {
        f"{signer.name} ({', '.join(signer.roles) or 'no role'})"
        for signer in config.signers
        if key_id(signer.public_key) == record.key_id
    }
    return f"{' and '.join(sorted(owners)) or 'nobody'}, {record.key_id[:12]}"


def _incomplete(graph: TraceGraph, name: str, found: list[Signed]) -> Iterator[Gap]:
    missing = set(approvers(graph, name)) - {s.said.role for s in found}
    if missing:
        signed = ", ".join(sorted({f"{s.person.name} ({s.said.role})" for s in found}))
        yield Gap(
            name,
            f"{name} is approved by {signed}, but not yet by "
            f"{' and '.join(sorted(missing))}, who has to approve it too.",
            f"Have {' and '.join(sorted(missing))} sign with "
            f"'regml approve --meaning approval {name}'.",
            graph.where(name),
            Severity.MAJOR,
        )


def _by_its_author(graph: TraceGraph, name: str, found: list[Signed]) -> Iterator[Gap]:
    path = graph.where(name).rpartition(":")[0]
    authors, source = _authors(graph, name, path)
    if not authors:
        yield Gap(
            name,
            f"Nobody can tell whether the author of {name} is its only approver: "
            f"{path} as it is was never committed, or the clone is shallow.",
            f"Commit {path}, fetch the whole history (git fetch --unshallow), or have "
            f"its author sign with 'regml approve --meaning authorship {name}'.",
            graph.where(name),
            Severity.MAJOR,
        )
    elif _addresses(s.person for s in found) <= _addresses(authors):
        who = ", ".join(sorted({s.person.name for s in found}))
        yield Gap(
            name,
            f"{who} is the author of {name} ({source}) and its only approver.",
            "Have somebody else approve it with "
            f"'regml approve --meaning approval {name}'.",
            graph.where(name),
            Severity.MAJOR,
        )


def _addresses(people: Iterable[Person]) -> set[str]:
    """Return who people are; git takes an address in capitals as well."""
    return {person.email.casefold() for person in people}


def _authors(graph: TraceGraph, name: str, path: str) -> tuple[tuple[Person, ...], str]:
    """Return who wrote an item as it is, and where that is known from.

    A signature of authorship goes before git, whose names anybody can set.
    """
    now = graph.fingerprint(name)
    signed = tuple(
        s.person
        for s in signatures(graph, name)
        if s.said.meaning == "authorship" and s.fingerprint == now
    )
    if signed:
        return signed, "signed as author"
    commit = graph.evidence.surroundings.last_changes.get(path)
    if commit is None or path in graph.evidence.dirty:
        return (), ""
    return (commit.person,), f"commit {commit.sha[:12]}"


def _signed(graph: TraceGraph) -> Iterator[Record]:
    """Give every believed record under which somebody put their name in a role."""
    for record in graph.current.believed:
        if isinstance(record.statement, Approval | Waiver | Execution | Release):
            yield record


# 21 CFR 11.50
@rule(
    "C13",
    "Every signature states name, role, time and meaning, and was made after what it "
    "is under and before its release.",
    _signed,
    clauses=("21 CFR 11.50",),
)
def states_who_when_and_why(graph: TraceGraph, record: Record) -> Iterator[Gap]:
    """Time is that of the signing, and cannot be before the commit it is about."""
    said = record.statement
    if isinstance(said, StageRun | TestRun):
        return
    name = f"{type(said).__name__.lower()}@{record.id}"
    for what in _flaws(graph, said):
        yield Gap(
            name,
            f"The signature {record.id} {what}.",
            "Find out how it was made, and sign again with 'regml' on a machine with "
            "the right time.",
            record.path,
        )
    if isinstance(said, Release):
        yield from _too_late(graph, record, said)


def _flaws(
    graph: TraceGraph, said: Approval | Waiver | Execution | Release
) -> Iterator[str]:
    origin = said.origin
    stated = {"name": origin.person.name, "address": origin.person.email}
    if not isinstance(said, Execution):
        stated["role"] = said.role
    if isinstance(said, Waiver):
        stated["reason"] = said.because
    for name, text in stated.items():
        if not text.strip():
            yield f"states no {name}"
    if isinstance(said, Approval) and said.meaning not in MEANINGS:
        yield f"has the meaning {said.meaning!r}, which is none of 21 CFR 11.50"
    signed = moment(origin.finished_utc)
    if signed is None:
        yield f"states the time {origin.finished_utc!r}, which is none in UTC"
        return
    if is_to_come(signed.date(), graph.evidence.today):
        yield f"is of {origin.finished_utc}, which is to come"
    made = graph.evidence.surroundings.commit_times.get(origin.commit or "")
    if made and signed + CLOCKS_APART < dt.datetime.fromisoformat(made):
        yield (
            f"is of {origin.finished_utc}, before the commit it was made on "
            f"({(origin.commit or '')[:12]} of {made})"
        )


def _too_late(graph: TraceGraph, record: Record, release: Release) -> Iterator[Gap]:
    """Say which documents of a release were approved only after it."""
    released = release.origin.finished_utc
    for name, fingerprint in sorted(release.documents.items()):
        approvals = [
            s
            for s in signatures(graph, name)
            if s.fingerprint == fingerprint and s.said.meaning in APPROVING
        ]
        if not approvals:
            continue
        first = min(approvals, key=lambda s: s.said.origin.finished_utc)
        signed = first.said.origin.finished_utc
        if signed > released:
            yield Gap(
                f"approval@{first.record.id}",
                f"{first.person.name} approved {name} on {signed}, after it was "
                f"released with {release.version} on {released} ({record.id}).",
                "Say in a problem report why it was released without approval, and "
                "approve documents before the next release.",
                first.record.path,
            )


RULES = (
    is_not_suspect,
    is_as_signed,
    has_the_right_signatures,
    states_who_when_and_why,
)
