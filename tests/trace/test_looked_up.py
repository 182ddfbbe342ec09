"""Not looked up, not assessed and none known are three answers."""

import datetime as dt

import pytest

from regml.items.design import Exploitability, Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import (
    Affected,
    AffectedPackage,
    Vulnerability,
    VulnerabilityExport,
)
from regml.trace.looked_up import Standing, State, standing_table, standings
from tests.factories import export, soup

ENTRY = Vulnerability(
    id="CVE-1",
    aliases=("GHSA-1",),
    summary="Reads too far",
    affected=(
        Affected(package=AffectedPackage(name="NumPy"), versions=("2.1.0", "2.0.0")),
    ),
)


def judged(status: str, version: str = "2.1.0") -> Soup:
    assessed = VulnerabilityAssessment(
        id="GHSA-1",
        date=dt.date(2026, 1, 21),
        version=version,
        status=Exploitability(status),
        because="Never called",
    )
    return soup(vulnerabilities=(assessed,))


def only(item: Soup, feed: VulnerabilityExport | None) -> Standing:
    [found] = standings([item], feed)
    return found


def test_without_a_feed_nothing_was_looked_up() -> None:
    found = only(soup(), None)
    assert (found.state, found.open) == (State.NOT_LOOKED_UP, True)


def test_a_feed_that_was_not_asked_says_nothing() -> None:
    found = only(soup(), export([], packages={"scipy": "1"}))
    assert (found.state, found.open) == (State.NOT_LOOKED_UP, True)


def test_an_answer_about_another_version_is_no_answer() -> None:
    found = only(soup(), export([], packages={"numpy": "2.0.0"}))
    assert found.state is State.NOT_LOOKED_UP
    assert found.detail == "asked about 2.0.0, in use is 2.1.0"


def test_no_entry_means_none_known_on_that_day() -> None:
    found = only(soup(), export([soup()]))
    assert (found.state, found.open) == (State.NONE_KNOWN, False)
    assert "2026-01-20" in found.detail


def test_an_entry_that_nobody_judged_is_not_assessed() -> None:
    found = only(soup(), export([soup()], vulns=(ENTRY,)))
    assert (found.state, found.open) == (State.NOT_ASSESSED, True)


def test_an_assessment_for_an_older_version_does_not_count() -> None:
    item = judged("not_affected", "2.0.0")
    found = only(item, export([item], vulns=(ENTRY,)))
    assert found.state is State.NOT_ASSESSED
    assert "assessed only for 2.0.0" in found.detail


@pytest.mark.parametrize(
    ("status", "state", "still_open"),
    [
        ("affected", State.AFFECTED, True),
        ("not_affected", State.ASSESSED, False),
        ("fixed", State.ASSESSED, False),
        ("under_investigation", State.ASSESSED, True),
    ],
)
def test_an_assessment_is_shown_with_its_reason(
    status: str, state: State, *, still_open: bool
) -> None:
    item = judged(status)
    found = only(item, export([item], vulns=(ENTRY,)))
    assert (found.state, found.open) == (state, still_open)
    assert "Never called" in standing_table([found]).rows[0][-1]
