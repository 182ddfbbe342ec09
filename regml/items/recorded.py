"""The nouns that runs and signatures leave behind: facts, never edited.

These are plain dataclasses, because the recorder that makes them has to start fast.
How they are written into signed statements is told in :mod:`regml.records.statement`.
"""

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


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of the automated tests of the device.

    Attributes:
        origin: Who, when, at which commit, on which machine.
        command: What was typed.
        cases: Every test, also the skipped ones, sorted by name.
        fingerprints: Of each verified item as it was then, by id.
        models: sha256 of each model file the tests used, by path.
    """

    __test__ = False  # not a test class for pytest

    origin: Origin
    command: str
    cases: tuple[TestCase, ...]
    fingerprints: Mapping[str, str]
    models: Mapping[str, str] = field(default_factory=dict)


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
    """

    origin: Origin
    role: str
    meaning: str
    fingerprints: Mapping[str, str]
    linked: Mapping[str, str]
    comment: str = ""


Statement = StageRun | TestRun | Approval


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
    """

    id: str
    sha256: str
    path: str
    previous: tuple[str, ...]
    key_id: str
    statement: Statement


class ProblemKind(StrEnum):
    """What can be wrong with the log."""

    BAD_SIGNATURE = "bad signature"
    UNKNOWN_SIGNER = "unknown signer"
    UNREADABLE = "unreadable"
    MISSING = "missing record"
    NOT_LISTED = "record not in log"
    CHANGED = "record changed"
    TIME = "time runs backwards"


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
