"""ReqIF 1.2: our items for requirement tools.

Every identifier follows from the device and the id, so that a tool that reads a second
export updates what it read before.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from regml.errors import ConfigError
from regml.exchange.cells import Form, cells, forms
from regml.exchange.reqif import NAMESPACE, TOOL
from regml.exchange.xml_file import illegal_character
from regml.items.links import MODELS, AnyItem, references

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SPACE: Final = uuid.UUID("5b0c7c8e-55c4-5d2b-9d0b-6a9f4f7f0a3e")
_NAMES: Final = {"id": "ReqIF.ForeignID", "title": "ReqIF.Name", "text": "ReqIF.Text"}
"""The usual names of the attributes that every requirement tool has."""

_LONGEST: Final = 1_000_000


def relations(items: Iterable[AnyItem]) -> list[tuple[str, str, str]]:
    """Return source, role and target of every link, also of those inside a field."""
    rows = []
    for item in items:
        model = MODELS[item.kind]
        plain = {n for n, f in forms(model).items() if f in {Form.IDS, Form.ID}}
        repeated = set()
        for ref in references(item):
            row = (item.id, str(ref.link), ref.target)
            if ref.field in plain:
                rows.append((item.id, ref.field, ref.target))
            elif row not in repeated:
                repeated.add(row)
                rows.append(row)
    return rows


def write(items: Iterable[AnyItem], *, project: str, created: str) -> bytes:
    """Return a ReqIF document with all items and their links.

    Args:
        items: In the order of the file.
        project: Name of the device.
        created: Time that stands in it, RFC 3339.

    Raises:
        ConfigError: A text holds a character that XML cannot.
    """
    found = list(items)
    document = _Writer(project, created)
    return document.bytes(found)


class _Writer:
    """One document while it is written."""

    def __init__(self, project: str, created: str) -> None:
        from xml.etree import ElementTree

        self._xml = ElementTree
        self._project = project
        self._created = created

    def bytes(self, items: list[AnyItem]) -> bytes:
        """Return the whole file."""
        root = self._xml.Element("REQ-IF", {"xmlns": NAMESPACE})
        self._header(root)
        core = self._below(root, "CORE-CONTENT")
        content = self._below(core, "REQ-IF-CONTENT")
        stated = {item.id: self._stated(item) for item in items}
        links = [row for row in relations(items) if row[2] in stated]
        self._data_type(self._below(content, "DATATYPES"))
        self._types(self._below(content, "SPEC-TYPES"), items, stated, links)
        objects = self._below(content, "SPEC-OBJECTS")
        for item in items:
            self._object(objects, item, stated[item.id])
        self._relations(self._below(content, "SPEC-RELATIONS"), links)
        self._specifications(self._below(content, "SPECIFICATIONS"), items)
        self._xml.indent(root)
        text = self._xml.tostring(root, encoding="UTF-8", xml_declaration=True)
        return bytes(text) + b"\n"

    def _header(self, root: "Element") -> None:
        outer = self._below(root, "THE-HEADER")
        header = self._below(outer, "REQ-IF-HEADER", self._named("header"))
        for tag, text in (
            ("CREATION-TIME", self._created),
            ("REQ-IF-TOOL-ID", TOOL),
            ("REQ-IF-VERSION", "1.0"),
            ("SOURCE-TOOL-ID", TOOL),
            ("TITLE", self._project),
        ):
            self._below(header, tag).text = _legal(text, "the device's name")

    def _data_type(self, parent: "Element") -> None:
        self._below(
            parent,
            "DATATYPE-DEFINITION-STRING",
            self._identified("text", "Text") | {"MAX-LENGTH": str(_LONGEST)},
        )

    def _types(
        self,
        parent: "Element",
        items: list[AnyItem],
        stated: Mapping[str, Mapping[str, str]],
        links: list[tuple[str, str, str]],
    ) -> None:
        used: dict[str, dict[str, None]] = {}
        for item in items:
            used.setdefault(item.kind.value, {}).update(dict.fromkeys(stated[item.id]))
        for kind, names in used.items():
            element = self._below(
                parent, "SPEC-OBJECT-TYPE", self._identified(f"type/{kind}", kind)
            )
            attributes = self._below(element, "SPEC-ATTRIBUTES")
            for name in names:
                self._attribute(attributes, kind, name)
        for role in dict.fromkeys(role for _, role, _ in links):
            self._below(
                parent, "SPEC-RELATION-TYPE", self._identified(f"role/{role}", role)
            )
        self._below(
            parent, "SPECIFICATION-TYPE", self._identified("specification", "Items")
        )

    def _attribute(self, parent: "Element", kind: str, name: str) -> None:
        definition = self._below(
            parent,
            "ATTRIBUTE-DEFINITION-STRING",
            self._identified(f"attribute/{kind}/{name}", _NAMES.get(name, name)),
        )
        reference = self._below(
            self._below(definition, "TYPE"), "DATATYPE-DEFINITION-STRING-REF"
        )
        reference.text = self._guid("text")

    def _object(
        self, parent: "Element", item: AnyItem, stated: Mapping[str, str]
    ) -> None:
        kind = item.kind.value
        element = self._below(parent, "SPEC-OBJECT", self._named(f"item/{item.id}"))
        values = self._below(element, "VALUES")
        for name, text in stated.items():
            value = self._below(
                values, "ATTRIBUTE-VALUE-STRING", {"THE-VALUE": _legal(text, item.id)}
            )
            self._below(
                self._below(value, "DEFINITION"), "ATTRIBUTE-DEFINITION-STRING-REF"
            ).text = self._guid(f"attribute/{kind}/{name}")
        self._below(
            self._below(element, "TYPE"), "SPEC-OBJECT-TYPE-REF"
        ).text = self._guid(f"type/{kind}")

    def _relations(self, parent: "Element", links: list[tuple[str, str, str]]) -> None:
        seen: dict[tuple[str, str, str], int] = {}
        for link in links:
            source, role, target = link
            seen[link] = seen.get(link, 0) + 1
            name = f"link/{source}/{role}/{target}/{seen[link]}"
            element = self._below(parent, "SPEC-RELATION", self._named(name))
            for tag, item_id in (("TARGET", target), ("SOURCE", source)):
                end = self._below(self._below(element, tag), "SPEC-OBJECT-REF")
                end.text = self._guid(f"item/{item_id}")
            self._below(
                self._below(element, "TYPE"), "SPEC-RELATION-TYPE-REF"
            ).text = self._guid(f"role/{role}")

    def _specifications(self, parent: "Element", items: list[AnyItem]) -> None:
        kinds: dict[str, list[AnyItem]] = {}
        for item in items:
            kinds.setdefault(item.kind.value, []).append(item)
        for kind, members in kinds.items():
            element = self._below(
                parent, "SPECIFICATION", self._identified(f"all/{kind}", kind)
            )
            self._below(
                self._below(element, "TYPE"), "SPECIFICATION-TYPE-REF"
            ).text = self._guid("specification")
            children = self._below(element, "CHILDREN")
            for item in members:
                place = self._below(
                    children, "SPEC-HIERARCHY", self._named(f"place/{item.id}")
                )
                self._below(
                    self._below(place, "OBJECT"), "SPEC-OBJECT-REF"
                ).text = self._guid(f"item/{item.id}")

    def _stated(self, item: AnyItem) -> dict[str, str]:
        """Return the attributes of an item; links are relations instead."""
        front = {
            name: value for name, value in cells(item).items() if isinstance(value, str)
        }
        body = {"text": item.text} if item.text else {}
        return {"id": item.id, **front, **body}

    def _guid(self, name: str) -> str:
        return f"_{uuid.uuid5(_SPACE, f'{self._project}/{name}')}"

    def _named(self, name: str) -> dict[str, str]:
        identifier = {"IDENTIFIER": self._guid(name)}
        return identifier | ({} if name == "header" else {"LAST-CHANGE": self._created})

    def _identified(self, name: str, long_name: str) -> dict[str, str]:
        return self._named(name) | {"LONG-NAME": long_name}

    def _below(
        self, parent: "Element", tag: str, attributes: Mapping[str, str] | None = None
    ) -> "Element":
        return self._xml.SubElement(parent, tag, dict(attributes or {}))


def _legal(text: str, item_id: str) -> str:
    if (character := illegal_character(text)) is not None:
        raise ConfigError(
            f"{item_id}: holds the character U+{ord(character):04X}, which XML cannot. "
            "Remove it, or export as csv."
        )
    return text
