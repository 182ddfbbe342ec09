"""Items as they were at earlier commits, read from git without a checkout."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from regml.errors import BrokenFileError
from regml.files.markdown import parse_item
from regml.files.repository import git_environment, in_repository, prefix_in_repository
from regml.items.base import Item


def items_at(
    root: Path, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Item]:
    """Return items as commits hold them, by commit and path.

    What git does not hold there, or what is no item in today's form, is left out.

    Args:
        root: The project.
        wanted: Commit and path relative to the project.
    """
    places = sorted(set(wanted))
    if not places or not in_repository(root):
        return {}
    prefix = prefix_in_repository(root)
    asked = "".join(f"{commit}:{prefix}{path}\n" for commit, path in places)
    known: dict[tuple[str, bytes], Item | None] = {}  # most commits change none of them
    found = {}
    for place, content in zip(places, _contents(root, asked.encode()), strict=False):
        if content is None:
            continue
        key = (place[1], content)
        if key not in known:
            known[key] = _item(*key)
        if item := known[key]:
            found[place] = item
    return found


def _item(path: str, content: bytes) -> Item | None:
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
        return parse_item(path, text).item
    except (UnicodeDecodeError, BrokenFileError):
        return None  # whoever asks is told that nobody knows


def _contents(root: Path, asked: bytes) -> Iterator[bytes | None]:
    """Give what git has for each line, ``None`` where it has nothing."""
    done = subprocess.run(
        ["git", "cat-file", "--batch"],
        cwd=root,
        env=git_environment(root),
        input=asked,
        capture_output=True,
        check=False,
    )
    rest = done.stdout
    while rest:
        header, _, rest = rest.partition(b"\n")
        parts = header.split()
        if len(parts) != 3 or not parts[2].isdigit():
            yield None
            continue
        size = int(parts[2])
        yield rest[:size] if parts[1] == b"blob" else None
        rest = rest[size + 1 :]
