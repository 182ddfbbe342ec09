"""No word of a user can act: not in HTML, not in MyST, not in a table."""

import pytest
from markdown_it import MarkdownIt

from regml.dhf.markdown import Markdown, Writer, escape
from regml.dhf.table import cell_text, table

SHOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
WRITER = Writer({"SRS-001": "../items/SRS-001.html"})


def words_of(markdown: str) -> str:
    """Return the text that a reader sees, of one paragraph."""
    tokens = SHOWN.parse(markdown)
    assert [token.type for token in tokens] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]
    return "".join(child.content for child in tokens[1].children or [])


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "{{ 7 * 7 }} and {% if %}",
        "{include}`/etc/passwd`",
        "| a | b |",
        "# no heading",
        "- no list",
        "12. no list",
        "1) no list",
        "+++",
        "---",
        "===",
        "% no comment",
        "(target)=",
        ":::{note}",
        "*a* _b_ __c__ ~~d~~ $e$ [f](g) ![h](i) &amp; \\ ^j^",
        "snake_case and -3.5 and 1.5",
        "> no quote",
        "    no code",
    ],
)
def test_escaped_text_is_shown_letter_by_letter(text: str) -> None:
    assert words_of(escape(text)) == text.strip()


def test_control_characters_and_direction_overrides_are_made_visible() -> None:
    assert escape("a\x00b\u202ec") == "a\ufffdb\ufffdc"


def test_a_known_id_becomes_a_link_and_an_unknown_one_stays_text() -> None:
    assert (
        WRITER.text("see SRS-001, SRS-999.")
        == "see [SRS-001](../items/SRS-001.html), SRS-999."
    )


def test_a_cell_cannot_end_its_row() -> None:
    text = WRITER.table(table(("A", "B"), [("x | y\nz", "`|`")]))
    assert text.split("\n")[2] == "| x \\| y z | \\`\\|\\` |"
    html = SHOWN.render(text)
    assert html.count("<td>") == 2


def test_a_number_keeps_its_digits_before_the_point() -> None:
    assert [cell_text(n) for n in (0.123456, 10137.4, -2e5)] == [
        "0.1235",
        "10137",
        "-200000",
    ]


def test_an_empty_table_says_so() -> None:
    assert WRITER.table(table(("A",), [], empty="0 runs.")) == "*0 runs.*"


def test_prose_keeps_lists_and_emphasis() -> None:
    text = "## Why\n\n*Soft* and **hard** and `code`\n\n- one\n  - two\n\n1. a\n2. b\n"
    assert WRITER.prose(text) == (
        "**Why**\n\n*Soft* and **hard** and `code`\n\n- one\n\n  - two\n\n1. a\n2. b"
    )


def test_prose_with_a_fence_keeps_the_words_and_loses_the_directive() -> None:
    assert WRITER.prose("```{include} /etc/passwd\nx\n```") == "```\nx\n```"
    assert WRITER.prose("~~~~\n```\n~~~~") == "````\n```\n````"


def test_prose_prints_where_a_link_goes_instead_of_linking() -> None:
    assert WRITER.prose("[here](https://example.org)") == "here (`https://example.org`)"


def test_what_a_template_forgot_to_lay_out_is_an_error() -> None:
    with pytest.raises(TypeError, match="tuple"):
        WRITER.finalize(("a", "b"))


def test_markdown_passes_as_it_is() -> None:
    assert WRITER.finalize(Markdown("**x**")) == "**x**"
