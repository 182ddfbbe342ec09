"""Items as files: what is read is what was written, and what is wrong is said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.errors import BrokenFileError
from regml.files.markdown import (
    misplaced_items,
    parse_item,
    read_items,
    write_item,
)
from regml.items.requirements import Acceptance, Category, Requirement

VALID = """\
---
title: Accuracy
category: performance
refines: [UN-01]
acceptance:
  - {metric: dice, at_least: 0.85}
---
The software shall be accurate.
"""

lines = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029"), min_size=1
).filter(lambda text: text.strip() == text)
requirements = st.builds(
    Requirement,
    id=st.from_regex(r"SRS-[0-9]{2,4}", fullmatch=True),
    title=lines,
    text=lines,
    retired=st.none() | lines,
    category=st.sampled_from(Category),
    refines=st.lists(st.from_regex(r"UN-[0-9]{2}", fullmatch=True)).map(tuple),
    acceptance=st.lists(
        st.builds(Acceptance, metric=lines, at_least=st.floats(0, 1))
    ).map(tuple),
)


@given(requirements)
def test_a_written_item_reads_back_the_same(item: Requirement) -> None:
    assert parse_item(f"a/{item.id}.md", write_item(item)).item == item


def test_the_file_name_is_the_id() -> None:
    assert parse_item("requirements_srs/SRS-020.md", VALID).item.id == "SRS-020"


def test_a_link_is_found_on_its_line() -> None:
    assert parse_item("a/SRS-020.md", VALID).line_of("UN-01") == 4


@pytest.mark.parametrize(
    ("line", "becomes", "place", "said"),
    [
        ("title: Accuracy", "titel: Accuracy", 2, "unknown key 'titel'"),
        ("title: Accuracy", "title: a: b", 2, "not valid YAML"),
        ("category: performance", "title: Again", 3, "stands twice"),
        ("category: performance", "category: fast", 3, "'category'"),
        ("title: Accuracy", "title: 1.10", 2, "'title' has to be a text, and 1.1 is"),
        ("title: Accuracy", "title: yes", 2, "has to be a text, and True is none"),
        ("title: Accuracy", "title: ' '", 2, "'title' is empty"),
        ("refines: [UN-01]", "refines: UN-01", 4, "has to be a list in [ ], and 'UN"),
        ("0.85", "true", 6, "'acceptance.0.at_least' has to be a number, and True"),
        ("refines: [UN-01]", "refines: [UN-0x]", 4, "'UN-0x'"),
        ("{metric: dice, at_least: 0.85}", "{metric: dice}", 6, "at_least or at_most"),
        ("title: Accuracy", "id: SRS-021", None, "the id is the file name"),
        ("title: Accuracy", "\ttitle: Accuracy", 2, "not valid YAML"),
    ],
)
def test_a_broken_front_matter_names_file_and_line(
    line: str, becomes: str, place: int | None, said: str
) -> None:
    with pytest.raises(BrokenFileError) as caught:
        parse_item("a/SRS-020.md", VALID.replace(line, becomes))
    assert str(caught.value).startswith("a/SRS-020.md")
    assert said in str(caught.value)
    assert caught.value.line == place


@pytest.mark.parametrize("text", ["", "no fence\n", "---\ntitle: x\n", "---\n---\n"])
def test_a_file_without_whole_front_matter_is_refused(text: str) -> None:
    with pytest.raises(BrokenFileError, match="SRS-020"):
        parse_item("a/SRS-020.md", text)


@pytest.mark.parametrize("name", ["SRS-1.md", "SRSX-020.md", "notes.md", "srs-020.md"])
def test_a_file_that_is_not_named_after_an_id_is_refused(name: str) -> None:
    with pytest.raises(BrokenFileError, match="not an id"):
        parse_item(f"a/{name}", VALID)


def test_carriage_returns_change_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "requirements_srs"
    folder.mkdir()
    (folder / "SRS-020.md").write_bytes(VALID.replace("\n", "\r\n").encode())
    [located] = read_items(tmp_path)
    assert located.item == parse_item("a/SRS-020.md", VALID).item


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "risk"
    folder.mkdir()
    (folder / "RISK-001.md").write_bytes("---\ntitle: Größe\n".encode("latin-1"))
    with pytest.raises(BrokenFileError, match=r"risk/RISK-001\.md:2: is not UTF-8"):
        read_items(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("SRS-020", "SRS-020.txt", "SRS-020.md.txt", "SRS-020.yml", "SRS-020.YAML"),
        *("SRS-020.rst", "SRS-020.MD", "SRS-020.markdown", "SRS-020.mdx"),
    ],
)
def test_what_is_named_like_an_item_and_would_not_be_read_is_refused(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "requirements_srs").mkdir()
    (tmp_path / "requirements_srs" / name).write_text(VALID)
    with pytest.raises(BrokenFileError, match=r"Rename it to SRS-020\.md"):
        read_items(tmp_path)


def test_what_lies_beside_items_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "verification"
    (folder / "VP-01").mkdir(parents=True)
    for name in ("VP-01.png", "VP-01.xlsx", "notes.txt", ".SRS-020.md.swp", "a.yaml"):
        (folder / name).write_text("x")
    assert read_items(tmp_path) == ()


def test_an_item_in_another_folder_is_named(tmp_path: Path) -> None:
    names = [
        *("risks/RISK-001.md", "docs/SRS-020.md", "risk/RISK-002.md", "SRS-021.md"),
        *("docs/CR-01.md", "docs/notes.md", "sub/regml.toml", "sub/risk/RISK-003.md"),
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Minutes\n" if "CR" in name else VALID)
    assert misplaced_items(tmp_path, names) == (
        *("SRS-021.md", "docs/SRS-020.md", "risks/RISK-001.md"),
    )


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_how_a_file_ends_is_no_content(end: str) -> None:
    item = parse_item("a/SRS-020.md", VALID.rstrip("\n") + end).item
    assert item.fingerprint() == parse_item("a/SRS-020.md", VALID).item.fingerprint()


def test_readme_files_are_not_items(tmp_path: Path) -> None:
    (tmp_path / "risk").mkdir()
    (tmp_path / "risk" / "README.md").write_text("# Risks\n", encoding="utf-8")
    assert read_items(tmp_path) == ()


def test_every_field_counts_for_the_fingerprint() -> None:
    before = parse_item("a/SRS-020.md", VALID).item.fingerprint()
    for old, new in [("0.85", "0.84"), ("UN-01", "UN-02"), ("accurate.", "accurate!")]:
        changed = parse_item("a/SRS-020.md", VALID.replace(old, new)).item
        assert changed.fingerprint() != before
