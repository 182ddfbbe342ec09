"""What the seeded defects have in common: the clean project, and how to break it."""

from dataclasses import dataclass, replace

from regml.findings import Finding, Severity
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import check
from tests.factories import CASES, Parts, evidence_of, with_item

PARTS = Parts()
CLEAN = evidence_of(PARTS)


@dataclass(frozen=True)
class Defect:
    """A way to break the clean project.

    Attributes:
        rule: The rule it is seeded for.
        what: What is broken.
        evidence: The broken project.
        says: A part of what the finding has to say.
        also: Rules that rightly fire as well.
        severity: Of the finding.
    """

    rule: str
    what: str
    evidence: Evidence
    says: str
    also: frozenset[str] = frozenset()
    severity: Severity = Severity.BLOCKER


def findings(evidence: Evidence) -> list[Finding]:
    outcomes = check(build_graph(evidence))
    return [finding for outcome in outcomes for finding in outcome.findings]


def assert_fires(defect: Defect) -> None:
    """The rule a defect is seeded for fires, and no other one."""
    found = findings(defect.evidence)
    mine = [finding for finding in found if finding.rule == defect.rule]
    assert {finding.rule for finding in found} == {defect.rule} | defect.also, found
    assert any(defect.says in finding.message for finding in mine), mine
    assert {finding.severity for finding in mine} == {defect.severity}
    assert all(finding.remedy and finding.where for finding in mine), mine


def name_of(defect: Defect) -> str:
    return f"{defect.rule} {defect.what}"


def more_cases(*cases: object) -> Parts:
    return replace(PARTS, cases=(*CASES, *cases))  # type: ignore[arg-type]  # cases


def retired(item_id: str) -> Evidence:
    return with_item(CLEAN, item_id, retired="Replaced")


def without_runs(evidence: Evidence, *stages: str) -> Evidence:
    return replace(
        evidence,
        records=tuple(
            r
            for r in evidence.records
            if getattr(r.statement, "stage", None) not in stages
        ),
    )


def other_lock(stage: str, **fields: object) -> Evidence:
    return replace(
        CLEAN,
        lock=tuple(
            replace(s, **fields) if s.name == stage else s  # type: ignore[arg-type]  # fields of LockedStage
            for s in CLEAN.lock
        ),
    )
