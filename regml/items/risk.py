"""Risks and their controls (ISO 14971), and the manufacturer's scales."""

from enum import StrEnum
from typing import ClassVar, Self, TypeVar

from pydantic import model_validator

from regml.items.base import (
    Item,
    ItemId,
    Kind,
    Line,
    Lines,
    SafetyClass,
    Strict,
    Whole,
    refuse_twice,
)


class ControlOption(StrEnum):
    """Risk control options in the order in which they are to be tried (7.1)."""

    INHERENT_SAFE_DESIGN = "inherent_safe_design"
    PROTECTIVE_MEASURE = "protective_measure"
    INFORMATION_FOR_SAFETY = "information_for_safety"


class CauseCategory(StrEnum):
    """Causes in software (IEC 62304 7.1.2), with those that machine learning adds."""

    SPECIFICATION = "specification"
    DEFECT = "defect"
    SOUP = "soup"
    HARDWARE = "hardware"
    MISUSE = "misuse"
    DATA = "data"
    MODEL = "model"


class Cause(Strict):
    """Why a software item may contribute to a hazardous situation.

    Attributes:
        text: What goes wrong.
        category: Of what kind it is.
        items: Software items in which it lies; all of the risk when empty.
    """

    text: Line
    category: CauseCategory
    items: tuple[ItemId, ...] = ()


class Estimate(Strict):
    """A risk as estimated and evaluated (ISO 14971 5.5 and 6).

    Attributes:
        severity: Index into the severity scale of ``risk/policy.yaml``.
        p1: Probability that the hazardous situation occurs, index into the scale.
        p2: Probability that it leads to the harm, index into the scale.
        level: The risk level that was evaluated, e.g. ``L``, ``M`` or ``H``;
            check R02 computes it again.
    """

    severity: Whole
    p1: Whole
    p2: Whole
    level: Line


class Lowers(StrEnum):
    """What a control measure lowers."""

    SEVERITY = "severity"
    PROBABILITY = "probability"


class RiskControl(Strict):
    """One risk control measure (ISO 14971 7.1 to 7.5).

    Attributes:
        id: ``RC-01``, unique within the risk.
        option: Which of the three options it is.
        text: The measure.
        lowers: The severity of the harm, its probability, or both.
        not_higher_option: Why no option of higher priority was taken.
        implemented_by: Software requirements, specifications or protocols.
        effectiveness: Requirements or protocols whose results show that it works.
        new_risks: Risks that the measure brings with it.
        no_new_risks_because: Why there are none.
    """

    id: Line
    option: ControlOption
    text: Line
    lowers: tuple[Lowers, ...] = (Lowers.PROBABILITY,)
    not_higher_option: Line | None = None
    implemented_by: tuple[ItemId, ...] = ()
    effectiveness: tuple[ItemId, ...] = ()
    new_risks: tuple[ItemId, ...] = ()
    no_new_risks_because: Line | None = None


class Risk(Item):
    """One hazardous situation and what may come of it.

    Attributes:
        hazard: Potential source of harm.
        hazard_category: Id of an ML hazard (``MLH-06``) or a classical category.
        covers: Further rows of the ML hazard checklist that it considers.
        misuse: Ids of the foreseeable misuse in ``regml.toml`` that it considers.
        sequence: Foreseeable sequence of events, in order.
        hazardous_situation: Circumstance in which people are exposed.
        harm: Injury or damage that may follow.
        affected: Who or what may be harmed.
        software_items: Software items that could contribute (IEC 62304 7.1.1).
        causes: Why they could.
        initial: Estimate before controls.
        probability_basis: ``data``, ``literature``, ``expert`` or
            ``conservative_default``, with a word of explanation.
        controls: What is done about it.
        residual: Estimate with the controls in place.
        residual_rationale: Why the residual estimate is what it is.
        benefit_risk: Benefit-risk analysis, where the residual is not acceptable.
        disclosure: What the labelling says about the residual risk.
        no_disclosure_because: Why the labelling need not say anything.
        signals: What is watched after release.
    """

    kind: ClassVar = Kind.RISK

    hazard: Line | None = None
    hazard_category: Line
    covers: Lines = ()
    misuse: Lines = ()
    sequence: Lines = ()
    hazardous_situation: Line | None = None
    harm: Line | None = None
    affected: Lines = ()
    software_items: tuple[ItemId, ...] = ()
    causes: tuple[Cause, ...] = ()
    initial: Estimate | None = None
    probability_basis: Line | None = None
    controls: tuple[RiskControl, ...] = ()
    residual: Estimate | None = None
    residual_rationale: Line | None = None
    benefit_risk: Line | None = None
    disclosure: Line | None = None
    no_disclosure_because: Line | None = None
    signals: Lines = ()

    @model_validator(mode="after")
    def _controls_have_ids_of_their_own(self) -> Self:
        refuse_twice("'controls'", (control.id for control in self.controls))
        return self


