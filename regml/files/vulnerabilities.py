"""Dated exports of known vulnerabilities: ``maintenance/vulnerabilities/*.json``.

One file per export. Its entries have the Open Source Vulnerability (OSV) format; around
them stand the day, the source, and the packages that were looked up::

    {"exported": "2026-11-15", "source": "...",
     "packages": {"numpy": "2.4.6"}, "vulns": [...]}
"""

import json
from typing import TYPE_CHECKING, Any

from regml.errors import BrokenFileError
from regml.files.text import read_text, refuse_link, validate
from regml.items.vulnerabilities import VulnerabilityExport

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDER = "maintenance/vulnerabilities"


def read_vulnerabilities(root: "Traversable") -> tuple[VulnerabilityExport, ...]:
    """Read every export, sorted by file name; a project may have none.

    Raises:
        BrokenFileError: A file is no export, or none of those it lies among.
    """
    folder = root / "maintenance" / "vulnerabilities"
    files = folder.iterdir() if folder.is_dir() else ()
    found = {f"{FOLDER}/{f.name}": f for f in files if not _is_beside(f.name)}
    for path, file in found.items():
        refuse_link(file, path)
        if not path.endswith(".json"):
            raise BrokenFileError(
                path,
                "is no export of known vulnerabilities: it does not end in .json.",
                remedy="Keep exports only in this folder, each as <date>.json; a "
                "README.md may lie beside them.",
            )
    return tuple(parse_export(p, read_text(found[p], name=p)) for p in sorted(found))


def _is_beside(name: str) -> bool:
    """Tell whether a file is none of those that people take for evidence."""
    return name == "README.md" or name.startswith(".")


def parse_export(path: str, text: str) -> VulnerabilityExport:
    """Return the export that a file holds.

    Raises:
        BrokenFileError: It is not JSON, or lacks what an export needs.
    """
    try:
        fields = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise BrokenFileError(
            path,
            f"is not JSON ({error}).",
            remedy="Export it again.",
            line=line,
        ) from error
    if isinstance(fields, dict):
        fields = {**fields, "path": path}
    # the line of a problem is looked for in YAML, which knows no tabs
    known = "" if "\t" in text else text
    return validate(VulnerabilityExport, fields, text=known, name=path)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, refusing a key that stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found
