"""User needs, software requirements (IEC 62304 5.2), and what does not apply."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from regml.items.base import Item, ItemId, Kind, Line, Number, Strict, Whole


class Category(StrEnum):
    """Content category of a software requirement (IEC 62304 5.2.2 a to l)."""

    FUNCTIONAL = "functional"
    """a: function and capability."""
    PERFORMANCE = "performance"
    """a: capability that is a number a model must reach."""
    INPUT_OUTPUT = "input_output"
    """b: inputs and outputs."""
    INTERFACE = "interface"
    """c: interfaces to other systems."""
    ALARM = "alarm"
    """d: software-driven alarms, warnings and messages."""
    SECURITY = "security"
    """e: security."""
    USABILITY = "usability"
    """f: user interface."""
    DATA = "data"
    """g: data definition."""
    INSTALLATION = "installation"
    """h: installation and acceptance."""
    OPERATION = "operation"
    """i: operation and maintenance."""
    NETWORK = "network"
    """j: IT network."""
    USER_MAINTENANCE = "user_maintenance"
    """k: maintenance by the user."""
    REGULATORY = "regulatory"
    """l: regulatory."""


class Statistic(StrEnum):
    """How one number is made from the cases of a population."""

    MEAN = "mean"
    MEDIAN = "median"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    BIAS = "bias"
    """Mean of the differences (Bland and Altman)."""
    LIMITS_OF_AGREEMENT = "limits_of_agreement"
    """The larger absolute 95 % limit of agreement."""
    PEARSON = "pearson"
    RATE = "rate"
    """Share of the cases."""


class Bound(StrEnum):
    """Which end of the statistic must meet the limit."""

    VALUE = "value"
    CI95_LOWER = "ci95_lower"
    """Lower bound of the two-sided 95 % bootstrap interval over patients."""
    CI95_UPPER = "ci95_upper"


class Acceptance(Strict):
    """A number that a model must reach, evaluated by the validate stage.

    Attributes:
        metric: ``dice``, ``hd95_mm``, ``nsd``, ``volume_error_percent``, ...
        label: Name of the label, or ``whole`` for all foreground together.
        statistic: How one number is made from the cases.
        bound: Which end of it is compared.
        at_least: Lower limit, inclusive, in the metric's unit.
        at_most: Upper limit, inclusive, in the metric's unit.
        population: The split it is evaluated on.
        subgroup: Column of the dataset manifest; the limit holds for each group.
        minimum_cases: A subgroup with fewer cases is reported as not evaluable.
        condition: A perturbation of the input, e.g. ``noise``; none when empty.
    """

    metric: Line
    label: Line = "whole"
    statistic: Statistic = Statistic.MEAN
    bound: Bound = Bound.VALUE
    at_least: Number | None = None
    at_most: Number | None = None
    population: Line = "test"
    subgroup: Line | None = None
    minimum_cases: Annotated[Whole, Field(ge=1)] = 1
    condition: Line | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("an acceptance criterion needs at_least or at_most")
        return self


class VerificationMethod(StrEnum):
    """How a requirement is shown to be met."""

    TEST = "test"
    INSPECTION = "inspection"
    ANALYSIS = "analysis"


class UserNeed(Item):
    """What users need from the device (ISO 13485 7.3.3).

    Attributes:
        users: Who has the need.
        not_software: Why no software requirement refines it.
    """

    kind: ClassVar = Kind.USER_NEED

    users: tuple[Line, ...] = ()
    not_software: Line | None = None


class Requirement(Item):
    """One software requirement (IEC 62304 5.2).

    Attributes:
        category: Content category of IEC 62304 5.2.2.
        refines: User needs or requirements it makes precise.
        controls: Risks it controls (IEC 62304 5.2.3).
        acceptance: Numbers a model must reach for it to be met.
        method: How it is verified.
        method_rationale: Why inspection or analysis suffices.
    """

    kind: ClassVar = Kind.REQUIREMENT

    category: Category
    refines: tuple[ItemId, ...] = ()
    controls: tuple[ItemId, ...] = ()
    acceptance: tuple[Acceptance, ...] = ()
    method: VerificationMethod = VerificationMethod.TEST
    method_rationale: Line | None = None


class Exclusion(Item):
    """What a list asks for and this device has not; the text says why.

    It counts once it says why and quality has approved it as it is now.

    Attributes:
        excludes: Keys of the rows, e.g. ``IEC 62304 5.2.2 d`` or ``MLH-07``.
    """

    kind: ClassVar = Kind.EXCLUSION

    excludes: Annotated[tuple[Line, ...], Field(min_length=1)]

    @property
    def says_why(self) -> bool:
        """Whether the text has more than headings."""
        lines = (line.strip() for line in self.text.splitlines())
        return any(line and not line.startswith("#") for line in lines)
