import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.imaging.deid.vocabulary import cleaned, is_code, known_words

WORDS = known_words(("tesla",))
NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("T1 MPRAGE SAG", "T1 MPRAGE SAG"),
        ("CT CHEST ABERNATHY", "CT CHEST"),
        ("seen by Dr Kovalenko", "by"),
        ("Müller Brain", "Brain"),
        ("brain 1234567", "brain"),
        ("3 Tesla", "3 Tesla"),
        ("12 34", "12 34"),
        ("R5.3.1", ""),
        ("1H \u00b2", "1H"),
        ("", ""),
    ],
)
def test_only_words_of_the_vocabulary_stay(text: str, kept: str) -> None:
    assert cleaned(text, WORDS, NOBODY) == kept


def test_a_patient_called_brain_is_not_in_the_description() -> None:
    assert cleaned("MR Brain", WORDS, frozenset(["brain"])) == "MR"


@given(st.text())
def test_what_stays_of_any_text_is_in_the_vocabulary(text: str) -> None:
    kept = cleaned(text, WORDS, NOBODY)
    assert kept.isascii()
    assert cleaned(kept, WORDS, NOBODY) == kept


@pytest.mark.parametrize(
    "code", ["MONOCHROME2", "ORIGINAL", "HFS", "M_FFE", "DIS2D", "YBR_FULL_422", ""]
)
def test_coded_strings_of_the_standard_stay(code: str) -> None:
    assert is_code(code, NOBODY)


@pytest.mark.parametrize(
    "code", ["KOVALENKO", "U QXJWZ", "ID1234567", "山田", "MRN_55443"]
)
def test_other_coded_strings_do_not(code: str) -> None:
    assert not is_code(code, NOBODY)
