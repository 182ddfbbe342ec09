"""What documents and pages say of failures, of imported results and of protocols."""

from dataclasses import replace
from pathlib import Path

import pytest

from regml.dhf.build import project_documents
from regml.dhf.pages import content
from regml.dhf.portal import portal_pages
from regml.dhf.table import Table
from regml.items.recorded import Outcome, StepOutcome, TestCase
from regml.project import Project
from tests.dhf.conftest import make_project
from tests.dhf.test_render import BUILD
from tests.factories import (
    Parts,
    evidence_of,
    execution,
    imported,
    manual_protocol,
    run_of_tests,
    with_records,
)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which a protocol and a test of another runner failed."""
    parts = Parts().plus(manual_protocol())
    project = make_project(tmp_path_factory.mktemp("failed"), parts)
    case = TestCase("Spacing", ("SRS-004",), Outcome.FAILED, 0.1, "too small")
    results = imported(case, suite="out/report.xml")
    return replace(
        project,
        evidence=with_records(project.evidence, execution(StepOutcome.FAILED), results),
    )


@pytest.fixture(scope="module")
def texts(failed: Project) -> dict[str, str]:
    documents = project_documents(failed, build=BUILD, outcomes=failed.check())
    return {document.plan.number: document.markdown for document in documents}


def test_needs_and_risks_name_what_failed_below_them(texts: dict[str, str]) -> None:
    for number, words in (("05", "refines"), ("09", "controls")):
        assert f"Status of all that {words} it | **failed** |" in texts[number]
        assert "SRS-004" in texts[number]
        assert "Spacing failed in run" in texts[number]


def test_the_report_names_the_tests_that_failed_and_what_cannot_be_evaluated(
    tmp_path: Path,
) -> None:
    parts = Parts()
    few = Parts(
        row=lambda row: {**row, "outcome": "skipped", "reason": "1 of 10 cases."}
    )
    project = make_project(tmp_path, parts)
    run = run_of_tests(parts)
    failing = replace(
        run, cases=tuple(replace(c, outcome=Outcome.FAILED) for c in run.cases)
    )
    for evidence, words in (
        (
            with_records(project.evidence, failing),
            f"({run.cases[0].name.rpartition('::')[2]})",
        ),
        (evidence_of(few), "no group had enough cases (A: 1 of 10 cases) |"),
    ):
        found = replace(project, evidence=evidence)
        documents = project_documents(found, build=BUILD, outcomes=found.check())
        [report] = [d.markdown for d in documents if d.plan.number == "16"]
        assert words in report


def test_the_list_of_everything_leads_to_each_kind_and_says_where_it_stands(
    failed: Project,
) -> None:
    pages = portal_pages(failed.graph, build=BUILD, documents=(), figures=())
    listed = pages["items/index.html"]
    assert 'href="items/index.html#requirement"' in pages["index.html"]
    assert 'href="#requirement"' in listed
    assert ">SOUP (" in listed
    risks = listed.partition('id="risk"')[2].partition("<h2")[0]
    assert "<th>Status</th>" in risks
    assert "failed" in risks
    software = listed.partition('id="software-item"')[2].partition("<h2")[0]
    assert "<th>Status</th>" not in software


def test_the_page_of_a_dataset_names_its_readers(failed: Project) -> None:
    graph = failed.graph
    [name] = [n for n in graph.nodes if n.startswith("dataset@")]
    tables = dict(content(graph, graph.nodes[name], ()).sections)
    assert tables["Readers"].columns[0] == "Reader"
    assert tables["Readers"].rows


def test_the_report_shows_each_step_of_a_protocol(texts: dict[str, str]) -> None:
    [heading] = [x for x in texts["16"].splitlines() if x.startswith("### ")]
    assert "VP-01" in heading
    assert "Quinn, 2026-01-05" in heading
    assert "| 1 | Open | An image | **failed** | seen |" in texts["16"]


def test_the_report_says_where_results_come_from(texts: dict[str, str]) -> None:
    assert "| out/report.xml | Dora |" in texts["16"]
    assert "| regml test | Dora |" in texts["16"]


def cells(table: Table) -> set[str]:
    return {str(cell) for row in table.rows for cell in row}


def test_every_kind_of_record_has_a_page(failed: Project) -> None:
    graph = failed.graph
    by_type = {str(node.type): node for node in graph.nodes.values()}
    page = content(graph, by_type["execution"], ())
    assert page.status == "failed"
    assert "VP-01" in cells(page.facts)
    [(_, steps)] = page.sections
    assert "An image" in cells(steps)
    imports = graph.node(f"tests@{failed.evidence.records[-1].id}")
    assert "out/report.xml (junit)" in cells(content(graph, imports, ()).facts)


@pytest.mark.parametrize("name", ["UN-01", "RISK-001", "VP-01"])
def test_the_page_of_what_failed_says_so(failed: Project, name: str) -> None:
    page = content(failed.graph, failed.graph.node(name), ())
    assert page.status == "failed"
    assert page.reasons


def test_the_test_runs_of_others_are_listed_with_their_tests(failed: Project) -> None:
    page = content(failed.graph, failed.graph.node("test:Spacing"), ())
    assert page.status == "failed"
    assert Path("out/report.xml").name in str(page.sections)


def test_of_nothing_no_document_says_that_all_is_well(
    failed: Project, tmp_path: Path
) -> None:
    bare = replace(failed.evidence, items=(), tests=(), records=(), packages={})
    found = replace(make_project(tmp_path, Parts()), evidence=bare)
    documents = project_documents(found, build=BUILD, outcomes=found.check())
    told = "\n".join(document.markdown for document in documents)
    for claim in (
        "Every requirement is passed",
        "Every residual risk has",
        "Every automated test",
        "Every package of the lock file",
    ):
        assert claim not in told
    for count in ("0 requirements.", "0 risks.", "0 automated tests."):
        assert count in told
