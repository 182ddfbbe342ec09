"""Acceptance criteria and bootstrap intervals, in pure Python.

This is the reference: the validate stage calls it to decide, and check M06 calls it
again to see whether the decision follows from ``per_case.csv``.
"""

import math
import random
import statistics
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from regml.files.scores import CaseScore
from regml.items.recorded import Outcome
from regml.items.requirements import Acceptance, Bound, Statistic

SEED: Final = 20260101
"""Seed of every bootstrap, so that an interval can be computed again."""

RESAMPLES: Final = 2000
"""How often patients are drawn."""

Z_95: Final = 1.96
"""Half width of 95 % of a normal distribution, in standard deviations."""

DROP: Final = "_drop"
"""``dice_drop`` is ``dice`` without the perturbation minus ``dice`` with it."""

REFERENCES: Final = {"volume_mm3": "reference_mm3"}
"""Metrics that are compared with another column: measured by reference."""

PAIRED: Final = frozenset(
    {Statistic.PEARSON, Statistic.BIAS, Statistic.LIMITS_OF_AGREEMENT}
)
"""Statistics that compare a measurement with its reference, where there is one."""

Value = float | tuple[float, float]
"""One observation; a pair for statistics over (measured, reference)."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What one acceptance criterion came to in one group of cases.

    Attributes:
        group: Value of the subgroup column; ``None`` for the whole population.
        value: The statistic; ``None`` when it cannot be computed.
        low: Lower end of its 95 % bootstrap interval over patients.
        high: Upper end.
        compared: Whichever of the three the criterion's bound names.
        cases: How many cases are in the population, failed ones included.
        outcome: ``passed``, ``failed`` or ``skipped`` (not evaluable).
        reason: Why, in one sentence; empty when passed.
    """

    group: str | None
    value: float | None
    low: float | None
    high: float | None
    compared: float | None
    cases: int
    outcome: Outcome
    reason: str = ""


def evaluate(
    criterion: Acceptance, rows: Sequence[CaseScore]
) -> tuple[CriterionResult, ...]:
    """Decide an acceptance criterion from the scores of all cases.

    A case without a value of the metric is not left out: it makes the criterion fail.

    Args:
        criterion: The criterion.
        rows: All rows of ``per_case.csv``.

    Returns:
        One result, or one per group in the order of their names when the criterion
        names a subgroup.
    """
    chosen = [
        row
        for row in rows
        if row.split == criterion.population
        and row.label == criterion.label
        and row.condition == (criterion.condition or "")
    ]
    plain = _unperturbed(rows) if criterion.metric.endswith(DROP) else {}
    if criterion.subgroup is None:
        return (_result(criterion, None, chosen, plain),)
    if criterion.subgroup not in ("site", "vendor"):
        reason = f"per_case.csv has no column {criterion.subgroup!r} to group by."
        return (_undecided(None, len(chosen), Outcome.FAILED, reason),)
    groups: dict[str, list[CaseScore]] = {}
    for row in chosen:
        groups.setdefault(getattr(row, criterion.subgroup), []).append(row)
    if not groups:
        return (_result(criterion, None, [], plain),)
    return tuple(
        _result(criterion, group, groups[group], plain) for group in sorted(groups)
    )


