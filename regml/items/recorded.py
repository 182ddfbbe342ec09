"""The nouns that runs and signatures leave behind: facts, never edited.

These are plain dataclasses, because the recorder that makes them has to start fast.
How they are written into signed statements is told in :mod:`regml.records.statement`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from regml.digest import Artifact


class Outcome(StrEnum):
    """How a run or a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Person:
    """Who ran or signed something, as git knows them."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What every record says about where it comes from.

    Attributes:
        person: Who.
        started_utc: RFC 3339 with ``Z``.
        finished_utc: RFC 3339 with ``Z``.
        commit: Commit the work tree was at; ``None`` before the first one.
        dirty: Tracked files that differed from it, and inputs nobody tracks, sorted.
        diff_sha256: Digest of the difference; ``None`` when there was none.
        code: Digest of all software sources and tests under control
            (:func:`regml.files.git.code_digest`).
        environment: Interpreter, packages, operating system, processor, GPU, ...
    """

    person: Person
    started_utc: str
    finished_utc: str
    commit: str | None
    dirty: tuple[str, ...]
    diff_sha256: str | None
    code: str
    environment: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StageRun:
    """One run of one DVC stage, whether it went well or not.

    Attributes:
        stage: Name in ``dvc.yaml``.
        origin: Who, when, at which commit, on which machine.
        command: As ``dvc.yaml`` writes it.
        parameters: Values by parameter file and key.
        inputs: Content of every dependency before the run.
        outputs: Content of every output after the run; missing ones are left out.
        outcome: ``passed``, ``failed`` or ``killed``.
        exit_status: Of the command; negative for a signal.
        resources: ``wall_seconds``, ``cpu_seconds``, ``peak_memory_bytes``.
        log_sha256: Digest of what the command printed.
        notes: Facts the stage itself added, by topic.
    """

    stage: str
    origin: Origin
    command: str
    parameters: Mapping[str, Any]
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    outcome: Outcome
    exit_status: int
    resources: Mapping[str, float]
    log_sha256: str
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestCase:
    """One executed test and the items it speaks for."""

    __test__ = False  # not a test class for pytest

    name: str
    verifies: tuple[str, ...]
    outcome: Outcome
    seconds: float
    message: str = ""
    suite: str = ""
    """What results it belongs to, where they were imported: a file or a platform."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """A file in which a test runner left its results.

    Attributes:
        name: As it was named on import, POSIX.
        sha256: Of its bytes.
        form: ``junit`` or ``robot``.
    """

    __test__ = False  # not a test class for pytest

    name: str
    sha256: str
    form: str


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of automated tests of the device.

    Attributes:
        origin: Who, when, at which commit, on which machine. Of imported results:
            the code that the tests ran on, as far as whoever imported them knew.
        command: What was typed.
        cases: Every test, also the skipped ones, sorted by name.
        fingerprints: Of each verified item as it was then, by id.
        models: sha256 of each model file the tests used, by path.
        reports: Files of other runners it was imported from; empty for ``regml test``.
        complete: Every test of its kind ran: one that is missing does not exist any
            more. False when only some were asked for.
    """

    __test__ = False  # not a test class for pytest

    origin: Origin
    command: str
    cases: tuple[TestCase, ...]
    fingerprints: Mapping[str, str]
    models: Mapping[str, str] = field(default_factory=dict)
    reports: tuple[TestReport, ...] = ()
    complete: bool = False


