"""The impact of a change as a page of tables."""

from collections.abc import Iterable

from regml.trace.impact import Impact
from regml.trace.page import Page, Section, Table


def impact_page(found: Impact, asked: str) -> Page:
    """Return an impact as a page; what is not touched says "nothing".

    Args:
        found: The impact.
        asked: What was asked about, in the words of who asked.
    """
    parts = (
        ("Changed", found.changed),
        ("Items to look at again", found.items),
        ("Tests and protocols to run again", found.tests),
        ("Risks to evaluate again", found.risks),
        ("Documents to approve again", found.documents),
        ("Signatures to give again", found.signatures),
    )
    return Page(
        f"Impact of {asked}",
        "",
        (
            *(Section(title, table=_table(rows)) for title, rows in parts),
            Section(
                "Stages to reproduce",
                table=Table(
                    ("stage", "why"),
                    tuple((name, why) for name, _, why in found.stages),
                ),
            ),
        ),
    )


def _table(rows: Iterable[tuple[str, str, str]]) -> Table:
    return Table(("id", "title", "why"), tuple(rows))
