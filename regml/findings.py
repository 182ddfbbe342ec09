"""What a check says: a finding is an answer, not an error."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs."""

    BLOCKER = "blocker"
    """Stops a release."""
    MAJOR = "major"
    """Needs a signed waiver before a release."""
    MINOR = "minor"
    """Advice."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One gap in the evidence, in words a QA engineer can act on.

    Attributes:
        rule: Id of the rule that found it, e.g. ``T03``.
        subject: Id of the item, record or file it is about.
        message: What is missing or wrong, in one sentence.
        where: ``path`` or ``path:line`` relative to the project, or ``""``.
        remedy: What to do next, in one sentence.
        severity: How much it weighs.
        clauses: The clauses it stands for, e.g. ``("IEC 62304 5.7.4",)``.
        details: More lines that show it, e.g. what changed field by field.
        waived_by: Id of the signed record that waives it; ``None`` when it counts.
        waived_until: Last day of the waiver, as in ``2026-12-31``.
        waived_because: Who waives it and why.
    """

    rule: str
    subject: str
    message: str
    where: str = ""
    remedy: str = ""
    severity: Severity = Severity.BLOCKER
    clauses: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    waived_by: str | None = None
    waived_until: str | None = None
    waived_because: str | None = None


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule looked at and what it found.

    Attributes:
        rule: Id of the rule.
        title: What the rule asks for, in one sentence.
        subjects: How many subjects it looked at; 0 is never a pass.
        findings: The gaps, sorted.
        off: Why the rule does not apply here, or ``None``.
        severity: How much its findings weigh.
        clauses: What it stands for.
    """

    rule: str
    title: str
    subjects: int
    findings: tuple[Finding, ...]
    off: str | None = None
    severity: Severity = Severity.BLOCKER
    clauses: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that count: nobody waives them."""
        return tuple(found for found in self.findings if found.waived_by is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a signed waiver covers; they are printed all the same."""
        return tuple(found for found in self.findings if found.waived_by is not None)


def weighs(outcomes: Iterable[RuleOutcome], least: Severity) -> bool:
    """Tell whether a finding that nobody waived is at least as heavy as ``least``."""
    return any(True for _ in weighty(outcomes, least))


def weighty(
    outcomes: Iterable[RuleOutcome], least: Severity = Severity.MAJOR
) -> Iterator[Finding]:
    """Give the findings that nobody waived and that are at least that heavy."""
    weights = list(Severity)
    for outcome in outcomes:
        for finding in outcome.open:
            if weights.index(finding.severity) <= weights.index(least):
                yield finding