class StepOutcome(StrEnum):
    """What a person saw in one step of a protocol."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It could not be carried out."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ExecutedStep:
    """One step of a protocol as it was carried out.

    Attributes:
        do: What was asked for.
        expect: What should have been seen.
        outcome: Whether it was.
        observed: What was seen, in the words of who saw it.
    """

    do: str
    expect: str
    outcome: StepOutcome
    observed: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """A protocol that a person carried out and signed (IEC 62304 5.7.5).

    Attributes:
        origin: Who, when, at which commit.
        protocol: Id of the protocol.
        fingerprints: Of the protocol and of all it verifies as they were, by id.
        steps: All its steps in order.
        models: sha256 of each model file that was there, by path.
        comment: What the person added.
    """

    origin: Origin
    protocol: str
    fingerprints: Mapping[str, str]
    steps: tuple[ExecutedStep, ...]
    models: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""

    @property
    def verdict(self) -> StepOutcome:
        """The worst of its steps."""
        worst_first = (StepOutcome.FAILED, StepOutcome.BLOCKED, StepOutcome.SKIPPED)
        found = {step.outcome for step in self.steps}
        return next((o for o in worst_first if o in found), StepOutcome.PASSED)


@dataclass(frozen=True, slots=True)
class Approval:
    """A signature of a person under the content of items (21 CFR 11.50, 11.70).

    Attributes:
        origin: Who, when, at which commit.
        role: The role they spoke in.
        meaning: ``review``, ``approval``, ``responsibility`` or ``authorship``.
        fingerprints: Content of each signed item, by id.
        linked: Content of every item a signed one links to, by id.
        comment: What they added.
        contents: Canonical JSON of what was signed and of what it links to, by
            fingerprint: later it can be said what changed.
    """

    origin: Origin
    role: str
    meaning: str
    fingerprints: Mapping[str, str]
    linked: Mapping[str, str]
    comment: str = ""
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A signed decision to live with findings of one rule until a day.

    Attributes:
        origin: Who, when, at which commit.
        role: The role they spoke in.
        rule: Id of the rule, e.g. ``T03``.
        subjects: Fingerprint of each subject as it was then; ``""`` for what is no
            item.
        messages: What the rule said about each subject: only that is waived.
        until: Last day on which it holds.
        because: Why.
    """

    origin: Origin
    role: str
    rule: str
    subjects: Mapping[str, str]
    messages: Mapping[str, tuple[str, ...]]
    until: dt.date
    because: str


@dataclass(frozen=True, slots=True)
class Release:
    """A version that was handed over, with all it consists of (IEC 62304 5.8).

    Attributes:
        origin: Who, when, at which commit.
        role: The role they spoke in.
        version: Of the device, e.g. ``1.0.0``.
        model: sha256 of the weights; ``None`` when there is no model in it.
        dataset: sha256 of the manifest it was trained and evaluated on.
        commit: The commit that was released.
        heads: Heads of the record log at that time; an anchor for the log.
        documents: Fingerprint of each document of its Design History File, by id.
        artifacts: Every file or folder that was handed over or archived.
        comment: What the person added.
        of: Id of the earlier release that is in force again; ``None`` for a new one.
        contents: sha256 of the list of everything in the archive besides records;
            ``None`` where there is no archive.
        bills: sha256 of each bill of materials, by its name in the archive.
        known: What was known against an earlier release when it was handed over
            again, one sentence each.
        because: Why it was, all the same.
    """

    origin: Origin
    role: str
    version: str
    model: str | None
    dataset: str | None
    commit: str
    heads: tuple[str, ...]
    documents: Mapping[str, str]
    artifacts: tuple[Artifact, ...]
    comment: str = ""
    of: str | None = None
    contents: str | None = None
    bills: Mapping[str, str] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    because: str = ""


Statement = StageRun | TestRun | Approval | Waiver | Execution | Release


@dataclass(frozen=True, slots=True)
class Record:
    """A statement in its signed envelope, as found in ``records/``.

    Attributes:
        id: First 12 hex digits of ``sha256``; how people name the record.
        sha256: Digest of the envelope file.
        path: Relative to the project.
        previous: sha256 of the log heads before it.
        key_id: Of the key that signed it.
        statement: What was said.
        environment: File that says on which machine and with which packages.
    """

    id: str
    sha256: str
    path: str
    previous: tuple[str, ...]
    key_id: str
    statement: Statement
    environment: str


class ProblemKind(StrEnum):
    """What can be wrong with the log."""

    BAD_SIGNATURE = "bad signature"
    UNKNOWN_SIGNER = "unknown signer"
    KEY_OUT_OF_TIME = "key not valid then"
    UNREADABLE = "unreadable"
    MISSING = "missing record"
    NOT_LISTED = "record not in log"
    CHANGED = "record changed"
    TIME = "time runs backwards"
    ENVIRONMENT = "environment lost"
    IGNORED = "ignored by git"
    COMMIT = "commit lost"


@dataclass(frozen=True, slots=True, order=True)
class LogProblem:
    """Something that keeps the log from being believed.

    Attributes:
        kind: What.
        path: Which record file, or ``records/log.jsonl``.
        message: In one sentence, with what it means.
    """

    kind: ProblemKind
    path: str
    message: str
