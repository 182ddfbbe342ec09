"""Clause by clause: which evidence the graph holds, and what is missing."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from regml.errors import BrokenFileError, UnknownIdError
from regml.findings import RuleOutcome
from regml.items.base import Kind, SafetyClass
from regml.items.config import Device, Role
from regml.items.external import ExternalEvidence
from regml.items.links import MODELS
from regml.items.requirements import Category, Exclusion
from regml.standards.catalogue import Catalogue, Row
from regml.trace.facts import RECORDS, SORTS, Fact, Facts
from regml.trace.model import TraceGraph
from regml.trace.page import Table
from regml.trace.results import approved_now
from regml.trace.rules import RULES, check

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
        return tuple(fact.words for fact in self.facts if fact.there is False)

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


@dataclass
class Ledger:
    """Decides catalogues for one project; what rules found is looked up once per class.

    Attributes:
        graph: The evidence.
        catalogues: All catalogues there are, by key.
        outcomes: Of all rules for the device's own safety class, where known already.
    """

    graph: TraceGraph
    catalogues: Mapping[str, Catalogue]
    outcomes: tuple[RuleOutcome, ...] | None = None
    _facts: dict[SafetyClass, Facts] = field(default_factory=dict)

    def coverage(self, catalogue: Catalogue, asked: str | None = None) -> Coverage:
        """Return where every row of a catalogue stands.

        Args:
            catalogue: One of the catalogues.
            asked: Class or level, instead of what follows from ``regml.toml``.

        Raises:
            UnknownIdError: The catalogue knows no such class or level.
            BrokenFileError: It asks for something that does not exist.
        """
        level, safety_class = level_of(
            catalogue, asked, self.graph.evidence.config.device
        )
        facts = self._facts_for(safety_class)
        refuse_unknown(catalogue, known_rules=facts.outcomes, others=self.catalogues)
        rows = tuple(
            self._row(catalogue, row, level, facts, safety_class)
            for row in catalogue.rows
        )
        return Coverage(catalogue, level, rows)

    def every(self, asked: str | None = None) -> tuple[Coverage, ...]:
        """Return where every row of every catalogue stands.

        Args:
            asked: Class or level for the catalogues that know it; the others are
                looked at for what follows from ``regml.toml``.

        Raises:
            UnknownIdError: No catalogue knows such a class or level.
        """
        levels = [c.levels for c in self.catalogues.values() if c.levels]
        known = {name for found in levels for name in (*found.of, *found.values)}
        if asked is not None and asked not in known:
            raise UnknownIdError(
                f"no catalogue has a class or level {asked!r}; "
                f"there are {', '.join(sorted(known))}."
            )
        return tuple(
            self.coverage(catalogue, asked if _knows(catalogue, asked) else None)
            for catalogue in self.catalogues.values()
        )

    def strangers(self) -> tuple[str, ...]:
        """Return what items say about rows that no catalogue has, one sentence each."""
        known = {c.cite(row) for c in self.catalogues.values() for row in c.rows}
        standards = tuple(f"{c.standard} " for c in self.catalogues.values())
        said = [
            (item.id, "stands for", name)
            for item in self.graph.items(ExternalEvidence)
            for name in item.clauses
        ]
        said += [
            (item.id, "excludes", name)
            for item in self.graph.items(Exclusion)
            for name in item.excludes
            if name.startswith(standards)
        ]
        return tuple(
            f"{item} {verb} {name!r}, a row that no catalogue has"
            for item, verb, name in said
            if name not in known and _without_letter(name) not in known
        )

    def _facts_for(self, safety_class: SafetyClass) -> Facts:
        if safety_class not in self._facts:
            self._facts[safety_class] = Facts(self.graph, self._outcomes(safety_class))
        return self._facts[safety_class]

    def _outcomes(self, safety_class: SafetyClass) -> tuple[RuleOutcome, ...]:
        """Return what rules find for a class; most look at every class alike."""
        if self.outcomes is None:
            self.outcomes = check(self.graph)
        if safety_class is self.graph.evidence.config.device.safety_class:
            return self.outcomes
        classes = {rule.id: rule.classes for rule in RULES}
        again = [
            outcome.rule
            for outcome in self.outcomes
            if outcome.off or safety_class not in classes.get(outcome.rule, ())
        ]
        found = check(self.graph, again, safety_class=safety_class)
        other = {outcome.rule: outcome for outcome in found}
        return tuple(other.get(outcome.rule, outcome) for outcome in self.outcomes)

    def _row(
        self,
        catalogue: Catalogue,
        row: Row,
        level: str | None,
        facts: Facts,
        safety_class: SafetyClass,
    ) -> RowCoverage:
        if row.withdrawn:
            return RowCoverage(row, State.WITHDRAWN, "this edition has it no more")
        if row.levels and level not in row.levels and catalogue.levels:
            why = f"not asked for in {catalogue.levels.name} {level}"
            return RowCoverage(row, State.NOT_APPLICABLE, why)
        found = tuple(self._asked(catalogue, row, facts, safety_class))
        excluded = self._exclusion(catalogue.cite(row))
        if all(fact.there is None for fact in found):
            found += (self._outside(catalogue.cite(row), "evidence of this class"),)
        if excluded is not None and row.applies_if is None:
            words = f"{excluded} excludes it, and it is always asked for"
            found += (Fact(False, words, f"Take the row out of {excluded}."),)
        elif excluded is not None and _state(found) is not State.COVERED:
            why = f"excluded by {excluded}, approved by quality"
            return RowCoverage(row, State.NOT_APPLICABLE, why)
        elif row.applies_if and _state(found) is not State.COVERED:
            found = (*found, self._decision(catalogue.cite(row), row.applies_if))
            if not any(fact.there for fact in found):
                return RowCoverage(row, State.MANUAL, facts=found)
        return RowCoverage(row, _state(found), facts=found)

    def _asked(
        self, catalogue: Catalogue, row: Row, facts: Facts, safety_class: SafetyClass
    ) -> Iterator[Fact]:
        for sort in SORTS:
            for name in getattr(row.evidence, sort):
                yield facts.of(sort, name)
        for name in row.evidence.catalogues:
            yield self._other(name, safety_class)
        for what in row.evidence.outside:
            yield self._outside(catalogue.cite(row), what)

    def _other(self, name: str, safety_class: SafetyClass) -> Fact:
        """Return whether some rows of another catalogue are all decided."""
        key, *numbers = name.split()
        other = self.catalogues[key]
        of_class = other.levels and other.levels.follows == "safety_class"
        rows = [
            found
            for found in self.coverage(other, safety_class if of_class else None).rows
            if not numbers or any(_is_below(found.row.id, n) for n in numbers)
        ]
        open_rows = [found for found in rows if found.state in OPEN]
        covered = sum(found.state is State.COVERED for found in rows)
        if not open_rows:
            words = f"{covered} rows of {other.standard} covered, none open"
            return Fact(bool(covered), words)
        words = f"{len(open_rows)} rows of {other.standard} are open"
        person = all(found.state is State.MANUAL for found in open_rows)
        return Fact(False, words, f"regml gaps {key} --open", person=person)

    def _outside(self, citation: str, what: str) -> Fact:
        """Return whether an approved item stands for evidence kept elsewhere."""
        today = self.graph.evidence.today
        step = (
            f"Name it in an EXT item for '{citation}', which quality then approves: "
            "regml new ext"
        )
        words = f"no item EXT stands for: {what}"
        for item in self.graph.items(ExternalEvidence):
            if citation not in item.clauses:
                continue
            if item.valid_until and item.valid_until < today:
                words = f"{item.id} ran out on {item.valid_until}"
                step = f"Bring {item.id} up to date and have quality approve it."
            elif not approved_now(self.graph, item.id, (Role.QUALITY,)):
                words = f"{item.id} is not approved by quality as it is now: {what}"
                step = f"regml approve {item.id} --meaning approval"
            else:
                return Fact(True, f"{item.id} {item.document}, {item.version}: {what}")
        return Fact(False, words, step, person=True)

    def _exclusion(self, citation: str) -> str | None:
        """Return the approved item that excludes a row, or all below a number."""
        for item_id in self._excluding(citation):
            if approved_now(self.graph, item_id, (Role.QUALITY,)):
                return item_id
        return None

    def _excluding(self, citation: str) -> Iterator[str]:
        for item in self.graph.items(Exclusion):
            if any(_is_below(citation, name) for name in item.excludes):
                yield item.id

    def _decision(self, citation: str, condition: str) -> Fact:
        """Return who still has to decide whether a row is asked for."""
        for item_id in self._excluding(citation):
            words = f"quality has not approved {item_id}, which excludes it"
            step = f"regml approve {item_id} --meaning approval"
            return Fact(False, words, step, person=True)
        words = f"nobody has decided whether {condition}"
        step = f"If not, exclude '{citation}' in an NA item that quality approves."
        return Fact(False, words, step, person=True)


def _knows(catalogue: Catalogue, asked: str | None) -> bool:
    levels = catalogue.levels
    return levels is not None and asked in (*levels.of, *levels.values)


def level_of(
    catalogue: Catalogue, asked: str | None, device: Device
) -> tuple[str | None, SafetyClass]:
    """Return the level of a catalogue, and the safety class to put the rules for.

    Args:
        catalogue: The catalogue.
        asked: A class or level, or ``None`` for what the device has.
        device: What ``regml.toml`` says.

    Raises:
        UnknownIdError: The catalogue knows no such class or level.
    """
    levels = catalogue.levels
    if levels is None:
        if asked is None:
            return None, device.safety_class
        raise UnknownIdError(f"{catalogue.standard} has no classes or levels.")
    own = str(getattr(device, levels.follows))
    value = own if asked is None else asked
    if asked is not None and asked not in levels.of:
        fitting = [key for key, level in levels.of.items() if level == asked]
        if not fitting:
            raise UnknownIdError(
                f"{catalogue.standard} has no {levels.name} {asked!r}; "
                f"it has {', '.join(levels.values)}."
            )
        value = own if own in fitting else fitting[-1]
    if value not in levels.of:
        raise UnknownIdError(
            f"regml.toml: {levels.follows} is {value!r}; {catalogue.standard} knows "
            f"{', '.join(levels.of)}."
        )
    by_class = levels.follows == "safety_class"
    return levels.of[value], SafetyClass(value) if by_class else device.safety_class


def refuse_unknown(
    catalogue: Catalogue,
    *,
    known_rules: Iterable[str],
    others: Iterable[str],
) -> None:
    """Refuse a catalogue that asks for something that does not exist.

    Raises:
        BrokenFileError: It does; the message names the row.
    """
    known: dict[str, frozenset[str]] = {
        "rules": frozenset(known_rules),
        "items": frozenset(Kind),
        "approved": frozenset(Kind),
        "filled": _FIELDS,
        "requirements": frozenset(Category),
        "verified": frozenset(Category),
        "records": frozenset(RECORDS),
        "catalogues": frozenset(others) - {catalogue.key},
    }
    for row in catalogue.rows:
        for sort, names in known.items():
            for name in getattr(row.evidence, sort):
                if sort == "rules" and _PLANNED.fullmatch(name):
                    continue
                if (name.split()[0] if sort == "catalogues" else name) not in names:
                    raise BrokenFileError(
                        f"{catalogue.key}.yaml",
                        f"row {row.id}: {sort} names {name!r}, which does not exist.",
                        remedy="Correct the name or take it out.",
                    )


_PLANNED: Final = re.compile("[TRDMC](0[1-9]|1[0-9]|20)")
_FIELDS: Final = frozenset(
    f"{kind}.{name}" for kind, model in MODELS.items() for name in model.model_fields
)
"""Every field of every kind of item, as catalogues name it."""


def _state(facts: Iterable[Fact]) -> State:
    missing = [fact for fact in facts if fact.there is False]
    if not missing:
        return State.COVERED
    return State.MANUAL if all(fact.person for fact in missing) else State.GAP


def _is_below(number: str, prefix: str) -> bool:
    return number == prefix or number.startswith(f"{prefix}.")


def _without_letter(name: str) -> str:
    """Return a citation without the letter of a part: ``5.2.2 d`` becomes ``5.2.2``."""
    head, _, tail = name.rpartition(" ")
    return head if len(tail) == 1 and tail.isalpha() else name


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
