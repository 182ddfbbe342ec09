"""ReqIF of other tools is read, and other readers of ReqIF read ours."""

import io
import zipfile
from pathlib import Path

import pytest
from reqif.models.reqif_spec_object import ReqIFSpecObject
from reqif.parser import ReqIFParser
from reqif.reqif_bundle import ReqIFBundle

from regml.errors import BrokenFileError
from regml.exchange.convert import Conversion, convert
from regml.exchange.formats import MAPPINGS, Source, Target, export, read_source
from regml.exchange.mapping import Mapping
from regml.files.markdown import read_items
from regml.items.links import AnyItem, references
from regml.items.requirements import Category, Requirement, UserNeed
from regml.items.risk import ControlOption, Risk, RiskControl

ROOT = Path(__file__).parents[2]
TIME = "2026-01-02T03:04:05Z"
MAPPING = MAPPINGS[Source.REQIF]


def read(path: Path) -> Conversion:
    return convert(read_source(Source.REQIF, path, MAPPING), MAPPING)


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_objects_relations_and_words_become_items(fixtures: Path) -> None:
    conversion = read(fixtures / "foreign.reqif")
    need, requirement = (one.item for one in conversion.items)
    assert isinstance(need, UserNeed)
    assert need.text == "Readers need **volumes**.\n"
    assert isinstance(requirement, Requirement)
    assert requirement.text == "The software shall ask:\n\n- a name\n- a password\n"
    assert requirement.refines == (need.id,)
    assert requirement.category is Category.SECURITY
    assert requirement.foreign_id == "REQ-1"


def test_unknown_types_and_attachments_are_said(fixtures: Path) -> None:
    remarks = read(fixtures / "foreign.reqif").remarks
    text = "\n".join(remark.message for remark in remarks)
    assert "the type 'Meeting' means no kind of item" in text
    assert "shows shot.png" in text
    assert len(remarks) == 2


def test_a_type_can_be_given_a_kind(fixtures: Path) -> None:
    mapping = Mapping(kinds={"Meeting": "UN"}).over(MAPPING)
    found = convert(
        read_source(Source.REQIF, fixtures / "foreign.reqif", mapping), mapping
    )
    assert "Kick-off" in [one.item.title for one in found.items]


