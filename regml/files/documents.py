"""Templates of documents: front matter, body, and the parts they include."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from regml.digest import sha256_of
from regml.errors import BrokenFileError, ConfigError
from regml.files.text import parse_yaml, read_text, refuse_link, validate
from regml.items.documents import DocumentPlan

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEMPLATES = "dhf_templates"
"""Folder of the templates, relative to the project."""

_FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
_INCLUDE = re.compile(r"{%-?\s*include\s+[\"']([^\"']+)[\"']")


def read_plans(root: "Traversable") -> tuple[DocumentPlan, ...]:
    """Read every template of a project that is to be built, sorted by number.

    Raises:
        ConfigError: There is no template.
        BrokenFileError: A front matter is wrong, or two documents share a number.
    """
    plans = read_documents(root)
    if not plans:
        raise ConfigError(
            f"{TEMPLATES}: no *.md.j2 here. Copy the templates of 'regml init'."
        )
    return plans


def read_documents(root: "Traversable") -> tuple[DocumentPlan, ...]:
    """Read every template of a project, sorted by number; there may be none.

    Raises:
        BrokenFileError: A front matter is wrong, or two documents share a number.
    """
    parts = read_parts(root)
    plans = [
        parse_plan(name, read_text(root / name, name=name), parts=parts)
        for name in _names(root)
        if not _is_part(name)
    ]
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


def parse_plan(
    path: str, text: str, *, parts: Mapping[str, str] | None = None
) -> DocumentPlan:
    """Return the plan that a template's text holds.

    Args:
        path: Of the template.
        text: Its content.
        parts: What it may include, by file name.

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
        fields = {
            **fields,
            "path": path,
            "first_line": text[: match.end()].count("\n") + 1,
            "body": text[match.end() :],
            "sha256": _digest(text, parts or {}),
        }
    return validate(DocumentPlan, fields, text=match[1], name=path, first_line=2)


def _digest(text: str, parts: Mapping[str, str]) -> str:
    """Return the digest of a template and of all it includes, directly or not."""
    whole, todo = {"": text}, [text]
    while todo:
        for name in _INCLUDE.findall(todo.pop()):
            if name in parts and name not in whole:
                whole[name] = parts[name]
                todo.append(parts[name])
    return sha256_of("\0".join(whole[name] for name in sorted(whole)).encode())


def _names(root: "Traversable") -> list[str]:
    folder = root / TEMPLATES
    files = folder.iterdir() if folder.is_dir() else ()
    found = {f"{TEMPLATES}/{p.name}": p for p in files if p.name.endswith(".md.j2")}
    for name, file in found.items():
        refuse_link(file, name)
    return sorted(found)


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
