"""Facts: what the graph holds of each sort of evidence a catalogue may ask for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from regml.errors import BrokenFileError
from regml.findings import RuleOutcome
from regml.items.base import Kind
from regml.items.links import MODELS, AnyItem
from regml.items.recorded import (
    Approval,
    Outcome,
    Record,
    Release,
    StageRun,
    TestRun,
)
from regml.items.requirements import Category, Requirement
from regml.items.risk import Risk
from regml.standards.catalogue import Catalogue
from regml.standards.citation import plain, without_letter
from regml.standards.outline import outline
from regml.trace.exclusions import exclusion_of
from regml.trace.external import kept_elsewhere
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest
from regml.trace.own_results import FAILURES
from regml.trace.results import Status, requirement_status
from regml.trace.rules.completeness import CONTENT
from regml.trace.signatures import approved_as_it_is, approvers

SHOWN: Final = 3
"""How many ids a sentence names."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence that a row asks for.

    Attributes:
        there: Whether it is there; ``None`` when it says nothing here.
        words: What is there, or what is not.
        step: What to do next, where it is not there.
        person: Only a person can provide it: sign, judge, decide.
        flawed: What it is about is there, and not as it has to be.
    """

    there: bool | None
    words: str
    step: str = ""
    person: bool = False
    flawed: bool = False


class Facts:
    """Looks every fact up once.

    Args:
        graph: The evidence.
        outcomes: Of all rules, for the safety class in question.
    """

    def __init__(self, graph: TraceGraph, outcomes: Iterable[RuleOutcome]) -> None:
        self.graph = graph
        self.outcomes: Mapping[str, RuleOutcome] = {o.rule: o for o in outcomes}
        self._known: dict[tuple[str, str], Fact] = {}
        self._against: dict[str, list[str]] = {}
        for outcome in self.outcomes.values():
            for clause in dict.fromkeys(c for f in outcome.open for c in f.clauses):
                for name in {plain(clause), plain(without_letter(clause))}:
                    self._against.setdefault(name, []).append(outcome.rule)

    def of(self, sort: str, name: str) -> Fact:
        """Return what there is of a sort of evidence, e.g. ``rules``, ``T01``."""
        key = (sort, name)
        if key not in self._known:
            self._known[key] = SORTS[sort](self, name)
        return self._known[key]

    def against(self, citation: str) -> tuple[str, ...]:
        """Return the rules with findings that count and that serve a clause."""
        return tuple(self._against.get(plain(citation), ()))

    def in_force(self, kind: str) -> tuple[AnyItem, ...]:
        """Return the items of a kind that are in force."""
        return self.graph.items(MODELS[Kind(kind)])


def many(count: int, one: str, several: str) -> str:
    """Return a number with its noun."""
    return f"{count} {one if count == 1 else several}"


def some(ids: Iterable[str]) -> str:
    """Return the first ids, and how many more there are."""
    every = list(ids)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"{', '.join(every[:SHOWN])}{more}"


def _rule(facts: Facts, name: str) -> Fact:
    outcome = facts.outcomes.get(name)
    look = f"regml check --rule {name}"
    if outcome is None:
        return Fact(False, f"check {name} was not run", look)
    if outcome.off:
        return Fact(None, f"check {name} is off: {outcome.off}")
    if outcome.open:
        found = many(len(outcome.open), "finding", "findings")
        words = f"check {name}: {found} ({outcome.title})"
        return Fact(False, words, look, flawed=True)
    if not outcome.subjects:
        words = f"check {name} has nothing to look at ({outcome.title})"
        return Fact(False, words, f"See what it asks for: {look}")
    waived = f", {len(outcome.waived)} waived" if outcome.waived else ""
    subjects = many(outcome.subjects, "subject", "subjects")
    words = f"no finding for check {name} on {subjects}{waived}"
    return Fact(True, words)


def _quiet(facts: Facts, name: str) -> Fact:
    fact = facts.of("rules", name)
    outcome = facts.outcomes.get(name)
    if outcome is None or outcome.open or outcome.subjects:
        return fact
    return Fact(None, fact.words)


def _items(facts: Facts, kind: str) -> Fact:
    count = len(facts.in_force(kind))
    words = many(count, f"item {kind}", f"items {kind}")
    return Fact(bool(count), words, f'regml new {kind.lower()} "..."')


def _filled(facts: Facts, name: str) -> Fact:
    kind, _, field = name.partition(".")
    items = facts.in_force(kind)
    empty = [item.id for item in items if getattr(item, field) in (None, "", ())]
    if not items:
        return _items(facts, kind)
    if empty:
        words = f"{len(empty)} of {len(items)} items {kind} say nothing of '{field}'"
        step = f"Fill in '{field}' of {some(empty)}."
        return Fact(False, words, step, flawed=True)
    words = many(len(items), f"item {kind}", f"items {kind}")
    return Fact(True, f"'{field}' of {words}")


def _requirements(facts: Facts, category: str) -> Fact:
    count = len(_of_category(facts, category))
    letter = next(n for n, (_, found) in CONTENT.items() if category in found)
    if not count and (none := _excluded(facts, f"IEC 62304 5.2.2 {letter}")):
        return none
    words = f"{many(count, 'requirement', 'requirements')} of category {category}"
    step = f"Write a requirement of category {category}: regml new srs"
    return Fact(bool(count), words, step)


def _verified(facts: Facts, category: str) -> Fact:
    found = _of_category(facts, category)
    if not found:
        return _requirements(facts, category)
    unmet = [
        item.id
        for item in found
        if requirement_status(facts.graph, item.id).status is not Status.PASSED
    ]
    passed = len(found) - len(unmet)
    words = f"{passed} of {len(found)} requirements of category {category} passed"
    return Fact(not unmet, words, f"regml show {unmet[0]}" if unmet else "")


def _of_category(facts: Facts, category: str) -> list[Requirement]:
    wanted = Category(category)
    return [r for r in facts.graph.items(Requirement) if r.category is wanted]


def _hazards(facts: Facts, category: str) -> Fact:
    risks = [
        item.id
        for item in facts.graph.items(Risk)
        if category in (item.hazard_category.split(" ")[0], *item.covers)
    ]
    if not risks and (none := _excluded(facts, category)):
        return none
    words = f"{many(len(risks), 'risk', 'risks')} of hazard category {category}"
    return Fact(bool(risks), words, f"Write a risk with hazard_category {category}.")


def _excluded(facts: Facts, key: str) -> Fact | None:
    """Return that quality agreed that the device has nothing of a kind, if it did."""
    found = exclusion_of(facts.graph, key)
    if found is None or not found.counts:
        return None
    return Fact(None, f"{key} is excluded by {found.item.id}")


def _records(facts: Facts, sort: str) -> Fact:
    if sort == "executions":
        return _executions(facts)
    graph = facts.graph
    count = sum(1 for record in graph.current.believed if RECORDS[sort](graph, record))
    words = f"{many(count, sort.removesuffix('s'), sort)} recorded"
    words += RECORDED.get(sort, "")
    failing = _failing_tests(graph) if sort == "passed test runs" and count else []
    if failing:
        words = f"the latest run of {some(failing)} failed"
    return Fact(bool(count) and not failing, words, RECORD_STEPS[sort])


def _executions(facts: Facts) -> Fact:
    """Every protocol in force was carried out and passed, for what there is now."""
    protocols = facts.in_force(Kind.TEST_PROTOCOL)
    open_ones = [
        item.id
        for item in protocols
        if requirement_status(facts.graph, item.id).status is not Status.PASSED
    ]
    passed = len(protocols) - len(open_ones)
    words = f"{passed} of {len(protocols)} protocols carried out and passed"
    step = f"regml test execute {open_ones[0] if open_ones else 'PROTOCOL'}"
    there = bool(protocols) and not open_ones
    return Fact(there, f"{words} for what there is now", step)


def _failing_tests(graph: TraceGraph) -> list[str]:
    """Return the tests of which a latest result on the present code is a failure."""
    return [
        known.name
        for node in graph.nodes.values()
        if isinstance(known := node.value, KnownTest) and not known.gone
        if any(
            ran.case.outcome in FAILURES and ran.run.origin.code == graph.evidence.code
            for ran in known.ran
        )
    ]


def _approved(facts: Facts, kind: str) -> Fact:
    """Every role that has to approve such items approved each as it is now."""
    items = facts.in_force(kind)
    if not items:
        return _items(facts, kind)
    unsigned = [i.id for i in items if not approved_as_it_is(facts.graph, i.id)]
    signed = len(items) - len(unsigned)
    words = f"{signed} of {len(items)} items {kind} approved as they are now"
    sign = f"regml approve --all {kind.lower()} --meaning approval"
    step = f"Read {some(unsigned)}, then: {sign}"
    step = step if unsigned else ""
    return Fact(not unsigned, words, step, person=True, flawed=bool(unsigned))


def _document(facts: Facts, name: str) -> Fact:
    """The document is signed by all who have to sign it, or it is kept elsewhere."""
    plans = facts.graph.evidence.documents
    plan = next((p for p in plans if name in (p.id, p.name)), None)
    if plan is None:
        clauses = [
            c for planned in outline() if planned.id == name for c in planned.clauses
        ]
        if kept := kept_elsewhere(facts.graph, clauses):
            words = f"{kept.words}: {name}"
            return Fact(not kept.step, words, kept.step, person=True)
        step = f"Add a template dhf_templates/NN-{name}.md.j2."
        return Fact(False, f"no document {name!r}", step)
    if not approved_as_it_is(facts.graph, plan.node_id):
        roles = " and ".join(approvers(facts.graph, plan.node_id))
        words = f"{plan.name} is not approved as it is now by {roles}"
        step = f"Read it, then: regml approve {plan.node_id} --meaning approval"
        return Fact(False, words, step, person=True)
    return Fact(True, f"{plan.name} approved as it is now")


def _is_run(_: TraceGraph, record: Record) -> bool:
    run = record.statement
    return isinstance(run, StageRun) and run.outcome is Outcome.PASSED


def _is_test_run(_: TraceGraph, record: Record) -> bool:
    return isinstance(record.statement, TestRun) and bool(record.statement.cases)


def _is_passed_test_run(graph: TraceGraph, record: Record) -> bool:
    run = record.statement
    return (
        isinstance(run, TestRun)
        and run.origin.code == graph.evidence.code
        and any(case.outcome is Outcome.PASSED for case in run.cases)
        and all(case.outcome not in FAILURES for case in run.cases)
    )


def _is_approval(_: TraceGraph, record: Record) -> bool:
    return isinstance(record.statement, Approval)


def _is_release(graph: TraceGraph, record: Record) -> bool:
    release, device = record.statement, graph.evidence.config.device
    return isinstance(release, Release) and release.version == device.version


RECORDS: Final[Mapping[str, Callable[[TraceGraph, Record], bool]]] = {
    "stage runs": _is_run,
    "test runs": _is_test_run,
    "passed test runs": _is_passed_test_run,
    "approvals": _is_approval,
    "releases": _is_release,
}
"""Which believed records are of a sort."""

RECORDED: Final[Mapping[str, str]] = {
    "passed test runs": " on the present source code",
    "releases": " of the present version",
}
"""What is said of records of a sort, where it is more than that they exist."""

RECORD_STEPS: Final[Mapping[str, str]] = {
    "stage runs": "dvc repro",
    "test runs": "regml test",
    "passed test runs": "Mend what fails, then: regml test",
    "executions": "regml test execute PROTOCOL",
    "approvals": "regml approve ID... --meaning approval",
    "releases": "Hand the version over with a signed release record.",
}
"""What leaves a record of a sort."""

SORTS: Final[Mapping[str, Callable[[Facts, str], Fact]]] = {
    "rules": _rule,
    "quiet": _quiet,
    "items": _items,
    "filled": _filled,
    "requirements": _requirements,
    "verified": _verified,
    "hazards": _hazards,
    "records": _records,
    "approved": _approved,
    "documents": _document,
}
"""How each sort of evidence is looked up; rows that lean on other rows, or on evidence
outside of the project, are looked at in :mod:`regml.trace.ledger`."""


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
        "rules": (rules := frozenset(known_rules)),
        "quiet": rules,
        "items": frozenset(Kind),
        "approved": frozenset(Kind),
        "filled": _FIELDS,
        "requirements": frozenset(Category),
        "verified": frozenset(Category),
        "records": frozenset(RECORD_STEPS),
        "catalogues": frozenset(others) - {catalogue.key},
    }
    for row in catalogue.rows:
        for sort, names in known.items():
            for name in getattr(row.evidence, sort):
                if (name.split()[0] if sort == "catalogues" else name) not in names:
                    raise BrokenFileError(
                        f"{catalogue.key}.yaml",
                        f"row {row.id}: {sort} names {name!r}, which does not exist.",
                        remedy="Correct the name or take it out.",
                    )


_FIELDS: Final = frozenset(
    f"{kind}.{name}" for kind, model in MODELS.items() for name in model.model_fields
)
"""Every field of every kind of item, as catalogues name it."""
