"""Whatever stands in a file: an item, or one message with the file and a remedy."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from regml.errors import BrokenFileError
from regml.files.markdown import LONGEST, parse_item, read_items, write_item
from regml.files.plain_yaml import DEEPEST
from regml.files.text import parse_yaml
from regml.items.links import MODELS, AnyItem
from tests.factories import (
    change_request,
    changed,
    manual_protocol,
    need,
    performance,
    problem_report,
    requirement,
    risk,
    software,
    soup,
    specification,
)

ITEMS: tuple[AnyItem, ...] = (
    need(),
    requirement(),
    performance(),
    risk(),
    software(),
    soup(),
    specification(),
    manual_protocol(),
    change_request(),
    problem_report(),
)

FRONT = "title: A\ncategory: data\n"

BROKEN = {
    "a tab": ("title: A\n\tcategory: data\n", 3, "begins with a tab"),
    "a tab in a list": ("title: A\nrefines:\n\t- UN-01\n", 4, "begins with a tab"),
    "an anchor": ("title: &a A\ncategory: data\n", 2, "an anchor"),
    "an alias": ("title: A\nrefines: *a\n", 3, "an alias"),
    "a bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntitle: *c\n",
        2,
        "an anchor",
    ),
    "a tag": ("title: A\ncategory: !!python/name:os.system x\n", 3, "a tag"),
    "a key twice": ("title: A\ntitle: B\n", 3, "stands twice"),
    "endless lists": ("title: A\nrefines: " + "[" * 100_000, 3, "levels deep"),
    "endless dashes": ("title: A\nrefines:\n  " + "- " * 100_000, 4, "levels deep"),
    "no such day": ("title: A\nretired: 2026-13-01\n", 3, "does not exist"),
    "a number too long": (f"title: A\nretired: {'9' * 5000}\n", 3, "does not exist"),
    "a control sign": ("title: A\nretired: a\x07\n", 3, "control character"),
    "two documents": ("title: A\n--- \ntitle: B\n", 3, "second YAML document"),
    "no mapping": ("- title\n", 2, "key: value"),
    "a number as key": ("title: A\ncategory: data\n1: 2\n", 4, "1"),
    "not a number": (
        "title: A\ncategory: performance\n"
        "acceptance: [{metric: dice, at_least: .nan}]\n",
        4,
        "at_least",
    ),
    "digits of another script": (
        "title: A\ncategory: data\nrefines: [UN-\u0660\u0661]\n",
        4,
        "form of an id",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_yaml_could_do_is_refused_with_file_and_line(what: str) -> None:
    front, line, said = BROKEN[what]
    with pytest.raises(BrokenFileError) as caught:
        parse_item("a/SRS-001.md", f"---\n{front}\n---\nBody.\n")
    assert str(caught.value).startswith("a/SRS-001.md")
    assert said in str(caught.value)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)


def test_signs_that_only_look_like_an_anchor_are_text() -> None:
    front = 'title: Search & rescue!\nusers: ["*", "a !b"]\n'
    item = parse_item("a/UN-01.md", f"---\n{front}---\n").item
    assert item.title == "Search & rescue!"


def test_a_file_as_long_as_a_book_is_refused() -> None:
    with pytest.raises(BrokenFileError, match="at most 1,000,000"):
        parse_item("a/SRS-001.md", f"---\n{FRONT}---\n{'x' * LONGEST}")


def test_a_file_with_the_fields_of_another_kind_says_which() -> None:
    with pytest.raises(BrokenFileError, match="fields of one of kind RISK"):
        parse_item("a/SRS-001.md", write_item(risk()))


@pytest.mark.parametrize("name", ["SRS-001.MD", "SRS-001.Md", "SRS-001.markdown"])
def test_a_file_that_would_be_overlooked_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "risk"
    folder.mkdir()
    (folder / name).write_text("x", encoding="utf-8")
    with pytest.raises(BrokenFileError, match=r"Rename it to SRS-001\.md"):
        read_items(tmp_path)


@pytest.mark.parametrize(
    "name", ["SRS-\u0660\u0660\u0661.md", "SRS-001\n.md", "SRS-001 .md"]
)
def test_a_name_that_looks_like_an_id_is_none(name: str) -> None:
    with pytest.raises(BrokenFileError, match="is not an id"):
        parse_item(f"a/{name}", f"---\n{FRONT}---\n")


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, whole: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "SRS-001.md").write_text(f"---\n{FRONT}---\n", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    if whole:
        (project / "risk").symlink_to(outside)
    else:
        (project / "risk").mkdir()
        (project / "risk" / "SRS-001.md").symlink_to(outside / "SRS-001.md")
    with pytest.raises(BrokenFileError, match="symbolic link"):
        read_items(project)


@given(st.sampled_from(list(MODELS)), st.text())
@example("SRS", "---\ntitle: x\nraised: 2026-99-99\n---\n")
@example("CR", "---\n? [a]\n: 1\n---\n")
@example("CR", "---\n<<: {title: x}\ntitle: y\n---\n")
def test_any_text_is_an_item_or_one_message(kind: str, text: str) -> None:
    _item_or_message(kind, text)


yaml_signs = st.text(
    alphabet="ab:-?[]{}&*!|>'\"%@`#,~=<0129.\n \té\x00\ud7ff", max_size=60
)


@given(st.sampled_from(list(MODELS)), yaml_signs)
def test_any_front_matter_is_an_item_or_one_message(kind: str, front: str) -> None:
    _item_or_message(kind, f"---\n{front}\n---\nBody.\n")


keys = st.sampled_from(["title", "category", "refines", "acceptance", "retired", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner),
    max_leaves=8,
)


@given(st.dictionaries(keys, values))
def test_any_values_are_an_item_or_one_message(fields: dict[str, object]) -> None:
    _item_or_message("SRS", f"---\n{yaml.safe_dump(fields)}---\n")


def _item_or_message(kind: str, text: str) -> None:
    path = f"a/{kind}-001.md"
    try:
        located = parse_item(path, text)
    except BrokenFileError as error:
        assert str(error).startswith(path)  # noqa: PT017 - either outcome is right
        lines = text.count("\n") + 1
        assert error.line is None or error.line <= lines  # noqa: PT017 - as above
    else:
        assert len(located.item.fingerprint()) == 64


@given(st.integers(1, 3 * DEEPEST))
def test_nesting_is_read_up_to_a_depth_and_never_crashes(depth: int) -> None:
    text = f"{'[' * depth}{']' * depth}\n"
    if depth > DEEPEST:
        with pytest.raises(BrokenFileError, match="levels deep"):
            parse_yaml(text, name="x")
    else:
        parse_yaml(text, name="x")


@given(st.sampled_from(ITEMS), st.data())
def test_the_fingerprint_does_not_hang_on_the_order_of_the_fields(
    item: AnyItem, data: st.DataObject
) -> None:
    fence, front, body = write_item(item).split("---\n", 2)
    rows = data.draw(st.permutations(list(yaml.safe_load(front).items())))
    text = f"---\n{yaml.safe_dump(dict(rows), sort_keys=False)}---\n{body}"
    assert parse_item(f"a/{item.id}.md", text).item.fingerprint() == item.fingerprint()
    assert fence == ""


@given(st.sampled_from(ITEMS), st.text(min_size=1).map(lambda t: t.strip() or "x"))
def test_two_items_share_a_fingerprint_only_when_they_say_the_same(
    item: AnyItem, words: str
) -> None:
    other = changed(item, title=words)
    assert (other.fingerprint() == item.fingerprint()) == (other == item)
    moved = changed(item, title=item.text.strip() or "x", text=item.title)
    assert (moved.fingerprint() == item.fingerprint()) == (moved == item)
