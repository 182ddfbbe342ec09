"""Findings in the formats that build servers and editors read. Joins nothing."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

from regml.digest import sha256_of
from regml.findings import Finding, RuleOutcome, Severity
from regml.trace.render import outcome_line, summary
from regml.version import __version__

NOWHERE: Final = "regml.toml"
"""Where a finding is shown that lies in no file."""

GROUPS: Final = {
    "T": "traceability",
    "R": "risk",
    "D": "data",
    "M": "model and evaluation",
    "C": "configuration, problems, release, signatures",
}
"""What the first letter of our rules stands for."""

_LEVELS: Final = {
    Severity.BLOCKER: "error",
    Severity.MAJOR: "warning",
    Severity.MINOR: "note",
}
_COMMANDS: Final = {
    Severity.BLOCKER: "error",
    Severity.MAJOR: "warning",
    Severity.MINOR: "notice",
}
_CHANGING: Final = re.compile(r"(?<![\w-])(?:\d+(?:[.,]\d+)*|[0-9a-f]{7,64})(?![\w-])")
"""Numbers and digests in a message: the same finding has others tomorrow."""

_NOT_IN_XML: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def sarif(outcomes: Sequence[RuleOutcome], *, prefix: str = "") -> str:
    """Return the findings as SARIF 2.1.0, e.g. for GitHub code scanning.

    Args:
        outcomes: What each rule found.
        prefix: Path of the project in its repository, with a final ``/``, or empty.
    """
    index = {outcome.rule: at for at, outcome in enumerate(outcomes)}
    found = [finding for outcome in outcomes for finding in outcome.findings]
    prints = _fingerprints(found)
    run = {
        "tool": {"driver": _driver(outcomes)},
        "automationDetails": {"id": "regml/check/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolConfigurationNotifications": list(_notifications(outcomes)),
            }
        ],
        "results": [
            _result(finding, index[finding.rule], mark, prefix)
            for finding, mark in zip(found, prints, strict=True)
        ],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def junit(outcomes: Sequence[RuleOutcome]) -> str:
    """Return the outcomes as JUnit XML: a suite per group, a case per rule.

    A rule that is off or that had nothing to look at is skipped, never passed.
    """
    root = ElementTree.Element("testsuites", name="regml check")
    for group, some in groupby(outcomes, key=lambda outcome: _group(outcome.rule)):
        cases = [_case(group, outcome) for outcome in some]
        suite = ElementTree.SubElement(root, "testsuite", name=_clean(group))
        suite.extend(cases)
        _count(suite, cases)
    _count(root, root.findall("testsuite/testcase"))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def github(outcomes: Sequence[RuleOutcome], *, prefix: str = "") -> str:
    """Return workflow commands that GitHub shows as annotations, and a summary.

    Args:
        outcomes: What each rule found.
        prefix: Path of the project in its repository, with a final ``/``, or empty.
    """
    lines = [
        _annotation(finding, prefix)
        for outcome in outcomes
        for finding in outcome.findings
    ]
    return "\n".join([*lines, summary(outcomes)]) + "\n"


def place(finding: Finding) -> tuple[str, int]:
    """Return file and 1-based line of a finding; never empty."""
    path, _, line = finding.where.rpartition(":")
    if path and line.isdigit():
        return path, max(int(line), 1)
    return finding.where or NOWHERE, 1


def _driver(outcomes: Sequence[RuleOutcome]) -> dict[str, Any]:
    return {
        "name": "regml",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [
            {
                "id": outcome.rule,
                "shortDescription": {"text": outcome.title},
                "fullDescription": {"text": outcome.title},
                "help": {
                    "text": _help(outcome),
                    "markdown": f"**{outcome.rule}** {_help(outcome)}",
                },
                "defaultConfiguration": {
                    "enabled": outcome.off is None,
                    "level": _LEVELS[outcome.severity],
                },
                "properties": {"tags": [_group(outcome.rule), *outcome.clauses]},
            }
            for outcome in outcomes
        ],
    }


def _help(outcome: RuleOutcome) -> str:
    clauses = ", ".join(outcome.clauses)
    return f"{outcome.title} Serves {clauses}." if clauses else outcome.title


def _notifications(outcomes: Sequence[RuleOutcome]) -> Iterator[dict[str, Any]]:
    """Give what is no finding and must not be taken for a pass."""
    for index, outcome in enumerate(outcomes):
        if outcome.off is not None or not outcome.subjects:
            yield {
                "associatedRule": {"id": outcome.rule, "index": index},
                "level": "note",
                "message": {"text": outcome_line(outcome)},
            }


def _result(
    finding: Finding, index: int, fingerprint: str, prefix: str
) -> dict[str, Any]:
    path, line = place(finding)
    text = " ".join(part for part in (finding.message, finding.remedy) if part)
    details = "".join(f"\n{detail}" for detail in finding.details)
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.subject}: {text}{details}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": quote(prefix + path),
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": {"startLine": line},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.subject}],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{fingerprint[:16]}:1",
            "regmlFinding/v1": fingerprint,
        },
        "suppressions": list(_suppressions(finding)),
    }


def _suppressions(finding: Finding) -> Iterator[dict[str, Any]]:
    if finding.waived_by:
        yield {
            "kind": "external",
            "status": "accepted",
            "justification": _waiver(finding),
        }


def _waiver(finding: Finding) -> str:
    return (
        f"Waived until {finding.waived_until} by {finding.waived_because} "
        f"(waiver@{finding.waived_by})."
    )


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Return what names each finding over time, whatever its line and its numbers."""
    seen: Counter[str] = Counter()
    marks = []
    for finding in findings:
        says = _CHANGING.sub("#", finding.message)
        key = "\0".join((finding.rule, finding.subject, says))
        marks.append(sha256_of(f"{key}\0{seen[key]}".encode()))
        seen[key] += 1
    return marks


