import pytest
from pydicom.datadict import keyword_dict, tag_for_keyword

from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.profile import ALLOWED, Action, Profile
from regml.imaging.deid.table import BASIC_PROFILE


def action_of(keyword: str, **params: bool) -> Action:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return Profile.of(DeidentifyParams.model_validate(params)).rule(int(tag)).action


def test_every_attribute_of_the_table_is_in_the_data_dictionary() -> None:
    named = [word for text in BASIC_PROFILE.values() for word in text.split()]
    assert set(named) <= set(keyword_dict)
    assert len(named) == len(set(named)) > 600


def test_every_attribute_of_the_allow_list_is_in_the_data_dictionary() -> None:
    assert {name for names in ALLOWED.values() for name in names} <= set(keyword_dict)


def test_what_the_table_removes_stays_only_by_an_option() -> None:
    profile = Profile.of(
        DeidentifyParams(
            shift_dates=False,
            retain_patient_characteristics=False,
            clean_descriptors=False,
        )
    )
    for keyword in BASIC_PROFILE["X"].split():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        assert profile.rule(int(tag)).action is Action.REMOVE, keyword


@pytest.mark.parametrize(
    ("keyword", "params", "action"),
    [
        ("StudyDate", {}, Action.SHIFT),
        ("StudyDate", {"shift_dates": False}, Action.EMPTY),
        ("PatientAge", {}, Action.AGE),
        ("PatientAge", {"retain_patient_characteristics": False}, Action.REMOVE),
        ("StudyDescription", {}, Action.CLEAN),
        ("StudyDescription", {"clean_descriptors": False}, Action.REMOVE),
        ("PatientBirthDate", {}, Action.EMPTY),
        ("MagneticFieldStrength", {}, Action.NUMBER),
        ("DeviceSerialNumber", {}, Action.DUMMY),
        ("TrackingUID", {}, Action.UID),
        ("OperatorsName", {}, Action.REMOVE),
        ("ReferencedSeriesSequence", {}, Action.RECURSE),
    ],
)
def test_options_decide(keyword: str, params: dict[str, bool], action: Action) -> None:
    assert action_of(keyword, **params) is action


@pytest.mark.parametrize("tag", [0x00091001, 0x60003000, 0x50001000, 0x00109999])
def test_private_graphic_and_unknown_elements_go(tag: int) -> None:
    assert Profile.of(DeidentifyParams()).rule(tag).action is Action.REMOVE


def test_the_digest_names_what_is_done_not_how_fast() -> None:
    digests = {
        Profile.of(params).configuration_sha256
        for params in (
            DeidentifyParams(),
            DeidentifyParams(jobs=4),
            DeidentifyParams(shift_dates=False),
            DeidentifyParams(extra_words=("tesla",)),
        )
    }
    assert len(digests) == 3