T = TypeVar("T")


class Scale(Strict):
    """One step of a scale: its number and what it means."""

    value: Whole
    name: Line
    meaning: Line


class Significant(Strict):
    """From where on a residual risk is significant (ISO 14971 8).

    Attributes:
        severity: Least severity.
        probability: Least combined probability; both have to be reached.
    """

    severity: Whole
    probability: Whole


class RiskPolicy(Strict):
    """Scales and acceptability criteria of the risk management plan (ISO 14971 4.4).

    Attributes:
        severity: Steps from 1.
        p1: Steps from 1, of the hazardous situation.
        p2: Steps from 1, of harm in that situation.
        probability: Row per p1, column per p2: the combined step from 1.
        matrix: Row per probability, column per severity: the level.
        levels: Every level with its meaning.
        acceptable: Levels that need no further control.
        safety_class: Class that software has to have, per severity.
        significant: Which residual risks are disclosed and watched although their
            level is acceptable; none when it is not set.
    """

    severity: tuple[Scale, ...]
    p1: tuple[Scale, ...]
    p2: tuple[Scale, ...]
    probability: tuple[tuple[int, ...], ...]
    matrix: tuple[tuple[str, ...], ...]
    levels: dict[str, str]
    acceptable: tuple[str, ...]
    safety_class: dict[int, SafetyClass]
    significant: Significant | None = None

    @model_validator(mode="after")
    def _tables_fit_the_scales(self) -> Self:
        for name in ("severity", "p1", "p2"):
            steps_of_scale = [step.value for step in getattr(self, name)]
            if steps_of_scale != list(range(1, len(steps_of_scale) + 1)):
                raise ValueError(f"{name} has to count 1, 2, 3 ... without a gap")
        if len(self.probability) != len(self.p1) or any(
            len(row) != len(self.p2) for row in self.probability
        ):
            raise ValueError("probability needs a row per p1 and a column per p2")
        combined = [step for row in self.probability for step in row]
        steps = max(combined)
        if (
            min(combined) < 1
            or len(self.matrix) < steps
            or any(len(row) != len(self.severity) for row in self.matrix)
        ):
            raise ValueError(
                "matrix needs a row per probability, a column per severity"
            )
        unknown = {cell for row in self.matrix for cell in row} - set(self.levels)
        if unknown | (set(self.acceptable) - set(self.levels)):
            raise ValueError("matrix and acceptable may only name levels of 'levels'")
        if set(self.safety_class) != {step.value for step in self.severity}:
            raise ValueError("safety_class needs one class per severity")
        if self.significant and not (
            1 <= self.significant.severity <= len(self.severity)
            and 1 <= self.significant.probability <= steps
        ):
            raise ValueError("significant has to lie on the scales")
        return self

    def combined_probability(self, estimate: Estimate) -> int:
        """Return the step that p1 and p2 make together.

        Raises:
            ValueError: A value is not on its scale.
        """
        return _cell(self.probability, estimate.p1, estimate.p2, "p1", "p2")

    def level(self, estimate: Estimate) -> str:
        """Return the risk level of an estimate.

        Raises:
            ValueError: A value is not on its scale.
        """
        return _cell(
            self.matrix,
            self.combined_probability(estimate),
            estimate.severity,
            "probability",
            "severity",
        )

    def is_significant(self, estimate: Estimate) -> bool:
        """Tell whether a residual risk is to be disclosed and watched (ISO 14971 8).

        Raises:
            ValueError: A value is not on its scale.
        """
        if self.level(estimate) not in self.acceptable:
            return True
        least = self.significant
        return (
            least is not None
            and estimate.severity >= least.severity
            and self.combined_probability(estimate) >= least.probability
        )


def _cell(
    table: tuple[tuple[T, ...], ...],
    row: int,
    column: int,
    row_name: str,
    column_name: str,
) -> T:
    if not 1 <= row <= len(table):
        raise ValueError(f"{row_name} {row} is not on the scale 1 to {len(table)}")
    if not 1 <= column <= len(table[0]):
        raise ValueError(
            f"{column_name} {column} is not on the scale 1 to {len(table[0])}"
        )
    return table[row - 1][column - 1]
