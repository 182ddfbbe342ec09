"""Decides where the rows of clause catalogues stand, from the graph alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from regml.errors import UnknownIdError
from regml.findings import RuleOutcome
from regml.items.base import SafetyClass
from regml.items.requirements import Exclusion
from regml.standards.catalogue import Catalogue, Row
from regml.standards.citation import is_below
from regml.trace.citations import unknown_citations
from regml.trace.coverage import OPEN, Coverage, RowCoverage, State
from regml.trace.exclusions import Excluded, excluded_by
from regml.trace.external import kept_elsewhere
from regml.trace.facts import SORTS, Fact, Facts, many, refuse_unknown
from regml.trace.levels import knows, level_of
from regml.trace.model import TraceGraph
from regml.trace.rules import RULES, check


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
        rules = self._known_rules(catalogue, facts)
        refuse_unknown(catalogue, known_rules=rules, others=self.catalogues)
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
            self.coverage(catalogue, asked if knows(catalogue, asked) else None)
            for catalogue in self.catalogues.values()
        )

    def strangers(self) -> tuple[str, ...]:
        """Return what items say about rows that no list has, one sentence each."""
        unknown = unknown_citations(self.graph, self.catalogues.values())
        return tuple(
            f"{found.source} names {found.name!r} under '{found.field}', a row that no "
            "list has"
            for found in unknown
        )

    def _known_rules(self, catalogue: Catalogue, facts: Facts) -> frozenset[str]:
        """Return the rules a catalogue may name; own checks may be told not to run."""
        known = frozenset(facts.outcomes).union(rule.id for rule in RULES)
        evidence = self.graph.evidence
        if catalogue not in evidence.catalogues or evidence.own_checks:
            return known
        if not any(
            n.startswith("checks/") and n.endswith(".py") for n in evidence.tree
        ):
            return known
        return known.union(*(row.evidence.rules for row in catalogue.rows))

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
            found += (self._outside(catalogue.cite(row), "what nothing here can show"),)
        if excluded is not None and row.applies_if is None:
            words = f"{excluded} excludes it, and it is always asked for"
            found += (Fact(False, words, f"Take the row out of {excluded}."),)
        elif excluded is not None and any(fact.flawed for fact in found):
            words = f"{excluded} excludes it, and what it is about is there"
            step = f"Mend what is missing, or take the row out of {excluded}."
            found += (Fact(False, words, step),)
        elif excluded is not None and _state(found) is not State.COVERED:
            why = f"excluded by {excluded}, approved by quality"
            return RowCoverage(row, State.NOT_APPLICABLE, why)
        elif row.applies_if and _state(found) is not State.COVERED:
            decided = any(fact.there for fact in found)
            if not decided or any(self._excluding(catalogue.cite(row))):
                found += (self._decision(catalogue.cite(row), row.applies_if),)
            if not decided:
                return RowCoverage(row, State.MANUAL, facts=found)
        return RowCoverage(row, _state(found), facts=found)

    def _asked(
        self, catalogue: Catalogue, row: Row, facts: Facts, safety_class: SafetyClass
    ) -> Iterator[Fact]:
        for sort in SORTS:
            for name in getattr(row.evidence, sort):
                yield facts.of(sort, name)
        for name in facts.against(catalogue.cite(row)):
            if name not in (*row.evidence.rules, *row.evidence.quiet):
                yield facts.of("rules", name)
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
            if not numbers or any(is_below(found.row.id, n) for n in numbers)
        ]
        open_rows = [found for found in rows if found.state in OPEN]
        covered = sum(found.state is State.COVERED for found in rows)
        if not open_rows:
            rows_there = many(covered, "row", "rows")
            words = f"{rows_there} of {other.standard} covered, none open"
            return Fact(bool(covered), words)
        words = f"{many(len(open_rows), 'row', 'rows')} of {other.standard} still open"
        person = all(found.state is State.MANUAL for found in open_rows)
        return Fact(False, words, f"regml gaps {key} --open", person=person)

    def _outside(self, citation: str, what: str) -> Fact:
        """Return whether an approved item stands for evidence kept elsewhere."""
        kept = kept_elsewhere(self.graph, [citation])
        if kept is not None:
            words = f"{kept.words}: {what}"
            return Fact(not kept.step, words, kept.step, person=True)
        step = (
            f"Name it in an EXT item for '{citation}', which quality then approves: "
            "regml new ext"
        )
        return Fact(False, f"no item EXT stands for: {what}", step, person=True)

    def _exclusion(self, citation: str) -> str | None:
        """Return the item that excludes a row, or all below a number, and counts."""
        counting = (e.item.id for e in self._excluding(citation) if e.counts)
        return next(counting, None)

    def _excluding(self, citation: str) -> Iterator[Excluded]:
        for item in self.graph.items(Exclusion):
            if any(is_below(citation, n) for n in item.excludes):
                yield excluded_by(self.graph, item)

    def _decision(self, citation: str, condition: str) -> Fact:
        """Return who still has to decide whether a row is asked for."""
        for found in self._excluding(citation):
            if lacks := found.lacks:
                words = f"quality has not approved {found.item.id}, which excludes it"
                if not found.item.says_why:
                    words = f"{found.item.id}, which excludes it, does not say why"
                return Fact(False, words, lacks[1], person=True)
        words = f"nobody has decided whether {condition}"
        step = f"If not, exclude '{citation}' in an NA item that quality approves."
        return Fact(False, words, step, person=True)


def _state(facts: Iterable[Fact]) -> State:
    missing = [fact for fact in facts if fact.there is False]
    if not missing:
        return State.COVERED
    return State.MANUAL if all(fact.person for fact in missing) else State.GAP
