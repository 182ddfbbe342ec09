"""What all written items have in common."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from regml.digest import fingerprint

ItemId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(UN|SRS|DS|AP|RISK|SW|SOUP|VP|CR|PR|PCCP|NA|EXT)-[0-9]{2,}$"
    ),
]
"""An id of any kind; which kinds a link accepts is the business of check T11."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that is not empty."""

Lines = tuple[Line, ...]

Number = Annotated[float, Field(strict=True)]
"""A number as YAML has it; ``yes`` is none, and neither is a text of digits."""

Whole = Annotated[int, Field(strict=True)]
"""Likewise, without a fraction."""


LinkName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
"""Name of a link type of the project's own, as ``regml.toml`` declares it."""


class Kind(StrEnum):
    """The kinds of item, by the prefix of their ids."""

    USER_NEED = "UN"
    REQUIREMENT = "SRS"
    DATASET_SPECIFICATION = "DS"
    ANNOTATION_PROTOCOL = "AP"
    RISK = "RISK"
    SOFTWARE_ITEM = "SW"
    SOUP = "SOUP"
    TEST_PROTOCOL = "VP"
    CHANGE_REQUEST = "CR"
    PROBLEM_REPORT = "PR"
    PCCP_MODIFICATION = "PCCP"
    EXCLUSION = "NA"
    EXTERNAL_EVIDENCE = "EXT"


class SafetyClass(StrEnum):
    """Software safety class (IEC 62304 4.3)."""

    A = "A"
    B = "B"
    C = "C"


def refuse_twice(what: str, names: Iterable[object]) -> None:
    """Refuse two parts by one name: nobody could tell which of them is meant.

    Raises:
        ValueError: A name stands twice.
    """
    count = Counter(str(name) for name in names)
    if twice := sorted(name for name, times in count.items() if times > 1):
        raise ValueError(f"{what} has {', '.join(twice)} twice")


class Strict(BaseModel):
    """A value that is valid from the moment it exists; a misspelt key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        defer_build=True,  # a validator is built when it is first needed
    )


class Item(Strict):
    """One Markdown file: front matter for the fields, body for the prose.

    Attributes:
        id: Also the name of its file.
        title: A short name.
        text: The body of the file, as written.
        retired: Why the item is no longer in force; ``None`` while it is.
        links: Links of the types that ``regml.toml`` declares, ids by name of the type.
        foreign_id: What it is called in the tool it was imported from.
    """

    kind: ClassVar[Kind]

    id: ItemId
    title: Line
    text: str = ""
    retired: Line | None = None
    links: dict[LinkName, tuple[ItemId, ...]] = Field(default_factory=dict)
    foreign_id: Line | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.id))

    def normative(self) -> dict[str, Any]:
        """Return every field by name, as JSON values: what an approval is for.

        How many empty lines end the file says nothing: editors add and remove them.
        """
        fields = self.model_dump(mode="json")
        text = self.text.rstrip("\n")
        return {**fields, "text": f"{text}\n" if text else ""}

    def fingerprint(self) -> str:
        """Return the sha256 that changes when any normative field changes."""
        return fingerprint(self.normative())
