"""What a check says: a finding is an answer, not an error."""

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
    """

    rule: str
    subject: str
    message: str
    where: str = ""
    remedy: str = ""
    severity: Severity = Severity.BLOCKER
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule looked at and what it found.

    Attributes:
        rule: Id of the rule.
        title: What the rule asks for, in one sentence.
        subjects: How many subjects it looked at; 0 is never a pass.
        findings: The gaps, sorted.
        off: Why the rule does not apply here, or ``None``.
    """

    rule: str
    title: str
    subjects: int
    findings: tuple[Finding, ...]
    off: str | None = None
