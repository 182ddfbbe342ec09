"""Whatever a foreign file holds: items with remarks, or one message; no traceback."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regml.errors import RegmlError
from regml.exchange import xlsx
from regml.exchange.formats import MAPPINGS, Source
from regml.exchange.importer import plan_import, write_import
from regml.items.requirements import UserNeed

FIXTURES = Path(__file__).parent / "fixtures"
MANY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


NEED = ("id", "type", "title", "content", "links", "parts", "x", "status")


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def survives(form: Source, path: Path) -> None:
    try:
        plan = plan_import(form, path, MAPPINGS[form], [])
    except RegmlError as error:
        assert str(error)  # noqa: PT017 - either outcome is fine
    else:
        assert len({one.path for one in plan.placed}) == len(plan.placed)
        with folder() as project:
            write_import(project, plan)
            for one in plan.placed:
                assert (project / one.path).read_bytes() == one.text.encode()


@pytest.mark.parametrize("field", ["title", "content", "id", "x"])
def test_half_a_character_is_not_imported_and_said(field: str) -> None:
    need = {"id": "R_1", "type": "req", "title": "T", "content": "C"}
    with folder() as where:
        path = where / "needs.json"
        broken = {"R_1": {**need, field: "a\ud800b"}, "R_2": {**need, "id": "R_2"}}
        version = {"": {"needs": broken}}
        path.write_text(json.dumps({"current_version": "", "versions": version}))
        survives(Source.SPHINX_NEEDS, path)
        form = Source.SPHINX_NEEDS
        plan = plan_import(form, path, MAPPINGS[form], [])
    assert [one.foreign_id for one in plan.placed] == ["R_2"]
    assert any("not imported" in remark.message for remark in plan.remarks)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@MANY
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.dictionaries(st.sampled_from(NEED), values),
        max_size=3,
    )
)
def test_needs_of_any_shape(needs: dict[str, dict[str, object]]) -> None:
    for need in needs.values():
        need.setdefault("type", "req")
    document = {"current_version": "", "versions": {"": {"needs": needs}}}
    with folder() as where:
        path = where / "needs.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        survives(Source.SPHINX_NEEDS, path)


@MANY
@given(st.lists(st.dictionaries(
    st.sampled_from(["UID", "TITLE", "STATEMENT", "RELATIONS", "NODES", "_NODE_TYPE"]),
    values,
), max_size=3))  # fmt: skip
def test_nodes_of_strictdoc_of_any_shape(nodes: list[dict[str, object]]) -> None:
    with folder() as where:
        path = where / "index.json"
        path.write_text(json.dumps({"DOCUMENTS": [{"NODES": nodes}]}), encoding="utf-8")
        survives(Source.STRICTDOC, path)


@MANY
@given(st.dictionaries(
    st.sampled_from(["header", "text", "links", "active", "level", "ref", "other"]),
    values,
))  # fmt: skip
def test_doorstop_items_of_any_shape(fields: dict[str, object]) -> None:
    with folder() as where:
        (where / ".doorstop.yml").write_text("settings: {prefix: REQ}\n")
        text = yaml.safe_dump(fields, allow_unicode=True)
        (where / "REQ001.yml").write_text(text, encoding="utf-8")
        survives(Source.DOORSTOP, where)


@MANY
@given(st.sampled_from(["requirements", "risk", "soup", "problem_reports"]), values)
def test_data_of_rdm_of_any_shape(name: str, value: object) -> None:
    entry = {"id": "1", "title": value, "events": value, "type": value, "name": value}
    with folder() as where:
        path = where / f"{name}.yml"
        text = yaml.safe_dump([entry, value], allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        survives(Source.RDM, path)


@MANY
@given(st.binary(max_size=300) | st.text("id,;\t\"'=\n\rA1-é\x00", max_size=80))
def test_csv_of_any_content(content: bytes | str) -> None:
    with folder() as where:
        path = where / "a.csv"
        text = f"id,type,{content}" if isinstance(content, str) else content
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        survives(Source.CSV, path)


@MANY
@given(st.data())
def test_reqif_with_a_piece_cut_out_or_doubled(data: st.DataObject) -> None:
    content = (FIXTURES / "foreign.reqif").read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 200, len(content))))
    piece = content[start:end] * data.draw(st.sampled_from([0, 2]))
    with folder() as where:
        path = where / "a.reqif"
        path.write_bytes(content[:start] + piece + content[end:])
        survives(Source.REQIF, path)


PARTS = (
    "VALUES TYPE DEFINITION THE-VALUE SOURCE LONG-NAME IDENTIFIER SPEC-OBJECT-REF "
    "ENUM-VALUE-REF SPEC-ATTRIBUTES SPEC-TYPES"
)


@pytest.mark.parametrize("tag", PARTS.split())
def test_reqif_without_one_of_its_parts(tag: str) -> None:
    text = (FIXTURES / "foreign.reqif").read_text(encoding="utf-8")
    with folder() as where:
        path = where / "a.reqif"
        path.write_text(text.replace(tag, "OTHER"), encoding="utf-8")
        survives(Source.REQIF, path)


@settings(MANY, max_examples=60)
@given(st.data())
def test_a_workbook_with_any_byte_changed(data: st.DataObject) -> None:
    with folder() as where:
        path = where / "a.xlsx"
        item = UserNeed(id="UN-01", title="A", text="B")
        content = bytearray(xlsx.write([item], created="2026-01-02T03:04:05Z"))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content))
        survives(Source.XLSX, path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml",
                                  "[Content_Types].xml", "xl/styles.xml"])  # fmt: skip
@pytest.mark.parametrize("content", [b"<a/>", b"", b"<worksheet/>"])
def test_a_workbook_with_a_part_exchanged(part: str, content: bytes) -> None:
    import zipfile

    with folder() as where:
        good, path = where / "good.xlsx", where / "a.xlsx"
        book = openpyxl.Workbook()
        book.active.append(["id", "title"])
        book.save(good)
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                new.writestr(name, content if name == part else old.read(name))
        survives(Source.XLSX, path)


def test_a_folder_where_a_file_belongs() -> None:
    with folder() as where:
        shutil.copytree(FIXTURES / "rdm", where / "rdm")
        for form in Source:
            survives(form, where)
            survives(form, where / "rdm")
