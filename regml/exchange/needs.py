"""``needs.json`` of sphinx-needs: read, and written from our items."""

import json
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, Final

from regml.errors import BrokenFileError
from regml.exchange.cells import Form, cells, forms
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark
from regml.exchange.json_file import read_json
from regml.exchange.mapping import IGNORE, Mapping, usual
from regml.items.links import MODELS, AnyItem

PROGRAM: Final = "regml"
_OWN_KEYS: Final = ("id", "type", "title", "content", "status", "tags")

_DERIVED: Final = (
    "arch",
    "completion",
    "constraints_error",
    "constraints_passed",
    "constraints_results",
    "docname",
    "doctype",
    "duration",
    "external_css",
    "external_url",
    "has_dead_links",
    "has_forbidden_dead_links",
    "is_external",
    "is_import",
    "is_modified",
    "is_need",
    "is_part",
    "jinja_content",
    "layout",
    "lineno",
    "lineno_content",
    "modifications",
    "section_name",
    "sections",
    "signature",
    "style",
    "template",
    "pre_template",
    "post_template",
    "title_from_content",
    "type_name",
)
"""What sphinx-needs finds out itself while it builds."""

_LINK_FIELDS: Final = frozenset(
    name
    for model in MODELS.values()
    for name, form in forms(model).items()
    if form in {Form.IDS, Form.ID}
)

_RENAMED: Final = {
    (kind, name): f"{kind.value.lower()}_{name}"
    for kind, model in MODELS.items()
    for name, form in forms(model).items()
    if name in _LINK_FIELDS and form not in {Form.IDS, Form.ID}
}
"""Fields with text in one kind and links in another; a field of needs is one only."""

MAPPING: Final[Mapping] = usual(
    {
        **{there: here for (_, here), there in _RENAMED.items()},
        "title": "title",
        "content": "text",
        "description": "text",
        **dict.fromkeys(_DERIVED, IGNORE),
    }
)
"""What the attributes of needs become."""

_NESTING: Final = "parent_needs"
"""Names the need that one is written inside of; what that means nobody says."""


def read(source: Path) -> Reading:
    """Read the current version in a ``needs.json``.

    Raises:
        BrokenFileError: It is no such file.
    """
    document = read_json(source)
    versions = document.get("versions")
    current = document.get("current_version")
    if not isinstance(versions, dict) or not isinstance(
        version := versions.get(current), dict
    ):
        raise BrokenFileError(
            source,
            f"has no version {current!r} under 'versions'.",
            remedy="Build it again: sphinx-build -b needs.",
        )
    needs = version.get("needs")
    if not isinstance(needs, dict):
        raise BrokenFileError(source, "has no 'needs'.")
    creator = version.get("creator")
    schema = _properties(version)
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    for key, need in needs.items():
        if not isinstance(need, dict):
            raise BrokenFileError(source, f"the need {key!r} is no object.")
        item = _item(source, str(key), need, schema, needs)
        items.append(item)
        remarks += _parts_linked(item, need, schema, needs)
    if len(versions) > 1:
        others = ", ".join(sorted(str(name) for name in versions if name != current))
        remarks.append(
            Remark(f"older versions ({others}) are not read.", where=str(source))
        )
    ours = isinstance(creator, dict) and creator.get("program") == PROGRAM
    return Reading(tuple(items), tuple(remarks), ours)


