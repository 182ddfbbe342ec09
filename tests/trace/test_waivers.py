"""A waiver covers what was seen, by who may, as long as it may; nothing else."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from regml.errors import UnknownIdError
from regml.findings import Finding, RuleOutcome
from regml.items.recorded import LogProblem, Person, ProblemKind, Waiver
from regml.trace import render
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.lists import list_table
from regml.trace.query import item_page
from regml.trace.rules import check, look
from regml.trace.summary import summary
from regml.trace.waivers import waivable
from tests.factories import (
    Parts,
    amid,
    commit,
    evidence_of,
    origin,
    record,
    with_item,
)

PARTS = Parts().but("SRS-001", refines=())
"""SRS-001 has no reason: a finding of T01."""
BROKEN = evidence_of(PARTS)
[FOUND] = [f for o in look(build_graph(BROKEN), ["T01"]) for f in o.findings]
SIGNED = {
    "started_utc": "2026-01-25T10:00:00Z",
    "finished_utc": "2026-01-25T10:05:00Z",
}


def waiver(person: str = "Quinn", **fields: Any) -> Waiver:
    base = {
        "origin": origin(person, **SIGNED),
        "role": "quality",
        "rule": "T01",
        "subjects": {"SRS-001": build_graph(BROKEN).fingerprint("SRS-001")},
        "messages": {"SRS-001": (FOUND.message,)},
        "until": dt.date(2026, 3, 1),
        "because": "The need is being written",
    }
    return Waiver(**{**base, **fields})


def waived(
    *waivers: Waiver, evidence: Evidence = BROKEN, signer: str = "quinn"
) -> Evidence:
    more = (record(w, number=300 + n, signer=signer) for n, w in enumerate(waivers))
    return replace(evidence, records=(*evidence.records, *more))


def of_t01(evidence: Evidence) -> tuple[RuleOutcome, Finding]:
    [outcome] = check(build_graph(evidence), ["T01"])
    [finding] = outcome.findings
    return outcome, finding


def assert_counts(evidence: Evidence, because: str) -> None:
    outcome, finding = of_t01(evidence)
    assert outcome.open == (finding,)
    assert finding.waived_by is None
    assert because in finding.message


def test_a_waived_finding_stays_a_finding_that_does_not_count() -> None:
    evidence = waived(waiver())
    outcome, finding = of_t01(evidence)
    assert (outcome.open, outcome.waived) == ((), (finding,))
    assert finding.message == FOUND.message
    assert finding.waived_by == evidence.records[-1].id
    assert finding.waived_until == "2026-03-01"
    assert finding.waived_because == "Quinn (quality): The need is being written"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"until": dt.date(2026, 1, 31)}, "it ended on 2026-01-31"),
        ({"role": "developer"}, "in the role developer, which waives nothing"),
        (
            {"origin": origin("Quinn", finished_utc="2026-02-03T00:00:00Z")},
            "it was signed on 2026-02-03, a day that is to come",
        ),
        (
            {"origin": origin("Quinn", finished_utc="yesterday")},
            "nobody can tell when it was signed",
        ),
        ({"subjects": {"SRS-001": "0" * 64}}, "SRS-001 changed since"),
        ({"subjects": {"SRS-001": ""}}, "SRS-001 changed since"),
        (
            {"messages": {"SRS-001": ("Another gap.",)}},
            "it was given for something else that was found then",
        ),
    ],
)
def test_a_waiver_that_does_not_cover_says_why(
    change: dict[str, Any], because: str
) -> None:
    assert_counts(waived(waiver(**change)), because)


def test_a_waiver_holds_through_its_last_day() -> None:
    outcome, _ = of_t01(waived(waiver(until=BROKEN.today)))
    assert outcome.open == ()


def test_a_waiver_under_the_key_of_a_developer_covers_nothing() -> None:
    assert_counts(waived(waiver(), signer="dora"), "has not got the role quality")


def test_a_waiver_under_the_key_of_a_stranger_covers_nothing() -> None:
    assert_counts(waived(waiver(), signer="mallory"), "has not got the role quality")


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_a_waiver_with_any_problem_in_the_log_covers_nothing(
    kind: ProblemKind,
) -> None:
    evidence = waived(waiver())
    problem = LogProblem(kind, evidence.records[-1].path, "no.")
    assert_counts(replace(evidence, log_problems=(problem,)), "cannot be believed")


def test_a_waiver_ends_when_the_item_changes() -> None:
    evidence = with_item(waived(waiver()), "SRS-001", title="Another")
    assert_counts(evidence, "SRS-001 changed since")


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "T02"},
        {"subjects": {"SRS-002": "0" * 64}, "messages": {"SRS-002": ("x",)}},
        {"subjects": {"srs-001": "0" * 64}, "messages": {"srs-001": ("x",)}},
    ],
)
def test_a_waiver_for_something_else_is_not_even_mentioned(
    change: dict[str, Any],
) -> None:
    _, finding = of_t01(waived(waiver(**change)))
    assert finding == FOUND


def test_a_later_waiver_ends_an_earlier_one() -> None:
    short = waiver(until=dt.date(2026, 1, 31))
    assert_counts(waived(waiver(), short), "it ended on 2026-01-31")
    outcome, _ = of_t01(waived(short, waiver()))
    assert outcome.open == ()


def test_a_later_waiver_without_the_right_ends_nothing() -> None:
    short = waiver(until=dt.date(2026, 1, 31), role="developer")
    outcome, _ = of_t01(waived(waiver(), short))
    assert outcome.open == ()


def test_the_finding_about_a_bad_waiver_is_not_covered_by_that_waiver() -> None:
    bad = record(waiver(role="developer"), number=400, signer="dora")
    own = f"waiver@{bad.id}"
    evidence = replace(BROKEN, records=(*BROKEN.records, bad))
    [outcome] = look(build_graph(evidence), ["C12"])
    [finding] = outcome.findings
    assert finding.subject == own
    again = waiver(
        "Dora",
        role="developer",
        rule="C12",
        subjects={own: ""},
        messages={own: (finding.message,)},
    )
    evidence = waived(again, evidence=evidence, signer="dora")
    [outcome] = check(build_graph(evidence), ["C12"])
    assert len(outcome.open) == 2


def test_a_blocker_of_the_log_can_be_waived_and_is_printed() -> None:
    problem = LogProblem(ProblemKind.TIME, "records/runs/001.json", "it does.")
    evidence = replace(BROKEN, log_problems=(problem,))
    [outcome] = look(build_graph(evidence), ["C14"])
    subjects, messages = waivable(
        build_graph(evidence), outcome, ["records/runs/001.json"]
    )
    assert subjects == {"records/runs/001.json": ""}
    evidence = waived(
        waiver(rule="C14", subjects=subjects, messages=messages), evidence=evidence
    )
    outcomes = check(build_graph(evidence), ["C14"])
    assert outcomes[0].open == ()
    assert "Time runs backwards" in render.outcomes_text(outcomes)


def test_only_what_is_found_can_be_waived() -> None:
    graph = build_graph(BROKEN)
    [outcome] = look(graph, ["T01"])
    assert waivable(graph, outcome, ["SRS-001"]) == (
        {"SRS-001": graph.fingerprint("SRS-001")},
        {"SRS-001": (FOUND.message,)},
    )
    with pytest.raises(UnknownIdError, match=r"SRS-002 has no finding .* on: SRS-001"):
        waivable(graph, outcome, ["SRS-001", "SRS-002"])
    with pytest.raises(UnknownIdError, match="SRS-777 does not exist"):
        waivable(graph, outcome, ["SRS-777"])


def test_waived_findings_are_printed_everywhere() -> None:
    evidence = waived(waiver())
    graph = build_graph(evidence)
    outcomes = check(graph)
    text = render.outcomes_text(outcomes)
    assert "waived   SRS-001" in text
    assert "waived until 2026-03-01 by Quinn (quality): The need is being" in text
    assert "1 waived finding" in text
    rows = json.loads(render.outcomes_json(outcomes))
    [row] = [o["findings"][0] for o in rows if o["rule"] == "T01"]
    assert row["waived_by"] == evidence.records[-1].id
    page = render.page_text(summary(graph, outcomes))
    assert "T01" in page
    [listed] = list_table(graph, "waivers").rows
    assert (listed[1], listed[2], listed[-1]) == ("T01", "SRS-001", "holds")
    shown = render.page_text(item_page(graph, f"waiver@{evidence.records[-1].id}"))
    assert "The need is being written" in shown
    assert FOUND.message in shown


@pytest.mark.parametrize(("person", "covered"), [("Quinn", False), ("Quentin", True)])
def test_a_waiver_of_ones_own_signature_covers_nothing(
    person: str, *, covered: bool
) -> None:
    """Nobody alone writes, approves, and excuses that they did."""
    wrote = commit(person=Person("Quinn", "quinn@example.org"))
    clean = evidence_of(Parts())
    paths = {**clean.surroundings.last_changes, "items/SRS-001.md": wrote}
    evidence = amid(clean, last_changes=paths)
    [outcome] = look(build_graph(evidence), ["C12"])
    subjects, messages = waivable(build_graph(evidence), outcome, ["SRS-001"])
    given = waiver(person, rule="C12", subjects=subjects, messages=messages)
    [outcome] = check(build_graph(waived(given, evidence=evidence)), ["C12"])
    assert (outcome.open == ()) is covered
    if not covered:
        assert "it is about SRS-001, which Quinn signed" in outcome.open[0].message
