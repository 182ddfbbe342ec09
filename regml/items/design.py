"""Architecture: software items and SOUP (IEC 62304 5.3, 8.1.2)."""

import datetime as dt
from enum import StrEnum
from typing import ClassVar

from regml.items.base import Item, ItemId, Kind, Line, Lines, SafetyClass, Strict


class SoftwareItem(Item):
    """A part of the software system with the source that it consists of.

    Attributes:
        safety_class: ``None`` counts as C (IEC 62304 4.3 g).
        class_rationale: Why the class is what it is.
        segregation: Why it may have a lower class than its parent (4.3 e).
        part_of: The item it is a part of.
        implements: Software requirements allocated to it.
        without_requirements: Why none is allocated.
        sources: Source files or folders relative to the project.
        uses: SOUP it calls.
        interfaces: What goes in and out, and to whom.
        in_device: False for tools that make the device but are not part of it.
        machine_learning: True when what it does comes from training data.
    """

    kind: ClassVar = Kind.SOFTWARE_ITEM

    safety_class: SafetyClass | None = None
    class_rationale: Line | None = None
    segregation: Line | None = None
    part_of: ItemId | None = None
    implements: tuple[ItemId, ...] = ()
    without_requirements: Line | None = None
    sources: Lines = ()
    uses: tuple[ItemId, ...] = ()
    interfaces: Lines = ()
    in_device: bool = True
    machine_learning: bool = False


class SupportLevel(StrEnum):
    """What the supplier still does for a package."""

    MAINTAINED = "maintained"
    NOT_MAINTAINED = "not_maintained"
    """It still exists, but nobody corrects it any more."""
    ABANDONED = "abandoned"


class Anomaly(Strict):
    """One published anomaly of a SOUP item, as it was judged for the device.

    Attributes:
        id: Its name in the supplier's list.
        relevant: Whether it can reach the device.
        because: Why, or why not.
        risks: Risks that it touches; a relevant one names some.
    """

    id: Line
    relevant: bool
    because: Line
    risks: tuple[ItemId, ...] = ()


class Exploitability(StrEnum):
    """What a known vulnerability means for the device (words of VEX)."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    FIXED = "fixed"
    UNDER_INVESTIGATION = "under_investigation"


class VulnerabilityAssessment(Strict):
    """What a known vulnerability of a package means for the device.

    Attributes:
        id: Of the vulnerability, or one of its other names.
        date: When it was assessed.
        version: For which version of the package.
        status: What it means.
        because: Why, with the effect on safety and security.
        risks: Risks that it touches; an affected device names some.
    """

    id: Line
    date: dt.date
    version: Line
    status: Exploitability
    because: Line
    risks: tuple[ItemId, ...] = ()


class AnomalyReview(Strict):
    """A look at the supplier's published anomalies (IEC 62304 7.1.3).

    Attributes:
        date: When.
        version: For which version.
        source: Where the list was read.
        conclusion: What it means for the device.
        risks: Risks that a relevant anomaly touches.
        anomalies: Anomalies that were looked at one by one.
    """

    date: dt.date
    version: Line
    source: Line
    conclusion: Line
    risks: tuple[ItemId, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()


class Soup(Item):
    """Software of unknown provenance: a package in the device.

    Attributes:
        package: Distribution name as the lock file writes it, or ``python``.
        version: The exact version in use.
        supplier: Who makes it.
        published_by: Authors and maintainers as the package itself names them; 'regml
            soup sync' tells when they change.
        licence: SPDX expression.
        functional: What the device needs from it (5.3.3).
        environment: What it needs itself (5.3.4).
        anomaly_source: Where its supplier publishes anomalies.
        review: The last look at them; ``None`` when nobody has looked.
        support: What the supplier still does for it.
        support_source: Where that was read.
        end_of_support: Last day of the supplier's support.
        no_end_because: Why no such day can be named.
        after_support: What the manufacturer does when the supplier's support ends
            before that of the device.
        vulnerabilities: What known vulnerabilities mean for the device.
    """

    kind: ClassVar = Kind.SOUP

    package: Line
    version: Line
    supplier: Line
    published_by: Line | None = None
    licence: Line
    functional: Lines = ()
    environment: Lines = ()
    anomaly_source: Line
    review: AnomalyReview | None = None
    support: SupportLevel | None = None
    support_source: Line | None = None
    end_of_support: dt.date | None = None
    no_end_because: Line | None = None
    after_support: Line | None = None
    vulnerabilities: tuple[VulnerabilityAssessment, ...] = ()
