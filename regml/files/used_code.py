"""Code that the device or a stage uses although it is not under control.

Results count as long as the digest of all sources and tests is the same. Code that
they import from elsewhere in the project would change without anybody noticing.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from regml.files.dvc import Stage
from regml.files.git import files_below

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
) -> tuple[UsedCode, ...]:
    """Return the code files that sources import and stages run, and nobody controls.

    Also what pytest takes from the folders above the tests.

    Imports of Python are followed as they are written; what is loaded by a name that is
    only known at run time is not seen.

    Args:
        root: The project.
        names: Every file of it, tracked or not ignored.
        sources: Files and folders under control.
        stages: Of ``dvc.yaml``.

    Raises:
        OSError: A source cannot be read.
    """
    there = frozenset(names)
    inside = frozenset(files_below(there, sources))
    outside = frozenset(n for n in there - inside if n.lower().endswith(_SCRIPTS))
    if not outside:
        return ()
    found = set()
    for name in inside:
        if name.endswith(".py"):
            text = (root / name).read_bytes().decode("utf-8", "replace")
            used = _files_of(_imports(text), outside)
            found |= {UsedCode(path, name) for path in used}
    found |= {UsedCode(path, "pytest") for path in _above_tests(inside) & outside}
    for stage in stages:
        words = [word for line in stage.command.splitlines() for word in _words(line)]
        modules = [after for word, after in pairwise(words) if word == "-m"]
        paths = {word.removeprefix("./") for word in words} & outside
        paths |= set(_files_of(modules, outside))
        paths |= set(stage.deps) & outside
        found |= {UsedCode(path, f"stage {stage.name}") for path in paths}
    return tuple(sorted(found))


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


def _imports(text: str) -> Iterator[str]:
    """Give each module that a source may import, with dots."""
    for match in _FROM.finditer(text):
        module, names = match.groups()
        if not module.startswith("."):  # a relative import stays in its package
            yield module
            for name in names.split(","):
                if words := name.split():
                    yield f"{module}.{words[0]}"
    for match in _IMPORT.finditer(text):
        yield from (name.strip() for name in match.group(1).split(","))


def _files_of(modules: Iterable[str], outside: frozenset[str]) -> Iterator[str]:
    """Give the file of each module, and of the packages around it, that is outside."""
    for module in modules:
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            place = "/".join(parts[:length])
            for root in _ROOTS:
                for path in (f"{root}{place}.py", f"{root}{place}/__init__.py"):
                    if path in outside:
                        yield path


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