def bootstrap_interval(
    values_by_patient: Mapping[str, Sequence[V]],
    statistic: Callable[[Sequence[V]], float],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic, drawing whole patients.

    Patients are drawn with replacement and bring all their values. Draws for which the
    statistic is not a number are left out.

    Args:
        values_by_patient: Every value of every patient; at least one patient.
        statistic: Number made from values; may return NaN where it is undefined.
        seed: Of the random numbers.
        resamples: How often as many patients as there are get drawn.

    Returns:
        Lower and upper end; both NaN when the statistic is never defined.
    """
    patients = [tuple(values_by_patient[key]) for key in sorted(values_by_patient)]
    single = all(len(values) == 1 for values in patients)
    flat = [values[0] for values in patients] if single else []
    found = []
    for draw in _draws(len(patients), seed, resamples):
        if single:
            sample = [flat[index] for index in draw]
        else:
            sample = [value for index in draw for value in patients[index]]
        number = statistic(sample)
        if not math.isnan(number):
            found.append(number)
    found.sort()
    return _quantile(found, 0.025), _quantile(found, 0.975)


@lru_cache(maxsize=4)
def _draws(patients: int, seed: int, resamples: int) -> "tuple[array[int], ...]":
    """Return the indices of each draw; many criteria share the same patients."""
    source = random.Random(seed)  # noqa: S311 - a bootstrap, not a secret
    indices = range(patients)
    return tuple(
        array("I", source.choices(indices, k=patients)) for _ in range(resamples)
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolating linearly between them."""
    if not ordered:
        return math.nan
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def _result(
    criterion: Acceptance,
    group: str | None,
    rows: Sequence[CaseScore],
    plain: Mapping[tuple[str, str], float],
) -> CriterionResult:
    cases = len({row.case for row in rows})
    if cases < max(criterion.minimum_cases, 1):
        reason = f"not evaluable: {cases} of at least {criterion.minimum_cases} cases."
        return _undecided(group, cases, Outcome.SKIPPED, reason)
    values: dict[str, list[Value]] = {}
    without = 0
    for row in rows:
        value = _value(criterion, row, plain)
        if value is None:
            without += 1
        else:
            values.setdefault(row.unit, []).append(value)
    if without == len(rows):
        reason = f"no case has a value of {criterion.metric}."
        return _undecided(group, cases, Outcome.FAILED, reason)
    return _decided(criterion, group, values, cases=cases, without=without)


def _decided(
    criterion: Acceptance,
    group: str | None,
    values: Mapping[str, Sequence[Value]],
    *,
    cases: int,
    without: int,
) -> CriterionResult:
    statistic = STATISTICS[criterion.statistic]
    value = statistic([value for key in sorted(values) for value in values[key]])
    low, high = bootstrap_interval(values, statistic)
    compared = {Bound.VALUE: value, Bound.CI95_LOWER: low, Bound.CI95_UPPER: high}[
        criterion.bound
    ]
    reason = _missed(criterion, compared)
    if without:
        reason = (
            f"{without} of {cases} cases have no value of {criterion.metric} "
            "and cannot be left out."
        )
    return CriterionResult(
        group=group,
        value=_finite(value),
        low=_finite(low),
        high=_finite(high),
        compared=_finite(compared),
        cases=cases,
        outcome=Outcome.FAILED if reason else Outcome.PASSED,
        reason=reason,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


_ENDS: Final = {
    Bound.VALUE: "",
    Bound.CI95_LOWER: "lower bound of the 95 % interval of the ",
    Bound.CI95_UPPER: "upper bound of the 95 % interval of the ",
}


def _missed(criterion: Acceptance, compared: float) -> str:
    """Return which limit is not met, or nothing."""
    name = (
        f"{_ENDS[criterion.bound]}{criterion.statistic.replace('_', ' ')} of "
        f"{criterion.metric}"
    )
    if not math.isfinite(compared):
        return f"the {name} cannot be computed from these cases."
    if criterion.at_least is not None and compared < criterion.at_least:
        return f"the {name} is {compared:.4g}, below {criterion.at_least:g}."
    if criterion.at_most is not None and compared > criterion.at_most:
        return f"the {name} is {compared:.4g}, above {criterion.at_most:g}."
    return ""


def _undecided(
    group: str | None, cases: int, outcome: Outcome, reason: str
) -> CriterionResult:
    return CriterionResult(group, None, None, None, None, cases, outcome, reason)


def _unperturbed(rows: Iterable[CaseScore]) -> dict[tuple[str, str], float]:
    """Return every metric of the rows without a condition, by case+label and metric."""
    return {
        (f"{row.case}\n{row.label}", metric): value
        for row in rows
        if not row.condition
        for metric, value in row.metrics.items()
    }


def _value(
    criterion: Acceptance, row: CaseScore, plain: Mapping[tuple[str, str], float]
) -> Value | None:
    """Return what a case contributes, or ``None`` when it has no such value."""
    metric = criterion.metric
    if metric not in row.metrics and metric.endswith(DROP):
        metric = metric.removesuffix(DROP)
        before = plain.get((f"{row.case}\n{row.label}", metric))
        after = row.metrics.get(metric)
        return None if before is None or after is None else before - after
    value = row.metrics.get(metric)
    if criterion.statistic not in PAIRED or (
        metric not in REFERENCES and criterion.statistic is not Statistic.PEARSON
    ):
        return value
    reference = row.metrics.get(REFERENCES.get(metric, ""))
    if value is None or reference is None:
        return None
    if criterion.statistic is Statistic.PEARSON:
        return value, reference
    return value - reference


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _limits_of_agreement(values: Sequence[float]) -> float:
    """Return the larger absolute 95 % limit (Bland and Altman)."""
    if len(values) < 2:
        return math.nan
    mean = _mean(values)
    # two passes with exact sums are as close as statistics.stdev, ten times as fast
    squares = math.fsum((value - mean) ** 2 for value in values)
    spread = Z_95 * math.sqrt(squares / (len(values) - 1))
    return max(abs(mean - spread), abs(mean + spread))


def _pearson(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the correlation of pairs; NaN when one side does not vary."""
    left, right = zip(*pairs, strict=True)
    if len(set(left)) < 2 or len(set(right)) < 2:
        return math.nan
    return statistics.correlation(left, right)


def _rate(values: Sequence[float]) -> float:
    """Return the share of cases whose value is not zero."""
    return sum(value != 0 for value in values) / len(values)


STATISTICS: Final[Mapping[Statistic, Callable[[Sequence[Any]], float]]] = {
    Statistic.MEAN: _mean,
    Statistic.MEDIAN: statistics.median,
    Statistic.MINIMUM: min,
    Statistic.MAXIMUM: max,
    Statistic.BIAS: _mean,
    Statistic.LIMITS_OF_AGREEMENT: _limits_of_agreement,
    Statistic.PEARSON: _pearson,
    Statistic.RATE: _rate,
}
"""How each statistic is made from the values of the cases."""
