"""C: SOUP that nobody reviewed, supports or looked up."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.findings import Severity
from regml.items.config import Config
from regml.items.design import (
    Anomaly,
    AnomalyReview,
    Exploitability,
    SupportLevel,
    VulnerabilityAssessment,
)
from regml.items.vulnerabilities import Vulnerability
from regml.trace.evidence import Evidence
from regml.trace.vulnerabilities import concerns
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, findings, name_of
from tests.factories import ITEMS, evidence_of, export, origin, soup, with_run


def reviewed(**fields: Any) -> Evidence:
    base = {
        "date": dt.date(2026, 1, 2),
        "version": "2.1.0",
        "source": "Issue tracker",
        "conclusion": "Nothing",
    }
    return evidence_of(
        PARTS.but("SOUP-001", review=AnomalyReview(**{**base, **fields}))
    )


def entry(**affected: Any) -> Vulnerability:
    package = {"name": "NumPy", "ecosystem": "PyPI"}
    return Vulnerability.model_validate(
        {
            "id": "EXAMPLE-1",
            "aliases": ["EXAMPLE-ONE"],
            "affected": [{"package": package, **affected}],
        }
    )


def known(vulnerability: Vulnerability, *assessed: VulnerabilityAssessment) -> Evidence:
    parts = PARTS.but("SOUP-001", vulnerabilities=assessed)
    exported = export(parts.items, vulns=(vulnerability,))
    return replace(evidence_of(parts), vulnerabilities=(exported,))


def assessment(status: Exploitability, **fields: Any) -> VulnerabilityAssessment:
    base = {
        "id": "EXAMPLE-ONE",
        "date": dt.date(2026, 1, 21),
        "version": "2.1.0",
        "status": status,
        "because": "The function is not called",
    }
    return VulnerabilityAssessment(**{**base, **fields})


def maintained(**fields: Any) -> Config:
    maintenance = CLEAN.config.maintenance.model_copy(update=fields)
    return CLEAN.config.model_copy(update={"maintenance": maintenance})


def python(version: str) -> Any:
    return origin(environment={**origin().environment, "python": {"version": version}})


AFFECTED = entry(versions=["2.1.0"])
NAMELESS = Vulnerability.model_validate(
    {
        "id": "EXAMPLE-2",
        "aliases": ["EXAMPLE-ONE"],
        "affected": [{"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}],
    }
)

DEFECTS = (
    Defect(
        "C01",
        "a training with another interpreter",
        with_run(
            replace(
                CLEAN,
                config=CLEAN.config.model_copy(
                    update={"qualified": {"python": ("3.11", "3.12")}}
                ),
            ),
            "train",
            origin=python("3.12.1"),
        ),
        "had Python 3.12.1; the SOUP list has 3.11.9",
    ),
    Defect(
        "C01",
        "a package that its marker asks for is absent",
        replace(
            CLEAN,
            packages={**CLEAN.packages, "tomli": "2.0"},
            markers={"tomli": 'python_version < "3.12"'},
            items=evidence_of(
                PARTS.plus(soup(id="SOUP-003", package="tomli", version="2.0"))
            ).items,
            vulnerabilities=(
                export((*ITEMS, soup(id="SOUP-003", package="tomli", version="2.0"))),
            ),
        ),
        "did not have it",
    ),
    Defect(
        "C03",
        "anomalies nobody reviewed",
        evidence_of(PARTS.but("SOUP-001", review=None)),
        "Nobody has reviewed the published anomalies of numpy 2.1.0",
    ),
    Defect(
        "C03",
        "a review of another version",
        reviewed(version="2.0.0"),
        "were reviewed for 2.0.0, not for 2.1.0 in use",
    ),
    Defect(
        "C03",
        "an old review",
        reviewed(date=dt.date(2024, 12, 1)),
        "more than 365 days ago",
    ),
    Defect(
        "C03",
        "a review that is still to come",
        reviewed(date=dt.date(2026, 3, 1)),
        "in the future",
    ),
    Defect(
        "C03",
        "a relevant anomaly without risk",
        reviewed(
            anomalies=(Anomaly(id="#123", relevant=True, because="Wrong sums"),),
        ),
        "The anomaly #123 of numpy 2.1.0 is relevant, but names no risk",
    ),
    Defect(
        "C04",
        "a package without support level",
        evidence_of(PARTS.but("SOUP-001", support=None)),
        "does not say for numpy 2.1.0: support",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C04",
        "support that ends before that of the device",
        evidence_of(PARTS.but("SOUP-001", end_of_support=dt.date(2027, 5, 1))),
        "Its support ends on 2027-05-01, that of the device on 2030-01-01",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C04",
        "an abandoned package without plan",
        evidence_of(PARTS.but("SOUP-001", support=SupportLevel.ABANDONED)),
        "Nobody maintains it any more",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C04",
        "a device whose support has no end",
        replace(CLEAN, config=maintained(supported_until=None)),
        "Nothing says until when the device is supported",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "no export at all",
        replace(CLEAN, vulnerabilities=()),
        "of 2 packages, 0 are assessed",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "an old export",
        replace(CLEAN, vulnerabilities=(export(ITEMS, exported=dt.date(2025, 1, 1)),)),
        "more than 90 days old",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "a package nobody looked up",
        replace(CLEAN, vulnerabilities=(export(ITEMS, packages={"python": "3.11.9"}),)),
        "numpy 2.1.0 were not looked up",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "a package looked up in another version",
        replace(
            CLEAN,
            vulnerabilities=(
                export(ITEMS, packages={"NumPy": "2.0.0", "python": "3.11.9"}),
            ),
        ),
        "version 2.0.0 was",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "a known vulnerability nobody assessed",
        known(AFFECTED),
        "EXAMPLE-1 is known about numpy 2.1.0, and nobody has assessed it",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "an answer that names a repository and no package",
        known(NAMELESS),
        "names none of the packages that were asked about",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "an assessment of another version",
        known(AFFECTED, assessment(Exploitability.NOT_AFFECTED, version="2.0.0")),
        "nobody has assessed it",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "an assessment that is not finished",
        known(AFFECTED, assessment(Exploitability.UNDER_INVESTIGATION)),
        "still under investigation",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "a vulnerability of the device without risk",
        known(AFFECTED, assessment(Exploitability.AFFECTED)),
        "names no risk",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C05",
        "an export that lost what was assessed",
        replace(
            known(AFFECTED, assessment(Exploitability.NOT_AFFECTED)),
            vulnerabilities=(export(ITEMS),),
        ),
        "EXAMPLE-ONE is assessed for numpy 2.1.0, and the export of 2026-01-20 does "
        "not list it",
        severity=Severity.MAJOR,
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def _range(introduced: str, fixed: str) -> dict[str, Any]:
    events = [{"introduced": introduced}, {"fixed": fixed}]
    return {"ranges": [{"type": "ECOSYSTEM", "events": events}]}


@pytest.mark.parametrize(
    ("affected", "concerned"),
    [
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}, True),
        (
            {
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "0"}, {"fixed": "2.1.0"}],
                    }
                ]
            },
            False,
        ),
        (
            {
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "2.0"}, {"fixed": "2.10"}],
                    }
                ]
            },
            True,
        ),
        (
            {
                "ranges": [
                    {
                        "type": "SEMVER",
                        "events": [{"introduced": "1.0"}, {"last_affected": "2.0.9"}],
                    }
                ]
            },
            False,
        ),
        (
            {
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [
                            {"introduced": "2.0"},
                            {"fixed": "2.2"},
                            {"introduced": "1.0"},
                            {"fixed": "1.2"},
                        ],
                    }
                ]
            },
            True,
        ),
        (
            {
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"fixed": "2.1.0"}, {"introduced": "2.1.0"}],
                    }
                ]
            },
            True,
        ),
        ({"ranges": [{"type": "ECOSYSTEM", "events": []}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"limit": "2.0"}]}]}, True),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, True),
        ({"versions": ["2.0.0"]}, False),
        ({}, True),
    ],
)
def test_ranges_of_versions_are_compared_and_what_cannot_be_concerns(
    affected: dict[str, Any], concerned: bool
) -> None:
    found = findings(known(entry(**affected)))
    assert bool(found) is concerned


@pytest.mark.parametrize(
    ("affected", "concerned"),
    [
        ({"versions": ["3.11.4"]}, True),
        ({"versions": ["3.12.0", "3.110.1"]}, False),
        (_range("3.11.2", "3.11.5"), True),
        (_range("0", "3.11"), False),
        (_range("3.12.0", "3.12.4"), False),
    ],
)
def test_what_concerns_a_release_concerns_the_series_of_an_interpreter(
    affected: dict[str, Any], concerned: bool
) -> None:
    rows = [{"package": {"name": "python"}, **affected}]
    found = Vulnerability.model_validate({"id": "EXAMPLE-3", "affected": rows})
    assert concerns(found, "python", "3.11") is concerned


def test_an_answer_about_no_package_that_was_asked_is_answered_by_an_assessment() -> (
    None
):
    assert findings(known(NAMELESS, assessment(Exploitability.NOT_AFFECTED))) == []


def test_a_withdrawn_entry_and_an_assessed_one_concern_nobody() -> None:
    withdrawn = AFFECTED.model_copy(update={"withdrawn": "2026-01-10T00:00:00Z"})
    assert findings(known(withdrawn)) == []
    answered = known(AFFECTED, assessment(Exploitability.NOT_AFFECTED))
    assert findings(answered) == []


def test_a_package_that_its_marker_does_not_ask_for_may_be_absent() -> None:
    item = soup(id="SOUP-003", package="tomli", version="2.0")
    evidence = replace(
        CLEAN,
        packages={**CLEAN.packages, "tomli": "2.0"},
        markers={"tomli": 'python_version < "3.11"'},
        items=evidence_of(PARTS.plus(item)).items,
        vulnerabilities=(export((*ITEMS, item)),),
    )
    assert findings(evidence) == []
