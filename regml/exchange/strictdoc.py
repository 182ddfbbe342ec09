"""Documents of strictdoc, through its own JSON export.

The grammar of ``.sdoc`` files is the project's own and changes with it; the export is
what strictdoc itself read.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from regml.errors import ConfigError
from regml.exchange.cells import plain
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark
from regml.exchange.json_file import objects, read_json
from regml.exchange.mapping import IGNORE, Mapping, usual
from regml.files.text import read_text

MAPPING: Final[Mapping] = usual(
    {
        "TITLE": "title",
        "STATEMENT": "text",
        "RATIONALE": "text/Rationale",
        "COMMENT": "text/Comment",
        "LEVEL": IGNORE,  # the place in the published document
        "MID": IGNORE,  # strictdoc's machine id, beside the UID
    },
    reversed_links=("Child",),
)
"""What strictdoc's fields become."""

_FRAMES: Final = {"SECTION", "COMPOSITE_REQUIREMENT"}
_PROSE: Final = {"TEXT", "SECTION"}
_TIME_LIMIT_SECONDS: Final = 600
_LAID_OUT: Final = {"TITLE", "MID", "PREFIX", "OPTIONS", "GRAMMAR", "VIEW", "NODES"}
"""What a document says about its own form, or is named by."""


def read(source: Path) -> Reading:
    """Read a JSON export, or let strictdoc make one of a folder or an ``.sdoc`` file.

    Raises:
        BrokenFileError: It is no such export.
        ConfigError: strictdoc is needed and not installed, or refuses.
    """
    if source.is_file() and source.suffix == ".json":
        return _read_export(source, str(source))
    with tempfile.TemporaryDirectory() as folder:
        found = _read_export(_export(source, Path(folder)), str(source))
    return replace(found, remarks=(*_given_twice(source), *found.remarks))


def _export(source: Path, folder: Path) -> Path:
    program = shutil.which("strictdoc")
    if not source.exists():
        raise ConfigError(f"{source}: does not exist.")
    if program is None:
        raise ConfigError(
            f"{source}: reading .sdoc files needs strictdoc. Install it, or export "
            f"elsewhere with 'strictdoc export --formats=json' and import the JSON."
        )
    command = [program, "export", "--formats=json", "--output-dir", str(folder)]
    try:
        done = subprocess.run(
            [*command, str(source.resolve())],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIME_LIMIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{source}: strictdoc cannot be run ({error}).") from error
    exported = folder / "json" / "index.json"
    if done.returncode or not exported.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise ConfigError(f"{source}: strictdoc refuses: {' '.join(said)}")
    return exported


def _read_export(path: Path, name: str) -> Reading:
    documents = objects(path, read_json(path).get("DOCUMENTS"), "'DOCUMENTS'")
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    for document in documents:
        title = str(document.get("TITLE", ""))
        remarks += _of_document(document, f"{name}:{title}")
        deep = 0
        for place, node, level in _nodes(path, document, f"{name}:{title}"):
            if item := _item(path, node, place):
                items.append(item)
                deep += level > 0
            elif node.get("_NODE_TYPE") != "SECTION":
                remarks.append(_left(node, place))
        if deep:
            remarks.append(
                Remark(
                    f"{deep} places below sections or other nodes are not kept: items "
                    "have no chapters.",
                    "State as links what the nesting meant.",
                    where=f"{name}:{title}",
                )
            )
    return Reading(tuple(items), tuple(remarks))


def _nodes(
    path: Path, parent: dict[str, Any], place: str, level: int = 0
) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Give every node with its place in the document, and how deep it lies."""
    for node in objects(path, parent.get("NODES", []), f"'NODES' in {place}"):
        yield f"{place}:{node.get('_TOC', '')}", node, level
        yield from _nodes(path, node, place, level + 1)


def _of_document(document: dict[str, Any], place: str) -> Iterator[Remark]:
    """Remark on what a document says itself."""
    said = "; ".join(
        f"{name}: {' '.join(plain(value).split())}"
        for name, value in document.items()
        if name not in _LAID_OUT and not name.startswith("_") and value
    )
    if said:
        yield Remark(
            f"the document says something itself ({said}); it is no item and not kept.",
            where=place,
        )


def _given_twice(source: Path) -> Iterator[Remark]:
    """Remark on fields that a node has twice: strictdoc exports only the last."""
    for path in [source] if source.is_file() else sorted(source.rglob("*.sdoc")):
        seen: set[str] = set()
        inside = False
        for number, line in enumerate(read_text(path, name=str(path)).split("\n"), 1):
            field = re.match(r"([A-Z][A-Z0-9_]*): ", line)
            if inside or line.startswith("["):
                seen = seen if inside else set()
                inside = inside and line != "<<<"
            elif field:
                if field[1] in seen:
                    yield Remark(
                        f"a second {field[1]} of the same node: strictdoc exports only "
                        "the last one.",
                        "Join them into one.",
                        where=f"{path}:{number}",
                    )
                seen.add(field[1])
                inside = line.endswith(">>>")


def _item(path: Path, node: dict[str, Any], place: str) -> ForeignItem | None:
    uid, kind = node.get("UID"), str(node.get("_NODE_TYPE", ""))
    if not uid or kind in _PROSE:
        return None
    start = re.match(r"[A-Za-z]+", str(uid))
    if kind in {"REQUIREMENT", *_FRAMES} and start:
        kind = start[0]  # every node is a REQUIREMENT; its id says which
    skipped = {"UID", "RELATIONS", "NODES"}
    attributes = {
        name: value
        for name, value in node.items()
        if name not in skipped and not name.startswith("_")
    }
    links = []
    for relation in objects(path, node.get("RELATIONS", []), f"RELATIONS of {uid}"):
        role = str(relation.get("ROLE") or relation.get("TYPE", ""))
        if relation.get("TYPE") == "File":
            attributes[f"File {relation.get('VALUE')}"] = relation.get("VALUE")
        else:
            links.append(ForeignLink(role, str(relation.get("VALUE", ""))))
    return ForeignItem(str(uid), kind, place, attributes, tuple(links))


def _left(node: dict[str, Any], place: str) -> Remark:
    what = str(node.get("_NODE_TYPE", "node")).lower()
    words = str(node.get("TITLE") or node.get("STATEMENT") or "").split()
    return Remark(
        f"a {what} ({' '.join(words[:8])!r}) is no item; it was not imported."
        if what.upper() in _PROSE
        else f"a {what} without UID ({' '.join(words[:8])!r}) is no item; it was not "
        "imported.",
        "" if what.upper() in _PROSE else "Give it a UID in strictdoc if it is one.",
        where=place,
    )
