"""Which documents a Design History File consists of: one template each."""

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from regml.errors import BrokenFileError, ConfigError
from regml.files.text import parse_yaml, read_text, validate
from regml.items.base import Line, Lines, SafetyClass, Strict

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEMPLATES = "dhf_templates"
"""Folder of the templates, relative to the project."""

_FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)


class DocumentPlan(Strict):
    """One document as the front matter of its template plans it.

    Attributes:
        id: Name of its files, without the number.
        number: Two digits; the order of the documents.
        title: Its name.
        purpose: What it is for, in one sentence.
        clauses: Clauses it serves, e.g. ``IEC 62304 5.2``.
        classes: Safety classes that need it; others may leave it out.
        owner: Role that answers for its content.
        approvers: Roles that sign it.
        landscape: Its tables need the wide side of the paper.
        path: Of the template, relative to the project.
        body: The template itself.
        first_line: Line of the file on which ``body`` begins.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    number: Annotated[str, StringConstraints(pattern=r"^\d\d$")]
    title: Line
    purpose: Line
    clauses: Lines = ()
    classes: tuple[SafetyClass, ...] = tuple(SafetyClass)
    owner: Line
    approvers: Lines
    landscape: bool = False
    path: str
    body: str
    first_line: int

    @property
    def name(self) -> str:
        """File name without ending, e.g. ``05-srs``."""
        return f"{self.number}-{self.id}"


def read_plans(root: "Traversable") -> tuple[DocumentPlan, ...]:
    """Read every template of a project, sorted by number.

    Raises:
        ConfigError: There is no template.
        BrokenFileError: A front matter is wrong, or two documents share a number.
    """
    plans = [
        parse_plan(name, read_text(root / name, name=name))
        for name in _names(root)
        if not _is_part(name)
    ]
    if not plans:
        raise ConfigError(
            f"{TEMPLATES}: no *.md.j2 here. Copy the templates of 'regml init'."
        )
    _refuse_equal_numbers(plans)
    return tuple(sorted(plans, key=lambda plan: plan.number))


def read_parts(root: "Traversable") -> dict[str, str]:
    """Read the parts that templates include, by file name; they begin with ``_``.

    Raises:
        BrokenFileError: One cannot be read.
    """
    return {
        name.rpartition("/")[2]: read_text(root / name, name=name)
        for name in _names(root)
        if _is_part(name)
    }


def parse_plan(path: str, text: str) -> DocumentPlan:
    """Return the plan that a template's text holds.

    Raises:
        BrokenFileError: The front matter is missing or wrong.
    """
    match = _FRONT.match(text)
    if match is None:
        raise BrokenFileError(
            path,
            "does not begin with front matter.",
            remedy="Begin it with '---', then id, number, title ..., then '---'.",
            line=1,
        )
    fields = parse_yaml(match[1], name=path, first_line=2)
    if isinstance(fields, dict):
        place = {"path": path, "first_line": text[: match.end()].count("\n") + 1}
        fields = {**fields, **place, "body": text[match.end() :]}
    return validate(DocumentPlan, fields, text=match[1], name=path, first_line=2)


def _names(root: "Traversable") -> list[str]:
    folder = root / TEMPLATES
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(f"{TEMPLATES}/{p.name}" for p in files if p.name.endswith(".md.j2"))


def _is_part(name: str) -> bool:
    return name.rpartition("/")[2].startswith("_")


def _refuse_equal_numbers(plans: list[DocumentPlan]) -> None:
    taken: dict[str, str] = {}
    for plan in plans:
        if plan.number in taken:
            raise BrokenFileError(
                plan.path,
                f"has the number {plan.number}, as has {taken[plan.number]}.",
                remedy="Give it another number.",
            )
        taken[plan.number] = plan.path
