"""Reads a catalogue: clauses with our own titles and the evidence each asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Final

import yaml

from regml.errors import BrokenFileError, UnknownIdError

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader where PyYAML has it."""


KEYS: Final = frozenset(
    {"id", "title", "classes", "check", "evidence", "withdrawn", "applies_if"}
)
"""What a clause of a catalogue may say."""


class Automation(StrEnum):
    """How far a program can tell whether a clause is covered."""

    AUTO = "auto"
    """It can decide from the evidence."""
    SEMI = "semi"
    """It sees what is absent or outdated; a person judges the content."""
    MANUAL = "manual"
    """It only keeps a reference."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a standard in our own words.

    Attributes:
        id: Number, e.g. ``5.7.4``.
        title: What it asks for, shortly.
        classes: For which classes or levels.
        automation: How far a program can tell.
        rules: Checks that must have subjects and no finding.
        items: Kinds of item of which there must be some.
        approved: Kinds of item that must all carry a current approval.
        records: Sorts of record of which there must be some.
        files: Patterns of files of which there must be one.
        outside: Evidence that lies outside of regml.
        withdrawn: True when the edition does not have it any more.
        applies_if: Condition under which it is asked for at all.
    """

    id: str
    title: str
    classes: tuple[str, ...]
    automation: Automation
    rules: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    withdrawn: bool = False
    applies_if: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One edition of one standard.

    Attributes:
        key: Name of its file, e.g. ``iec62304``.
        standard: As one cites it.
        edition: Which edition.
        classes: Its classes or levels, lowest first.
        clauses: In the order of their numbers.
    """

    key: str
    standard: str
    edition: str
    classes: tuple[str, ...]
    clauses: tuple[Clause, ...]


def catalogues() -> tuple[str, ...]:
    """Return the keys of all catalogues that come with regml, sorted."""
    folder = resources.files("regml.standards")
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in folder.iterdir()
            if entry.name.endswith(".yaml")
        )
    )


def load_catalogue(key: str = "iec62304") -> Catalogue:
    """Read a catalogue that comes with regml.

    Raises:
        UnknownIdError: There is none with this key.
    """
    if key not in catalogues():
        raise UnknownIdError(
            f"there is no catalogue {key!r}. Catalogues: {', '.join(catalogues())}."
        )
    file = resources.files("regml.standards").joinpath(f"{key}.yaml")
    return parse_catalogue(key, file.read_text(encoding="utf-8"))


def parse_catalogue(key: str, text: str) -> Catalogue:
    """Return the catalogue that a YAML text describes.

    Raises:
        BrokenFileError: A key is unknown or missing.
    """
    try:
        # LOADER is a safe loader, in C where there is one
        data: Mapping[str, Any] = yaml.load(text, Loader=LOADER)  # noqa: S506
        return Catalogue(
            key=key,
            standard=data["standard"],
            edition=data["edition"],
            classes=tuple(data["classes"]),
            clauses=tuple(_clause(row) for row in data["clauses"]),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise BrokenFileError(
            f"{key}.yaml", f"is no catalogue of clauses: {error}."
        ) from error


def _clause(row: Mapping[str, Any]) -> Clause:
    unknown = set(row) - KEYS
    if unknown:
        raise ValueError(f"clause {row['id']} has an unknown key {min(unknown)!r}")
    evidence = {name: tuple(found) for name, found in row.get("evidence", {}).items()}
    return Clause(
        id=row["id"],
        title=row["title"],
        classes=tuple(row["classes"]),
        automation=Automation(row["check"]),
        withdrawn=bool(row.get("withdrawn", False)),
        applies_if=row.get("applies_if", ""),
        **evidence,
    )