def _group(rule: str) -> str:
    letters = rule.rstrip("0123456789")
    return GROUPS.get(letters, f"own checks {letters.rstrip('-')}")


def _case(group: str, outcome: RuleOutcome) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=_clean(f"regml.{group}"),
        name=_clean(f"{outcome.rule} {outcome.title}"),
        time="0",
    )
    if outcome.open:
        failure = ElementTree.SubElement(
            case, "failure", type=str(max_severity(outcome.open))
        )
        failure.set("message", _clean(outcome_line(outcome)))
        failure.text = _clean("\n".join(map(_paragraph, outcome.open)))
    elif outcome.off is not None or not outcome.subjects:
        skipped = ElementTree.SubElement(case, "skipped")
        skipped.set("message", _clean(outcome_line(outcome)))
    if outcome.waived:
        said = ElementTree.SubElement(case, "system-out")
        said.text = _clean("\n".join(map(_paragraph, outcome.waived)))
    return case


def _paragraph(finding: Finding) -> str:
    lines = [
        f"{finding.severity} {finding.subject} {finding.where}".rstrip(),
        f"  {finding.message}",
        *(f"    {detail}" for detail in finding.details),
        f"  -> {finding.remedy}",
    ]
    return "\n".join(lines + ([f"  {_waiver(finding)}"] if finding.waived_by else []))


def _count(element: ElementTree.Element, cases: list[ElementTree.Element]) -> None:
    element.set("tests", str(len(cases)))
    element.set(
        "failures", str(sum(case.find("failure") is not None for case in cases))
    )
    element.set("errors", "0")
    element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    element.set("time", "0")


def max_severity(findings: Sequence[Finding]) -> Severity:
    """Return the heaviest severity of some findings."""
    weights = list(Severity)
    return min((finding.severity for finding in findings), key=weights.index)


def _clean(text: str) -> str:
    """Return a text without the characters that XML does not know."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _annotation(finding: Finding, prefix: str) -> str:
    path, line = place(finding)
    command = "notice" if finding.waived_by else _COMMANDS[finding.severity]
    parts = [f"{finding.subject}: {finding.message}", *finding.details]
    parts.append(_waiver(finding) if finding.waived_by else f"-> {finding.remedy}")
    properties = ",".join(
        f"{key}={_property(value)}"
        for key, value in (
            ("file", prefix + path),
            ("line", str(line)),
            ("title", finding.rule),
        )
    )
    return f"::{command} {properties}::{_data(chr(10).join(parts))}"


def _data(text: str) -> str:
    """Escape the text of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
