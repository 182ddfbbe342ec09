"""Known vulnerabilities of packages as a database stated them on one day."""

import datetime as dt
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from regml.items.base import Line, Lines, Strict


class Loose(BaseModel):
    """A part of a foreign format: what we do not need is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Event(Loose):
    """A version at which a range of affected versions begins or ends."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None


class Range(Loose):
    """A range of affected versions; ``GIT`` ranges speak of commits."""

    type: Line
    events: tuple[Event, ...] = ()


class AffectedPackage(Loose):
    """The package an entry is about."""

    name: Line
    ecosystem: str = ""


class Affected(Loose):
    """Which versions of a package are affected; some entries name a repository only."""

    package: AffectedPackage | None = None
    ranges: tuple[Range, ...] = ()
    versions: Lines = ()


class Vulnerability(Loose):
    """One entry in the Open Source Vulnerability format.

    Attributes:
        id: Its name in the database.
        aliases: Its names elsewhere.
        summary: In a few words.
        withdrawn: When it was taken back; ``None`` while it stands.
        affected: Packages and versions.
    """

    id: Line
    aliases: Lines = ()
    summary: str = ""
    withdrawn: str | None = None
    affected: tuple[Affected, ...] = ()


class VulnerabilityExport(Strict):
    """What one database said about a named set of packages on one day.

    Attributes:
        exported: The day.
        source: Which database, and how it was asked.
        packages: Version that was asked about, by package.
        vulns: Everything it answered; no entry means that it knew of none.
        path: Of the file.
    """

    exported: dt.date
    source: Line
    packages: dict[Line, Line]
    vulns: tuple[Vulnerability, ...] = ()
    path: str

    @model_validator(mode="after")
    def _asked_about_something(self) -> Self:
        if not self.packages:
            raise ValueError("packages is empty: name every package that was looked up")
        return self


def latest(exports: Iterable[VulnerabilityExport]) -> VulnerabilityExport | None:
    """Return the export with the latest day, or ``None`` when there is none."""
    return max(exports, key=lambda e: (e.exported, e.path), default=None)
