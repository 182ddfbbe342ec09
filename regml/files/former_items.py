"""Ids that an item had which was removed, and that another one has now."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regml.errors import BrokenFileError
from regml.files.history import Commit, is_shallow, removals
from regml.files.markdown import ITEM_FOLDERS
from regml.files.repository import in_repository, run_git
from regml.files.text import parse_yaml

_FRONT: Final = re.compile(r"\A\ufeff?---\n(.*?\n)---(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FormerItem:
    """What an id stood for that stands for something else now.

    Attributes:
        id: The id.
        title: Of the item that had it.
        why: Why that item is no more, e.g. in which commit it was removed.
    """

    id: str
    title: str
    why: str


def former_items(
    root: Path, titles: Mapping[str, str], until: str
) -> tuple[FormerItem, ...]:
    """Return the items that were removed and whose id another item has now.

    An item that was moved, or brought back, is the same one: what tells two apart is
    the title. A shallow clone knows too little of the past to answer.

    Args:
        root: The project.
        titles: Title of each item there is now, by id.
        until: The last commit to look at.
    """
    if not titles or not in_repository(root) or is_shallow(root):
        return ()
    found: dict[str, FormerItem] = {}
    for commit in removals(root, ITEM_FOLDERS, until):
        gone = {_id_of(path): path for path in commit.paths if path.endswith(".md")}
        again = gone.keys() & titles.keys() - found.keys()
        if again:
            for item_id in sorted(again - _ids_at(root, commit)):
                title = _title_before(root, commit, gone[item_id])
                if title and title != titles[item_id]:
                    why = f"removed in commit {commit.sha[:12]}"
                    found[item_id] = FormerItem(
                        item_id, title, f"{why} of {commit.time_utc[:10]}"
                    )
    return tuple(found[name] for name in sorted(found))


def _ids_at(root: Path, commit: Commit) -> set[str]:
    """Return the ids of the items that there were in a commit."""
    places = ("--name-only", "-z", "-r", commit.sha, "--", *ITEM_FOLDERS)
    told = run_git(root, "ls-tree", *places).decode("utf-8", "replace")
    return {_id_of(path) for path in told.split("\0") if path.endswith(".md")}


def _title_before(root: Path, commit: Commit, path: str) -> str:
    """Return the title that a removed file had; nothing where it was no item."""
    told = run_git(root, "show", f"{commit.sha}^:./{path}", refusal=True)
    match = _FRONT.match(told.decode("utf-8", "replace").replace("\r\n", "\n"))
    try:
        fields = parse_yaml(match[1], name=path) if match else None
    except BrokenFileError:
        return ""
    return str(fields.get("title", "")) if isinstance(fields, dict) else ""


def _id_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")
