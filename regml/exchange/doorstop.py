"""Folders of doorstop: one document per ``.doorstop.yml``, one file per item."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from regml.errors import BrokenFileError
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark
from regml.exchange.mapping import IGNORE, Mapping, usual
from regml.files.text import parse_yaml, read_text

DOCUMENT: Final = ".doorstop.yml"

MAPPING: Final[Mapping] = usual(
    {
        "header": "title",
        "text": "text",
        "level": IGNORE,  # the place in the published document
        "reviewed": IGNORE,  # doorstop's own fingerprint of the item
        "inactive": "retired",
    }
)
"""What doorstop's attributes become."""

_EXPECTED: Final = {"active": True, "normative": True, "derived": False}
"""Values that say nothing; others are kept."""


def read(source: Path) -> Reading:
    """Read every document at or below a folder.

    Raises:
        BrokenFileError: A file is not doorstop's, or there is no document.
    """
    documents = sorted(source.rglob(DOCUMENT)) if source.is_dir() else []
    if not documents:
        raise BrokenFileError(
            source,
            f"has no {DOCUMENT} in it or below.",
            remedy="Name the folder of a doorstop document, or one above it.",
        )
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    for document in documents:
        prefix, named = _naming(document)
        for path in _files(document.parent):
            if named.fullmatch(path.stem) and path.suffix in {".yml", ".md"}:
                items.append(_item(path, prefix))
            else:
                remarks.append(_left(path, prefix))
    return Reading(tuple(items), tuple(remarks))


def _naming(document: Path) -> tuple[str, re.Pattern[str]]:
    """Return the prefix of a document, and how its items are called."""
    whole = _mapping(document, parse_yaml(_text(document), name=str(document)))
    settings = _mapping(document, whole.get("settings"))
    prefix, sign = str(settings.get("prefix", "")), str(settings.get("sep") or "")
    if not prefix:
        raise BrokenFileError(document, "has no settings.prefix.")
    number = ".+" if sign else "[0-9]+"
    return prefix, re.compile(f"{re.escape(prefix)}{re.escape(sign)}{number}")


def _files(folder: Path) -> Iterator[Path]:
    """Give the files of a document; a folder with a document of its own is another."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not (path / DOCUMENT).is_file():
            yield from _files(path)


def _item(path: Path, prefix: str) -> ForeignItem:
    text = _text(path)
    if path.suffix == ".md":
        fields = _from_markdown(path, text)
    else:
        fields = _mapping(path, parse_yaml(text, name=str(path)))
    fields = dict(fields)
    links = tuple(
        ForeignLink("links", uid) for uid in _uids(path, fields.pop("links", ()))
    )
    if fields.get("active") is False:
        fields["inactive"] = "Not active in doorstop."
        del fields["active"]
    for name, usual_value in _EXPECTED.items():
        if fields.get(name) == usual_value:
            del fields[name]
    return ForeignItem(path.stem, prefix, str(path), fields, links)


def _from_markdown(path: Path, text: str) -> dict[str, Any]:
    if not text.startswith("---\n"):
        raise BrokenFileError(path, "does not begin with front matter.", line=1)
    # doorstop ends the file after the second fence where an item has no text
    front, _, body = f"{text[4:]}\n".partition("\n---\n")
    fields = dict(_mapping(path, parse_yaml(front, name=str(path), first_line=2)))
    title = re.match(r"\s*# ([^\n]+)\n?", body)
    if title:
        fields["header"], body = title[1], body[title.end() :]
    return {**fields, "text": body.strip("\n")}


def _uids(path: Path, links: Any) -> Iterator[str]:
    """Give the ids of links; each is ``ID`` or ``ID: stamp``."""
    if links is not None and not isinstance(links, list | tuple):
        raise BrokenFileError(path, "'links' is no list.")
    for link in links or ():
        if isinstance(link, dict):
            yield from (str(uid) for uid in link)
        elif isinstance(link, str):
            yield link
        else:
            raise BrokenFileError(path, f"has a link {link!r} that is no id.")


def _left(path: Path, prefix: str) -> Remark:
    if "assets" in path.parts:
        return Remark(
            "is an attachment; attachments are not imported.",
            "Copy it beside the items and name it there.",
            where=str(path),
        )
    return Remark(
        f"is no item of the document {prefix}; it was not imported.", where=str(path)
    )


def _text(path: Path) -> str:
    return read_text(path, name=str(path))


def _mapping(path: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BrokenFileError(path, "needs 'key: value' lines here.")
    return value
