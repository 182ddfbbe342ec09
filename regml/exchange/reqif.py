"""ReqIF 1.2: reading what requirement tools exchange."""

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regml.errors import BrokenFileError
from regml.exchange.archive import content_of, is_archive, unpack
from regml.exchange.cells import plain
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark, Value
from regml.exchange.mapping import IGNORE, Mapping, usual
from regml.exchange.xhtml import Prose, prose
from regml.exchange.xml_file import parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TOOL: Final = "regml"
NAMESPACE: Final = "http://www.omg.org/spec/ReqIF/20110401/reqif.xsd"
MAPPING: Final[Mapping] = usual(
    {
        "ReqIF.ForeignID": "id",
        "ReqIF.Name": "title",
        "ReqIF.ChapterName": "title",
        "ReqIF.Text": "text",
        "ReqIF.Description": "text",
        "Description": "text",
        "Title": "title",
        "Name": "title",
        "STATEMENT": "text",
        "TITLE": "title",
        "UID": "id",
        "RATIONALE": "text/Rationale",
        "ReqIF.ForeignCreatedBy": IGNORE,
        "ReqIF.ForeignCreatedOn": IGNORE,
        "ReqIF.ForeignModifiedBy": IGNORE,
        "ReqIF.ForeignModifiedOn": IGNORE,
        "ReqIF.ForeignRevision": IGNORE,
    },
)
"""What the attributes of spec objects become."""


@dataclass(frozen=True, slots=True)
class _Types:
    """Names by identifier: object types, relation types, attributes, enum values.

    Attributes:
        defaults: By object type, the values that its objects have where they state
            none.
    """

    objects: MappingOf[str, str]
    relations: MappingOf[str, str]
    attributes: MappingOf[str, str]
    words: MappingOf[str, str]
    defaults: MappingOf[str, tuple["Element", ...]]


def read(source: Path, mapping: Mapping) -> Reading:
    """Read a ``.reqif`` file, or every one in a ``.reqifz`` archive.

    Raises:
        BrokenFileError: It is no such file.
    """
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    ours = []
    for name, content in _documents(source, remarks):
        root = parse_xml(content, name)
        _plain_tags(root)
        if root.tag != "REQ-IF":
            raise BrokenFileError(
                name, f"is no ReqIF: it begins with <{root.tag}>.", line=1
            )
        found = _Document(name, root, mapping)
        items += found.items()
        remarks += found.remarks
        ours.append(root.findtext(".//SOURCE-TOOL-ID") == TOOL)
    return Reading(tuple(items), tuple(remarks), all(ours))


