"""Does a known vulnerability concern a version? Where it cannot be told: yes."""

import datetime as dt
from collections.abc import Iterator

from regml.files.lock import normalised
from regml.items.design import Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import (
    Affected,
    Range,
    Vulnerability,
    VulnerabilityExport,
)


def known_of(export: VulnerabilityExport, soup: Soup) -> Iterator[Vulnerability]:
    """Give the entries of an export that concern the version of a SOUP item in use."""
    for entry in export.vulns:
        if concerns(entry, soup.package, soup.version):
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
    example because it names commits, concerns every version.
    """
    name = normalised(package)
    return entry.withdrawn is None and any(
        normalised(affected.package.name) == name and _affects(affected, version)
        for affected in entry.affected
    )


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
        for event in found.events:
            if event.introduced is not None:
                begin = event.introduced
                inside |= begin == "0" or wanted >= Version(begin)
            if event.fixed is not None and wanted >= Version(event.fixed):
                inside = False
            last = event.last_affected
            if last is not None and wanted > Version(last):
                inside = False
    except InvalidVersion:
        return True
    return inside
