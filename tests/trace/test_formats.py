"""What build servers and editors read of a check."""

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from regml.findings import Finding, RuleOutcome, Severity, weighs
from regml.trace import formats, render
from regml.trace.build import build_graph
from regml.trace.rules import RULES, check
from tests.factories import Parts, evidence_of

FOUND = Finding(
    rule="T08",
    subject="SRS-001",
    message="'refines' names UN-99, which does not exist.",
    where="requirements_srs/software/SRS-001.md:4",
    remedy="Correct the id, or write UN-99.",
    clauses=("IEC 62304 8.1.1",),
)
LIGHT = replace(FOUND, rule="T13", severity=Severity.MINOR, where="", message="100 %")
WAIVED = replace(
    FOUND,
    rule="C02",
    severity=Severity.MAJOR,
    waived_by="0123456789ab",
    waived_until="2027-01-31",
    waived_because="Quinn, quality: replaced next month",
)


def outcome(*findings: Finding, subjects: int = 5, **fields: Any) -> RuleOutcome:
    base = {"rule": findings[0].rule if findings else "T01", "title": "A, b: <c> & d."}
    return RuleOutcome(
        subjects=subjects, findings=findings, clauses=("IEC 62304 8.1.1",),
        **{**base, **fields},
    )  # fmt: skip


OUTCOMES = (
    outcome(),
    outcome(FOUND),
    outcome(LIGHT, severity=Severity.MINOR),
    outcome(rule="R01", subjects=0),
    outcome(rule="R05", subjects=0, off="class A does not ask for IEC 62304 5.2.3"),
    outcome(WAIVED),
    outcome(rule="ACME-01", subjects=1),
)


def run_of(text: str) -> dict[str, Any]:
    run: dict[str, Any]
    [run] = json.loads(text)["runs"]
    return run


def test_sarif_names_version_schema_and_tool() -> None:
    log = json.loads(formats.sarif(OUTCOMES))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert run_of(formats.sarif(OUTCOMES))["tool"]["driver"]["name"] == "regml"


def test_sarif_describes_every_rule_with_its_clauses_also_when_it_is_off() -> None:
    rules = run_of(formats.sarif(OUTCOMES))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [o.rule for o in OUTCOMES]
    assert rules[1]["help"]["text"] == "A, b: <c> & d. Serves IEC 62304 8.1.1."
    assert rules[1]["defaultConfiguration"] == {"enabled": True, "level": "error"}
    assert rules[4]["defaultConfiguration"]["enabled"] is False
    for rule in rules:
        tags = rule["properties"]["tags"]
        assert len(tags) == len(set(tags))


