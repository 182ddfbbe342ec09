"""The outline of a Design History File: which document is needed for whom."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import yaml

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader where PyYAML has it."""


@dataclass(frozen=True, slots=True)
class RequiredDocument:
    """A document that some devices need.

    Attributes:
        id: In the front matter of its template.
        title: What it is, in few words.
        clauses: What asks for it.
        classes: Software safety classes that need it.
        levels: FDA documentation levels that need it.
        with_items: Kind of item without which it is not needed; empty for always.
    """

    id: str
    title: str
    clauses: tuple[str, ...]
    classes: tuple[str, ...]
    levels: tuple[str, ...]
    with_items: str = ""

    def is_needed(self, *, safety_class: str, level: str) -> bool:
        """Tell whether a device of this class and documentation level needs it."""
        return safety_class in self.classes or level in self.levels


@cache
def outline() -> tuple[RequiredDocument, ...]:
    """Return every document of the outline, in its order."""
    text = (resources.files("regml.standards") / "dhf_outline.yaml").read_text("utf-8")
    return tuple(
        RequiredDocument(
            id=row["id"],
            title=row["title"],
            clauses=tuple(row["clauses"]),
            classes=tuple(row["classes"]),
            levels=tuple(row["levels"]),
            with_items=row.get("with_items", ""),
        )
        for row in yaml.load(text, LOADER)["documents"]  # noqa: S506 - a safe loader
    )
