"""Static look at Python tests: what they verify.

Nothing is imported and nothing is run.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regml.errors import BrokenFileError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

MARKER: Final = "verifies"
"""Name of the pytest marker with which a test names what it speaks for."""


@dataclass(frozen=True, slots=True, order=True)
class WrittenTest:
    """A test as it stands in the source.

    Attributes:
        name: pytest node id without parameters, POSIX, relative to the project.
        verifies: Ids it names, in the order in which they are written.
        path: File, POSIX, relative to the project.
        line: 1-based line of the function.
    """

    name: str
    verifies: tuple[str, ...]
    path: str
    line: int


def read_tests(root: "Traversable", folders: Iterable[str]) -> tuple[WrittenTest, ...]:
    """Return every pytest test below some folders, sorted by name.

    Args:
        root: The project.
        folders: Folders or files relative to it; missing ones are skipped.

    Raises:
        BrokenFileError: A test file is not Python, or a marker names no literal id.
    """
    files = {
        name: file
        for folder in folders
        for name, file in _python_files(root / folder, folder)
        if file.name.startswith("test_") or file.name.endswith("_test.py")
    }
    return tuple(
        sorted(
            test
            for name, file in files.items()
            for test in scan_tests(_text(file, name), path=name)
        )
    )


def scan_tests(source: str, *, path: str) -> Iterator[WrittenTest]:
    """Give the tests of one module in the order of their lines.

    Raises:
        BrokenFileError: The source is not Python, or a marker names no literal id.
    """
    try:
        module = ast.parse(source)
    except SyntaxError as error:
        raise BrokenFileError(
            path, f"is not Python: {error.msg}.", line=error.lineno
        ) from error
    yield from _tests(module.body, path, path, _module_marks(module, path))


def _tests(
    body: Iterable[ast.stmt], prefix: str, path: str, inherited: tuple[str, ...]
) -> Iterator[WrittenTest]:
    for node in body:
        if isinstance(node, ast.ClassDef) and _groups_tests(node):
            marks = inherited + _marks(node.decorator_list, path)
            yield from _tests(node.body, f"{prefix}::{node.name}", path, marks)
        elif isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        ) and node.name.startswith("test"):
            marks = inherited + _marks(node.decorator_list, path)
            unique = tuple(dict.fromkeys(marks))
            yield WrittenTest(f"{prefix}::{node.name}", unique, path, node.lineno)


def _groups_tests(node: ast.ClassDef) -> bool:
    """Tell whether pytest looks for tests in a class, as far as its text says."""
    bases = (b.attr if isinstance(b, ast.Attribute) else b for b in node.bases)
    names = (b.id if isinstance(b, ast.Name) else b for b in bases)
    of_unittest = any(str(name).endswith("TestCase") for name in names)
    return of_unittest or node.name.startswith("Test")


def _module_marks(module: ast.Module, path: str) -> tuple[str, ...]:
    """Return what ``pytestmark`` says for all tests of a module."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark"
            for target in node.targets
        ):
            value = node.value
            marks = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            return _marks(marks, path)
    return ()


def _marks(decorators: Iterable[ast.expr], path: str) -> tuple[str, ...]:
    return tuple(
        name
        for decorator in decorators
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == MARKER
        for name in _literals(decorator, path)
    )


def _literals(call: ast.Call, path: str) -> Iterator[str]:
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise BrokenFileError(
                path,
                f"the marker {MARKER!r} has to name ids as plain text.",
                remedy='Write for example @pytest.mark.verifies("SRS-001").',
                line=argument.lineno,
            )
        yield argument.value


def _python_files(
    place: "Traversable", path: str
) -> Iterator[tuple[str, "Traversable"]]:
    if place.is_file():
        yield path, place
    elif place.is_dir():
        for entry in place.iterdir():
            name = f"{path}/{entry.name}"
            if entry.name.endswith(".py") or entry.is_dir():
                yield from _python_files(entry, name)


def _text(file: "Traversable", path: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenFileError(path, f"cannot be read as text: {error}.") from error
