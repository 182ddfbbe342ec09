import pytest

from regml.imaging.deid.residual import Identifiers


def known() -> Identifiers:
    """Return what is known of one patient."""
    identifiers = Identifiers()
    identifiers.add_names(["Kovalenko", "Anna"])
    for vr, value in (
        ("PN", b"Kovalenko^Anna"),
        ("LO", b"MRN778899"),
        ("SH", b"123456"),
        ("UI", b"1.2.3.4.5.6"),
        ("DA", b"20200131"),
        ("LT", b"seen by Wegener, call 555-0199"),
    ):
        identifiers.add(vr, value, cleaned=False)
    return identifiers


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"..KOVALENKO..", "name"),
        (b"LO\x04\0anna\x10\0", "name"),
        (b"xxmrn778899yy", "text"),
        (b"SH\x06\x00123456", "text"),
        (b"UI\x0c\x001.2.3.4.5.6\0", "uid"),
        (b"DT\x0e\x0020200131101112", "date"),
        (b"of wegener.", "text"),
        (b"LO\x04\0Anna\x62\0", "name"),
    ],
)
def test_what_was_known_is_found(content: bytes, kind: str) -> None:
    assert kind in known().find(content)


@pytest.mark.parametrize(
    "content",
    [
        b"Savannah",  # anna is part of a longer word
        b"2.25.771234567",  # 123456 is part of a longer number
        b"1.2.3.4.5.66",
        b"by nobody",
        b"",
    ],
)
def test_chance_is_not_a_leak(content: bytes) -> None:
    assert known().find(content) == ()


def test_a_date_that_was_made_on_purpose_is_no_leak() -> None:
    identifiers = known()
    identifiers.made_dates.add(b"20200131")
    assert identifiers.find(b"20200131") == ()


def test_words_of_the_vocabulary_are_not_searched() -> None:
    identifiers = Identifiers()
    identifiers.add("LO", b"SIEMENS MR BRAIN", cleaned=False)
    assert len(identifiers) == 0
