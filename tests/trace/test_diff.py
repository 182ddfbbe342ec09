"""Two revisions of one project, compared by meaning, without a checkout."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.files.markdown import write_item
from regml.project import open_project
from regml.trace.build import build_graph
from regml.trace.changes import field_changes
from regml.trace.diff import State, difference, difference_page
from regml.trace.render import page_text
from regml.trace.rules import check
from tests.factories import ITEMS, Parts, changed, evidence_of, requirement
from tests.trace.test_commands import write_project
from tests.trace.test_waivers import BROKEN, waived, waiver

FILE = "requirements_srs/software/SRS-001.md"


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout


def regml(root: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("regml")), *arguments]
    return subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two commits: v1 and what came after it."""
    project = write_project(tmp_path, ITEMS)
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "first")
    git(project, "tag", "v1")
    srs = project / FILE
    srs.write_text(srs.read_text().replace("title: Volumes", "title: Volume in mm3"))
    new = changed(requirement(), id="SRS-009", title="New", refines=("UN-99",))
    (project / "requirements_srs/software/SRS-009.md").write_text(write_item(new))
    (project / "design/soup/SOUP-002.md").unlink()
    git(project, "add", "-A")
    git(project, "commit", "--quiet", "-m", "second")
    return project


def test_a_revision_reads_as_the_work_tree_did(root: Path) -> None:
    now, then = open_project(root), open_project(root, at="HEAD")
    assert now.evidence == then.evidence
    around = replace(now.evidence.surroundings, data_sizes={})
    assert around == then.evidence.surroundings
    assert now.check() == then.check()


def test_items_fields_links_and_findings_are_told(root: Path) -> None:
    text = regml(root, "diff", "v1", "HEAD")
    assert 'title: "Volumes" -> "Volume in mm3"' in text
    assert "SRS-009  New" in text
    assert "SOUP-002" in text
    assert "SRS-009  refines  UN-99" in text
    assert "names UN-99, which does not exist" in text


def test_backwards_it_says_the_opposite(root: Path) -> None:
    facts = json.loads(regml(root, "diff", "HEAD", "v1", "--format", "json"))
    titles = [section["title"] for section in facts["sections"]]
    assert "Findings that went" in titles
    assert "Items removed" in titles


def test_a_line_that_moved_is_no_difference(root: Path) -> None:
    srs = root / FILE
    lines = srs.read_text().splitlines(keepends=True)
    srs.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert "No difference in meaning" in regml(root, "diff", "HEAD")


def test_a_result_that_changed_is_told() -> None:
    sound = evidence_of(Parts())
    without = replace(
        sound,
        records=tuple(r for r in sound.records if not hasattr(r.statement, "cases")),
    )
    states = [
        State(name, graph := build_graph(evidence), check(graph))
        for name, evidence in (("before", sound), ("after", without))
    ]
    found = difference(*states)
    for name in ("SRS-001", "UN-01", "RISK-001"):
        assert (name, "passed", "not run") in found.results
    assert "T04" in {finding.rule for finding in found.appeared}
    text = page_text(difference_page(states[1].graph, found))
    assert "SRS-001   passed  not run" in text


def test_another_commit_without_other_code_changes_no_finding() -> None:
    old = evidence_of(Parts())
    stale = replace(old, code="9" * 64)
    states = [
        State(commit, graph := build_graph(replace(stale, commit=commit)), check(graph))
        for commit in ("a" * 40, "b" * 40)
    ]
    assert [f.rule for o in states[0].outcomes for f in o.findings if f.rule == "T04"]
    assert not difference(*states)


def test_a_finding_that_was_waived_since_is_told() -> None:
    found = waived(waiver())
    states = [
        State(name, graph := build_graph(evidence), check(graph))
        for name, evidence in (("before", BROKEN), ("after", found))
    ]
    first, second = states
    for before, after, heading in (
        (first, second, "Findings waived since"),
        (second, first, "Findings whose waiver is gone"),
    ):
        told = difference(before, after)
        assert [f.subject for f in (*told.waived, *told.unwaived)] == ["SRS-001"]
        assert heading in page_text(difference_page(after.graph, told))


def test_long_texts_are_compared_line_by_line() -> None:
    before = {"text": "first\nsecond\nthird\n"}
    [change] = field_changes(before, {"text": "first\n2nd\nthird\n"})
    lines = list(change.lines())
    assert "  -second" in lines
    assert "  +2nd" in lines


def test_entries_with_ids_are_compared_by_id() -> None:
    controls = [{"id": "RC-01", "text": "a"}, {"id": "RC-02", "text": "b"}]
    later = [{"id": "RC-02", "text": "c"}, {"id": "RC-01", "text": "a"}]
    changes = field_changes({"controls": controls}, {"controls": later})
    assert [line for change in changes for line in change.lines()] == [
        'controls (order): "RC-01, RC-02" -> "RC-02, RC-01"',
        'controls.RC-02.text: "b" -> "c"',
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES), st.dictionaries(st.text(), VALUES))
def test_contents_that_differ_have_a_change_and_equal_ones_none(
    before: dict[str, object], after: dict[str, object]
) -> None:
    changes = field_changes(before, after)
    assert bool(changes) == (without_none(before) != without_none(after))
    for change in changes:
        assert list(change.lines())


def without_none(value: object) -> object:
    """A key without a value says as much as no key."""
    match value:
        case dict():
            kept = {key: without_none(entry) for key, entry in value.items()}
            return {key: entry for key, entry in kept.items() if entry is not None}
        case list():
            return [without_none(entry) for entry in value]
        case _:
            return value
