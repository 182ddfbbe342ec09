"""What a vulnerability database said about each SOUP item, and what people made of it.

"Nobody looked", "nobody has judged it" and "none is known" are three answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from regml.items.design import Exploitability, Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import Vulnerability, VulnerabilityExport
from regml.trace.page import NONE, Table
from regml.trace.vulnerabilities import asked_version, assessment_of, known_of


class State(StrEnum):
    """How a package, or one entry about it, stands."""

    NOT_LOOKED_UP = "not in the feed"
    NOT_ASSESSED = "not assessed"
    AFFECTED = "affected"
    ASSESSED = "assessed"
    NONE_KNOWN = "none known"


OPEN = frozenset({State.NOT_LOOKED_UP, State.NOT_ASSESSED, State.AFFECTED})
"""States after which somebody has to do something."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One SOUP item and one entry about it, or none.

    Attributes:
        soup: The item.
        state: How it stands.
        entry: What the database says; ``None`` where it says nothing.
        assessment: What somebody made of it, for the version in use.
        detail: In one sentence.
    """

    soup: Soup
    state: State
    entry: Vulnerability | None
    assessment: VulnerabilityAssessment | None
    detail: str

    @property
    def open(self) -> bool:
        """Whether somebody has to do something."""
        looked = self.assessment and self.assessment.status
        return self.state in OPEN or looked is Exploitability.UNDER_INVESTIGATION


def standings(
    soups: Iterable[Soup], feed: VulnerabilityExport | None
) -> Iterator[Standing]:
    """Give how each SOUP item stands in a feed, at least once per item."""
    for soup in soups:
        asked = asked_version(feed, soup) if feed is not None else None
        entries = list(known_of(feed, soup)) if feed is not None else []
        for entry in entries:
            yield standing_of(soup, entry)
        if feed is None or asked is None:
            missing = "nobody asked about this package"
            yield Standing(soup, State.NOT_LOOKED_UP, None, None, missing)
        elif asked != soup.version:
            other = f"asked about {asked}, in use is {soup.version}"
            yield Standing(soup, State.NOT_LOOKED_UP, None, None, other)
        elif not entries:
            when = f"asked on {feed.exported}; no entry is about this version"
            yield Standing(soup, State.NONE_KNOWN, None, None, when)


def standing_of(soup: Soup, entry: Vulnerability) -> Standing:
    """Return how a SOUP item stands to an entry about its version."""
    assessed = assessment_of(soup, entry)
    if assessed is None:
        older = sorted(
            f"{a.version} on {a.date}"
            for a in soup.vulnerabilities
            if a.id in {entry.id, *entry.aliases}
        )
        detail = entry.summary or "no summary"
        if older:
            detail += f" (assessed only for {', '.join(older)})"
        return Standing(soup, State.NOT_ASSESSED, entry, None, detail)
    affected = assessed.status is Exploitability.AFFECTED
    state = State.AFFECTED if affected else State.ASSESSED
    words = assessed.status.value.replace("_", " ")
    detail = f"{words}, {assessed.date}: {assessed.because}"
    return Standing(soup, state, entry, assessed, detail)


def standing_table(found: Iterable[Standing]) -> Table:
    """Return the standings, one per row."""
    return Table(
        ("SOUP", "package", "version", "vulnerability", "state", "detail"),
        tuple(
            (
                one.soup.id,
                one.soup.package,
                one.soup.version,
                one.entry.id if one.entry else NONE,
                str(one.state),
                one.detail,
            )
            for one in found
        ),
    )
