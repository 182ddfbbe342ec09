"""From what another tool says to our items; whatever has no place is remarked on."""

from collections.abc import Iterable, Set
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Final

from regml.exchange.cells import Form, split_ids
from regml.exchange.draft import Draft, about, merged
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark
from regml.exchange.links import link_field
from regml.exchange.mapping import AUTO, IGNORE, LINKS, Mapping
from regml.exchange.names import Name, assign, lookup
from regml.items.base import Kind
from regml.items.links import AnyItem, references

_INSIDE: Final = frozenset(
    {"implemented_by", "effective_by", "leads_to", "contributed_by", "affects"}
)
"""Links that an item states inside of another field; a source of ours repeats them."""


@dataclass(frozen=True, slots=True)
class Converted:
    """One item with what it was made of."""

    item: AnyItem
    source: ForeignItem


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a source becomes.

    Attributes:
        items: In the order of the source.
        remarks: Everything that was not carried over, or was assumed.
    """

    items: tuple[Converted, ...]
    remarks: tuple[Remark, ...]


def convert(
    reading: Reading,
    mapping: Mapping,
    existing: Iterable[AnyItem] = (),
    given: Iterable[str] = (),
) -> Conversion:
    """Make items of everything a source holds.

    Args:
        reading: The source.
        mapping: What becomes what.
        existing: Items of the project; those imported before keep their ids.
        given: Ids that removed items had; no other item gets one of them.
    """
    there = tuple(existing)
    remarks = list(reading.remarks)
    known_kinds = _with_kinds(reading, mapping, remarks)
    names = assign(known_kinds, there, given)
    meanings = lookup(names, there)
    ways = _links(reading, mapping, names)
    left = {source.id for source in reading.items} - set(names)
    drafts = []
    for source, _ in known_kinds:
        draft = Draft(source, names[source.id], mapping, reading.ours)
        links = [*ways.get(source.id, ()), *_take_attributes(draft)]
        _take_links(draft, links, meanings, left)
        drafts.append((draft, links))
    stated = _stated(draft for draft, _ in drafts)
    before = {} if reading.ours else {item.id: item for item in there}
    done: list[Converted] = []
    failed: dict[str, str] = {}
    for draft, links in drafts:
        name = draft.name
        if (old := before.get(name.id)) is not None:
            draft.keep_what_only_we_say(old, stated[name.kind])
        item = draft.finish()
        if item is None:
            failed[name.id] = draft.source.id
        else:
            repeated = [link for link in links if _repeated(draft, link)]
            draft.remarks += _not_inside(draft, repeated, item, meanings)
            done.append(Converted(item, draft.source))
        remarks += draft.remarks
    remarks += _links_to(failed, done)
    return Conversion(tuple(done), tuple(remarks))


def _stated(drafts: Iterable[Draft]) -> dict[Kind, set[str]]:
    """Return the fields of each kind that a source speaks of in any of its items."""
    found: dict[Kind, set[str]] = {}
    for draft in drafts:
        fields = found.setdefault(draft.name.kind, set())
        fields |= {*draft.values, *(["text"] if draft.parts else [])}
    return found


def _take_attributes(draft: Draft) -> list[ForeignLink]:
    """Take all attributes of a draft's source; return those that are links."""
    links: list[ForeignLink] = []
    for name, value in draft.source.attributes.items():
        if value in (None, "", [], {}):
            continue
        if (role := _link_role(draft, name)) is not None:
            links += [ForeignLink(role, target) for target in split_ids(value)]
        else:
            draft.take(name, value)
    return links


def _with_kinds(
    reading: Reading, mapping: Mapping, remarks: list[Remark]
) -> list[tuple[ForeignItem, Kind]]:
    """Return the items that have a kind and an id of their own."""
    first: dict[str, ForeignItem] = {}
    twice = set()
    for source in reading.items:
        if source.id in first:
            twice.add(source.id)
            remarks.append(
                about(
                    source,
                    f"has the same id as {first[source.id].where}; "
                    "neither was imported.",
                    "Give each an id of its own in the source.",
                )
            )
        first.setdefault(source.id, source)
    found = []
    for source in first.values():
        kind = mapping.kind(source.type, source.id)
        if source.id in twice or kind == IGNORE:
            continue
        if kind is None:
            remarks.append(
                about(
                    source,
                    f"the type {source.type!r} means no kind of item; "
                    "it was not imported.",
                    f"Say what it means in the mapping, e.g. kinds: "
                    f"{{{source.type}: SRS}}.",
                )
            )
        else:
            found.append((source, Kind(kind)))
    return found


