"""Packages of others that code imports, as they are installed here."""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_ROOTS: Final = ("", "src/")
"""Where Python packages of a project lie."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A module of somebody else that a source imports.

    Attributes:
        module: The part of its name before the first dot.
        by: One source that imports it, the first by name.
        packages: Distributions that bring it here; its own name where none does.
    """

    module: str
    by: str
    packages: tuple[str, ...]


def imported_packages(
    root: "Traversable", sources: Iterable[str], names: Iterable[str]
) -> tuple[Imported, ...]:
    """Return what sources import that is neither Python's nor the project's, by name.

    Args:
        root: The project.
        sources: Files with code; those that are no Python, or that cannot be parsed and
            so are a finding of check T07, add nothing.
        names: Every file of the project.

    Raises:
        OSError: A source cannot be read.
    """
    there, found = frozenset(names), dict[str, str]()
    folders = {name[: at + 1] for name in there for at in _slashes(name)}
    for source in sorted(sources):
        if source.endswith(".py"):
            beside = source[: source.rfind("/") + 1]
            for module in _modules((root / source).read_bytes()):
                if not any(
                    f"{place}{module}.py" in there or f"{place}{module}/" in folders
                    for place in (*_ROOTS, beside)
                ):
                    found.setdefault(module, source)
    brought = packages_distributions()
    return tuple(
        Imported(module, by, tuple(sorted(set(brought.get(module, [module])))))
        for module, by in sorted(found.items())
    )


def _slashes(name: str) -> Iterator[int]:
    return (at for at, letter in enumerate(name) if letter == "/")


def _modules(source: bytes) -> set[str]:
    """Return the first part of each module that a source imports from outside."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names
