import pytest
from pydantic import ValidationError

from regml.items.config import Device, Misuse
from regml.items.requirements import Exclusion
from regml.items.risk import Estimate, RiskPolicy, Significant
from tests.factories import CONFIG, POLICY, changed, exclusion

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


def test_two_misuses_do_not_share_an_id() -> None:
    row = Misuse(id="MU-01", text="Again")
    fields = {**dict(CONFIG.device), "misuse": (row, row)}
    with pytest.raises(ValidationError, match="has MU-01 twice"):
        Device(**fields)
