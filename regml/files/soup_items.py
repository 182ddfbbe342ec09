"""SOUP items brought up to date from what packages say about themselves."""

import datetime as dt
import json
import re
from pathlib import Path

from regml.errors import BrokenFileError
from regml.files.installed import InstalledPackage
from regml.files.markdown import LocatedItem, parse_item
from regml.files.new_item import OPEN, new_item
from regml.files.text import read_text
from regml.items.base import Kind

_VERSION = re.compile(r"^version:[^\S\n]*(.*?)([^\S\n]+#.*)?$", re.MULTILINE)


def write_soup(root: Path, package: InstalledPackage, *, today: dt.date) -> str:
    """Write a SOUP item for an installed package and return its path.

    It holds what the package says about itself. Where somebody has to say something,
    TBD stands, which check T13 finds.

    Raises:
        BrokenFileError: The metadata do not make a valid item; nothing is written.
        ConfigError: git refuses to tell its history.
    """
    licence = package.licence or f"{OPEN}: {package.licence_words or 'none stated'}"
    places = ", ".join(dict.fromkeys(filter(None, (package.issues, package.home))))
    fields = {
        "package": package.name,
        "version": package.version.partition("+")[0],
        "supplier": package.published_by or OPEN,
        "licence": licence,
        "anomaly_source": f"{OPEN}: {places}" if places else OPEN,
    }
    if package.published_by:
        fields["published_by"] = package.published_by
    lists = {"functional": [OPEN], "environment": [OPEN]}
    # JSON strings are YAML, also where a name holds a colon or a version is a number
    quoted = {name: json.dumps(value) for name, value in (fields | lists).items()}
    body = f"{package.summary or OPEN}\n\n{OPEN}: what the device uses it for."
    return new_item(root, Kind.SOUP, package.name, quoted | {"text": body}, today=today)


def set_version(root: Path, located: LocatedItem, version: str) -> None:
    """Put another version into the file of a SOUP item; every other line stays.

    Raises:
        BrokenFileError: The file is not as it was read, or its version cannot be found.
    """
    path = root / located.path
    text = read_text(path, name=located.path)
    end = text.find("\n---", 3)
    found = list(_VERSION.finditer(text, 0, end))
    if text == located.source and len(found) == 1:
        line = f'version: "{version}"{found[0][2] or ""}'
        changed = text[: found[0].start()] + line + text[found[0].end() :]
        if _says(located, changed, version):
            path.write_text(changed, encoding="utf-8", newline="\n")
            return
    raise BrokenFileError(
        located.path,
        "has no line 'version: ...' that could be changed alone.",
        remedy="Correct its version by hand.",
    )


def _says(located: LocatedItem, text: str, version: str) -> bool:
    """Tell whether a text is an item with another version and nothing else changed."""
    try:
        item = parse_item(located.path, text).item
    except BrokenFileError:
        return False
    return item == located.item.model_copy(update={"version": version})
