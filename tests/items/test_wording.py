import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.items.wording import placeholders


@pytest.mark.parametrize(
    "text",
    [
        "The limit is TBD.",
        "TODO: ask",
        "To be defined with the users",
        "<describe the need>",
        "[insert the name]",
        "{{ product }}",
        "Which one???",
        "Lorem ipsum dolor",
        "takes tbd seconds",
        "takes T.B.D. seconds",
        "takes _TODO_ seconds",
        "todo: ask",
        "To be filled in by quality",
        "<product-name> measures",
        "<Manufacturer> measures",
        "It shall <...>.",
    ],
)
def test_what_is_still_to_be_filled_in_is_found_with_its_line(text: str) -> None:
    assert [line for line, _ in placeholders(f"Fine.\n{text}\n")] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "The list of todos of the user",
        "A mask of p < b and c > d",
        'See <a href="x y">the page</a>, <br> or <https://example.org/a b>.',
        "The tool reports `TODO` and `<name of the thing>` in comments.",
        "[describe](https://example.org) the thing",
        "The rate is to be looked at again.",
        "Keys: [Enter], <Tab>",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert list(placeholders(text)) == []


@given(st.text())
def test_what_is_found_stands_on_its_line(text: str) -> None:
    lines = text.replace("`", " ").split("\n")
    for line, words in placeholders(text.replace("`", " ")):
        assert words in lines[line - 1]


@given(st.text(alphabet="ab \n", max_size=200), st.sampled_from(["TBD", "TODO", "???"]))
def test_a_placeholder_is_found_wherever_it_stands(text: str, words: str) -> None:
    found = list(placeholders(f"{text} {words} {text}"))
    assert found == [(text.count("\n") + 1, words)]
