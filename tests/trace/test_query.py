import datetime as dt
import json
from dataclasses import replace

import pytest

from regml.errors import UnknownIdError
from regml.findings import Severity
from regml.items.recorded import Outcome, Waiver
from regml.trace import render
from regml.trace.build import build_graph
from regml.trace.lineage import lineage
from regml.trace.lists import LISTS, list_table
from regml.trace.matrix import matrix
from regml.trace.page import Page, Table
from regml.trace.query import item_page, trace_tree
from regml.trace.results import Status, requirement_status
from regml.trace.rules import check
from tests.factories import (
    Parts,
    changed,
    evidence_of,
    execution,
    manual_protocol,
    need,
    origin,
    requirement,
    run_of_tests,
    stage_runs,
    with_item,
    with_records,
)

PARTS = Parts()
EVIDENCE = evidence_of(PARTS)
GRAPH = build_graph(EVIDENCE)


def facts(page: Page, title: str) -> dict[str, str]:
    return dict(next(s for s in page.sections if s.title == title).facts)


def rows(page: Page, title: str) -> list[dict[str, str]]:
    table = next(s for s in page.sections if s.title == title).table
    assert table is not None
    return table.records()


def test_a_requirement_is_passed_with_the_evidence_that_says_so() -> None:
    found = requirement_status(GRAPH, "SRS-002")
    assert found.status is Status.PASSED
    assert {r.source for r in found.results} == {f"evaluation@{EVIDENCE.records[2].id}"}


def test_a_stale_result_says_what_is_older() -> None:
    graph = build_graph(replace(EVIDENCE, code="new"))
    found = requirement_status(graph, "SRS-001")
    assert found.status is Status.STALE
    assert "other source code" in found.reasons[0]


def test_a_test_that_used_another_model_is_stale() -> None:
    run = replace(run_of_tests(PARTS), models={"model/weights.safetensors": "x"})
    graph = build_graph(with_records(EVIDENCE, run))
    found = requirement_status(graph, "SRS-001")
    assert "ran with model@x, current is model@" in found.reasons[0]


def test_a_removed_test_says_nothing_any_more() -> None:
    evidence = replace(EVIDENCE, tests=EVIDENCE.tests[1:], code="new")
    assert requirement_status(build_graph(evidence), "SRS-001").status is Status.NO_TEST


def test_the_matrix_shows_what_is_missing() -> None:
    more = PARTS.plus(need(id="UN-02"), requirement(id="SRS-009", refines=()))
    table = matrix(build_graph(evidence_of(more)))
    assert table.columns == ("need", "srs", "sw", "test", "result")
    assert ("UN-02", "none", "none", "none", "none") in table.rows
    assert ("none", "SRS-009", "none", "none", "none") in table.rows
    assert (
        "UN-01",
        "SRS-001",
        "SW-01",
        "test:tests/device/test_volumes.py::test_volume",
        "passed",
    ) in table.rows


def test_the_matrix_goes_from_risk_to_result() -> None:
    table = matrix(GRAPH, ("risk", "control", "srs", "result"))
    assert table.rows == (("RISK-001", "RISK-001/RC-01", "SRS-004", "passed"),)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (("colour",), "does not begin with 'colour'"),
        (("need", "colour"), "there is no column 'colour'"),
        (("need", "test"), "Put one of srs before it"),
        ((), "does not begin with 'nothing'"),
    ],
)
def test_a_senseless_matrix_is_refused(kinds: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnknownIdError, match=message):
        matrix(GRAPH, kinds)


WAIVED = Waiver(
    origin=origin("Quinn"),
    role="quality",
    rule="T03",
    subjects={"SRS-001": ""},
    messages={"SRS-001": ("No test.",)},
    until=dt.date(2026, 3, 1),
    because="Not yet",
)
WITH_ALL = build_graph(
    with_records(evidence_of(PARTS.plus(manual_protocol())), execution(), WAIVED)
)


@pytest.mark.parametrize("what", [*LISTS, "srs", "RISK", "soup"])
def test_everything_can_be_listed(what: str) -> None:
    table = list_table(WITH_ALL, what)
    assert table.rows
    assert json.loads(render.table_json(table)) == table.records()


def test_an_unknown_list_names_the_known_ones() -> None:
    with pytest.raises(UnknownIdError, match="Lists: approvals, datasets"):
        list_table(GRAPH, "colours")


def test_the_lineage_of_a_model_reaches_the_data_and_the_annotators() -> None:
    page = lineage(GRAPH, "model@current")
    assert facts(page, "Model")["is current"] == "yes"
    assert facts(page, "Training run")["seed"] == "7"
    assert facts(page, "Dataset version")["annotators"] == "R-1, R-2"
    assert facts(page, "Selection of cases")["ethics"] == "Waiver 12/2024"
    assert rows(page, "Dataset version")[1]["cases"] == "6"
    assert [r["stage"] for r in rows(page, "How the data came here")] == ["preprocess"]
    assert {r["outcome"] for r in rows(page, "Results")} == {"passed"}


