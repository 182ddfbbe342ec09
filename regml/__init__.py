"""regml: the evidence behind a medical device that learns.

One street, and nothing flows back on it::

    files  ->  items + records  ->  graph  ->  findings, tables  ->  documents

- :mod:`regml.items` holds the nouns: what people write, what runs leave behind.
- :mod:`regml.files` turns bytes into them.
- :mod:`regml.records` writes, signs and reads what a run leaves.
- :mod:`regml.trace` builds the graph; its ``rules`` look for gaps.
- :mod:`regml.dhf` renders documents from it.
- :mod:`regml.exchange` reads items of other tools and writes ours for them.
- :mod:`regml.imaging` and :mod:`regml.learning` are the stages' logic.
- :mod:`regml.project` knows where things lie and reads everything once.
- :mod:`regml.cli` is the command line; nothing but text and exit codes.

From Python, ``regml.open(path)`` gives a project's items, records, graph and findings
as typed objects, and ``regml.note(topic, facts)`` lets a stage add facts to its record.
"""

from typing import TYPE_CHECKING, Any

from regml.version import __version__

if TYPE_CHECKING:
    from regml.project import open_project as open  # noqa: A004 - regml.open reads well
    from regml.records.notes import note

__all__ = ["__version__", "note", "open"]


def __getattr__(name: str) -> Any:
    # both are imported on first use, so that "import regml" costs nothing
    if name == "open":
        from regml.project import open_project

        return open_project
    if name == "note":
        from regml.records.notes import note

        return note
    raise AttributeError(f"module 'regml' has no attribute {name!r}")