class _Document:
    """One ReqIF document while it is read."""

    def __init__(self, name: str, root: "Element", mapping: Mapping) -> None:
        self.remarks: list[Remark] = []
        self._name = name
        self._root = root
        self._mapping = mapping
        self._types = _types(name, root)

    def items(self) -> list[ForeignItem]:
        """Return the spec objects with their relations."""
        objects = self._root.findall(".//SPEC-OBJECTS/SPEC-OBJECT")
        ids: dict[str, str] = {}
        read = []
        for element in objects:
            identifier = _identifier(self._name, element)
            attributes = self._attributes(element, identifier)
            item_id = self._id(attributes) or element.get("LONG-NAME") or identifier
            if identifier in ids:
                raise BrokenFileError(
                    self._name, f"has two spec objects {identifier!r}."
                )
            ids[identifier] = item_id
            read.append((item_id, element, attributes))
        links = self._links(ids)
        self._specifications()
        self.remarks = [self._by_id(remark, ids) for remark in self.remarks]
        return [
            ForeignItem(
                item_id,
                self._type(element),
                f"{self._name}:{item_id}",
                attributes,
                tuple(links.get(_identifier(self._name, element), ())),
            )
            for item_id, element, attributes in read
        ]

    def _type(self, element: "Element") -> str:
        reference = (element.findtext("TYPE/SPEC-OBJECT-TYPE-REF") or "").strip()
        return self._types.objects.get(reference, reference)

    def _id(self, attributes: dict[str, Value]) -> str:
        """Take the id a person would use out of the attributes."""
        for name in list(attributes):
            if self._mapping.target("", name) == "id":
                return str(attributes.pop(name)).strip()
        return ""

    def _attributes(self, element: "Element", place: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        stated = element.findall("VALUES/*")
        type_ = (element.findtext("TYPE/SPEC-OBJECT-TYPE-REF") or "").strip()
        said = {_definition(value) for value in stated}
        usual = self._types.defaults.get(type_, ())
        for value in [*stated, *(v for v in usual if _definition(v) not in said)]:
            kind = value.tag.removeprefix("ATTRIBUTE-VALUE-")
            reference = _definition(value)
            name = self._types.attributes.get(reference)
            if name is None:
                self._remark(f"has a value of no known attribute ({reference}).", place)
                name = reference or "unknown attribute"
            given = self._value(kind, value, place)
            if kind == "XHTML" and self._mapping.target("", name) == "title":
                given = re.sub(r"^#+ ", "", plain(given))
            if name in found and found[name] != given:
                name = f"{name} ({reference})"
            found[name] = given
        if "ReqIF.Name" not in found and element.get("LONG-NAME"):
            found.setdefault("ReqIF.Name", element.get("LONG-NAME"))
        if description := element.get("DESC"):
            found.setdefault("DESC", description)
        return found

    def _value(self, kind: str, value: "Element", place: str) -> Value:
        if kind == "ENUMERATION":
            references = [(v.text or "").strip() for v in value.iter("ENUM-VALUE-REF")]
            words = [self._types.words.get(ref, ref) for ref in references]
            return words[0] if len(words) == 1 else words
        if kind == "XHTML":
            if value.get("IS-SIMPLIFIED") == "true":
                self._remark(
                    "has a text that a tool simplified before; its original form is "
                    "not read.",
                    place,
                )
            content = value.find("THE-VALUE")
            said = prose(content) if content is not None else Prose("")
            for attachment in said.attachments:
                self._remark(f"shows {attachment}, which is not imported.", place)
            for markup in said.lost:
                self._remark(
                    f"has a <{markup}> whose form is lost; its text is kept.", place
                )
            return said.text
        return value.get("THE-VALUE", "")

    def _links(self, ids: MappingOf[str, str]) -> dict[str, list[ForeignLink]]:
        links: dict[str, list[ForeignLink]] = {}
        for relation in self._root.findall(".//SPEC-RELATIONS/SPEC-RELATION"):
            source = (relation.findtext("SOURCE/SPEC-OBJECT-REF") or "").strip()
            target = (relation.findtext("TARGET/SPEC-OBJECT-REF") or "").strip()
            reference = (relation.findtext("TYPE/SPEC-RELATION-TYPE-REF") or "").strip()
            role = self._types.relations.get(reference, reference)
            if source not in ids:
                self._remark(
                    f"the relation {role!r} from {source} to {target} has no source.",
                    source,
                )
                continue
            link = ForeignLink(role, ids.get(target, target))
            links.setdefault(source, []).append(link)
            if beside := self._beside(relation):
                self._remark(
                    f"its link {role!r} to {ids.get(target, target)} says more than a "
                    f"link here can ({beside}); that is not kept.",
                    source,
                )
        if groups := self._root.findall(".//SPEC-RELATION-GROUPS/RELATION-GROUP"):
            self.remarks.append(
                Remark(
                    f"{len(groups)} groups of relations are not kept; their links are.",
                    where=self._name,
                )
            )
        return links

    def _beside(self, element: "Element") -> str:
        """Return what a relation or specification says beyond what it connects."""
        found = self._attributes(element, element.get("IDENTIFIER", ""))
        found.pop("ReqIF.Name", None)
        return "; ".join(
            f"{name}: {' '.join(plain(value).split())}"
            for name, value in found.items()
            if plain(value).strip()
        )

    def _specifications(self) -> None:
        for one in self._root.findall(".//SPECIFICATIONS/SPECIFICATION"):
            if said := self._beside(one):
                self._remark(
                    f"the document {one.get('LONG-NAME', '')!r} says something itself "
                    f"({said}); it is no item and not kept.",
                    one.get("IDENTIFIER", ""),
                )
        deep = self._root.findall(
            ".//SPECIFICATIONS//CHILDREN/SPEC-HIERARCHY/CHILDREN/SPEC-HIERARCHY"
        )
        if deep:
            self.remarks.append(
                Remark(
                    f"{len(deep)} places below other objects are not kept: items have "
                    "no chapters.",
                    "State as links what the nesting meant.",
                    where=self._name,
                )
            )

    def _by_id(self, remark: Remark, ids: MappingOf[str, str]) -> Remark:
        """Return a remark that calls its object as people do."""
        if remark.subject not in ids:
            return remark
        name = ids[remark.subject]
        return replace(remark, subject=name, where=f"{self._name}:{name}")

    def _remark(self, message: str, subject: str) -> None:
        self.remarks.append(Remark(message, "", subject, f"{self._name}:{subject}"))


def _documents(source: Path, remarks: list[Remark]) -> Iterator[tuple[str, bytes]]:
    content = content_of(source)
    if not is_archive(content):
        yield str(source), content
        return
    for name, part in unpack(source, content).items():
        where = f"{source}!{name}"
        if name.lower().endswith(".reqif"):
            yield where, part
        else:
            remarks.append(
                Remark(
                    "is an attachment; attachments are not imported.",
                    "Copy it beside the items and name it there.",
                    where=where,
                )
            )


def _plain_tags(root: "Element") -> None:
    """Take ReqIF's namespace off the tags; the prefix is up to the tool."""
    for element in root.iter():
        if "reqif" in element.tag.lower():
            element.tag = element.tag.rpartition("}")[2]


def _types(name: str, root: "Element") -> _Types:
    def named(*paths: str) -> dict[str, str]:
        return {
            _identifier(name, element): element.get("LONG-NAME")
            or _identifier(name, element)
            for path in paths
            for element in root.findall(path)
        }

    return _Types(
        named(".//SPEC-TYPES/SPEC-OBJECT-TYPE"),
        named(".//SPEC-TYPES/SPEC-RELATION-TYPE"),
        named(".//SPEC-TYPES/*/SPEC-ATTRIBUTES/*"),
        named(".//DATATYPES//ENUM-VALUE"),
        {
            _identifier(name, element): tuple(
                element.findall("SPEC-ATTRIBUTES/*/DEFAULT-VALUE/*")
            )
            for element in root.findall(".//SPEC-TYPES/SPEC-OBJECT-TYPE")
        },
    )


def _definition(value: "Element") -> str:
    """Return the identifier of the attribute that a value belongs to."""
    kind = value.tag.removeprefix("ATTRIBUTE-VALUE-")
    path = f"DEFINITION/ATTRIBUTE-DEFINITION-{kind}-REF"
    return (value.findtext(path) or "").strip()


def _identifier(name: str, element: "Element") -> str:
    identifier = element.get("IDENTIFIER")
    if not identifier:
        raise BrokenFileError(name, f"has a <{element.tag}> without IDENTIFIER.")
    return identifier
