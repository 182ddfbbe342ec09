"""Putting imported items into a project: all of them, or none."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from regml.errors import BrokenFileError, ConfigError
from regml.exchange.convert import Converted
from regml.exchange.foreign import Remark
from regml.files.markdown import (
    ITEM_FOLDERS,
    LocatedItem,
    parse_item,
    write_item,
)
from regml.files.new_item import FOLDERS
from regml.items.links import AnyItem
from regml.trace.changes import field_changes


class Action(StrEnum):
    """What an import does with one file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Placed:
    """One item with the file it goes to.

    Attributes:
        id: Our id.
        foreign_id: What the source calls it.
        path: Relative to the project, POSIX.
        action: What happens to the file.
        text: Its whole content.
        changes: What differs from the item that is there, line by line.
    """

    id: str
    foreign_id: str
    path: str
    action: Action
    text: str
    changes: tuple[str, ...] = ()


def place(
    converted: Iterable[Converted],
    existing: Iterable[LocatedItem],
    into: str | None = None,
) -> tuple[tuple[Placed, ...], tuple[Remark, ...]]:
    """Return the file of each item, and remarks on those that cannot be written.

    Args:
        converted: The items.
        existing: Items of the project; one that is there stays where it is.
        into: Folder for new items, relative to the project; else one per kind.
    """
    there = {located.item.id: located for located in existing}
    placed, remarks = [], []
    for one in converted:
        item, old = one.item, there.get(one.item.id)
        folder = into if into is not None else FOLDERS[item.kind]
        path = old.path if old else f"{folder}/{item.id}.md"
        text = write_item(item)
        if (why := _does_not_read_back(path, text, one)) is not None:
            remarks.append(why)
            continue
        same = old is not None and old.item == item
        action = Action.UNCHANGED if same else Action.CHANGED if old else Action.NEW
        changes = _changes(old.item, item) if old and not same else ()
        placed.append(Placed(item.id, one.source.id, path, action, text, changes))
    return tuple(placed), tuple(remarks)


def checked_folder(root: Path, into: Path) -> str:
    """Return a folder for new items, relative to the project.

    Raises:
        ConfigError: Items are not read there.
    """
    try:
        folder = (root / into).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        folder = ""
    if folder.split("/")[0] not in ITEM_FOLDERS:
        raise ConfigError(
            f"{into}: items are not read there. "
            f"Name a folder in {', '.join(ITEM_FOLDERS)}."
        )
    return folder


def write_all(root: Path, files: Mapping[str, str]) -> None:
    """Write all files or leave everything as it was.

    Each text goes to a temporary name first; then all are renamed.

    Args:
        root: The project.
        files: Text by path relative to it.

    Raises:
        ConfigError: A file cannot be written; nothing was changed.
    """
    drafts: dict[Path, Path] = {}
    folders: list[Path] = []
    before: dict[Path, bytes | None] = {}
    for name in files:
        _inside(root, root / name)
    try:
        for name, text in files.items():
            path = root / name
            folders += _make_folder(path.parent)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            drafts[path] = draft
            draft.write_bytes(text.encode("utf-8"))
        for path, draft in drafts.items():
            before[path] = path.read_bytes() if path.is_file() else None
            draft.replace(path)
    except OSError as error:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        for path, content in before.items():
            _restore(path, content)
        for folder in reversed(folders):
            _remove_if_empty(folder)
        raise ConfigError(
            f"{error.filename or root}: cannot be written ({error.strerror}). "
            "Nothing was imported."
        ) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _changes(old: AnyItem, new: AnyItem) -> tuple[str, ...]:
    found = field_changes(old.normative(), new.normative())
    return tuple(line for change in found for line in change.lines())


def _does_not_read_back(path: str, text: str, one: Converted) -> Remark | None:
    remedy = "Look for control characters in the source."
    try:
        text.encode()
        back = parse_item(path, text).item
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        why = f"it holds half a character ({half}), which no file can."
    except BrokenFileError as error:
        why, remedy = error.problem, error.remedy
    else:
        if back == one.item:
            return None
        why = "its text would read back differently."
    return Remark(
        f"cannot be written as an item: {why} It was not imported.",
        remedy,
        one.source.id,
        one.source.where,
    )


def _inside(root: Path, path: Path) -> None:
    """A folder that is a link could lead out of the project."""
    if not path.parent.resolve().is_relative_to(root.resolve()) or path.is_symlink():
        raise ConfigError(
            f"{path}: is reached through a symbolic link. Nothing was imported; "
            "put the folder itself there."
        )


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder with its parents; return those that were not there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _restore(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
