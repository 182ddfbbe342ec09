"""Waived findings in the Design History File: printed with who, until and why."""

import datetime as dt
from dataclasses import replace

from regml.dhf.context.configuration import approvals, findings
from regml.dhf.pages import content
from regml.items.recorded import Approval, Waiver
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.item_states import item_state
from regml.trace.rules import check, look
from tests.factories import Parts, evidence_of, key_of, origin, record, with_item


def waived() -> Evidence:
    evidence = evidence_of(Parts().but("SRS-001", refines=()))
    graph = build_graph(evidence)
    [outcome] = look(graph, ["T01"])
    waiver = Waiver(
        origin=origin("Quinn"),
        role="quality",
        rule="T01",
        subjects={"SRS-001": graph.fingerprint("SRS-001") or ""},
        messages={"SRS-001": tuple(f.message for f in outcome.findings)},
        until=dt.date(2026, 3, 1),
        because="The need is being written",
    )
    signed = record(waiver, number=300, signer="quinn")
    return replace(evidence, records=(*evidence.records, signed))


def test_a_waived_finding_stands_in_a_table_of_its_own() -> None:
    found = findings(check(build_graph(waived())))
    assert "SRS-001" not in {row[2] for row in found.open.rows}
    [row] = found.waived.rows
    assert row[0] == "T01"
    assert row[4:6] == ("2026-03-01", "Quinn (quality): The need is being written")
    assert row[6].startswith("waiver@")


def test_what_changed_stands_in_a_table_of_its_own() -> None:
    changed = with_item(evidence_of(Parts()), "UN-01", title="Quick volume")
    found = findings(check(build_graph(changed)))
    line = 'UN-01 title: "Fast volume" -> "Quick volume"'
    assert ("T12", "SRS-001", line) in found.details.rows


def test_a_waiver_has_a_page() -> None:
    graph = build_graph(waived())
    [node] = [node for name, node in graph.nodes.items() if name.startswith("waiver@")]
    page = content(graph, node, ())
    facts = {row[0]: row[1] for row in page.facts.rows}
    assert (facts["Check"], facts["Until"], facts["Now"]) == (
        "T01",
        "2026-03-01",
        "holds",
    )
    assert facts["Because"] == "The need is being written"
    assert "SRS-001" in page.sections[0][1].rows[0]


def test_an_approval_by_a_developer_approves_nothing() -> None:
    evidence = evidence_of(Parts())
    states = {row[0]: row[2] for row in approvals(build_graph(evidence)).items.rows}
    assert states["SRS-003"] == "approved as it is"
    by_dora = tuple(
        replace(r, key_id=key_of("dora")) if isinstance(r.statement, Approval) else r
        for r in evidence.records
    )
    graph = build_graph(replace(evidence, records=by_dora))
    states = {row[0]: row[2] for row in approvals(graph).items.rows}
    assert states["SRS-003"] == "**never approved**"
    assert item_state(graph, "SRS-003").endswith("signed, not by all who have to")