def test_sarif_points_every_result_to_its_rule_and_place() -> None:
    run = run_of(formats.sarif(OUTCOMES, prefix="device a/"))
    first, second, third = run["results"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    place = first["locations"][0]["physicalLocation"]
    uri = "device%20a/requirements_srs/software/SRS-001.md"
    assert place["artifactLocation"]["uri"] == uri
    assert place["region"] == {"startLine": 4}
    nowhere = second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert nowhere == "device%20a/regml.toml"
    assert [first["level"], second["level"], third["level"]] == [
        "error",
        "note",
        "warning",
    ]


def test_sarif_marks_what_is_waived_and_only_that_as_suppressed() -> None:
    first, second, third = run_of(formats.sarif(OUTCOMES))["results"]
    assert first["suppressions"] == second["suppressions"] == []
    [suppression] = third["suppressions"]
    assert suppression["kind"] == "external"
    assert suppression["status"] == "accepted"
    assert "2027-01-31" in suppression["justification"]


def test_sarif_says_what_was_not_looked_at() -> None:
    [invocation] = run_of(formats.sarif(OUTCOMES))["invocations"]
    said = {
        OUTCOMES[note["associatedRule"]["index"]].rule: note["message"]["text"]
        for note in invocation["toolConfigurationNotifications"]
    }
    assert set(said) == {"R01", "R05"}
    assert "0 subjects" in said["R01"]
    assert "class A" in said["R05"]


def marks_of(*findings: Finding) -> list[str]:
    results = run_of(formats.sarif([outcome(*findings)]))["results"]
    return [result["partialFingerprints"]["regmlFinding/v1"] for result in results]


def test_a_finding_keeps_its_fingerprint_when_lines_and_numbers_move() -> None:
    says = "3 of 20 cases failed in run 0f1e2d3c4b5a, mean 0.81."
    moved = "4 of 21 cases failed in run 1f1e2d3c4b5a, mean 0.79."
    before = replace(FOUND, message=says)
    after = replace(FOUND, message=moved, where="requirements_srs/SRS-001.md:9")
    assert marks_of(before) == marks_of(after)


@pytest.mark.parametrize(
    "other",
    [
        replace(FOUND, rule="T09"),
        replace(FOUND, subject="SRS-002"),
        replace(FOUND, message=FOUND.message.replace("UN-99", "UN-98")),
    ],
)
def test_another_finding_has_another_fingerprint(other: Finding) -> None:
    assert marks_of(FOUND) != marks_of(other)
    assert len(set(marks_of(FOUND, FOUND))) == 2


def test_junit_has_a_suite_per_group_and_a_case_per_rule() -> None:
    root = ElementTree.fromstring(formats.junit(OUTCOMES))  # noqa: S314 - our own
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == [
        "traceability",
        "risk",
        "configuration, problems, release, signatures",
        "own checks ACME",
    ]
    assert [len(suite) for suite in suites.values()] == [3, 2, 1, 1]
    assert root.get("tests") == "7"
    assert root.get("failures") == "2"
    assert root.get("skipped") == "2"


def test_junit_never_calls_passed_what_had_nothing_to_look_at() -> None:
    root = ElementTree.fromstring(formats.junit(OUTCOMES))  # noqa: S314 - our own
    said = {}
    for case in root.iter("testcase"):
        inside = next((child for child in case if child.tag != "system-out"), None)
        state = "passed" if inside is None else inside.tag
        said[str(case.get("name")).split()[0]] = state
    assert said == {
        "T01": "passed",
        "T08": "failure",
        "T13": "failure",
        "R01": "skipped",
        "R05": "skipped",
        "C02": "passed",
        "ACME-01": "passed",
    }
    assert "Waived until 2027-01-31" in "".join(root.itertext())


def test_junit_holds_no_character_that_xml_does_not_know() -> None:
    hostile = replace(FOUND, subject="a\x00\x1b]]>", message="<&\ud800\x0b")
    text = formats.junit([outcome(hostile)])
    root = ElementTree.fromstring(text.encode())  # noqa: S314 - our own
    assert "a\N{REPLACEMENT CHARACTER}" in "".join(root.itertext())


def test_github_annotations_name_file_line_and_rule() -> None:
    first, second, third, said, *_ = formats.github(OUTCOMES, prefix="dev/").split("\n")
    assert first == (
        "::error file=dev/requirements_srs/software/SRS-001.md,line=4,title=T08::"
        "SRS-001: 'refines' names UN-99, which does not exist."
        "%0A-> Correct the id, or write UN-99."
    )
    assert second.startswith("::notice file=dev/regml.toml,line=1,title=T13::")
    assert third.startswith("::notice ")
    assert "Waived until 2027-01-31" in third
    assert "2 findings" in said


def test_a_finding_cannot_smuggle_a_command_into_the_build() -> None:
    hostile = replace(
        FOUND,
        subject="x\n::add-mask::y",
        where="a:b,c%.md:3",
        message="100 %\r\n::set-output name=x::y",
    )
    text = formats.github([outcome(hostile)])
    [line, _, end] = text.split("\n")
    assert "\r" not in line
    assert line.startswith("::error file=a%3Ab%2Cc%25.md,line=3,title=T08::")
    assert "100 %25%0D%0A::set-output" in line
    assert end == ""


@pytest.mark.parametrize(
    ("least", "fails"), [("blocker", False), ("major", False), ("minor", True)]
)
def test_only_findings_of_the_asked_weight_fail(least: str, *, fails: bool) -> None:
    outcomes = (outcome(LIGHT), outcome(WAIVED))
    assert weighs(outcomes, Severity(least)) is fails


def test_text_shows_what_is_off_apart_from_what_found_nothing() -> None:
    text = render.outcomes_text(OUTCOMES)
    before, off = text.split("R05  off: ")
    assert off.startswith("class A does not ask for IEC 62304 5.2.3 (A, b")
    assert before.endswith("\n\n")
    assert "C02  1 waived finding on 5 subjects" in before


def test_every_rule_stands_in_every_format() -> None:
    outcomes = check(build_graph(evidence_of(Parts())))
    rules = {rule.id for rule in RULES}
    driver = run_of(formats.sarif(outcomes))["tool"]["driver"]
    assert {rule["id"] for rule in driver["rules"]} == rules
    root = ElementTree.fromstring(formats.junit(outcomes))  # noqa: S314 - our own
    assert {str(c.get("name")).split()[0] for c in root.iter("testcase")} == rules
    assert all(outcome.clauses for outcome in outcomes)