def test_the_lineage_shows_failed_runs_and_repetitions_beside_the_good_one() -> None:
    failed = replace(stage_runs(PARTS)[1], outcome=Outcome.FAILED, outputs=())
    page = lineage(build_graph(with_records(EVIDENCE, failed)), "model@current")
    others = rows(page, "Other runs of train")
    assert [r["outcome"] for r in others] == ["passed", "failed"]
    assert [bool(r["made"]) for r in others] == [True, False]


def test_the_lineage_of_a_dataset_names_its_models() -> None:
    page = lineage(GRAPH, "dataset@current")
    assert facts(page, "Models trained on it")["models"].startswith("model@")


@pytest.mark.parametrize("index", [0, 1])
def test_runs_and_evaluations_have_a_lineage(index: int) -> None:
    name = ("evaluation@current", f"run@{EVIDENCE.records[1].id}")[index]
    assert lineage(GRAPH, name).sections


def test_an_item_has_no_lineage_and_the_remedy_is_named() -> None:
    with pytest.raises(UnknownIdError, match="Use 'regml trace SRS-001'"):
        lineage(GRAPH, "SRS-001")


def test_a_tree_shows_each_node_once_and_what_verifies_it() -> None:
    tree = trace_tree(GRAPH, "UN-01")
    text = render.tree_text(tree)
    assert text.count("(shown above)") > 0
    assert "is the reason of" in text
    assert trace_tree(GRAPH, "SRS-001").results[0].status is Status.PASSED
    assert json.loads(render.tree_json(tree))["id"] == "UN-01"


def test_a_page_shows_fields_links_and_results() -> None:
    page = item_page(GRAPH, "SRS-004")
    assert facts(page, "")["controls"] == "RISK-001"
    assert [r["id"] for r in rows(page, "Rests on")] == ["RISK-001"] * 3 + ["UN-01"]
    assert rows(page, "Results")[0]["status"] == "passed"
    assert "SRS-004" in render.page_text(page)


def test_every_form_of_a_page_and_tree_can_be_made() -> None:
    page, tree = lineage(GRAPH, "model@current"), trace_tree(GRAPH, "SRS-001")
    assert json.loads(render.page_json(page))["node"] == page.node
    assert render.page_markdown(page).startswith("# Lineage of model@")
    assert render.tree_markdown(tree).startswith("# SRS-001")


def test_hostile_text_stays_text_in_markdown() -> None:
    table = Table(("a",), (("<script>|x|\n`y`",),))
    last = render.table_markdown(table).splitlines()[-1]
    assert last == "| &lt;script&gt;\\|x\\| \\`y\\` |"


def test_a_terminal_table_takes_no_markup_from_cells() -> None:
    assert "[red]x" in render.table_terminal(Table(("a",), (("[red]x",),)), 40)


def test_columns_are_aligned() -> None:
    table = Table(("id", "title"), (("SRS-001", "a"), ("X", "b")))
    assert render.table_text(table) == (
        "id       title\n-------  -----\nSRS-001  a\nX        b\n"
    )


def test_findings_come_first_and_silence_is_counted() -> None:
    graph = build_graph(evidence_of(PARTS.but("SRS-001", refines=())))
    text = render.outcomes_text(check(graph))
    assert text.startswith("T01  1 finding on 4 subjects")
    assert "  -> Name its user need" in text
    assert "no finding for check R01 on 1 subject\n" in text
    assert text.rstrip().endswith(
        f"1 finding (1 blocker); 1 of {len(check(graph))} checks found something; "
        f"{len(check(graph)) - 1} without finding; 0 with 0 subjects; 0 off."
    )
    found = json.loads(render.outcomes_json(check(graph)))
    assert found[0]["findings"][0]["severity"] == Severity.BLOCKER


def test_the_same_evidence_gives_the_same_text() -> None:
    turned = replace(EVIDENCE, implements=tuple(reversed(EVIDENCE.implements)))
    once, again = build_graph(EVIDENCE), build_graph(turned)
    assert render.outcomes_text(check(once)) == render.outcomes_text(check(again))
    assert render.table_text(matrix(once)) == render.table_text(matrix(again))


def test_the_state_of_an_item_is_derived() -> None:
    states = {row[0]: row[2] for row in list_table(GRAPH, "items").rows}
    assert states["SRS-001"] == "passed, approval signed"
    assert states["UN-01"] == "passed, not signed"
    after = build_graph(with_item(EVIDENCE, "SRS-003", title="Other"))
    states = {row[0]: row[2] for row in list_table(after, "items").rows}
    assert states["SRS-003"] == "stale, changed since signed"


def test_an_unknown_rule_names_the_known_ones() -> None:
    with pytest.raises(UnknownIdError, match="there is no rule 'T99'"):
        check(GRAPH, ["T99"])


def test_retired_requirements_are_not_asked_for() -> None:
    item = changed(PARTS.items[1], id="SRS-009", retired="Merged", refines=())
    outcomes = check(build_graph(evidence_of(PARTS.plus(item))))
    assert [f for outcome in outcomes for f in outcome.findings] == []
