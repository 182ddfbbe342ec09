"""Where the rows of clause catalogues stand, and that as tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regml.standards.catalogue import Catalogue, Row
from regml.trace.facts import Fact
from regml.trace.page import Table

COLUMNS: Final = ("clause", "title", "state", "evidence", "missing", "next")


class State(StrEnum):
    """Where a row of a catalogue stands. None of them says that it is fulfilled."""

    COVERED = "covered"
    """All the evidence that the row asks for is there."""
    GAP = "gap"
    """Evidence is missing that the project itself has to hold."""
    MANUAL = "manual"
    """What a program can see is there; a person still has to judge, sign or decide."""
    NOT_APPLICABLE = "not applicable"
    """Not asked for at this level, or excluded by an approved item."""
    WITHDRAWN = "withdrawn"
    """The edition does not have it any more."""


OPEN: Final = (State.GAP, State.MANUAL)
"""States that need someone to do something."""


@dataclass(frozen=True, slots=True)
class RowCoverage:
    """Where one row stands, and why.

    Attributes:
        row: The row.
        state: Where it stands.
        why: Why it is not asked for; empty where it is.
        facts: What it asks for, there or not.
    """

    row: Row
    state: State
    why: str = ""
    facts: tuple[Fact, ...] = ()

    @property
    def evidence(self) -> tuple[str, ...]:
        """What is there, and in brackets what says nothing here."""
        return tuple(
            fact.words if fact.there else f"({fact.words})"
            for fact in self.facts
            if fact.there is not False
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there."""
        words = (fact.words for fact in self.facts if fact.there is False)
        return tuple(dict.fromkeys(words))

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do next, each once."""
        steps = (fact.step for fact in self.facts if fact.there is False)
        return tuple(dict.fromkeys(step for step in steps if step))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where every row of one catalogue stands.

    Attributes:
        catalogue: The catalogue.
        level: Class or level it was looked at for; ``None`` where it has none.
        rows: In its order.
    """

    catalogue: Catalogue
    level: str | None
    rows: tuple[RowCoverage, ...]

    @property
    def counts(self) -> Mapping[State, int]:
        """How many rows are in each state."""
        found = Counter(row.state for row in self.rows)
        return {state: found[state] for state in State}

    @property
    def open(self) -> tuple[RowCoverage, ...]:
        """The rows that need someone to do something."""
        return tuple(row for row in self.rows if row.state in OPEN)


def gap_table(coverage: Coverage, *, only_open: bool = False) -> Table:
    """Return one row per clause: where it stands, what is missing, what to do next."""
    rows = coverage.open if only_open else coverage.rows
    return Table(
        COLUMNS,
        tuple(
            (
                found.row.id,
                title_of(found.row),
                str(found.state),
                "; ".join(found.evidence) or found.why,
                "; ".join(found.missing),
                "; ".join(found.steps),
            )
            for found in rows
        ),
    )


def title_of(row: Row) -> str:
    """Return the title of a row, marked where our wording is not verified."""
    return row.title if row.verified else f"{row.title} (wording not verified)"


def overview_table(coverages: Iterable[Coverage]) -> Table:
    """Return one row per catalogue with how many rows are in which state."""
    return Table(
        ("name", "standard", "edition", "level", "rows", *State),
        tuple(
            (
                found.catalogue.key,
                found.catalogue.standard,
                found.catalogue.edition,
                found.level or "",
                str(len(found.rows)),
                *(str(count) for count in found.counts.values()),
            )
            for found in coverages
        ),
    )
