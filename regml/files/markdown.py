"""Items: one Markdown file each, YAML front matter for the fields, body for the prose.

The file name is the id, and ``parse_item(path, write_item(item)).item == item``.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from regml.errors import BrokenFileError
from regml.files.text import parse_yaml, read_text, refuse_link, validate
from regml.items.base import Kind
from regml.items.links import MODELS, AnyItem

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ITEM_FOLDERS = ("requirements_srs", "risk", "design", "verification", "maintenance")
"""Where items lie; every ``*.md`` below is one, except ``README.md``."""

LONGEST = 1_000_000
"""Characters of an item's file; a longer one is no text that people wrote."""

_ID = re.compile(r"([A-Z]+)-[0-9]{2,}")
_PROJECT = "/regml.toml"
"""What makes a folder below this one a project of its own."""

_PREFIXES = frozenset(kind.value for kind in Kind)
_LIKE_MARKDOWN = frozenset({"md", "markdown", "mdown", "mkd", "mdx"})
_TEXT = frozenset({"txt", "text", "yaml", "yml", "rst", "adoc"})
_FENCE = "---\n"
_LINE_ENDS = re.compile(r"[\x85\u2028\u2029]|\\x85|\\u202[89]")
"""What YAML takes for the end of a line; written as it is, it would be folded away."""


@dataclass(frozen=True, slots=True)
class LocatedItem:
    """An item with the place it was read from.

    Attributes:
        item: The item.
        path: Relative to the project, POSIX.
        source: The whole file, to find lines in.
    """

    item: AnyItem
    path: str
    source: str

    def line_of(self, text: str) -> int:
        """Return the 1-based line on which a text first occurs; 1 if it does not."""
        before, found, _ = self.source.partition(text)
        return before.count("\n") + 1 if found else 1


def read_items(root: "Traversable") -> tuple[LocatedItem, ...]:
    """Read every item of a project, sorted by path.

    Args:
        root: The project, or one of its item folders.

    Raises:
        BrokenFileError: A file is no item; names file and line.
    """
    for name in ITEM_FOLDERS:
        refuse_link(root / name, name)
    folders = [name for name in ITEM_FOLDERS if (root / name).is_dir()]
    found = [
        file
        for name in folders or [""]
        for file in _markdown(root / name if name else root, name)
    ]
    return tuple(
        parse_item(name, read_text(file, name=name))
        for name, file in sorted(found, key=lambda row: row[0])
    )


def misplaced_items(root: "Traversable", names: Collection[str]) -> tuple[str, ...]:
    """Return what is written like an item and lies where none is read, sorted.

    Whatever belongs to another project inside of this one is left to that.

    Args:
        root: The project.
        names: Every file of it, tracked or not ignored.

    Raises:
        BrokenFileError: One cannot be read.
    """
    found = []
    others: list[str] | None = None
    for name in names:
        if not name.endswith(".md") or name.partition("/")[0] in ITEM_FOLDERS:
            continue
        match = _ID.fullmatch(name.rpartition("/")[2].removesuffix(".md"))
        if match is None or match[1] not in _PREFIXES:
            continue
        if others is None:
            others = [n.removesuffix(_PROJECT) for n in names if n.endswith(_PROJECT)]
        if any(name.startswith(f"{folder}/") for folder in others):
            continue
        if read_text(root / name, name=name).startswith(_FENCE):
            found.append(name)
    return tuple(sorted(found))


