import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regml.items.recorded import Outcome
from regml.items.requirements import Acceptance, Bound, Statistic
from regml.trace.statistics import bootstrap_interval, evaluate
from tests.factories import score

numbers = st.floats(-1000, 1000).map(lambda value: round(value, 6))
patients = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.lists(numbers, min_size=1, max_size=3),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(patients)
def test_the_interval_of_a_mean_lies_within_the_values(
    values: dict[str, list[float]],
) -> None:
    low, high = bootstrap_interval(values, statistics.fmean, resamples=50)
    flat = [value for patient in values.values() for value in patient]
    assert min(flat) - 1e-9 <= low <= high <= max(flat) + 1e-9


@settings(max_examples=20, deadline=None)
@given(patients)
def test_the_interval_depends_on_neither_order_nor_names_order(
    values: dict[str, list[float]],
) -> None:
    turned = dict(reversed(values.items()))
    once = bootstrap_interval(values, statistics.fmean, resamples=50)
    assert bootstrap_interval(turned, statistics.fmean, resamples=50) == once


def test_the_interval_is_that_of_patients_not_of_cases() -> None:
    few = {"a": [0.0] * 50, "b": [1.0] * 50}
    many = {f"{name}{i}": [float(name == "b")] for name in "ab" for i in range(50)}
    few_low, few_high = bootstrap_interval(few, statistics.fmean, resamples=500)
    many_low, many_high = bootstrap_interval(many, statistics.fmean, resamples=500)
    assert (few_low, few_high) == (0.0, 1.0)
    assert 0.3 < many_low < 0.5 < many_high < 0.7


def test_the_seeded_interval_stays_the_same_for_ever() -> None:
    values = {f"p{i:02}": [0.8 + i / 100] for i in range(20)}
    low, high = bootstrap_interval(values, statistics.fmean)
    assert (round(low, 6), round(high, 6)) == (0.869988, 0.9205)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (Statistic.MEAN, 0.75),
        (Statistic.MEDIAN, 0.8),
        (Statistic.MINIMUM, 0.5),
        (Statistic.MAXIMUM, 0.9),
        (Statistic.BIAS, 0.75),
        (Statistic.RATE, 1.0),
        (
            Statistic.LIMITS_OF_AGREEMENT,
            0.75 + 1.96 * statistics.stdev([0.5, 0.8, 0.8, 0.9]),
        ),
    ],
)
def test_each_statistic_is_what_its_name_says(
    statistic: Statistic, expected: float
) -> None:
    rows = [score(f"c{i}", dice) for i, dice in enumerate((0.5, 0.8, 0.8, 0.9))]
    (result,) = evaluate(
        Acceptance(metric="dice", statistic=statistic, at_least=0.0), rows
    )
    assert result.value == pytest.approx(expected)


def test_volumes_are_compared_with_their_references() -> None:
    rows = [
        score(f"c{i}", 0, metrics={"volume_mm3": v, "reference_mm3": r})
        for i, (v, r) in enumerate(((100.0, 90.0), (200.0, 180.0), (300.0, 270.0)))
    ]
    wanted = {Statistic.PEARSON: 1.0, Statistic.BIAS: 20.0, Statistic.MEAN: 200.0}
    for statistic, value in wanted.items():
        criterion = Acceptance(metric="volume_mm3", statistic=statistic, at_least=0.9)
        assert evaluate(criterion, rows)[0].value == pytest.approx(value)


def test_a_correlation_of_constants_cannot_be_computed_and_fails() -> None:
    rows = [
        score(f"c{i}", 0, metrics={"volume_mm3": 1.0, "reference_mm3": float(i)})
        for i in range(4)
    ]
    criterion = Acceptance(
        metric="volume_mm3", statistic=Statistic.PEARSON, at_least=0.9
    )
    (result,) = evaluate(criterion, rows)
    assert (result.outcome, result.value) == (Outcome.FAILED, None)
    assert "cannot be computed" in result.reason


def test_a_drop_is_taken_case_by_case_against_the_plain_image() -> None:
    rows = [
        score("c1", 0.9),
        score("c1", 0.8, condition="noise"),
        score("c2", 0.7),
        score("c2", 0.7, condition="noise"),
    ]
    criterion = Acceptance(metric="dice_drop", at_most=0.04, condition="noise")
    (result,) = evaluate(criterion, rows)
    assert result.value == pytest.approx(0.05)
    assert result.outcome is Outcome.FAILED


def test_a_case_without_a_value_is_not_left_out() -> None:
    rows = [score("c1", 0.9), score("c2", 0, metrics={}, status="failed:memory")]
    (result,) = evaluate(Acceptance(metric="dice", at_least=0.5), rows)
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("1 of 2 cases have no value")


def test_a_small_subgroup_is_not_evaluable_and_the_others_are_decided() -> None:
    rows = [score("c1", 0.9, site="A"), score("c2", 0.9, site="B")]
    rows.append(score("c3", 0.2, site="B"))
    criterion = Acceptance(
        metric="dice", at_least=0.6, subgroup="site", minimum_cases=2
    )
    results = evaluate(criterion, rows)
    assert [(r.group, r.outcome) for r in results] == [
        ("A", Outcome.SKIPPED),
        ("B", Outcome.FAILED),
    ]


def test_a_subgroup_that_nobody_recorded_fails() -> None:
    criterion = Acceptance(metric="dice", at_least=0.6, subgroup="age")
    (result,) = evaluate(criterion, [score("c1", 0.9)])
    assert result.outcome is Outcome.FAILED


def test_an_empty_population_is_not_evaluable() -> None:
    for subgroup in (None, "site"):
        criterion = Acceptance(metric="dice", at_least=0.6, subgroup=subgroup)
        (result,) = evaluate(criterion, [score("c1", 0.9, split="train")])
        assert result.outcome is Outcome.SKIPPED


@pytest.mark.parametrize("bound", list(Bound))
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
@settings(max_examples=15, deadline=None)
def test_the_bound_says_which_number_has_to_meet_the_limit(
    bound: Bound, dices: list[float]
) -> None:
    rows = [score(f"c{i}", dice) for i, dice in enumerate(dices)]
    criterion = Acceptance(metric="dice", bound=bound, at_least=0.5)
    (result,) = evaluate(criterion, rows)
    number = {
        Bound.VALUE: result.value,
        Bound.CI95_LOWER: result.low,
        Bound.CI95_UPPER: result.high,
    }[bound]
    assert number is not None
    assert not math.isnan(number)
    assert result.compared == number
    assert (result.outcome is Outcome.PASSED) == (number >= 0.5)


def test_a_missed_limit_is_told_in_words() -> None:
    criterion = Acceptance(metric="dice", bound=Bound.CI95_LOWER, at_least=0.9)
    (result,) = evaluate(criterion, [score(f"c{n}", 0.5) for n in range(3)])
    assert result.reason == (
        "the lower bound of the 95 % interval of the mean of dice is 0.5, below 0.9."
    )
