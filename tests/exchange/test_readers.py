"""Each tool's files become items, and what has no place is said."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from regml.errors import BrokenFileError, ConfigError, RegmlError
from regml.exchange.convert import Conversion, convert
from regml.exchange.formats import MAPPINGS, Source, read_source
from regml.exchange.importer import plan_import
from regml.exchange.mapping import Mapping
from regml.items.lifecycle import TestProtocol
from regml.items.links import AnyItem
from regml.items.requirements import Category, Requirement, UserNeed
from regml.items.risk import Risk


def read(form: Source, path: Path, mapping: Mapping | None = None) -> Conversion:
    whole = (mapping or Mapping()).over(MAPPINGS[form])
    return convert(read_source(form, path, whole), whole)


def items(conversion: Conversion) -> dict[str, AnyItem]:
    return {one.item.id: one.item for one in conversion.items}


def said(conversion: Conversion) -> str:
    return "\n".join(f"{r.where} {r.subject}: {r.message}" for r in conversion.remarks)


# -- doorstop -------------------------------------------------------------------------


def test_doorstop_documents_become_items_with_their_links(fixtures: Path) -> None:
    found = items(read(Source.DOORSTOP, fixtures / "doorstop"))
    assert sorted(found) == ["SRS-001", "SRS-002", "UN-001"]
    need, first, second = found["UN-001"], found["SRS-001"], found["SRS-002"]
    assert isinstance(need, UserNeed)
    assert need.foreign_id == "STK001"
    assert need.title.startswith("A radiologist needs")
    assert need.text.endswith("It is read beside the images.\n")
    assert isinstance(first, Requirement)
    assert first.title == "Volume"
    assert first.refines == ("UN-001",)
    assert isinstance(second, Requirement)
    assert second.title == "Printing"
    assert second.retired == "Not active in doorstop."


def test_what_doorstop_has_and_we_have_not_is_kept_and_said(fixtures: Path) -> None:
    conversion = read(Source.DOORSTOP, fixtures / "doorstop")
    found = items(conversion)
    kept = found["SRS-001"].text.partition("## Imported attributes\n\n")[2]
    assert kept == "- priority: high\n"
    assert "- links: STK009\n" in found["SRS-002"].text
    for words in ("'priority'", "'derived'", "STK009", "sketch.png", "'category'"):
        assert words in said(conversion)


def test_a_mapping_says_what_becomes_of_an_attribute(fixtures: Path) -> None:
    mapping = Mapping.model_validate(
        {
            "fields": {"priority": "ignore", "derived": "body"},
            "defaults": {"SRS": {"category": "interface"}},
        }
    )
    conversion = read(Source.DOORSTOP, fixtures / "doorstop", mapping)
    requirement = items(conversion)["SRS-001"]
    assert isinstance(requirement, Requirement)
    assert requirement.category is Category.INTERFACE
    assert "Imported" not in requirement.text
    for words in ("'priority'", "'derived'", "'category'"):
        assert words not in said(conversion)


def test_items_lie_at_any_depth_of_their_document(
    fixtures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(fixtures / "doorstop", folder)
    deep = folder / "software" / "part" / "REQ-1b.yml"
    deep.parent.mkdir()
    (folder / "software" / "REQ-001.yml").rename(deep)
    (folder / "software" / "REQ.md").write_text("# A published document\n")
    conversion = read(Source.DOORSTOP, folder)
    assert "REQ-1b" in {one.source.id for one in conversion.items}
    assert "REQ.md : is no item of the document REQ" in said(conversion)


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match=r"has no \.doorstop\.yml"):
        read(Source.DOORSTOP, tmp_path)


def test_a_broken_doorstop_file_names_file_and_line(
    fixtures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(fixtures / "doorstop", folder)
    file = folder / "software" / "REQ-001.yml"
    file.write_text("active: true\nheader: a: b\n", encoding="utf-8")
    with pytest.raises(BrokenFileError, match=r"REQ-001\.yml:2: is not valid YAML"):
        read(Source.DOORSTOP, folder)


def test_an_item_that_doorstop_made_without_text_is_read(
    fixtures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(fixtures / "doorstop", folder)
    (folder / "software" / "REQ-003.md").write_text("---\nactive: true\n---")
    assert "SRS-003" in items(read(Source.DOORSTOP, folder))


def test_a_picture_in_a_text_is_said(fixtures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(fixtures / "doorstop", folder)
    (folder / "software" / "REQ-003.md").write_text(
        "---\nactive: true\n---\nSee ![a](assets/a.png) and ![b](https://x.org/b.png)"
        "\n\n.. figure:: c.png\n"
    )
    shown = [r.message for r in read(Source.DOORSTOP, folder).remarks]
    assert [m for m in shown if m.startswith("shows")] == [
        "shows assets/a.png, which is not imported.",
        "shows c.png, which is not imported.",
    ]


# -- sphinx-needs ---------------------------------------------------------------------


def test_needs_of_the_current_version_become_items(fixtures: Path) -> None:
    conversion = read(Source.SPHINX_NEEDS, fixtures / "needs.json")
    found = items(conversion)
    assert sorted(found) == ["SRS-001", "UN-001", "VP-001"]
    requirement, protocol = found["SRS-001"], found["VP-001"]
    assert isinstance(requirement, Requirement)
    assert requirement.refines == ("UN-001",)
    assert isinstance(protocol, TestProtocol)
    assert protocol.verifies == ("SRS-001",)
    for words in ("NEED_404", "'asil'", "'parts'", "older versions (1.0)", "'tags'"):
        assert words in said(conversion)


def test_what_sphinx_finds_out_itself_is_left_out(fixtures: Path) -> None:
    text = items(read(Source.SPHINX_NEEDS, fixtures / "needs.json"))["UN-001"].text
    assert text.endswith(
        "## Imported attributes\n\n- status: open\n- tags: mr, volume\n"
    )


def test_nesting_and_links_to_parts_of_needs_are_said(tmp_path: Path) -> None:
    def need(name: str, **more: object) -> dict[str, object]:
        return {"id": name, "type": "req", "title": name, "content": "", **more}

    needs = {
        "R_1": need("R_1", parts={"1": {"content": "a"}}, parent_needs=["R_2"]),
        "R_2": need("R_2"),
        "T_1": {**need("T_1", verifies=["R_1", "R_1.1"]), "type": "test"},
    }
    kinds = {"verifies": "links", "parent_needs": "links"}
    schema = {"properties": {n: {"field_type": k} for n, k in kinds.items()}}
    path = tmp_path / "needs.json"
    version = {"needs": needs, "needs_schema": schema}
    path.write_text(json.dumps({"current_version": "", "versions": {"": version}}))
    conversion = read(Source.SPHINX_NEEDS, path)
    found = items(conversion)
    assert found["VP-001"].model_dump()["verifies"] == ("SRS-001",)
    assert "T_1: links to R_1.1, a part; the link is to all of R_1." in said(conversion)
    assert "no field takes the attribute 'parent_needs'" in said(conversion)
    assert "- parent_needs: R_2\n" in found["SRS-001"].text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "is no JSON object"),
        ("{", "is not JSON"),
        ("{}", "has no version None"),
        ('{"current_version": "", "versions": {"": {}}}', "has no 'needs'"),
        (
            '{"current_version": "", "versions": {"": {"needs": {"A": 1}}}}',
            "the need 'A' is no object",
        ),
        (
            '{"current_version": "", "versions": {"": {"needs": {"A": {}, "A": {}}}}}',
            "has the key 'A' twice",
        ),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "a number nobody can read"),
    ],
)
def test_what_is_no_needs_json_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "needs.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BrokenFileError, match=words):
        read(Source.SPHINX_NEEDS, path)


# -- strictdoc ------------------------------------------------------------------------


def test_nodes_of_strictdoc_become_items(fixtures: Path) -> None:
    conversion = read(Source.STRICTDOC, fixtures / "strictdoc.json")
    found = items(conversion)
    assert sorted(found) == ["SRS-007", "UN-003"]
    requirement = found["SRS-007"]
    assert isinstance(requirement, Requirement)
    assert requirement.refines == ("UN-003",)
    assert "\n\n## Rationale\n\nReaders ask for it.\n" in requirement.text
    assert "- File src/volume.py: src/volume.py" in requirement.text
    for words in ("TEST_SPEC", "Without a name", "This document lists", "'STATUS'"):
        assert words in said(conversion)


def test_what_a_document_says_and_how_it_nests_is_said(tmp_path: Path) -> None:
    inner = {"_NODE_TYPE": "REQUIREMENT", "UID": "REQ-2", "TITLE": "Inner"}
    outer = {"_NODE_TYPE": "REQUIREMENT", "UID": "REQ-1", "NODES": [inner]}
    scope = {"_NODE_TYPE": "TEXT", "UID": "TXT-1", "STATEMENT": "Scope"}
    chapter = {"_NODE_TYPE": "SECTION", "UID": "SEC-1", "NODES": [outer, scope]}
    document = {"TITLE": "D", "VERSION": "3.1", "NODES": [chapter]}
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"DOCUMENTS": [document]}), encoding="utf-8")
    conversion = read(Source.STRICTDOC, path)
    assert sorted(items(conversion)) == ["SRS-001", "SRS-002"]
    assert "says something itself (VERSION: 3.1)" in said(conversion)
    assert "2 places below sections or other nodes are not kept" in said(conversion)
    assert "a text ('Scope') is no item" in said(conversion)


def test_a_file_of_strictdoc_needs_strictdoc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "a.sdoc"
    file.write_text("[DOCUMENT]\nTITLE: A\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="needs strictdoc"):
        read(Source.STRICTDOC, file)


# -- rdm ------------------------------------------------------------------------------


def test_the_data_of_rdm_become_items(fixtures: Path) -> None:
    conversion = read(Source.RDM, fixtures / "rdm")
    found = items(conversion)
    assert sorted(found) == ["RISK-001", "SOUP-001", "SRS-001", "SRS-002"]
    requirement, risk = found["SRS-001"], found["RISK-001"]
    assert isinstance(requirement, Requirement)
    assert requirement.category is Category.INPUT_OUTPUT
    assert isinstance(risk, Risk)
    assert risk.sequence == ("A unit is read wrongly", "The reader does not notice it")
    assert "- severity: Serious" in risk.text
    for words in ("SR-6", "'risk_levels'", "manual_tests.yml", "'severity'", "'TBD'"):
        assert words in said(conversion)
    assert "system.yml : describes the project, not items of it" in said(conversion)


def test_what_an_item_cannot_do_without_comes_from_the_mapping(fixtures: Path) -> None:
    without = read(Source.RDM, fixtures / "rdm")
    assert "cannot become a PR (criticality" in said(without)
    mapping = Mapping.model_validate(
        {
            "defaults": {
                "PR": {"criticality": "minor", "reported_by": "Import"},
                "CR": {"raised": "2026-01-02", "reason": "See text", "impact": "None"},
            }
        }
    )
    found = items(read(Source.RDM, fixtures / "rdm", mapping))
    assert found["PR-002"].model_dump()["reported"].isoformat() == "2033-08-12"
    assert found["CR-007"].model_dump()["resolves"] == ("PR-002",)


# -- all ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(Source))
def test_a_source_that_does_not_exist_is_named(form: Source, tmp_path: Path) -> None:
    with pytest.raises(RegmlError, match="nothing"):
        read(form, tmp_path / "nothing")


@pytest.mark.parametrize("form", list(Source))
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"\x00" * 64, b"PK\x03\x04", b"{}", b"[]", b"<a/>"],
)
def test_a_file_of_anything_else_is_one_message(
    form: Source, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "requirements.yml"
    path.write_bytes(content)
    with contextlib.suppress(RegmlError):
        assert not read(form, path).items


def test_a_source_without_items_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.reqif"
    path.write_text("<REQ-IF/>", encoding="utf-8")
    plan = plan_import(Source.REQIF, path, MAPPINGS[Source.REQIF], [])
    assert [remark.message for remark in plan.remarks] == [
        "holds no items; nothing was imported."
    ]


def test_an_item_without_kind_names_how_to_give_it_one(tmp_path: Path) -> None:
    needs = {"XYZ_1": {"id": "XYZ_1", "type": "xyz", "title": "T", "content": ""}}
    path = tmp_path / "needs.json"
    path.write_text(
        json.dumps({"current_version": "", "versions": {"": {"needs": needs}}}),
        encoding="utf-8",
    )
    conversion = read(Source.SPHINX_NEEDS, path)
    assert conversion.items == ()
    assert conversion.remarks[0].remedy == (
        "Say what it means in the mapping, e.g. kinds: {xyz: SRS}."
    )


# -- again ----------------------------------------------------------------------------


def test_what_only_we_say_survives_the_next_import(fixtures: Path) -> None:
    form, path = Source.DOORSTOP, fixtures / "doorstop"
    first = items(read(form, path))
    ours = first["SRS-001"].model_copy(
        update={"category": Category.SECURITY, "controls": ("RISK-001",)}
    )
    reading = read_source(form, path, MAPPINGS[form])
    again = convert(reading, MAPPINGS[form], [ours, first["UN-001"]])
    assert items(again)["SRS-001"] == ours


def test_what_the_source_took_back_goes(fixtures: Path) -> None:
    form, path = Source.DOORSTOP, fixtures / "doorstop"
    first = items(read(form, path))
    ours = first["SRS-001"].model_copy(update={"refines": ("UN-001", "UN-099")})
    reading = read_source(form, path, MAPPINGS[form])
    again = convert(reading, MAPPINGS[form], [ours, first["UN-001"]])
    assert items(again)["SRS-001"] == first["SRS-001"]
