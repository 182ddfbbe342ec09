"""What documents can be written as, and what has to be installed for it.

This module imports nothing of that, so that it can say what is missing.
"""

from collections.abc import Collection
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from regml.errors import ConfigError, MissingExtraError

ASSETS = Path(__file__).parent / "assets"
"""Style sheets, scripts and page templates of this room."""


class Format(StrEnum):
    """What documents are written as."""

    HTML = "html"
    """A page for each document, item and record."""
    PDF = "pdf"
    DOCX = "docx"


_NEEDS = {
    Format.HTML: ("markdown_it",),
    Format.PDF: ("pypandoc", "typst"),
    Format.DOCX: ("pypandoc",),
}


def parse_formats(text: str) -> tuple[Format, ...]:
    """Return the formats that a comma-separated list names.

    Raises:
        ConfigError: It names another one, or none.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Format)]
    if unknown or not names:
        raise ConfigError(
            f"format {', '.join(unknown) or text!r} is unknown. "
            f"Formats: {', '.join(Format)}."
        )
    return tuple(kind for kind in Format if kind in names)


def require_extra(formats: Collection[Format]) -> None:
    """Make sure that the programs for some formats are installed.

    Raises:
        MissingExtraError: One is not.
    """
    needed = {"markdown_it", *(name for kind in formats for name in _NEEDS[kind])}
    missing = sorted(name for name in needed if find_spec(name) is None)
    if missing:
        raise MissingExtraError(
            f"Building documents needs {', '.join(missing)}. "
            "Install them: pip install 'regml[dhf]'."
        )
