"""Does a known vulnerability concern a version? Where it cannot be told: yes."""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from regml.files.lock import normalised
from regml.items.design import Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import (
    Affected,
    Range,
    Vulnerability,
    VulnerabilityExport,
)

if TYPE_CHECKING:
    from packaging.version import Version


def known_of(export: VulnerabilityExport, soup: Soup) -> Iterator[Vulnerability]:
    """Give the entries of an export that concern the version of a SOUP item in use."""
    for entry in export.vulns:
        if concerns(entry, soup.package, soup.version):
            yield entry


def strangers(
    export: VulnerabilityExport, soups: Collection[Soup]
) -> Iterator[Vulnerability]:
    """Give the entries about none of the packages that were asked about.

    The database gave them as an answer; to what, cannot be told until somebody has
    assessed them for a SOUP item.
    """
    asked = {normalised(name) for name in export.packages}
    for entry in export.vulns:
        named = {normalised(a.package.name) for a in entry.affected if a.package}
        assessed = any(assessment_of(soup, entry) for soup in soups)
        if entry.withdrawn is None and not named & asked and not assessed:
            yield entry


def too_old(export: VulnerabilityExport, today: dt.date, days: int) -> str:
    """Return what is wrong with the day of an export, ``""`` when it is recent."""
    age = (today - export.exported).days
    if age < 0:
        return "of the future"
    return f"more than {days} days old" if age > days else ""


def asked_version(export: VulnerabilityExport, soup: Soup) -> str | None:
    """Return the version of a package that an export was asked about."""
    asked = {normalised(name): version for name, version in export.packages.items()}
    return asked.get(normalised(soup.package))


def assessment_of(soup: Soup, entry: Vulnerability) -> VulnerabilityAssessment | None:
    """Return the latest assessment of an entry for the version in use."""
    names = {entry.id, *entry.aliases}
    found = [
        assessed
        for assessed in soup.vulnerabilities
        if assessed.id in names and assessed.version == soup.version
    ]
    return max(found, key=lambda assessed: assessed.date, default=None)


def concerns(entry: Vulnerability, package: str, version: str) -> bool:
    """Tell whether an entry of the OSV format concerns a version of a package.

    A withdrawn entry concerns nothing. An entry whose versions cannot be compared, for
    example because it names commits, concerns every version. An interpreter may be
    named by its series: what concerns one release of 3.11 concerns 3.11.
    """
    name = normalised(package)
    return entry.withdrawn is None and any(
        affected.package is not None
        and normalised(affected.package.name) == name
        and any(_affects(affected, v) for v in _meant(affected, name, version))
        for affected in entry.affected
    )


def _meant(affected: Affected, name: str, version: str) -> Iterator[str]:
    """Give a version, and for a series of the interpreter the releases in question."""
    yield version
    if name == "python":
        events = [event for found in affected.ranges for event in found.events]
        named = (*affected.versions, *(e.introduced or "" for e in events))
        yield from (v for v in named if v.startswith(f"{version}."))


def _affects(affected: Affected, version: str) -> bool:
    if version in affected.versions:
        return True
    comparable = [r for r in affected.ranges if r.type in ("ECOSYSTEM", "SEMVER")]
    if not comparable:
        return not affected.versions
    return any(_lies_in(found, version) for found in comparable)


def _lies_in(found: Range, version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        wanted, inside = Version(version), False
        events = _in_order(found)
        for at, begins, last in events:
            if begins:
                inside |= wanted >= at
            elif wanted > at or (wanted == at and not last):
                inside = False
    except InvalidVersion:
        return True
    return inside or not any(begins for _, begins, _ in events)


def _in_order(found: Range) -> list[tuple["Version", bool, bool]]:
    """Return version, whether it begins a range and whether it is the last in one.

    The format asks for no order; of two at one version, that which ends comes first.

    Raises:
        InvalidVersion: A version cannot be compared.
    """
    from packaging.version import Version

    rows = []
    for event in found.events:
        for at, begins, last in (
            (event.introduced, True, False),
            (event.fixed, False, False),
            (event.last_affected, False, True),
        ):
            if at is not None:
                least = "0.dev0" if begins and at == "0" else at
                rows.append((Version(least), begins, last))
    return sorted(rows)
