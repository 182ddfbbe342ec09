"""What a person saw while carrying out a protocol, written down beforehand in YAML."""

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import model_validator

from regml.files.text import parse_yaml, read_text, validate
from regml.items.base import Line, Strict
from regml.items.recorded import StepOutcome

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


class Word(StrEnum):
    """How people say what came of a step."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    BLOCKED = "blocked"
    SKIP = "skip"

    @property
    def outcome(self) -> StepOutcome:
        """The same as records say it."""
        return {
            Word.PASS: StepOutcome.PASSED,
            Word.FAIL: StepOutcome.FAILED,
            Word.BLOCKED: StepOutcome.BLOCKED,
            Word.SKIP: StepOutcome.SKIPPED,
        }[self]


class Answer(Strict):
    """What came of one step.

    Attributes:
        outcome: ``pass``, ``fail``, ``blocked`` or ``skip``.
        observed: What was seen; may be left out only where the step passed.
    """

    outcome: Word
    observed: Line | None = None

    @model_validator(mode="after")
    def _says_why(self) -> "Answer":
        if self.outcome is not Word.PASS and not self.observed:
            raise ValueError(
                f"a step with the outcome {self.outcome} needs 'observed': what was "
                "seen, or what was in the way"
            )
        return self


class Answers(Strict):
    """What came of all steps of a protocol.

    Attributes:
        protocol: Its id.
        steps: In the order of the protocol.
        comment: What the person adds.
    """

    protocol: Line
    steps: tuple[Answer, ...]
    comment: Line | None = None


def read_answers(file: "Traversable", *, name: str) -> Answers:
    """Return what a file with answers says.

    Raises:
        BrokenFileError: It cannot be read as such.
    """
    text = read_text(file, name=name)
    return validate(Answers, parse_yaml(text, name=name), text=text, name=name)