def test_an_archive_is_read_and_its_attachments_are_said(
    fixtures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.reqifz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(fixtures / "foreign.reqif", "docs/foreign.reqif")
        archive.writestr("docs/shot.png", b"x")
    conversion = read(path)
    assert len(conversion.items) == 2
    assert any("docs/shot.png" in remark.where for remark in conversion.remarks)


def test_what_stands_beside_objects_and_links_is_said(
    fixtures: Path, tmp_path: Path
) -> None:
    text = (fixtures / "foreign.reqif").read_text(encoding="utf-8")
    groups = "<SPEC-RELATION-GROUPS><RELATION-GROUP/></SPEC-RELATION-GROUPS>"
    module = '<SPECIFICATION DESC="Scope" IDENTIFIER="_s9" LONG-NAME="Module"/>'
    for old, new in (
        ('<SPEC-OBJECT IDENTIFIER="_o2"', '<SPEC-OBJECT DESC="why" IDENTIFIER="_o2"'),
        ("<SPEC-RELATION ", '<SPEC-RELATION DESC="agreed" '),
        ("</SPEC-RELATIONS>", f"</SPEC-RELATIONS>{groups}"),
        ("<ATTRIBUTE-VALUE-XHTML>", '<ATTRIBUTE-VALUE-XHTML IS-SIMPLIFIED="true">'),
        ("<SPECIFICATIONS/>", f"<SPECIFICATIONS>{module}</SPECIFICATIONS>"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path = written(tmp_path / "a.reqif", text)
    said = "\n".join(f"{r.where}: {r.message}" for r in read(path).remarks)
    for words in (
        "no field takes the attribute 'DESC'",
        "says more than a link here can (DESC: agreed)",
        "1 groups of relations are not kept",
        "a tool simplified before",
        "the document 'Module' says something itself (DESC: Scope)",
    ):
        assert words in said
    assert "_o2:" not in said


def test_an_object_has_the_defaults_of_its_type(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "foreign.reqif").read_text(encoding="utf-8")
    attribute = (
        '<ATTRIBUTE-DEFINITION-STRING IDENTIFIER="_d" LONG-NAME="Status">'
        '<DEFAULT-VALUE><ATTRIBUTE-VALUE-STRING THE-VALUE="proposed"><DEFINITION>'
        "<ATTRIBUTE-DEFINITION-STRING-REF>_d</ATTRIBUTE-DEFINITION-STRING-REF>"
        "</DEFINITION></ATTRIBUTE-VALUE-STRING></DEFAULT-VALUE>"
        "</ATTRIBUTE-DEFINITION-STRING>"
    )
    assert "<SPEC-ATTRIBUTES>" in text
    changed = text.replace("<SPEC-ATTRIBUTES>", f"<SPEC-ATTRIBUTES>{attribute}")
    conversion = read(written(tmp_path / "a.reqif", changed))
    assert conversion.items
    for one in conversion.items:
        assert "- Status: proposed\n" in one.item.text


def test_a_value_of_no_known_attribute_is_said_and_kept(
    fixtures: Path, tmp_path: Path
) -> None:
    text = (fixtures / "foreign.reqif").read_text(encoding="utf-8")
    old = "<ATTRIBUTE-DEFINITION-XHTML-REF>_a2<"
    assert old in text
    changed = text.replace(old, old.replace("_a2", "_zz"), 1)
    path = written(tmp_path / "a.reqif", changed)
    conversion = read(path)
    assert any("no known attribute (_zz)" in r.message for r in conversion.remarks)
    kept = "- _zz: Readers need **volumes**.\n"
    assert any(kept in one.item.text for one in conversion.items)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE REQ-IF [
 <!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<REQ-IF>&c;</REQ-IF>
"""
LOCAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><REQ-IF>&x;</REQ-IF>'


@pytest.mark.parametrize(
    "content", [BOMB, LOCAL, BOMB.encode("utf-16").decode("utf-16")]
)
def test_an_entity_is_refused_before_anything_is_read(
    tmp_path: Path, content: str
) -> None:
    with pytest.raises(BrokenFileError, match="declares a document type or entities"):
        read(written(tmp_path / "a.reqif", content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<REQ-IF", r"a\.reqif:1: is not XML"),
        ("<html/>", "is no ReqIF: it begins with <html>"),
        (
            "<REQ-IF><SPEC-OBJECTS><SPEC-OBJECT/></SPEC-OBJECTS></REQ-IF>",
            "without IDENTIFIER",
        ),
        (
            '<REQ-IF><SPEC-OBJECTS><SPEC-OBJECT IDENTIFIER="a"/>'
            '<SPEC-OBJECT IDENTIFIER="a"/></SPEC-OBJECTS></REQ-IF>',
            "two spec objects 'a'",
        ),
    ],
)
def test_what_is_no_reqif_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(BrokenFileError, match=words):
        read(written(tmp_path / "a.reqif", content))


def test_a_document_without_content_has_no_items(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.reqif", "<REQ-IF/>")).items == ()


def test_a_relation_from_or_to_nothing_is_said(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "foreign.reqif").read_text(encoding="utf-8")
    source = text.replace(
        "<SOURCE><SPEC-OBJECT-REF>_o2<", "<SOURCE><SPEC-OBJECT-REF>_x<"
    )
    target = text.replace(
        "<TARGET><SPEC-OBJECT-REF>_o1<", "<TARGET><SPEC-OBJECT-REF>_y<"
    )
    for changed, name in ((source, "_x"), (target, "_y")):
        remarks = read(written(tmp_path / "a.reqif", changed)).remarks
        assert any(name in remark.message for remark in remarks)


# -- what we write, read by another library -------------------------------------------


def bundle() -> ReqIFBundle:
    items = [located.item for located in read_items(ROOT)]
    content = export(Target.REQIF, items, project="HippoVol", created=TIME).content
    return ReqIFParser.parse_from_string(content.decode())


def object_ids(found: ReqIFBundle) -> dict[str, ReqIFSpecObject]:
    assert found.core_content is not None
    content = found.core_content.req_if_content
    names = {
        attribute.identifier: attribute.long_name
        for type_ in content.spec_types
        for attribute in getattr(type_, "attribute_definitions", None) or ()
    }
    return {
        attribute.value: one
        for one in content.spec_objects
        for attribute in one.attributes
        if names[attribute.definition_ref] == "ReqIF.ForeignID"
    }


def test_another_library_reads_every_item_and_every_link() -> None:
    found = bundle()
    items = {located.item.id: located.item for located in read_items(ROOT)}
    ids = object_ids(found)
    assert set(ids) == set(items)
    names = {one.identifier: item_id for item_id, one in ids.items()}
    assert found.core_content is not None
    relations = found.core_content.req_if_content.spec_relations
    links = {(names[r.source], names[r.target]) for r in relations}
    assert links == {
        (item.id, reference.target)
        for item in items.values()
        for reference in references(item)
        if reference.target in items
    }


def test_it_fits_the_schema_of_reqif(tmp_path: Path) -> None:
    import reqif
    import xmlschema

    schema = Path(reqif.__file__).parent / "reqif_schema" / "reqif.xsd"
    items = [located.item for located in read_items(ROOT)][:20]
    content = export(Target.REQIF, items, project="HippoVol", created=TIME).content
    xmlschema.XMLSchema(str(schema), allow="local").validate(io.BytesIO(content))


def test_identifiers_follow_from_device_and_id() -> None:
    one, two = (
        export(Target.REQIF, [item], project="D", created=time).content
        for item, time in (
            (UserNeed(id="UN-01", title="A"), TIME),
            (UserNeed(id="UN-01", title="B"), "2027-01-01T00:00:00Z"),
        )
    )
    first = object_ids(ReqIFParser.parse_from_string(one.decode()))["UN-01"]
    second = object_ids(ReqIFParser.parse_from_string(two.decode()))["UN-01"]
    assert first.identifier == second.identifier
    other = export(
        Target.REQIF, [UserNeed(id="UN-01", title="A")], project="E", created=TIME
    ).content
    third = object_ids(ReqIFParser.parse_from_string(other.decode()))["UN-01"]
    assert third.identifier != first.identifier


def test_a_link_that_another_tool_added_inside_of_a_field_is_said(
    tmp_path: Path,
) -> None:
    control = RiskControl(
        id="RC-01",
        option=ControlOption.PROTECTIVE_MEASURE,
        text="Check",
        implemented_by=("SRS-001",),
    )
    items: list[AnyItem] = [
        Risk(id="RISK-001", title="R", hazard_category="other", controls=(control,)),
        Requirement(id="SRS-001", title="A", category=Category.DATA),
        Requirement(id="SRS-002", title="B", category=Category.DATA),
    ]
    content = export(Target.REQIF, items, project="D", created=TIME).content.decode()
    found = object_ids(ReqIFParser.parse_from_string(content))
    head, mark, tail = content.partition("<SPEC-RELATIONS>")
    tail = tail.replace(found["SRS-001"].identifier, found["SRS-002"].identifier, 1)
    conversion = read(written(tmp_path / "a.reqif", head + mark + tail))
    [remark] = conversion.remarks
    assert "links RISK-001 to SRS-002 as 'implemented_by'" in remark.message
