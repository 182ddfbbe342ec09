"""Our one pass reads what the YAML library reads."""

import datetime as dt

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from regml.errors import BrokenFileError
from regml.files.plain_yaml import read_value

LIBRARY = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.dates(min_value=dt.date(1000, 1, 1))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)
plain_words = st.text(alphabet="0123456789.:-+_eExXoOtrueyYnNaAfl~= ", max_size=12)


@given(values, st.booleans())
def test_what_the_library_writes_is_read_as_it_does(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assume_no_alias(text)
    assert read_value(text, name="x") == yaml.load(text, LIBRARY)  # noqa: S506 - safe


@given(plain_words)
def test_a_plain_word_is_what_the_library_takes_it_for(word: str) -> None:
    try:
        wanted = yaml.safe_load(f"a: {word}\n")
    except (yaml.YAMLError, ValueError):
        return
    found = read_value(f"a: {word}\n", name="x")
    assert found == wanted
    assert type(found["a"]) is type(wanted["a"])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a:\n  <<: {b: 1}\n", 2, "a merge"),
        ("a: 1\n? [b]\n: 2\n", 2, "as a key"),
        ("a: {b: 1, b: 2}\n", 1, "stands twice"),
        ("a: 1\n1: 2\n1: 3\n", 3, "stands twice"),
        ("a: 2026-02-30\n", 1, "does not exist"),
    ],
)
def test_what_would_hide_or_lose_something_is_refused(
    text: str, line: int, said: str
) -> None:
    with pytest.raises(BrokenFileError, match=said) as caught:
        read_value(text, name="x")
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_nothing_is_none(text: str) -> None:
    assert read_value(text, name="x") is None


def assume_no_alias(text: str) -> None:
    """The library writes an alias where one object stands twice."""
    tokens = yaml.scan(text)
    assume(not any(isinstance(t, yaml.AnchorToken | yaml.TagToken) for t in tokens))
