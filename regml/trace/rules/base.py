"""What a rule is: what it looks at, and what it says about one subject."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from regml.findings import Finding, RuleOutcome, Severity
from regml.items.base import SafetyClass
from regml.trace.model import TraceGraph

S = TypeVar("S")

EVERY_CLASS = (SafetyClass.A, SafetyClass.B, SafetyClass.C)
CLASS_B_AND_C = (SafetyClass.B, SafetyClass.C)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a rule says about a subject.

    Attributes:
        subject: Id of the item, record or file.
        message: What is missing or wrong, in one sentence.
        remedy: What to do next, in one sentence.
        where: ``path`` or ``path:line``.
        severity: Where it is not the rule's own.
        details: More lines that show it, e.g. what changed field by field.
    """

    subject: str
    message: str
    remedy: str
    where: str = ""
    severity: Severity | None = None
    details: tuple[str, ...] = ()


_MADE: "ContextVar[list[Rule[Any]] | None]" = ContextVar("_MADE", default=None)


@contextmanager
def made_here() -> "Iterator[list[Rule[Any]]]":
    """Gather the rules that are made meanwhile, whatever name they get or lose."""
    made: list[Rule[Any]] = []
    token = _MADE.set(made)
    try:
        yield made
    finally:
        _MADE.reset(token)


@dataclass(frozen=True)
class Rule(Generic[S]):
    """One check of the catalogue.

    Attributes:
        id: As in the catalogue, e.g. ``T03``.
        title: What it asks for, in one sentence.
        severity: How much a finding weighs.
        clauses: What it stands for.
        classes: Software safety classes for which it applies.
        subjects: What it looks at.
        examine: What it says about one of them.
    """

    id: str
    title: str
    severity: Severity
    clauses: tuple[str, ...]
    classes: tuple[SafetyClass, ...]
    subjects: Callable[[TraceGraph], Iterable[S]]
    examine: Callable[[TraceGraph, S], Iterator[Gap]]

    def __post_init__(self) -> None:
        if (made := _MADE.get()) is not None:
            made.append(self)

    def look(self, graph: TraceGraph, safety_class: SafetyClass) -> RuleOutcome:
        """Look at every subject, unless the rule does not apply to this class."""
        if safety_class not in self.classes:
            return self._outcome(0, off=self._why_off(safety_class))
        subjects = tuple(self.subjects(graph))
        findings = {
            self._finding(gap)
            for subject in subjects
            for gap in self.examine(graph, subject)
        }
        ordered = sorted(findings, key=lambda f: (f.subject, f.message, f.where, f))
        return self._outcome(len(subjects), tuple(ordered))

    def _why_off(self, safety_class: SafetyClass) -> str:
        """Say which clauses the class does not ask for; only some know classes."""
        prefix = "IEC 62304 "
        of_class = [c.removeprefix(prefix) for c in self.clauses if prefix in c]
        clauses = prefix + " and ".join(of_class) if of_class else "this check"
        return f"class {safety_class.value} does not ask for {clauses}"

    def _outcome(
        self,
        subjects: int,
        findings: tuple[Finding, ...] = (),
        *,
        off: str | None = None,
    ) -> RuleOutcome:
        return RuleOutcome(
            self.id, self.title, subjects, findings, off, self.severity, self.clauses
        )

    def _finding(self, gap: Gap) -> Finding:
        return Finding(
            rule=self.id,
            subject=gap.subject,
            message=gap.message,
            where=gap.where,
            remedy=gap.remedy,
            severity=gap.severity or self.severity,
            clauses=self.clauses,
            details=gap.details,
        )


def rule(
    rule_id: str,
    title: str,
    subjects: Callable[[TraceGraph], Iterable[S]],
    *,
    severity: Severity = Severity.BLOCKER,
    clauses: tuple[str, ...],
    classes: tuple[SafetyClass, ...] = EVERY_CLASS,
) -> Callable[[Callable[[TraceGraph, S], Iterator[Gap]]], Rule[S]]:
    """Make a rule of a generator that examines one subject."""

    def make(examine: Callable[[TraceGraph, S], Iterator[Gap]]) -> Rule[S]:
        return Rule(rule_id, title, severity, clauses, classes, subjects, examine)

    return make
