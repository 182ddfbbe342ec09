from dataclasses import replace

from regml.trace.build import build_graph
from regml.trace.exclusions import excluded_keys, exclusion_of
from tests.factories import Parts, evidence_of, exclusion, with_item

PARTS = Parts()


def test_an_approved_exclusion_counts_for_its_keys() -> None:
    graph = build_graph(evidence_of(PARTS))
    found = exclusion_of(graph, "IEC 62304 5.2.2 d")
    assert found is not None
    assert (found.item.id, found.approved) == ("NA-01", True)
    assert exclusion_of(graph, "IEC 62304 5.2.2 a") is None
    assert exclusion_of(graph, "MLH-06") is None


def test_case_and_spaces_of_a_key_do_not_matter() -> None:
    graph = build_graph(evidence_of(PARTS))
    assert exclusion_of(graph, "iec 62304  5.2.2 D") is not None


def test_an_exclusion_changed_after_its_approval_does_not_count() -> None:
    graph = build_graph(with_item(evidence_of(PARTS), "NA-01", text="Another.\n"))
    found = exclusion_of(graph, "IEC 62304 5.2.2 d")
    assert found is not None
    assert not found.approved


def test_a_signature_under_no_reason_does_not_count() -> None:
    graph = build_graph(evidence_of(PARTS.but("NA-01", text="## Why\n\n")))
    found = exclusion_of(graph, "IEC 62304 5.2.2 d")
    assert found is not None
    assert found.approved
    assert not found.counts


def test_an_exclusion_that_nobody_signed_does_not_count() -> None:
    evidence = evidence_of(PARTS)
    graph = build_graph(replace(evidence, records=evidence.records[:4]))
    found = exclusion_of(graph, "MLH-01")
    assert found is not None
    assert not found.approved


def test_the_approved_one_of_two_counts_and_a_retired_one_is_none() -> None:
    twice = exclusion(id="NA-09", excludes=("MLH-06", "IEC 62304 5.2.2 d"))
    evidence = evidence_of(PARTS.plus(twice))
    changed = build_graph(with_item(evidence, "NA-09", title="Another"))
    found = exclusion_of(changed, "IEC 62304 5.2.2 d")
    assert found is not None
    assert found.item.id == "NA-01"
    retired = build_graph(with_item(evidence, "NA-09", retired="Wrong"))
    assert exclusion_of(retired, "MLH-06") is None
    assert "NA-09" not in {item.id for _, item in excluded_keys(retired)}
