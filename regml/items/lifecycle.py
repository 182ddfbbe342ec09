"""Protocols, change requests, problem reports and planned modifications."""

import datetime as dt
from enum import StrEnum
from typing import ClassVar

from regml.items.base import Item, ItemId, Kind, Line, Lines, Strict


class Step(Strict):
    """One step of a protocol."""

    do: Line
    expect: Line


class TestProtocol(Item):
    """A verification that a person carries out; executing it leaves a record.

    Attributes:
        verifies: What it shows.
        preparation: What has to be ready.
        steps: In order.
    """

    __test__: ClassVar = False  # not a test class for pytest
    kind: ClassVar = Kind.TEST_PROTOCOL

    verifies: tuple[ItemId, ...]
    preparation: Lines = ()
    steps: tuple[Step, ...]


class ChangeRequest(Item):
    """A change to something under configuration control (IEC 62304 8.2).

    Attributes:
        raised: When.
        reason: Why.
        changes: Items it touches.
        resolves: Problem reports it answers.
        impact: What it means for safety, verification and released software.
    """

    kind: ClassVar = Kind.CHANGE_REQUEST

    raised: dt.date
    reason: Line
    changes: tuple[ItemId, ...]
    resolves: tuple[ItemId, ...] = ()
    impact: Line


class Criticality(StrEnum):
    """How much a problem matters (IEC 62304 9.1)."""

    SAFETY = "safety"
    MAJOR = "major"
    MINOR = "minor"


class ProblemReport(Item):
    """Something that is not as it should be (IEC 62304 9).

    Attributes:
        reported: When.
        reported_by: By whom.
        criticality: How much it matters.
        affects: Items it touches.
        cause: What was found to cause it.
        safety_impact: What it means for people.
        residual: True when it stays in the released software (5.8.2).
        residual_rationale: Why it may stay.
    """

    kind: ClassVar = Kind.PROBLEM_REPORT

    reported: dt.date
    reported_by: Line
    criticality: Criticality
    affects: tuple[ItemId, ...] = ()
    cause: Line | None = None
    safety_impact: Line | None = None
    residual: bool = False
    residual_rationale: Line | None = None


class PccpModification(Item):
    """One planned modification of a predetermined change control plan.

    Attributes:
        changes: What may change, with its quantitative range.
        outside: What may not.
        protocol: How it is verified.
        acceptance: When it may be released.
        affects: Requirements and risks it touches.
    """

    kind: ClassVar = Kind.PCCP_MODIFICATION

    changes: Lines
    outside: Lines
    protocol: Lines
    acceptance: Lines
    affects: tuple[ItemId, ...] = ()
