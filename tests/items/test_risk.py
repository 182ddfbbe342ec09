import pytest
from pydantic import ValidationError

from regml.items.config import Device, Misuse
from regml.items.data import Label, Limitation
from regml.items.requirements import Acceptance, Exclusion
from regml.items.risk import Estimate, RiskPolicy, Scale, Significant
from tests.factories import (
    CONFIG,
    POLICY,
    changed,
    control,
    exclusion,
    protocol,
    risk,
    specification,
)

RESIDUAL = Estimate(severity=2, p1=1, p2=1, level="L")


def test_a_residual_risk_that_is_not_acceptable_is_significant() -> None:
    policy = POLICY.model_copy(update={"significant": None})
    assert policy.is_significant(Estimate(severity=3, p1=3, p2=2, level="H"))
    assert not policy.is_significant(RESIDUAL)


@pytest.mark.parametrize(
    ("severity", "probability", "expected"),
    [(2, 1, True), (1, 1, True), (3, 1, False), (2, 2, False)],
)
def test_an_acceptable_one_is_significant_from_both_limits_on(
    severity: int, probability: int, *, expected: bool
) -> None:
    limit = Significant(severity=severity, probability=probability)
    policy = POLICY.model_copy(update={"significant": limit})
    assert policy.is_significant(RESIDUAL) is expected


def test_an_estimate_off_the_scale_is_neither() -> None:
    with pytest.raises(ValueError, match="severity 9 is not on the scale"):
        POLICY.is_significant(Estimate(severity=9, p1=1, p2=1, level="L"))


@pytest.mark.parametrize(("severity", "probability"), [(9, 1), (1, 9), (0, 1)])
def test_a_limit_off_the_scale_would_silence_checks_and_is_refused(
    severity: int, probability: int
) -> None:
    limit = Significant(severity=severity, probability=probability)
    with pytest.raises(ValidationError, match="significant has to lie on the scales"):
        RiskPolicy(**{**dict(POLICY), "significant": limit})


def test_an_exclusion_names_at_least_one_row() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        exclusion(excludes=())
    assert isinstance(changed(exclusion(), excludes=("MLH-01",)), Exclusion)


def test_parts_of_an_item_can_be_told_apart() -> None:
    with pytest.raises(ValidationError, match="'controls' has RC-01 twice"):
        risk(controls=(control(), control(text="Another")))
    limitation = Limitation(id="LIM-01", text="Few")
    with pytest.raises(ValidationError, match="'limitations' has LIM-01 twice"):
        specification(limitations=(limitation, limitation))
    label = Label(value=1, name="anterior", definition="Head")
    for fields, said in (({"name": "tail"}, "1"), ({"value": 2}, "anterior")):
        other = label.model_copy(update=fields)
        with pytest.raises(ValidationError, match=f"'labels' has {said} twice"):
            protocol(labels=(label, other))


@pytest.mark.parametrize("values", [(1, 1, 2), (2, 3), (0, 1)])
def test_a_scale_counts_from_one(values: tuple[int, ...]) -> None:
    steps = tuple(Scale(value=v, name="x", meaning="x") for v in values)
    with pytest.raises(ValidationError, match="p1 has to count 1, 2, 3"):
        RiskPolicy(**{**dict(POLICY), "p1": steps})


def test_a_combined_probability_below_the_scale_is_refused() -> None:
    table = ((0, 1), (1, 2), (2, 3))
    with pytest.raises(ValidationError, match="matrix needs a row per probability"):
        RiskPolicy(**{**dict(POLICY), "probability": table})


@pytest.mark.parametrize("given", [True, "3", 2.5])
def test_a_step_is_a_whole_number(given: object) -> None:
    with pytest.raises(ValidationError, match="valid integer"):
        Estimate(**{**dict(RESIDUAL), "severity": given})
    with pytest.raises(ValidationError, match="valid number"):
        Acceptance(metric="dice", at_least=True)


def test_two_misuses_do_not_share_an_id() -> None:
    row = Misuse(id="MU-01", text="Again")
    fields = {**dict(CONFIG.device), "misuse": (row, row)}
    with pytest.raises(ValidationError, match="has MU-01 twice"):
        Device(**fields)
