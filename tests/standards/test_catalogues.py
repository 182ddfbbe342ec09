"""The clause catalogues that come with regml, and those that a project adds."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError, UnknownIdError
from regml.files.catalogues import (
    find_catalogue,
    known_catalogues,
    parse_catalogue,
    read_catalogues,
    shipped_catalogues,
)
from regml.files.documents import read_documents
from regml.standards.catalogue import Asked, Catalogue
from regml.standards.outline import outline
from regml.trace.facts import SORTS, refuse_unknown
from regml.trace.rules import RULES

ROOT = Path(__file__).parents[2]
SHIPPED = shipped_catalogues()
KNOWN = known_catalogues(())
NAMES = {
    "14971": 23,
    "62304": 102,
    "81001-5-1": 26,
    "82304-1": 18,
    "ai-act-annex-iv": 23,
    "fda-ai": 37,
    "fda-software": 19,
    "part11": 18,
}

TEXT = """
standard: S
edition: E
about: A
sources: [a page]
rows:
- {id: "1", title: T, evidence: {items: [SRS]}}
"""


def with_row(row: str) -> str:
    return TEXT.replace('{id: "1", title: T, evidence: {items: [SRS]}}', row)


def test_eight_catalogues_come_with_regml() -> None:
    assert {c.key: len(c.rows) for c in SHIPPED} == NAMES


@pytest.mark.parametrize("catalogue", SHIPPED, ids=lambda c: c.key)
def test_all_that_a_catalogue_asks_for_exists(catalogue: Catalogue) -> None:
    refuse_unknown(catalogue, known_rules=(r.id for r in RULES), others=KNOWN)


def test_the_documents_that_catalogues_ask_for_are_in_the_outline() -> None:
    planned = {document.id for document in outline()}
    planned |= {plan.id for plan in read_documents(ROOT)}
    asked = {d for c in SHIPPED for row in c.rows for d in row.evidence.documents}
    assert asked <= planned


def test_every_sort_of_evidence_can_be_looked_up() -> None:
    assert set(Asked.model_fields) == {*SORTS, "catalogues", "outside"}


@pytest.mark.parametrize(
    ("name", "key"),
    [("62304", "62304"), ("iec62304", "62304"), ("ISO14971", "14971"), ("aia",) * 2],
)
def test_a_catalogue_is_found_by_its_aliases(name: str, key: str) -> None:
    expected = "ai-act-annex-iv" if key == "aia" else key
    assert find_catalogue(KNOWN, name).key == expected


def test_an_unknown_catalogue_names_the_known_ones() -> None:
    with pytest.raises(UnknownIdError, match="Catalogues: 14971, 62304"):
        find_catalogue(KNOWN, "iec0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_row('{id: "1", title: T, colour: x}'), "unknown key 'rows.0.colour'"),
        (with_row('{id: "1", title: T, evidence: {colour: [x]}}'), "unknown key"),
        (with_row('{id: "1", title: T}'), "row 1 needs evidence"),
        (with_row('{id: "1", title: T, evidence: {items: []}}'), "row 1 needs evid"),
        (
            with_row('{id: "1", title: T, levels: [B], evidence: {items: [SRS]}}'),
            "row 1 has the unknown level 'B'",
        ),
        (
            with_row('{id: "1", title: T, withdrawn: true, evidence: {items: [UN]}}'),
            "row 1 is withdrawn and asks for evidence",
        ),
        (TEXT + '- {id: "1", title: U, evidence: {items: [UN]}}\n', "1 stands twice"),
        (with_row("{id: 4.10, title: T}"), "row 4.1 is a number: write its id in quot"),
        (TEXT.replace("about: A\n", ""), "lacks the key 'about'"),
        (TEXT + "levels: {name: c, follows: size, of: {A: A}}\n", "not 'size'"),
        ("- a list", "needs 'key: value' lines"),
        ("standard: [", "is not valid YAML"),
    ],
)
def test_a_broken_catalogue_is_refused(text: str, message: str) -> None:
    with pytest.raises(BrokenFileError, match=message) as caught:
        parse_catalogue("standards/mine.yaml", text)
    assert str(caught.value).startswith("standards/mine.yaml")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("rules: [T99]", "rules names 'T99'"),
        ("items: [COLOUR]", "items names 'COLOUR'"),
        ("approved: [X]", "approved names 'X'"),
        ("filled: [SW.colour]", "filled names 'SW.colour'"),
        ("requirements: [colour]", "requirements names 'colour'"),
        ("verified: [colour]", "verified names 'colour'"),
        ("records: [colours]", "records names 'colours'"),
        ("catalogues: [60601]", "catalogues names '60601'"),
        ("catalogues: [mine]", "catalogues names 'mine'"),
    ],
)
def test_asking_for_what_does_not_exist_is_refused(asked: str, message: str) -> None:
    text = with_row(f'{{id: "1", title: T, evidence: {{{asked}}}}}')
    text = text.replace("[60601]", '["60601"]')
    catalogue = parse_catalogue("standards/mine.yaml", text)
    with pytest.raises(BrokenFileError, match=f"row 1: {message}"):
        refuse_unknown(catalogue, known_rules=["T01"], others=["62304", "mine"])


def test_a_project_adds_catalogues_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "standards").mkdir()
    (tmp_path / "standards/62304-2.yaml").write_text(TEXT)
    (tmp_path / "standards/README.md").write_text("no catalogue")
    own = read_catalogues(tmp_path)
    assert [c.key for c in own] == ["62304-2"]
    assert find_catalogue(known_catalogues(own), "62304-2") is own[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "needs 'key: value' lines"),
        (b"rows:\n\t- x", ":2: is not valid YAML"),
        (b"standard: S\nstandard: T\n", "the key 'standard' stands twice"),
        (TEXT.replace("rows:", "levels: 3\nrows:").encode(), ":6: 'levels'"),
        (TEXT.encode() + b"- just words\n", ":8: 'rows.1'"),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "standards").mkdir()
    (tmp_path / "standards/mine.yaml").write_bytes(content)
    with pytest.raises(BrokenFileError, match=message) as caught:
        read_catalogues(tmp_path)
    assert str(caught.value).startswith("standards/mine.yaml")


def test_a_project_cannot_replace_a_catalogue_of_ours() -> None:
    own = parse_catalogue("standards/62304.yaml", TEXT)
    with pytest.raises(BrokenFileError, match="has the name '62304', as has the cata"):
        known_catalogues([own])


def test_a_project_without_catalogues_has_none(tmp_path: Path) -> None:
    assert read_catalogues(tmp_path) == ()
