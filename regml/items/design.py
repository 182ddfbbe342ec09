"""Architecture: software items and SOUP (IEC 62304 5.3, 8.1.2)."""

import datetime as dt
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


class AnomalyReview(Strict):
    """A look at the supplier's published anomalies (IEC 62304 7.1.3).

    Attributes:
        date: When.
        version: For which version.
        source: Where the list was read.
        conclusion: What it means for the device.
        risks: Risks that a relevant anomaly touches.
    """

    date: dt.date
    version: Line
    source: Line
    conclusion: Line
    risks: tuple[ItemId, ...] = ()


class Soup(Item):
    """Software of unknown provenance: a package in the device.

    Attributes:
        package: Distribution name as the lock file writes it, or ``python``.
        version: The exact version in use.
        supplier: Who makes it.
        licence: SPDX expression.
        functional: What the device needs from it (5.3.3).
        environment: What it needs itself (5.3.4).
        anomaly_source: Where its supplier publishes anomalies.
        review: The last look at them; ``None`` when nobody has looked.
    """

    kind: ClassVar = Kind.SOUP

    package: Line
    version: Line
    supplier: Line
    licence: Line
    functional: Lines = ()
    environment: Lines = ()
    anomaly_source: Line
    review: AnomalyReview | None = None