def write(items: Iterable[AnyItem], *, project: str, created: str) -> bytes:
    """Return a ``needs.json`` with all items.

    Args:
        items: In the order of the file.
        project: Name of the device.
        created: Time that stands in it.
    """
    needs: dict[str, Any] = {}
    fields: dict[str, str] = {}
    for item in items:
        need = _need(item)
        needs[item.id] = need
        fields |= {
            name: "links" if isinstance(value, list) else "extra"
            for name, value in need.items()
            if name not in _OWN_KEYS
        }
    version = {
        "created": created,
        "creator": {"program": PROGRAM, "version": "1"},
        "needs": needs,
        "needs_amount": len(needs),
        "needs_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": _schema(fields),
        },
    }
    document = {
        "created": created,
        "current_version": "",
        "project": project,
        "versions": {"": version},
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def _item(
    source: Path,
    key: str,
    need: MappingOf[str, Any],
    schema: MappingOf[str, Any],
    all_needs: MappingOf[str, Any],
) -> ForeignItem:
    roles = _roles(need, schema)
    skipped = {"id", "type", *roles, *_backwards(schema, roles)}
    attributes = {
        name: value
        for name, value in need.items()
        if name not in skipped and value != schema.get(name, {}).get("default", ())
    }
    if isinstance(parts := attributes.get("parts"), dict):
        attributes["parts"] = "\n".join(_part(name, p) for name, p in parts.items())
    links = dict.fromkeys(
        ForeignLink(role, _whole(str(target), all_needs))
        for role in roles
        for target in _listed(source, key, role, need.get(role))
    )
    where = f"{need.get('docname') or source}:{need.get('lineno') or key}"
    return ForeignItem(
        str(need.get("id", key)),
        str(need.get("type", "")),
        where,
        attributes,
        tuple(links),
    )


def _roles(need: MappingOf[str, Any], schema: MappingOf[str, Any]) -> list[str]:
    roles = [
        name
        for name, part in schema.items()
        if part.get("field_type") == "links" and name != _NESTING
    ]
    return roles + ["links"] * ("links" in need and "links" not in roles)


def _parts_linked(
    item: ForeignItem,
    need: MappingOf[str, Any],
    schema: MappingOf[str, Any],
    all_needs: MappingOf[str, Any],
) -> Iterator[Remark]:
    """Remark on links that are about a part of a need."""
    for role in _roles(need, schema):
        for target in map(str, need.get(role) or ()):
            whole = _whole(target, all_needs)
            if whole != target and whole in all_needs:
                yield Remark(
                    f"links to {target}, a part; the link is to all of {whole}.",
                    "Make an item of the part if it matters.",
                    item.id,
                    item.where,
                )


def _part(name: str, part: Any) -> str:
    return f"{name}: {part.get('content', '') if isinstance(part, dict) else part}"


def _whole(target: str, needs: MappingOf[str, Any]) -> str:
    """Return the need that a link to one of its parts is about."""
    return target if target in needs else target.partition(".")[0]


def _backwards(schema: MappingOf[str, Any], roles: Iterable[str]) -> Iterator[str]:
    """Give the fields that only repeat a link from its other end."""
    yield from (n for n, p in schema.items() if p.get("field_type") == "backlinks")
    yield from (f"{role}_back" for role in roles)
    yield from ("parent_need", "parent_needs_back")


def _listed(source: Path, key: str, role: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BrokenFileError(source, f"the need {key!r}: {role!r} is no list.")
    return value


def _properties(version: MappingOf[str, Any]) -> dict[str, dict[str, Any]]:
    schema = version.get("needs_schema")
    found = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(found, dict):
        return {}
    return {str(n): part for n, part in found.items() if isinstance(part, dict)}


def _need(item: AnyItem) -> dict[str, Any]:
    front = {
        _RENAMED.get((item.kind, name), name): list(value)
        if isinstance(value, tuple)
        else value
        for name, value in cells(item).items()
    }
    return {
        "id": item.id,
        "type": item.kind.value.lower(),
        "title": item.title,
        "content": item.text,
        "status": None,
        "tags": [],
        **front,
    }


def _schema(fields: MappingOf[str, str]) -> dict[str, Any]:
    text = {"type": "string", "field_type": "core"}
    own = {
        **dict.fromkeys(("id", "type", "title"), text),
        "content": {**text, "default": ""},
        "status": {"type": ["string", "null"], "field_type": "core", "default": None},
        "tags": _ids("core"),
    }
    return own | {
        name: _ids("links")
        if role == "links"
        else {"type": ["string", "null"], "field_type": "extra", "default": None}
        for name, role in fields.items()
        if name not in own
    }


def _ids(role: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "string"},
        "field_type": role,
        "default": [],
    }
