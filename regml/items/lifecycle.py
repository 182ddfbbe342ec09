"""Protocols, change requests, problem reports and planned modifications."""

import datetime as dt
import math
from enum import StrEnum
from typing import ClassVar

from regml.items.base import Item, ItemId, Kind, Line, Lines, Number, Strict


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
        impact: What it means for other items, verification and released software
            (8.2.1, 6.2.3).
        class_check: Whether the software safety class stays what it is (8.2.2, 4.3).
        risk_check: Whether it brings causes of hazards, or touches risk controls (7.4).
        verification: How it is shown that the change does what it should (8.2.3).
        verified_by: Requirements and protocols whose results show it.
        closed: When the work on it ended; it needs all of the above.
    """

    kind: ClassVar = Kind.CHANGE_REQUEST

    raised: dt.date
    reason: Line
    changes: tuple[ItemId, ...]
    resolves: tuple[ItemId, ...] = ()
    impact: Line | None = None
    class_check: Line | None = None
    risk_check: Line | None = None
    verification: Line | None = None
    verified_by: tuple[ItemId, ...] = ()
    closed: dt.date | None = None


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
        safety_impact: What it means for people: the assessment of 9.2.
        risk_evaluation: How the risks it touches were evaluated with it (5.8.3).
        verified_by: Requirements and protocols whose results show that it is solved.
        no_problem: Why it is none after all, e.g. a duplicate of another report.
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
    risk_evaluation: Line | None = None
    verified_by: tuple[ItemId, ...] = ()
    no_problem: Line | None = None
    residual: bool = False
    residual_rationale: Line | None = None


class ParameterRange(Strict):
    """Within which limits a parameter of the training may differ from the release.

    Without any limit it may take any value.

    Attributes:
        parameter: ``section.key`` of ``params.yaml``, e.g. ``train.steps``, or
            ``dataset`` for the dataset version.
        at_least: Lower limit, inclusive.
        at_most: Upper limit, inclusive.
        one_of: Allowed values, as ``params.yaml`` writes them.
    """

    parameter: Line
    at_least: Number | None = None
    at_most: Number | None = None
    one_of: Lines = ()

    def allows(self, value: object) -> bool:
        """Tell whether a value lies within the limits."""
        if self.one_of:
            return str(value) in self.one_of
        if self.at_least is None and self.at_most is None:
            return True
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= value <= high


class PccpModification(Item):
    """One planned modification of a predetermined change control plan.

    Attributes:
        changes: What may change, with its quantitative range.
        ranges: The same for parameters of the training, to be checked.
        outside: What may not.
        protocol: How it is verified.
        acceptance: When it may be released.
        affects: Requirements and risks it touches.
    """

    kind: ClassVar = Kind.PCCP_MODIFICATION

    changes: Lines
    ranges: tuple[ParameterRange, ...] = ()
    outside: Lines
    protocol: Lines
    acceptance: Lines
    affects: tuple[ItemId, ...] = ()
