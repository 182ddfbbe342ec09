"""Formatted text of ReqIF reads the same as Markdown."""

import pytest

from regml.exchange.xhtml import prose
from regml.exchange.xml_file import parse_xml


def markdown(inner: str) -> str:
    return prose(parse_xml(f"<THE-VALUE>{inner}</THE-VALUE>".encode(), "x")).text


@pytest.mark.parametrize(
    ("xhtml", "expected"),
    [
        ("<div>Größe &lt; 5</div>", "Größe &lt; 5".replace("&lt;", "<")),
        ("<p>a</p>\n  <p>b</p>", "a\n\nb"),
        ("<b>shall</b>\n <i>not</i>", "**shall** *not*"),
        ("a<b> x </b>b<b/>", "a **x** b"),
        ("one<br/>two", "one\ntwo"),
        ('see <a href="https://x.org/#1">it</a>', "see [it](https://x.org/#1)"),
        ('<a href="https://x.org">https://x.org</a>', "https://x.org"),
        ('<span style="text-decoration: line-through">x</span>', "~~x~~"),
        ("<del>x</del> y", "~~x~~ y"),
        ("10<sup>-3</sup> H<sub>2</sub>O", "10^-3 H_2O"),
        ("<h2>A <b>b</b></h2>c", "## A **b**\n\nc"),
        ("<pre>a  b\n  c</pre>d", "```\na  b\n  c\n```\n\nd"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "a\n\nb"),
        (
            "<ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul>",
            "- a\n  - b\n- c\n\n  d",
        ),
        ('<ol start="3"><li>a</li><li>b</li></ol>', "3. a\n4. b"),
        (
            "<table><caption>T</caption><tbody><tr><th>a</th><th>b</th></tr>"
            "<tr><td>1|2</td><td/></tr></tbody></table>",
            "T\n\n| a | b |\n| --- | --- |\n| 1\\|2 |  |",
        ),
        ("<table><tr><td>a</td></tr></table>", "|  |\n| --- |\n| a |"),
        ('<object data="a.png">alt</object>', "alt"),
    ],
)
def test_formatted_text_reads_the_same(xhtml: str, expected: str) -> None:
    assert markdown(xhtml) == expected


@pytest.mark.parametrize(
    ("xhtml", "lost"),
    [
        ("<p>a <b>b</b></p><table><tr><td>a</td></tr></table>", ()),
        ('<table><tr><td colspan="2">a</td></tr></table>', ("table",)),
        ("<table><tr><td><p>a</p><p>b</p></td></tr></table>", ("table",)),
        ("<u>a</u> <sup>b</sup><dl><dt>c</dt></dl>", ("u", "sup", "dl", "dt")),
        ('<p style="text-decoration:line-through">a</p>', ("p",)),
    ],
)
def test_what_has_no_markdown_is_named(xhtml: str, lost: tuple[str, ...]) -> None:
    value = parse_xml(f"<THE-VALUE>{xhtml}</THE-VALUE>".encode(), "x")
    assert prose(value).lost == lost


def test_pictures_are_named() -> None:
    inner = '<object data="a.png"/><p><img src="b.png"/></p>'
    value = parse_xml(f"<THE-VALUE>{inner}</THE-VALUE>".encode(), "x")
    assert prose(value).attachments == ("a.png", "b.png")
