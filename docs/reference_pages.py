"""Writes the reference pages: commands, items and checks, each from the code."""

import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from regml.cli import cli
from regml.items.links import MODELS
from regml.items.schema import meanings, parts_of, summary_of
from regml.trace.rules import RULES


def write_reference(folder: Path) -> None:
    """Write every generated page into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "commands.md": commands_page(),
        "items.md": items_page(),
        "checks.md": checks_page(),
    }.items():
        (folder / name).write_text(text, encoding="utf-8")


def commands_page() -> str:
    """Return the page of all commands with their help."""
    context = click.Context(cli, info_name="regml")
    parts = [
        "# Commands\n",
        "The answer goes to standard output, words about it to standard error.\n"
        "Exit status 0: clean. 1: findings. 2: could not work.\n",
        _help(cli, context),
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None  # noqa: S101 - listed just above
        below = click.Context(command, info_name=name, parent=context)
        parts += [f"## regml {name}\n", _help(command, below)]
        if isinstance(command, click.Group):
            for inner in command.list_commands(below):
                found = command.get_command(below, inner)
                assert found is not None  # noqa: S101 - listed just above
                deeper = click.Context(found, info_name=inner, parent=below)
                parts += [f"### regml {name} {inner}\n", _help(found, deeper)]
    return "\n".join(parts)


def items_page() -> str:
    """Return the page of all kinds of item with their fields."""
    parts = [
        "# Items\n",
        "One Markdown file per item: front matter for the fields, body for the prose.\n"
        "The file name is the id.\n",
    ]
    parts_of_items: dict[type[BaseModel], None] = {}
    for kind, model in MODELS.items():
        parts += [f"## {kind.value}: {summary_of(model)}\n", _fields(model)]
        parts_of_items |= dict.fromkeys(parts_of(model))
    for part in parts_of_items:
        parts += [f"## {part.__name__}: {summary_of(part)}\n", _fields(part)]
    return "\n".join(parts)


def checks_page() -> str:
    """Return the page of all checks."""
    rows = [
        f"| {rule.id} | {rule.title} | {rule.severity} "
        f"| {', '.join(rule.clauses)} | {', '.join(rule.classes)} |"
        for rule in RULES
    ]
    return (
        "# Checks\n\n"
        "`regml check` runs all of them; one without subjects says so.\n\n"
        "| check | asks that | severity | serves | classes |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _help(command: click.Command, context: click.Context) -> str:
    return f"```text\n{command.get_help(context)}\n```\n"


def _fields(model: type[BaseModel]) -> str:
    words = meanings(model)
    lines = ["| field | type | needed | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name not in {"id", "text"}:
            needed = "yes" if field.is_required() else ""
            meaning = words.get(name, "")
            lines.append(
                f"| `{name}` | {_type(field.annotation)} | {needed} | {meaning} |"
            )
    return "\n".join(lines) + "\n"


def _anchor(model: type[BaseModel]) -> str:
    """Return the anchor that MyST makes from the heading of a model."""
    heading = f"{model.__name__}: {summary_of(model)}".lower()
    kept = "".join(c for c in heading if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{_anchor(annotation)})"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    inner = [
        _type(part)
        for part in typing.get_args(annotation)
        if part is not Ellipsis and part is not type(None)
    ]
    if typing.get_origin(annotation) is tuple:
        return "list of " + inner[0]
    if typing.get_origin(annotation) in {types.UnionType, typing.Union}:
        return " or ".join(inner)
    return inner[0] if inner else str(annotation)
