"""CSV and XLSX as people make them: dialects, formulas, doubles."""

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.chart import BarChart
from openpyxl.comments import Comment
from openpyxl.styles import Font

from regml.errors import BrokenFileError
from regml.exchange import archive, csv_file
from regml.exchange.convert import Conversion, convert
from regml.exchange.formats import MAPPINGS, Source, Target, export, read_source
from regml.exchange.mapping import Mapping, completed
from regml.items.requirements import Category, Requirement, UserNeed

TIME = "2026-01-02T03:04:05Z"


def read(path: Path, mapping: dict[str, Any] | None = None) -> Conversion:
    form = Source(path.suffix[1:])
    whole = Mapping.model_validate(mapping or {}).over(MAPPINGS[form])
    return convert(read_source(form, path, whole), whole)


def csv_of(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def xlsx_of(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_dialect_of_a_spreadsheet_is_read(
    tmp_path: Path, sign: str, encoding: str, end: str
) -> None:
    rows = [
        ["ID", "Type", "Title", "Description", "Parent"],
        ["N1", "user need", "Größe", '"Line 1\nline 2"', ""],
        ["R7", "Requirement", "Volume", '"a; b, c"', "N1"],
    ]
    text = end.join(sign.join(row) for row in rows) + end
    conversion = read(
        csv_of(tmp_path / "a.csv", text, encoding),
        {"defaults": {"SRS": {"category": "data"}}},
    )
    need, requirement = (one.item for one in conversion.items)
    assert (need.id, need.title, need.text) == ("UN-001", "Größe", "Line 1\nline 2\n")
    assert isinstance(requirement, Requirement)
    assert requirement.id == "SRS-007"
    assert requirement.refines == ("UN-001",)
    assert conversion.remarks == ()


def test_a_mapping_says_what_columns_and_words_mean(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path / "a.csv", "Nr,Art,Kurz,Text,Klasse\n4,Anf,Titel,Body,Daten\n"
    )
    conversion = read(
        path,
        {
            "kinds": {"Anf": "SRS"},
            "fields": {
                "Nr": "id",
                "Art": "type",
                "Kurz": "title",
                "Klasse": "category",
            },
            "values": {"category": {"daten": "data"}},
        },
    )
    [one] = conversion.items
    assert isinstance(one.item, Requirement)
    assert one.item.category is Category.DATA
    assert (one.item.id, one.item.foreign_id, one.item.title) == (
        "SRS-004",
        "4",
        "Titel",
    )
    assert conversion.remarks == ()


def test_the_line_by_which_a_spreadsheet_names_its_sign_is_no_header(
    tmp_path: Path,
) -> None:
    path = csv_of(tmp_path / "a.csv", "sep=;\r\nid;type;title\r\nN-1;UN;a, b, c\r\n")
    [one] = read(path).items
    assert (one.item.title, one.source.where) == ("a, b, c", f"{path}:3")


def test_an_apostrophe_that_we_did_not_write_stays(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "id,type,title\nN-1,UN,'-5 V' rail\n")
    [one] = read(path).items
    assert one.item.title == "'-5 V' rail"


def test_what_a_sheet_shows_beside_its_values_is_said(tmp_path: Path) -> None:
    path = xlsx_of(
        tmp_path / "a.xlsx",
        SRS=[
            ["id", "title", "category", "Parent"],
            ["SRS-001", "One", "data", "UN-01"],
            ["SRS-002", "Two"],
            ["SRS-003", "Three", "data"],
        ],
        UN=[["id", "title"], ["UN-01", "Need"]],
    )
    book = openpyxl.load_workbook(path)
    sheet = book["SRS"]
    for area in ("A1:A1", "C2:C3", "D2:D3"):
        sheet.merge_cells(area)
    sheet["B2"].comment = Comment("the limit is 5", "QA")
    sheet["B3"].hyperlink = "https://example.org/x"
    sheet["B4"].font = Font(strike=True)
    sheet["B2"] = CellRichText("One ", TextBlock(InlineFont(strike=True), "less"))
    sheet.add_chart(BarChart(), "G1")
    book.save(path)
    conversion = read(path)
    found = {one.item.id: one.item for one in conversion.items}
    assert found["SRS-002"].model_dump()["refines"] == ("UN-01",)
    assert found["SRS-002"].model_dump()["category"] == "data"
    assert found["SRS-001"].title == "One less"
    said = {f"{r.where.rpartition('!')[2]}: {r.message}" for r in conversion.remarks}
    for words in (
        "B2: has a comment, which is not imported: the limit is 5",
        "B3: leads to https://example.org/x, which is not imported.",
        "B2: has text that is struck through; it is imported like any other.",
        "B4: has text that is struck through; it is imported like any other.",
        "D2:D3: is merged; its first cell was taken for each of its rows.",
        f"{path}: holds charts (1), which are not imported.",
    ):
        assert words in said


def test_an_escape_is_read_once_also_beside_text_that_is_struck_through(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.xlsx"
    items = [UserNeed(id="UN-01", title="_x0041_", text="")]
    path.write_bytes(export(Target.XLSX, items, project="D", created=TIME).content)
    book = openpyxl.load_workbook(path)
    book["UN"]["E1"], book["UN"]["E2"] = (
        "x",
        CellRichText("a", TextBlock(InlineFont(strike=True), "b")),
    )
    book.save(path)
    conversion = read(path)
    assert conversion.items[0].item.title == "_x0041_"
    assert any("struck through" in remark.message for remark in conversion.remarks)


def test_a_header_of_two_rows_makes_no_item(tmp_path: Path) -> None:
    path = xlsx_of(
        tmp_path / "a.xlsx", UN=[["id", "title"], [None, None], ["UN-01", "A"]]
    )
    book = openpyxl.load_workbook(path)
    book["UN"].merge_cells("A1:A2")
    book.save(path)
    assert [one.item.id for one in read(path).items] == ["UN-01"]


def test_a_title_above_the_header_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", UN=[["All needs"], ["id", "title"], [1, "A"]])
    with pytest.raises(
        BrokenFileError, match=r"UN:2: has more cells .*Remove what stands above"
    ):
        read(path)


def test_line_ends_that_a_spreadsheet_changed_change_nothing(tmp_path: Path) -> None:
    item = UserNeed(id="UN-01", title="A", text="one\ntwo\n")
    text = csv_file.write([item]).decode().replace("one\n", "one\r\n")
    [one] = read(csv_of(tmp_path / "a.csv", text)).items
    assert one.item == item


def test_a_written_mapping_names_every_column(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "Nr,Kurz,Title\n4,x,y\n")
    whole = completed(MAPPINGS[Source.CSV], read_source(Source.CSV, path, Mapping()))
    assert {name: whole.fields[name] for name in ("Nr", "Kurz", "Title")} == {
        "Nr": "body",
        "Kurz": "body",
        "Title": "title",
    }


def test_a_formula_is_guarded_in_csv_and_nothing_else_changes() -> None:
    items = [UserNeed(id="UN-01", title="=HYPERLINK(1)", text="'quoted'\n")]
    text = csv_file.write(items).decode()
    assert "'=HYPERLINK(1)" in text
    assert ",'quoted'" in text.replace('"', "")


def test_a_formula_is_a_text_in_xlsx(tmp_path: Path) -> None:
    items = [UserNeed(id="UN-01", title="=1+1", text="-2")]
    path = tmp_path / "a.xlsx"
    path.write_bytes(export(Target.XLSX, items, project="D", created=TIME).content)
    sheet = openpyxl.load_workbook(path)["UN"]
    kinds = {cell.value: cell.data_type for row in sheet.iter_rows() for cell in row}
    assert kinds["=1+1"] == kinds["-2"] == "s"


def test_a_formula_in_a_workbook_is_refused_with_its_cell(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", SRS=[["id", "title"], ["SRS-001", "=A1&A2"]])
    with pytest.raises(BrokenFileError, match=r"a\.xlsx!SRS!B2: holds a formula \(=A1"):
        read(path)


def test_the_name_of_a_sheet_is_the_type_of_its_rows(tmp_path: Path) -> None:
    path = xlsx_of(
        tmp_path / "a.xlsx",
        UN=[["id", "title"], [1, "Need"], [None, None], [2, 3.0]],
        SRS=[["id", "title", "Parent", "category"], [7.0, "Req", 2, "data"]],
        Empty=[],
    )
    first, second, third = (one.item for one in read(path).items)
    assert (first.id, second.id, second.title) == ("UN-001", "UN-002", "3")
    assert isinstance(third, Requirement)
    assert (third.id, third.refines) == ("SRS-007", ("UN-002",))


def test_rows_with_the_same_id_are_all_left_out(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path / "a.csv", "id,type,title\nN-1,UN,A\nN-1,UN,B\nN-2,UN,C\n,UN,D\n"
    )
    conversion = read(path)
    assert [one.item.title for one in conversion.items] == ["C"]
    messages = [f"{r.where}: {r.message}" for r in conversion.remarks]
    assert any(":5: a row without id" in message for message in messages)
    assert any(":3: has the same id as " in message for message in messages)


def test_ids_that_differ_in_case_stay_apart(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "id,type,title\nSRS-001,SRS,A\nsrs-001,SRS,B\n")
    found = {one.item.id: one.source.id for one in read(path).items}
    assert found == {"SRS-001": "SRS-001", "SRS-002": "srs-001"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("id,id\n1,2\n", "has two columns 'id'"),
        ("id,,title\n1,2,3\n", "column 2 has no name"),
        ('id,title\n1,"open\n', "is not CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(BrokenFileError, match=words):
        read(csv_of(tmp_path / "a.csv", content))


def test_a_file_in_another_encoding_says_how_to_save_it(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "id,title\nUN-1,Größe\n", "latin-1")
    with pytest.raises(BrokenFileError, match="Save it as 'CSV UTF-8'"):
        read(path)


def test_cells_beyond_the_header_are_said(tmp_path: Path) -> None:
    conversion = read(csv_of(tmp_path / "a.csv", "id,title\nUN-01,A,more\n"))
    assert "more cells than the header" in conversion.remarks[0].message


def test_a_row_that_breaks_off_is_said(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "id,type,title\nN-1,UN\n\n,,\nN-2,UN,B\n")
    [remark] = read(path).remarks
    assert remark.where == f"{path}:2"
    assert remark.message.startswith("has 2 cells and the header 3")


def test_a_workbook_with_an_entity_is_refused(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", UN=[["id", "title"], ["UN-01", "A"]])
    out = io.BytesIO()
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(out, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name == "xl/workbook.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "b">]>' + content
            bad.writestr(name, content)
    path.write_bytes(out.getvalue())
    with pytest.raises(BrokenFileError, match=r"xl/workbook\.xml: declares a document"):
        read(path)


def test_a_workbook_that_unfolds_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LARGEST", 1000)
    path = xlsx_of(tmp_path / "a.xlsx", UN=[["id", "title"], ["UN-01", "A"]])
    with pytest.raises(BrokenFileError, match="unpacks to more than"):
        read(path)


def test_a_part_without_a_name_is_one_message(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", UN=[["id", "title"], ["UN-01", "A"]])
    name = b"[Content_Types].xml"
    path.write_bytes(path.read_bytes().replace(name, b"\0" + name[1:]))
    with pytest.raises(BrokenFileError, match="is a broken archive"):
        read(path)


def test_an_error_in_a_cell_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["id", "title"])
    book.active.append(["UN-01", "#REF!"])
    book.active["B2"].data_type = "e"
    book.save(path)
    with pytest.raises(BrokenFileError, match="holds an error value"):
        read(path)
