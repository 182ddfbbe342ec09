"""How it stands with one thing."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARN = "warn"
    """It works, and something will be missed."""
    PROBLEM = "problem"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How it stands with one thing.

    Attributes:
        topic: What was looked at.
        state: How it stands.
        message: What was found, in one sentence.
        remedy: What to do; empty where all is well.
    """

    topic: str
    state: State
    message: str
    remedy: str = ""