def _links(
    reading: Reading, mapping: Mapping, names: MappingOf[str, Name]
) -> dict[str, list[ForeignLink]]:
    """Return the links of each item, those stated at the other end turned around."""
    ways: dict[str, list[ForeignLink]] = {}
    for source in reading.items:
        for link in source.links:
            if mapping.links.get(link.role) == IGNORE:
                continue
            if link.role in mapping.reversed_links and link.target in names:
                turned = ForeignLink(link.role, source.id)
                ways.setdefault(link.target, []).append(turned)
            else:
                ways.setdefault(source.id, []).append(link)
    return ways


def _link_role(draft: Draft, name: str) -> str | None:
    """Return the role of the links that an attribute holds, ``None`` for others."""
    target = draft.target(name)
    if target == LINKS:
        return name
    if target is not None and draft.forms.get(target) in {Form.IDS, Form.ID}:
        return target
    return None


def _take_links(
    draft: Draft,
    links: Iterable[ForeignLink],
    meanings: MappingOf[str, Name],
    left: Set[str],
) -> None:
    fields: dict[str, list[str]] = {}
    for link in links:
        name = meanings.get(link.target)
        target = name.id if name else link.target
        if name is None:
            why = (
                "which was not imported"
                if link.target in left
                else "which neither the source nor the project has"
            )
            draft.remark(
                f"links to {link.target}, {why}.", "Import it too, or remove the link."
            )
        field = _field_of(draft, link, name)
        if field is not None and (name or _ours(draft, field, target)):
            chosen = fields.setdefault(field, [])
            if target not in chosen or link.role == field:
                chosen.append(target)
        elif not _repeated(draft, link):
            draft.keep(link.role, link.target)
            if name:
                draft.remark(
                    f"no field of a {draft.name.kind.value} states the link "
                    f"{link.role!r} to {link.target}, a {name.kind.value}; "
                    "it is kept in the body.",
                    "State it at the other item, or name a field under 'links'.",
                )
    for field, targets in fields.items():
        merged(draft, field, targets)


def _field_of(draft: Draft, link: ForeignLink, name: Name | None) -> str | None:
    """Return the field that takes a link."""
    said = draft.mapping.links.get(link.role, AUTO)
    wanted = link.role if said == AUTO else said
    if draft.forms.get(wanted) in {Form.IDS, Form.ID}:
        return wanted
    if _repeated(draft, link) and said == AUTO:
        return None
    return link_field(draft.name.kind, name.kind) if name else None


def _links_to(failed: MappingOf[str, str], done: Iterable[Converted]) -> list[Remark]:
    """Remark on links to items that could not be made."""
    return [
        about(
            one.source,
            f"links to {failed[ref.target]}, which was not imported.",
            "Import it too, or remove the link.",
        )
        for one in done
        for ref in references(one.item)
        if ref.target in failed
    ]


def _repeated(draft: Draft, link: ForeignLink) -> bool:
    """Tell whether a link only repeats what another field holds."""
    return draft.ours and link.role in _INSIDE and link.role not in draft.forms


def _ours(draft: Draft, field: str, target: str) -> bool:
    """Tell whether a field can hold an id although nothing has it (yet)."""
    prefix, _, number = target.partition("-")
    return draft.forms[field] in {Form.IDS, Form.ID} and (
        prefix in set(Kind)
        and number.isascii()
        and number.isdigit()
        and len(number) > 1
    )


def _not_inside(
    draft: Draft,
    links: Iterable[ForeignLink],
    item: AnyItem,
    meanings: MappingOf[str, Name],
) -> list[Remark]:
    """Remark on links that only a nested field could state, and that it does not."""
    stated = {(str(ref.link), ref.target) for ref in references(item)}
    named = [
        (link.role, meanings[link.target].id)
        for link in links
        if link.target in meanings
    ]
    return [
        about(
            draft.source,
            f"the source links {item.id} to {target} as {role!r}; its own fields do "
            "not.",
            "Enter the link in the item by hand.",
        )
        for role, target in named
        if (role, target) not in stated
    ]
