"""Signatures: which one stands for an item, who has to sign, what changed since."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from regml.digest import canonical_json
from regml.errors import UnknownIdError
from regml.items.base import Kind
from regml.items.config import Role
from regml.items.documents import PREFIX, DocumentPlan
from regml.items.links import Link
from regml.items.recorded import Approval, Person, Record
from regml.trace.changes import field_changes
from regml.trace.current import signer_may
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT

APPROVING: Final = frozenset({"approval", "responsibility"})
"""Meanings that put an item into force; only who has to approve it may sign so."""

MEANINGS: Final = frozenset({"review", "authorship", *APPROVING})
"""What a signature may mean (21 CFR 11.50 a 3)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature under one item or document.

    Attributes:
        name: What was signed.
        fingerprint: Of its content as it was signed.
        record: The record.
        said: What it says.
    """

    name: str
    fingerprint: str
    record: Record
    said: Approval

    @property
    def person(self) -> Person:
        """Who signed."""
        return self.said.origin.person


def approvals_of(graph: TraceGraph, item_id: str) -> tuple[Record, ...]:
    """Return the believed approvals that an item was part of, oldest first."""
    return tuple(
        record
        for edge in graph.into(item_id, Link.APPROVES)
        if isinstance(record := graph.nodes[edge.source].value, Record)
        and record.path not in graph.current.doubted
    )


def signatures(graph: TraceGraph, name: str) -> tuple[Signed, ...]:
    """Return the believed signatures under an item or document, oldest first."""
    return tuple(
        Signed(name, record.statement.fingerprints[name], record, record.statement)
        for record in approvals_of(graph, name)
        if isinstance(record.statement, Approval)
    )


def signed_names(graph: TraceGraph) -> tuple[str, ...]:
    """Return everything that a believed signature is under, sorted."""
    return tuple(
        sorted(
            {
                name
                for record in graph.current.believed
                if isinstance(record.statement, Approval)
                for name in record.statement.fingerprints
            }
        )
    )


def signed_when_retired(graph: TraceGraph, name: str) -> Iterator[Mapping[str, Any]]:
    """Give what an item held each time it was signed as one that is retired."""
    for signed in signatures(graph, name):
        content = signed.said.contents.get(signed.fingerprint, "")
        if '"retired":"' in content:  # thousands of others need not be parsed
            yield json.loads(content)


def standing(graph: TraceGraph, name: str) -> Signed | None:
    """Return the signature that decides whether an item is as it was signed.

    That is the last approval by somebody who may approve it; without one the last
    approval; without any the last signature. A later review or authorship does not
    cover what nobody approved.
    """
    found = signatures(graph, name)
    approving = [s for s in found if s.said.meaning in APPROVING]
    entitled = [s for s in approving if may_approve(graph, s)]
    for group in (entitled, approving, list(found)):
        if group:
            return group[-1]
    return None


def confirming(graph: TraceGraph, name: str) -> tuple[Signed, ...]:
    """Return the signatures that confirm what an item links to.

    That is the one that stands for it, and under the same content the last one of each
    other role that has to approve it: one role does not look for another.
    """
    stands = standing(graph, name)
    if stands is None:
        return ()
    last = {
        signed.said.role: signed
        for signed in signatures(graph, name)
        if signed.fingerprint == stands.fingerprint
        and signed.said.meaning in APPROVING
        and may_approve(graph, signed)
    }
    return tuple(last.values()) or (stands,)


def approvers(graph: TraceGraph, name: str) -> tuple[Role, ...]:
    """Return the roles that have to approve an item or document.

    ``[approvals]`` of ``regml.toml`` says so; else the front matter of a document's
    template; else it is quality.
    """
    wanted = graph.evidence.config.approvals
    if name in wanted:
        return wanted[name]
    item = graph.item(name)
    kind = str(item.kind) if item else name.partition("-")[0]
    if kind in wanted:
        return wanted[kind]
    node = graph.nodes.get(name)
    if node is not None and isinstance(node.value, DocumentPlan):
        return node.value.approvers
    return (Role.QUALITY,)


def may_approve(graph: TraceGraph, signed: Signed) -> bool:
    """Tell whether somebody signed in a role that has to approve, and has it."""
    roles = approvers(graph, signed.name)
    return signed.said.role in roles and has_role(graph, signed)


def has_role(graph: TraceGraph, signed: Signed) -> bool:
    """Tell whether the owner of the key has the role they spoke in."""
    roles = [role for role in Role if role == signed.said.role]
    return signer_may(signed.record, roles, graph.evidence.config)


def approved_as_it_is(graph: TraceGraph, name: str) -> bool:
    """Tell whether every role that has to approved an item as it is now."""
    return not missing_approvers(graph, name) and graph.fingerprint(name) is not None


def missing_approvers(graph: TraceGraph, name: str) -> tuple[Role, ...]:
    """Return the roles that have to approve an item and did not, as it is now."""
    signed = {
        s.said.role
        for s in signatures(graph, name)
        if s.said.meaning in APPROVING
        and s.fingerprint == graph.fingerprint(name)
        and may_approve(graph, s)
    }
    return tuple(role for role in approvers(graph, name) if role not in signed)


def to_sign(
    graph: TraceGraph, ids: Iterable[str], kinds: Iterable[str]
) -> tuple[str, ...]:
    """Return what is to be signed: things by name, and all items of some kinds.

    Raises:
        UnknownIdError: There is no such kind, nothing of it, or nothing is named.
    """
    names = dict.fromkeys(ids)
    for kind in kinds:
        if kind.upper() not in set(Kind):
            raise UnknownIdError(
                f"there is no kind {kind!r}. Kinds: "
                f"{', '.join(known.value.lower() for known in Kind)}."
            )
        found = [
            located.item.id
            for located in graph.evidence.items
            if located.item.kind == kind.upper() and not located.item.retired
        ]
        if not found:
            raise UnknownIdError(f"there is no item of kind {kind!r} in force.")
        names |= dict.fromkeys(found)
    if not names:
        raise UnknownIdError(
            "Say what to sign: an id such as SRS-001 or doc:05-software-requirements, "
            "or --all and a kind."
        )
    return tuple(names)


def required_roles(
    graph: TraceGraph, names: Iterable[str], meaning: str
) -> dict[str, tuple[str, ...]]:
    """Return who may sign what in that meaning; for a review anybody may."""
    if meaning not in APPROVING:
        return {}
    return {name: tuple(str(r) for r in approvers(graph, name)) for name in names}


def news_about(graph: TraceGraph, name: str) -> tuple[str, ...]:
    """Return what somebody should know before signing: what changed since last time."""
    last = standing(graph, name)
    if last is None:
        return ("never signed",)
    if last.fingerprint == graph.fingerprint(name):
        return (f"as {last.person.name} signed it ({last.record.id})",)
    return (
        f"changed since {last.person.name} signed it ({last.record.id}):",
        *changes_since(graph, name, last.fingerprint, last.record),
    )


def changes_since(
    graph: TraceGraph, name: str, fingerprint: str, record: Record
) -> tuple[str, ...]:
    """Return what differs between now and what was signed, field by field.

    Args:
        graph: The evidence.
        name: The item or document.
        fingerprint: Of its content then.
        record: Where somebody signed or saw it; other approvals may keep it as well.
    """
    now = graph.content(name)
    then = next(_kept(fingerprint, (record, *graph.current.believed)), None)
    if now is None:
        return ()
    if then is None:
        return ("What it said then is not kept in any approval.",)
    present = json.loads(canonical_json(now))
    if name.startswith(PREFIX):
        return tuple(_of_document(graph, then, present, record))
    changed = field_changes(then, present)
    if not changed:
        return ("Only fields were added that regml did not know then.",)
    lines = (line.rstrip() for change in changed for line in change.lines())
    return tuple(line for line in lines if line)


def named_then(graph: TraceGraph, signed: Signed) -> frozenset[str] | None:
    """Return every text an item held when it was signed, so also what it linked to.

    ``None`` when it is as it was, or when its content is not kept: one signature may be
    under several items, and what it saw of a target need not be for this one.
    """
    if signed.fingerprint == graph.fingerprint(signed.name):
        return None
    records = (signed.record, *graph.current.believed)
    then = next(_kept(signed.fingerprint, records), None)
    return None if then is None else frozenset(_texts(then))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for entry in value.values():
                yield from _texts(entry)
        case list():
            for entry in value:
                yield from _texts(entry)


def _of_document(
    graph: TraceGraph, then: Mapping[str, Any], now: Mapping[str, Any], record: Record
) -> Iterator[str]:
    """Give what differs in what a document presents, items field by field."""
    words = {
        "template": "its template",
        "device": "the description of the device in regml.toml",
        "policy": "the risk policy",
    }
    yield from (
        f"{what} changed" for key, what in words.items() if then.get(key) != now[key]
    )
    for version, digest in now["versions"].items():
        before = then["versions"].get(version)
        if before != digest:
            yield f"{version}: {_short(before)} -> {_short(digest)}"
    for item in sorted({*then["items"], *now["items"]}):
        before, after = then["items"].get(item), now["items"].get(item)
        if before is None:
            yield f"{item} was added"
        elif after is None:
            yield f"{item} was removed or retired"
        elif before != after:
            yield from of_target(item, changes_since(graph, item, before, record))


def of_target(name: str, lines: Iterable[str]) -> Iterator[str]:
    """Give changes with the name of what changed before each field."""
    for line in lines:
        yield line if line.startswith(" ") else f"{name} {line}"


def _short(digest: str | None) -> str:
    return digest[:SHORT] if digest else "none"


def kept_content(graph: TraceGraph, fingerprint: str) -> Mapping[str, Any] | None:
    """Return what had a fingerprint, as any believed approval keeps it."""
    return next(_kept(fingerprint, graph.current.believed), None)


def _kept(fingerprint: str, records: Iterable[Record]) -> Iterator[Mapping[str, Any]]:
    """Give the content behind a fingerprint as approvals keep it.

    Reading the log has compared each with its fingerprint.
    """
    for record in records:
        said = record.statement
        if isinstance(said, Approval) and fingerprint in said.contents:
            yield json.loads(said.contents[fingerprint])
