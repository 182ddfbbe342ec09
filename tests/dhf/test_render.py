"""From templates and values to Markdown."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regml.dhf.build import project_documents
from regml.dhf.markdown import Writer
from regml.dhf.render import Build, Document, render_documents
from regml.errors import BrokenFileError
from regml.files.documents import parse_plan
from regml.items.documents import DocumentPlan
from regml.items.recorded import Outcome, Release
from regml.project import Project
from regml.trace.evidence import Evidence
from tests.dhf.conftest import make_project
from tests.factories import Parts, release, stage_run, with_records

FRONT = """\
---
id: notes
number: "07"
title: Notes
purpose: Says something.
owner: quality
approvers: [quality]
---
"""
BUILD = Build(
    device="Device 1.0.0",
    manufacturer="Maker",
    commit="c" * 40,
    committed_utc="2026-01-05T10:00:00Z",
    epoch=1767607200,
    dirty=(),
    heads=("ab" * 32,),
    program="regml 0",
)


def render(body: str, **values: object) -> str:
    return _render(parse_plan("dhf_templates/x.md.j2", FRONT + body), **values).markdown


def _render(plan: DocumentPlan, **values: object) -> Document:
    [document] = render_documents(
        [plan],
        parts={},
        values=values,
        writer=Writer(),
        build=BUILD,
        sources=lambda plan, body: [("regml.toml", "d" * 64)],
    )
    return document


def test_an_expression_is_escaped() -> None:
    assert "\\<b\\>\\{x\\}" in render("{{ name }}\n", name="<b>{x}")


def test_a_document_names_commit_log_head_and_sources() -> None:
    text = render("Hello\n")
    for part in ("c" * 40, "ab" * 32, f"{'d' * 64}  regml.toml"):
        assert part in text


@pytest.mark.parametrize(
    "body",
    [
        "{{ nothing }}",
        "{{ name.nothing }}",
        "{{ name.__class__.__mro__ }}",
        "{{ rows }}",
        "{% if %}",
        "{% include 'other.md.j2' %}",
    ],
)
def test_a_wrong_template_names_its_line(body: str) -> None:
    with pytest.raises(BrokenFileError, match=r"x\.md\.j2:10: cannot be rendered"):
        render(f"Hello\n{body}\n", name="x", rows=[1])


@pytest.mark.parametrize(
    "name", ["05-software-requirements", "16-verification-and-validation-report"]
)
def test_a_document_reads_as_it_did(
    project: Project, golden: Callable[[str, str], None], name: str
) -> None:
    documents = project_documents(project, build=BUILD, outcomes=project.check())
    [text] = [d.markdown for d in documents if d.plan.name == name]
    body, _, _ = text.partition("Source files it rests on")  # templates may change
    golden(f"{name}.md", body)


def test_every_source_is_named_with_its_digest(project: Project) -> None:
    documents = project_documents(project, build=BUILD, outcomes=())
    text = documents[0].markdown
    assert "  regml.toml\n" in text
    assert f"  {documents[0].plan.path}\n" in text


def test_documents_hold_no_absolute_path(project: Project) -> None:
    for document in project_documents(project, build=BUILD, outcomes=project.check()):
        assert str(Path.home()) not in document.markdown
        assert str(project.root) not in document.markdown


def test_what_is_not_there_is_said(project: Project) -> None:
    documents = project_documents(project, build=BUILD, outcomes=project.check())
    texts = {document.plan.number: document.markdown for document in documents}
    assert "*0 planned modifications.*" in texts["22"]
    assert "Not run: no stage has left a report." in texts["14"]


def test_release_notes_speak_of_the_release_and_of_what_is_other_now(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path, documents="22*")

    def notes(evidence: Evidence) -> str:
        changed = replace(project, evidence=evidence)
        [document] = project_documents(changed, build=BUILD, outcomes=())
        return document.markdown

    said = "Device 1.0.0 was released by Quinn (quality) at 2026-01-20T10:05:00Z"
    assert said in notes(project.evidence)
    assert "This document is of that state." in notes(project.evidence)
    others = tuple(
        r for r in project.evidence.records if not isinstance(r.statement, Release)
    )
    unreleased = replace(project.evidence, records=others)
    assert "No signed release record exists for Device 1.0.0." in notes(unreleased)
    newer = with_records(unreleased, release(model="5" * 64))
    assert "This document is of a later state: another model." in notes(newer)
    back = with_records(project.evidence, release(version="1.0.1", of="abc"))
    assert "which goes back to release@abc." in notes(back)
    assert "1.0.1, back to release@abc" in notes(back)


def test_failed_requirements_come_first(tmp_path: Path) -> None:
    parts = Parts(outcome=Outcome.FAILED)
    project = make_project(tmp_path, parts, documents="16*")
    [document] = project_documents(project, build=BUILD, outcomes=())
    _, _, rows = document.markdown.partition("## Requirements")
    assert rows.index("**failed**") < rows.index("| passed |")


def test_every_run_stands_in_the_training_record_also_a_failed_one(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path, documents="15*")
    killed = stage_run("train", outcome=Outcome.KILLED, exit_status=-9)
    evidence = with_records(project.evidence, killed)
    [document] = project_documents(
        Project(tmp_path, tmp_path, evidence), build=BUILD, outcomes=()
    )
    assert "**killed** | -9 |" in document.markdown.replace("\\-9", "-9")
