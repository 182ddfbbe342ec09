"""What the graph is made of: nodes, what they stand for, and the edges between them.

Everything here is a value without a method that looks at another node; questions that
need more than one are asked of :class:`regml.trace.model.TraceGraph`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from regml.files.markdown import LocatedItem
from regml.files.python_tests import WrittenTest
from regml.items.data import DatasetManifest
from regml.items.documents import DocumentPlan
from regml.items.links import Link
from regml.items.recorded import Outcome, Record, TestCase, TestRun

SHORT: Final = 12
"""Hex digits of a digest in an id."""

BACKWARD: Final = frozenset(
    {Link.IMPLEMENTED_BY, Link.EFFECTIVE_BY, Link.CONTRIBUTED_BY, Link.LEADS_TO}
)
"""Links that people write at the reason: a risk names the requirement that controls it.
Whoever asks for reasons follows them against their direction."""


class NodeType(StrEnum):
    """What a node of the graph is."""

    ITEM = "item"
    STAGE_RUN = "stage run"
    TEST_RUN = "test run"
    APPROVAL = "approval"
    WAIVER = "waiver"
    EXECUTION = "execution"
    RELEASE = "release"
    DATASET = "dataset version"
    MODEL = "model version"
    EVALUATION = "evaluation"
    TEST = "test"
    COMMIT = "commit"
    FILE = "source file"
    DOCUMENT = "document"
    MISSING = "missing"
    """Something links to it and it does not exist."""


@dataclass(frozen=True, slots=True)
class AcceptanceRow:
    """One acceptance criterion as the validate stage decided it.

    Attributes:
        requirement: Whose criterion it is.
        criterion: Index into the requirement's ``acceptance``.
        fingerprint: Of the requirement as it was then.
        group: Value of the subgroup column, or ``None``.
        value: The statistic.
        low: Lower end of its 95 % interval.
        high: Upper end.
        compared: Which number met the limit or did not.
        cases: How many cases it rests on.
        outcome: ``passed``, ``failed`` or ``skipped``.
        reason: Why; empty when passed.
        facts: The whole row as recorded.
    """

    requirement: str
    criterion: int
    fingerprint: str
    group: str | None
    value: float | None
    low: float | None
    high: float | None
    compared: float | None
    cases: int
    outcome: str
    reason: str
    facts: Mapping[str, Any] = field(repr=False)

    @property
    def limit(self) -> str:
        """Which number had to keep to what then, e.g. ``ci95_lower at least 0.85``."""
        limits = (("at least", "at_least"), ("at most", "at_most"))
        told = [
            f"{words} {self.facts[name]:g}"
            for words, name in limits
            if isinstance(self.facts.get(name), int | float)
        ]
        return f"{self.facts.get('bound') or 'value'} {' and '.join(told)}" * bool(told)


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A dataset by the digest of its manifest.

    Attributes:
        sha256: Of the manifest.
        path: Of the manifest.
        runs: Stage runs that wrote it; the last one counts: the latest that passed
            and is believed, where there is one.
        facts: What that one noted about it.
        manifest: Its content, where it is the one in the work tree or was asked for.
    """

    sha256: str
    path: str
    runs: tuple[Record, ...]
    facts: Mapping[str, Any]
    manifest: DatasetManifest | None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model by the digest of its weights.

    Attributes:
        sha256: Of the weights.
        path: Of the weights.
        runs: Stage runs that wrote them; the last one counts: the latest that passed
            and is believed, where there is one.
        facts: What that one noted about it.
    """

    sha256: str
    path: str
    runs: tuple[Record, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one run of the validate stage found out about one model.

    Attributes:
        record: The stage run.
        facts: What it noted.
        rows: The acceptance criteria it decided.
    """

    record: Record
    facts: Mapping[str, Any]
    rows: tuple[AcceptanceRow, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """A case of a test with the record that tells of it."""

    case: TestCase
    record: Record

    @property
    def run(self) -> TestRun:
        """The test run it was part of."""
        assert isinstance(self.record.statement, TestRun)  # noqa: S101 - built so
        return self.record.statement


@dataclass(frozen=True, slots=True)
class KnownTest:
    """A test as it is written, and as it ran last; its parameters are its cases.

    Attributes:
        name: pytest node id without parameters, or how another runner names it.
        written: The source; ``None`` when it is not there, or not in Python.
        verifies: What it speaks for, as it is written now or was when it ran.
        ran: What came of each of its cases last, in the order of the log.
        gone: The latest complete run of its suite did not have it any more.
    """

    name: str
    written: WrittenTest | None
    verifies: tuple[str, ...] = ()
    ran: tuple[Ran, ...] = ()
    gone: bool = False

    @property
    def cases(self) -> tuple[TestCase, ...]:
        """What came of it."""
        return tuple(ran.case for ran in self.ran)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records that tell of its cases, oldest first."""
        return tuple({ran.record.path: ran.record for ran in self.ran}.values())

    @property
    def record(self) -> Record | None:
        """The record that decides its outcome; the latest, if there are several."""
        found = [r.record for r in self.ran if r.case.outcome is self.outcome]
        return found[-1] if found else None

    @property
    def imported(self) -> bool:
        """Whether another runner than ``regml test`` knows it."""
        return any(ran.case.suite for ran in self.ran)

    @property
    def outcome(self) -> Outcome | None:
        """The worst outcome of its cases; ``None`` when it never ran."""
        order = (Outcome.KILLED, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)
        found = {case.outcome for case in self.cases}
        return next((outcome for outcome in order if outcome in found), None)


NodeValue = (
    LocatedItem
    | Record
    | DatasetVersion
    | ModelVersion
    | Evaluation
    | KnownTest
    | DocumentPlan
    | None
)


@dataclass(frozen=True, slots=True)
class Node:
    """One piece of evidence.

    Attributes:
        id: How people name it.
        type: What it is.
        title: A few words about it.
        value: What it stands for; ``None`` for commits, files and missing things.
        where: File, and line where there is one.
    """

    id: str
    type: NodeType
    title: str
    value: NodeValue = None
    where: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One link; from the evidence to its reason."""

    source: str
    link: str
    target: str
