"""What every page has."""

from dataclasses import dataclass

from regml.dhf.context.common import at_commit
from regml.dhf.table import Table
from regml.items.recorded import Record


@dataclass(frozen=True, slots=True)
class Content:
    """What is special about one page.

    Attributes:
        facts: Names and values.
        status: One word about it; empty where none fits.
        reasons: Why the status is what it is.
        prose: Markdown that its author wrote.
        sections: Tables by their headings.
        figures: Paths relative to ``html/``, and captions.
    """

    facts: Table
    status: str = ""
    reasons: tuple[str, ...] = ()
    prose: str = ""
    sections: tuple[tuple[str, Table], ...] = ()
    figures: tuple[tuple[str, str], ...] = ()


def origin(record: Record) -> list[tuple[str, object]]:
    """Return who left a record, when and on what, as names and values."""
    by = record.statement.origin
    return [
        ("By", f"{by.person.name} ({by.person.email})"),
        ("Started (UTC)", by.started_utc),
        ("Finished (UTC)", by.finished_utc),
        ("Commit", at_commit(record)),
        ("Changed since the commit", by.dirty),
        ("Record", record.path),
        ("SHA-256 of the record", record.sha256),
        ("Environment", record.environment),
        ("Signed with key", record.key_id),
    ]
