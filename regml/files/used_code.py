"""Code that the device or a stage uses although it is not under control.

Results count as long as the digest of all sources and tests is the same. Code that
they import from elsewhere in the project would change without anybody noticing.
"""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from regml.files.dvc import Stage
from regml.files.git import files_below, lies_in

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_FROM = re.compile(r"(?m)^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+\(?([\w \t,]*)")
_IMPORT = re.compile(r"(?m)^[ \t]*import[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*)")
_ROOTS = ("", "src/")
"""Where Python packages of a project lie."""

_TEST = re.compile(r"test_.*\.py|.*_test\.py")
_SCRIPTS = (".py", ".sh", ".r", ".jl", ".m")


@dataclass(frozen=True, slots=True, order=True)
class UsedCode:
    """A file with code outside of the sources under control.

    Attributes:
        path: Relative to the project, POSIX.
        by: The source that imports it, the stage that runs it, or ``pytest``.
    """

    path: str
    by: str


def code_used_outside(
    root: "Traversable",
    names: Iterable[str],
    sources: Iterable[str],
    stages: Iterable[Stage],
    pointers: Collection[str] = (),
) -> tuple[UsedCode, ...]:
    """Return the code files that sources import and stages run, and nobody controls.

    Also what pytest takes from the folders above the tests.

    Imports of Python are followed as they are written; what is loaded by a name that is
    only known at run time is not seen. What git ignores counts where it is used.

    Args:
        root: The project.
        names: Every file of it, tracked or not ignored.
        sources: Files and folders under control.
        stages: Of ``dvc.yaml``.
        pointers: Submodules and links; of those among the sources all is controlled.

    Raises:
        OSError: A source cannot be read.
    """
    there, controlled = frozenset(names), {place.rstrip("/") for place in sources}
    inside = frozenset(files_below(there, controlled))
    outside = frozenset(n for n in there - inside if n.lower().endswith(_SCRIPTS))
    known = {place for place in pointers if lies_in(place, controlled)}
    hidden = _Hidden(root, there, known)
    files: dict[str, tuple[str, ...]] = {}  # many sources import the same
    found = set()
    for name in inside:
        if name.endswith(".py"):
            text = (root / name).read_bytes().decode("utf-8", "replace")
            for module in set(_imports(text, name)):
                if module not in files:
                    files[module] = tuple(_files_of([module], outside, hidden))
                found |= {UsedCode(path, name) for path in files[module]}
    above = _above_tests(inside)
    found |= {UsedCode(p, "pytest") for p in above if p in outside or hidden.holds(p)}
    for stage in stages:
        words = [word for line in stage.command.splitlines() for word in _words(line)]
        modules = [after for word, after in pairwise(words) if word == "-m"]
        plain = {word.removeprefix("./") for word in words} | set(stage.deps)
        paths = plain & outside
        paths |= {p for p in plain if p.lower().endswith(_SCRIPTS) and hidden.holds(p)}
        paths |= set(_files_of(modules, outside, hidden))
        found |= {UsedCode(path, f"stage {stage.name}") for path in paths}
    return tuple(sorted(found))


class _Hidden:
    """The files that lie in a project although git does not tell of them.

    Args:
        root: The project.
        names: Those that git tells of.
        known: Places of which our git tells nothing more, and need not.
    """

    def __init__(
        self, root: "Traversable", names: frozenset[str], known: Collection[str]
    ) -> None:
        self._root, self._names, self._known = root, names, known
        self._folders: dict[str, frozenset[str]] = {}

    def holds(self, path: str) -> bool:
        """Tell whether one of them has this path."""
        if path in self._names or lies_in(path, self._known) or path.startswith("/"):
            return False
        folder, name = "", path
        while "/" in name:
            step, _, name = name.partition("/")
            if step in ("", ".", "..") or step not in self._in(folder):
                return False
            folder = f"{folder}/{step}" if folder else step
        return name in self._in(folder) and (self._root / path).is_file()

    def _in(self, folder: str) -> frozenset[str]:
        """Return what lies in a folder, each of which is listed once."""
        if folder not in self._folders:
            place = self._root / folder if folder else self._root
            found = place.iterdir() if place.is_dir() else ()
            self._folders[folder] = frozenset(entry.name for entry in found)
        return self._folders[folder]


def _above_tests(sources: Iterable[str]) -> set[str]:
    """Return what pytest loads for tests without anybody naming it."""
    found = set()
    for name in sources:
        folder, _, file = name.rpartition("/")
        if _TEST.fullmatch(file):
            while folder:
                folder = folder.rpartition("/")[0]
                found.add(f"{folder}/conftest.py".lstrip("/"))
    return found


def _imports(text: str, name: str) -> Iterator[str]:
    """Give each module that a source may import, with dots.

    Args:
        text: Of the source.
        name: Its path, from which relative imports count.
    """
    for match in _FROM.finditer(text):
        module, names = match.groups()
        plain = module.lstrip(".")
        if level := len(module) - len(plain):
            around = name.split("/")[:-level]
            module = ".".join([*around, plain] if plain else around)
        if module:
            yield module
        for one in names.split(","):
            if words := one.split():
                yield f"{module}.{words[0]}".lstrip(".")
    for match in _IMPORT.finditer(text):
        yield from (one.strip() for one in match.group(1).split(","))


def _files_of(
    modules: Iterable[str], outside: Collection[str], hidden: _Hidden
) -> Iterator[str]:
    """Give the file of each module, and of the packages around it, that is outside."""
    for module in modules:
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            place = "/".join(parts[:length])
            for root in _ROOTS:
                for path in (f"{root}{place}.py", f"{root}{place}/__init__.py"):
                    if path in outside or hidden.holds(path):
                        yield path


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
