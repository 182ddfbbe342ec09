"""Clause catalogues: those that come with regml, and those of a project."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from regml.errors import BrokenFileError, UnknownIdError
from regml.files.text import parse_yaml, read_text, validate
from regml.standards.catalogue import Catalogue

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

CATALOGUES = "standards"
"""Folder of a project's own catalogues, relative to the project."""


def read_catalogues(root: "Traversable") -> tuple[Catalogue, ...]:
    """Read the catalogues that a project adds, sorted by key; there may be none.

    Raises:
        BrokenFileError: One is no catalogue, or is named like one of ours.
    """
    return _read(root / CATALOGUES, f"{CATALOGUES}/")


@cache
def shipped_catalogues() -> tuple[Catalogue, ...]:
    """Return the catalogues that come with regml, sorted by key."""
    return _read(
        resources.files("regml.standards") / "clauses", "regml/standards/clauses/"
    )


def known_catalogues(own: Iterable[Catalogue]) -> Mapping[str, Catalogue]:
    """Return every catalogue by its key: ours, then those of a project.

    Raises:
        BrokenFileError: Two share a name; ours cannot be replaced.
    """
    names: dict[str, str] = {}
    found = {}
    for catalogue in (*shipped_catalogues(), *own):
        for name in (catalogue.key, *catalogue.aliases):
            if name in names:
                raise BrokenFileError(
                    f"{CATALOGUES}/{catalogue.key}.yaml",
                    f"has the name {name!r}, as has the catalogue {names[name]}.",
                    remedy="Give it another one, e.g. with the edition.",
                )
            names[name] = catalogue.key
        found[catalogue.key] = catalogue
    return found


def find_catalogue(known: Mapping[str, Catalogue], name: str) -> Catalogue:
    """Return the catalogue with a key or alias, in any case.

    Raises:
        UnknownIdError: There is none; the message names all.
    """
    wanted = name.lower()
    for catalogue in known.values():
        if wanted == catalogue.key or wanted in catalogue.aliases:
            return catalogue
    raise UnknownIdError(
        f"there is no catalogue {name!r}. Catalogues: {', '.join(known)}."
    )


def parse_catalogue(name: str, text: str) -> Catalogue:
    """Return the catalogue that a YAML text describes.

    Args:
        name: Of the file; without folder and ending it is the key.
        text: Its content.

    Raises:
        BrokenFileError: A key is unknown or missing, or a row asks for nothing.
    """
    fields = parse_yaml(text, name=name)
    if isinstance(fields, dict):
        key = name.rpartition("/")[2].removesuffix(".yaml")
        fields = {**fields, "key": key}
    return validate(Catalogue, fields, text=text, name=name)


def _read(folder: "Traversable", prefix: str) -> tuple[Catalogue, ...]:
    files = folder.iterdir() if folder.is_dir() else ()
    return tuple(
        parse_catalogue(
            f"{prefix}{file.name}", read_text(file, name=f"{prefix}{file.name}")
        )
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".yaml")
    )
