"""What can be wrong with an outline, in words for the person who has to mend it."""

from dataclasses import dataclass
from enum import StrEnum

from regml.errors import DataError


class Kind(StrEnum):
    """What is wrong."""

    NO_IMAGE = "no-image"
    """An annotation whose series is not among the images."""
    NO_ANNOTATION = "no-annotation"
    """An image that nobody outlined."""
    TOO_FEW_READERS = "too-few-readers"
    """Fewer readers than the protocol asks for."""
    IMAGE = "image"
    """The image itself cannot be used."""
    UNREADABLE = "unreadable"
    """The annotation file cannot be read."""
    GRID = "grid"
    """Another shape or affine than the image."""
    VALUES = "values"
    """Values or segments that the protocol does not have."""
    EMPTY = "empty"
    """Nothing is outlined."""
    TWICE = "twice"
    """One reader outlined the same structure of the same series twice."""
    NO_CONSENSUS = "no-consensus"
    """The readers agree on no voxel."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One obstacle.

    Attributes:
        file: The file or folder it is about, relative to the de-identified data.
        kind: What is wrong.
        message: In one sentence, beginning with the file.
        remedy: What to do about it, in one sentence.
    """

    file: str
    kind: Kind
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message} {self.remedy}"


class AnnotationError(DataError):
    """An annotation file cannot be used.

    Attributes:
        kind: What is wrong.
        problem: In one sentence, without the file.
        remedy: What to do about it.
    """

    def __init__(self, kind: Kind, problem: str, remedy: str) -> None:
        self.kind = kind
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}")
