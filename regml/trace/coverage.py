"""Clause by clause: which evidence the graph holds, and what is missing."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from typing import Final

from regml.findings import RuleOutcome
from regml.items.base import Kind, SafetyClass
from regml.items.config import Role
from regml.items.links import MODELS
from regml.items.recorded import Approval, Outcome, Record, StageRun, TestRun
from regml.standards.catalogue import Automation, Catalogue, Clause
from regml.trace.current import signer_may
from regml.trace.model import TraceGraph
from regml.trace.page import Table
from regml.trace.results import approvals_of
from regml.trace.rules import check

COLUMNS: Final = ("clause", "title", "state", "evidence", "missing")

Fact = tuple[bool, str]
"""Whether a fact is there, and in words what is there or what is not."""


def gap_table(
    graph: TraceGraph,
    catalogue: Catalogue,
    safety_class: str | None = None,
    outcomes: Iterable[RuleOutcome] | None = None,
) -> Table:
    """Return one row per clause: what speaks for it and what is missing.

    States: ``evidence`` (all of it is there and a rule looked at it), ``to judge``
    (it is there, a person has to judge it), ``gap``, ``not asked for``, ``if legacy``,
    ``withdrawn``. None of them says that a clause is fulfilled.

    Args:
        graph: The evidence.
        catalogue: The standard.
        safety_class: Instead of the class in ``regml.toml``.
        outcomes: Of all rules, where they are known already.
    """
    asked = safety_class or graph.evidence.config.device.safety_class.value
    if outcomes is None:
        outcomes = check(graph, safety_class=SafetyClass(asked))
    found = {outcome.rule: outcome for outcome in outcomes}
    rows = tuple(_row(graph, clause, asked, found) for clause in catalogue.clauses)
    return Table(COLUMNS, rows)


def _row(
    graph: TraceGraph,
    clause: Clause,
    safety_class: str,
    outcomes: Mapping[str, RuleOutcome],
) -> tuple[str, str, str, str, str]:
    if clause.withdrawn:
        return clause.id, clause.title, "withdrawn", "", ""
    if safety_class not in clause.classes:
        return clause.id, clause.title, f"not asked for in class {safety_class}", "", ""
    facts = [_rule_fact(outcomes, name) for name in clause.rules]
    for sort, fact in FACTS.items():
        facts += [fact(graph, name) for name in getattr(clause, sort)]
    there = "; ".join(words for is_there, words in facts if is_there)
    missing = "; ".join(words for is_there, words in facts if not is_there)
    return clause.id, clause.title, _state(clause, bool(missing)), there, missing


def _state(clause: Clause, has_gap: bool) -> str:
    if clause.applies_if:
        return f"if {clause.applies_if}"
    if has_gap:
        return "gap"
    if clause.automation is Automation.AUTO:
        return "evidence"
    return "to judge"


def _rule_fact(outcomes: Mapping[str, RuleOutcome], name: str) -> Fact:
    outcome = outcomes.get(name)
    if outcome is None:
        return False, f"check {name} was not run"
    if outcome.off:
        return True, f"check {name} is off: {outcome.off}"
    if outcome.findings:
        return False, f"check {name}: {len(outcome.findings)} findings"
    if not outcome.subjects:
        return False, f"check {name}: 0 subjects"
    return True, f"no finding for check {name} on {outcome.subjects} subjects"


def _items_fact(graph: TraceGraph, kind: str) -> Fact:
    count = len(graph.items(MODELS[Kind(kind)]))
    return bool(count), f"{count} items {kind}"


def _approved_fact(graph: TraceGraph, kind: str) -> Fact:
    """Every item of the kind carries a current signature of quality."""
    items = graph.items(MODELS[Kind(kind)])
    signed = [item for item in items if _is_approved(graph, item.id)]
    words = f"{len(signed)} of {len(items)} items {kind} approved as they are now"
    return bool(items) and len(signed) == len(items), words


def _is_approved(graph: TraceGraph, item_id: str) -> bool:
    return any(
        isinstance(record.statement, Approval)
        and record.statement.meaning in ("approval", "review")
        and record.statement.fingerprints.get(item_id) == graph.fingerprint(item_id)
        and signer_may(record, (Role.QUALITY, Role.CLINICAL), graph.evidence.config)
        for record in approvals_of(graph, item_id)
    )


def _records_fact(graph: TraceGraph, sort: str) -> Fact:
    wanted: dict[str, Callable[[Record], bool]] = {
        "stage runs": lambda record: isinstance(record.statement, StageRun),
        "passed test runs": lambda record: (
            isinstance(record.statement, TestRun)
            and all(c.outcome is not Outcome.FAILED for c in record.statement.cases)
        ),
        "test runs": lambda record: isinstance(record.statement, TestRun),
        "approvals": lambda record: isinstance(record.statement, Approval),
    }
    count = sum(map(wanted[sort], graph.current.believed))
    return bool(count), f"{count} {sort} recorded"


def _files_fact(graph: TraceGraph, pattern: str) -> Fact:
    found = sorted(name for name in graph.evidence.tree if fnmatch(name, pattern))
    return bool(found), found[0] if found else f"no file {pattern}"


def _outside_fact(graph: TraceGraph, what: str) -> Fact:
    """Evidence that regml cannot hold: it is always missing here."""
    return False, f"{what} (kept outside of regml)"


FACTS: Final[Mapping[str, Callable[[TraceGraph, str], Fact]]] = {
    "items": _items_fact,
    "approved": _approved_fact,
    "records": _records_fact,
    "files": _files_fact,
    "outside": _outside_fact,
}
"""How each sort of evidence that a catalogue may ask for is looked up."""
