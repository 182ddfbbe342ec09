"""HTML of one document."""

import html.parser

import pytest

from regml.dhf.document_pages import Heading, document_page
from regml.dhf.render import Document
from regml.errors import BrokenFileError
from regml.files.documents import parse_plan
from tests.dhf.test_render import FRONT


class Cells(html.parser.HTMLParser):
    """Counts the rows of tables and collects what scrolls in a box of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows = 0
        self.boxed = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        self.boxed += ("class", "wide") in attrs


def document(markdown: str) -> Document:
    return Document(parse_plan("dhf_templates/07-notes.md.j2", FRONT), markdown, ())


def test_headings_can_be_linked_each_by_an_anchor_of_its_own() -> None:
    text = "# 05 Title\n\n## Scope\n\n### SRS\\_1: `x` *now*\n\n## Scope\n\n## —\n"
    page = document_page(document(text), figures=())
    assert page.headings == (
        Heading(2, "scope", "Scope"),
        Heading(3, "srs_1-x-now", "SRS_1: x now"),
        Heading(2, "scope-2", "Scope"),
        Heading(2, "section", "—"),
    )
    for heading in page.headings:
        assert f'<h{heading.level} id="{heading.anchor}">' in page.body


def test_an_anchor_that_a_count_makes_is_taken_only_once() -> None:
    page = document_page(document("# T\n\n## A 2\n\n## A\n\n## A\n"), figures=())
    anchors = [heading.anchor for heading in page.headings]
    assert len(set(anchors)) == 3


def test_tables_scroll_in_a_box_of_their_own() -> None:
    text = "# T\n\n| a | b |\n| --- | --- |\n| 1 | x \\| y |\n"
    cells = Cells(document_page(document(text), figures=()).body)
    assert (cells.rows, cells.boxed) == (2, 1)


def test_html_in_a_template_is_shown_as_text() -> None:
    page = document_page(document("# T\n\n<b onclick='x()'>y</b>\n"), figures=())
    assert "&lt;b onclick" in page.body
    assert "<b" not in page.body


def test_a_link_that_runs_a_script_is_no_link() -> None:
    page = document_page(document("# T\n\n[x](javascript:alert(1))\n"), figures=())
    assert "<a" not in page.body


def test_figures_lie_beside_the_documents() -> None:
    text = "# T\n\n![Dice](figures/dice.png)\n"
    page = document_page(document(text), figures={"figures/dice.png"})
    assert 'src="../figures/dice.png" alt="Dice"' in page.body


def test_a_figure_that_is_not_there_is_refused_by_name() -> None:
    text = "# T\n\n- ![Dice](figures/dize.png)\n"
    with pytest.raises(BrokenFileError, match=r"shows figures/dize\.png") as caught:
        document_page(document(text), figures={"figures/dice.png"})
    assert "dhf_templates/07-notes.md.j2" in str(caught.value)
