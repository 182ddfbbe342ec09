"""What is known today of the packages of an earlier release.

A SOUP item says which package is in the device, and that stays as it was released. It
also says what is known of it: reviews, assessments, support. That grows, and whoever
goes back has to weigh all of it, the worse and the better.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from regml.files.lock import normalised
from regml.findings import RuleOutcome
from regml.items.design import Exploitability, Soup, VulnerabilityAssessment
from regml.project import Project
from regml.trace.build import build_graph
from regml.trace.rules import check
from regml.trace.rules.soup import soups

KNOWLEDGE: Final = (
    "review",
    "support",
    "support_source",
    "end_of_support",
    "no_end_because",
    "after_support",
    "vulnerabilities",
)
"""Fields of a SOUP item that say what is known of its package in its version."""

RULES: Final = frozenset({"C03", "C04", "C05"})
"""Rules that look at these fields."""


def outcomes_today(now: Project, then: Project) -> tuple[RuleOutcome, ...]:
    """Return what the rules on what is known of packages find in a release today."""
    known = {soup.id: soup for _, soup in _packages(now, then)}
    items = tuple(
        replace(found, item=known.get(found.item.id, found.item))
        for found in then.evidence.items
    )
    evidence = replace(
        then.evidence,
        items=items,
        # waivers of what is known today were signed since
        records=now.evidence.records,
        log_problems=now.evidence.log_problems,
    )
    return check(build_graph(evidence), RULES)


def bad_news(now: Project, then: Project) -> Iterator[str]:
    """Give what was judged to reach the device and its own gate did not weigh so.

    Such a judgement is no finding: it names its risks, and those are looked at where it
    stands. The earlier release knows nothing of it.
    """
    for before, today in _packages(now, then):
        name = f"{before.id} {before.package} {before.version}"
        for one in _current(today.vulnerabilities, before.version):
            if (
                one.status is Exploitability.AFFECTED
                and one not in before.vulnerabilities
            ):
                yield f"{name}: {one.id} affects the device, {one.date}: {one.because}"
        seen = before.review.anomalies if before.review else ()
        for anomaly in today.review.anomalies if today.review else ():
            if anomaly.relevant and anomaly not in seen:
                yield f"{name}: anomaly {anomaly.id} is relevant: {anomaly.because}"


def _packages(now: Project, then: Project) -> Iterator[tuple[Soup, Soup]]:
    """Give each SOUP item of then, and the same with what is known today."""
    for before in soups(then.graph):
        same = [
            soup
            for soup in soups(now.graph)
            if normalised(soup.package) == normalised(before.package)
        ]
        yield before, _known_today(before, sorted(same, key=lambda s: s.id))


def _known_today(before: Soup, today: list[Soup]) -> Soup:
    """Return an item of then with what the items of today say about its version."""
    for soup in today:
        if soup.version == before.version:
            fields = {name: getattr(soup, name) for name in KNOWLEDGE}
            return before.model_copy(update=fields)
    # another version is in use by now, and little is said about that of then
    said = [a for soup in today for a in soup.vulnerabilities]
    reviews = [soup.review for soup in today if soup.review] + (
        [before.review] if before.review else []
    )
    of_then = [review for review in reviews if review.version == before.version]
    return before.model_copy(
        update={
            "vulnerabilities": (*said, *before.vulnerabilities),
            "review": max(of_then, key=lambda r: r.date, default=before.review),
        }
    )


def _current(
    assessments: tuple[VulnerabilityAssessment, ...], version: str
) -> Iterator[VulnerabilityAssessment]:
    """Give the latest assessment of each vulnerability for one version."""
    latest: dict[str, VulnerabilityAssessment] = {}
    for one in assessments:
        kept = latest.get(one.id)
        if one.version == version and (kept is None or one.date > kept.date):
            latest[one.id] = one
    yield from latest.values()