def parse_item(path: str, text: str) -> LocatedItem:
    """Return the item that a file's text describes.

    Args:
        path: Of the file, relative to the project; its stem is the id.
        text: The whole file with LF line ends.

    Raises:
        BrokenFileError: The name is no id or the text no item.
    """
    item_id = path.rpartition("/")[2].removesuffix(".md")
    match = _ID.fullmatch(item_id)
    if match is None or match[1] not in _PREFIXES:
        raise BrokenFileError(
            path,
            f"{item_id!r} is not an id.",
            remedy="Name the file after its id, e.g. SRS-012.md, or keep what is no "
            f"item in another folder; kinds: {_kinds()}.",
        )
    _refuse_large(path, text)
    front, body = _split(path, text)
    fields = parse_yaml(front, name=path, first_line=2)
    model = MODELS[Kind(match[1])]
    if isinstance(fields, dict):
        for reserved in {"id", "text"} & set(fields):
            raise BrokenFileError(
                path,
                f"has a key {reserved!r} in its front matter.",
                remedy="Remove it: the id is the file name, the text is the body.",
            )
        fields = {**fields, "id": item_id, "text": body}
    try:
        item = validate(model, fields, text=front, name=path, first_line=2)
    except BrokenFileError:
        if isinstance(fields, dict):
            _refuse_other_kind(path, model, fields)
        raise
    return LocatedItem(item, path, text)


def write_item(item: AnyItem) -> str:
    """Return the text of an item's file."""
    fields = item.model_dump(mode="json", exclude={"id", "text"}, exclude_defaults=True)
    plain = _LINE_ENDS.search(str(fields)) is None
    front = yaml.safe_dump(fields, sort_keys=False, allow_unicode=plain, width=88)
    return f"{_FENCE}{front}{_FENCE}{item.text}"


def _split(path: str, text: str) -> tuple[str, str]:
    if not text.startswith(_FENCE):
        raise BrokenFileError(
            path,
            "does not begin with front matter.",
            remedy="Begin it with a line '---', then the fields, then a line '---'.",
            line=1,
        )
    front, fence, body = text[len(_FENCE) :].partition("\n" + _FENCE)
    if not fence and not front.endswith("\n---"):
        raise BrokenFileError(
            path,
            "its front matter does not end.",
            remedy="Put a line '---' after the last field.",
            line=1,
        )
    return front.removesuffix("\n---") + "\n", body


def _markdown(folder: "Traversable", path: str) -> Iterator[tuple[str, "Traversable"]]:
    """Give path and file of each Markdown file at any depth."""
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}" if path else entry.name
        _refuse_spelling(entry, name)
        if entry.name.endswith(".md"):
            if entry.name == "README.md":
                continue
            refuse_link(entry, name)
            yield name, entry
        elif entry.is_dir() or getattr(entry, "is_submodule", bool)():
            refuse_link(entry, name)
            yield from _markdown(entry, name)


def _refuse_large(path: str, text: str) -> None:
    if len(text) > LONGEST:
        raise BrokenFileError(
            path,
            f"has {len(text):,} characters; an item has at most {LONGEST:,}.",
            remedy="Keep what is not text beside the item and name it there.",
        )


def _refuse_spelling(entry: "Traversable", path: str) -> None:
    """A file with almost the right ending would not be read, and nobody would know.

    What lies beside an item, such as a picture named after it, is none of these.
    """
    stem, dot, ending = entry.name.rpartition(".")
    if ending == "md":
        return
    if dot and ending.lower() in _LIKE_MARKDOWN:
        raise BrokenFileError(
            path, f"ends in '.{ending}'.", remedy=f"Rename it to {stem}.md."
        )
    item_id = (stem if dot else ending).removesuffix(".md")
    match = _ID.fullmatch(item_id) if not dot or ending.lower() in _TEXT else None
    if match and match[1] in _PREFIXES and entry.is_file():
        raise BrokenFileError(
            path,
            "is named like an item and would not be read as one.",
            remedy=f"Rename it to {item_id}.md, or otherwise if it is no item.",
        )


def _refuse_other_kind(
    path: str, model: type[AnyItem], fields: Mapping[object, object]
) -> None:
    """Name the kind whose fields these are, where the file is named like another."""
    given = {str(key) for key in fields}
    if given <= set(model.model_fields):
        return
    fits = [
        kind.value for kind, other in MODELS.items() if given <= set(other.model_fields)
    ]
    if len(fits) == 1:
        raise BrokenFileError(
            path,
            f"is named like an item of kind {model.kind.value} and has the fields of "
            f"one of kind {fits[0]}.",
            remedy=f"Name it {fits[0]}-... if that is what it is, "
            "or correct the fields.",
        )


def _kinds() -> str:
    return ", ".join(kind.value for kind in Kind)
