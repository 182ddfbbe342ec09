"""Findings in a terminal: lines go on where they began, and no word is lost."""

from hypothesis import given
from hypothesis import strategies as st

from regml.trace.render import wrapped

WORDS = st.lists(st.text("abc-/", min_size=1, max_size=30), min_size=1, max_size=30)


def test_a_remedy_goes_on_behind_its_arrow() -> None:
    text = "T04  1 finding\n  blocker  SRS-001\n           -> Run it again and look\n"
    assert wrapped(text, 24) == (
        "T04  1 finding\n"
        "  blocker  SRS-001\n"
        "           -> Run it\n"
        "              again and\n"
        "              look\n"
    )


@given(WORDS, st.integers(0, 13), st.integers(40, 100))
def test_no_word_is_lost_or_broken(words: list[str], indent: int, width: int) -> None:
    line = " " * indent + " ".join(words)
    lines = wrapped(f"{line}\n\nend\n", width).splitlines()
    assert " ".join(lines).split() == [*words, "end"]
    assert all(len(one) <= width or len(one.split()) == 1 for one in lines)
    assert all(one.startswith(" " * indent) for one in lines[:-2])
