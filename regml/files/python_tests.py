"""Static look at Python tests: what they verify.

Nothing is imported and nothing is run.
"""

import ast
import warnings
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
            for test in scan_tests(_content(file, name), path=name)
        )
    )


def scan_tests(source: bytes | str, *, path: str) -> Iterator[WrittenTest]:
    """Give the tests of one module in the order of their lines.

    Args:
        source: The module; of bytes Python finds out the encoding itself.
        path: Its file, POSIX, relative to the project.

    Raises:
        BrokenFileError: The source is not Python, or a marker names no literal id.
    """
    module = _parsed(source, path)
    yield from _tests(module.body, path, path, _own_marks(module.body, path))


def _parsed(source: bytes | str, path: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about style, e.g. of escapes
            return ast.parse(source)
    except SyntaxError as error:
        raise BrokenFileError(
            path,
            f"is not Python: {error.msg}.",
            remedy="Mend the line; pytest cannot read it either.",
            line=error.lineno,
        ) from error
    except ValueError as error:  # a null byte
        raise BrokenFileError(path, f"is not Python: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise BrokenFileError(
            path,
            "has an expression that is too long or too deep to be read.",
            remedy="Keep large data in a file of their own.",
        ) from error


def _tests(
    body: Iterable[ast.stmt], prefix: str, path: str, inherited: tuple[str, ...]
) -> Iterator[WrittenTest]:
    for node in _statements(body):
        if isinstance(node, ast.ClassDef) and _groups_tests(node):
            marks = (
                inherited
                + _own_marks(node.body, path)
                + _marks(node.decorator_list, path)
            )
            yield from _tests(node.body, f"{prefix}::{node.name}", path, marks)
        elif isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        ) and node.name.startswith("test"):
            marks = inherited + _marks(node.decorator_list, path)
            unique = tuple(dict.fromkeys(marks))
            yield WrittenTest(f"{prefix}::{node.name}", unique, path, node.lineno)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Give statements, also those under an ``if``, a ``try`` or a ``with``."""
    for node in body:
        if isinstance(node, ast.If | ast.Try | ast.With):
            handlers = getattr(node, "handlers", ())
            for part in (node, *handlers):
                for name in ("body", "orelse", "finalbody"):
                    yield from _statements(getattr(part, name, ()))
        else:
            yield node


def _groups_tests(node: ast.ClassDef) -> bool:
    """Tell whether pytest looks for tests in a class, as far as its text says."""
    bases = (b.attr if isinstance(b, ast.Attribute) else b for b in node.bases)
    names = (b.id if isinstance(b, ast.Name) else b for b in bases)
    of_unittest = any(str(name).endswith("TestCase") for name in names)
    return of_unittest or node.name.startswith("Test")


def _own_marks(body: Iterable[ast.stmt], path: str) -> tuple[str, ...]:
    """Return what ``pytestmark`` says for all tests of a module or class."""
    found: tuple[str, ...] = ()
    for node in _statements(body):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        else:
            continue
        value = node.value
        if value is not None and any(
            isinstance(target, ast.Name) and target.id == "pytestmark"
            for target in targets
        ):
            marks = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            found += _marks(marks, path)
    return found


def _marks(decorators: Iterable[ast.expr], path: str) -> tuple[str, ...]:
    return tuple(
        name
        for decorator in decorators
        if _is_marker(decorator)
        for name in _literals(decorator, path)
    )


def _is_marker(decorator: ast.expr) -> bool:
    """Tell whether an expression is ``pytest.mark.verifies``, called or not."""
    mark = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not isinstance(mark, ast.Attribute) or mark.attr != MARKER:
        return False
    return isinstance(decorator, ast.Call) or ast.unparse(mark.value).endswith("mark")


def _literals(marker: ast.expr, path: str) -> Iterator[str]:
    """Give the ids of a marker; it names at least one, as text, without keywords."""
    arguments = marker.args if isinstance(marker, ast.Call) else []
    keywords = marker.keywords if isinstance(marker, ast.Call) else []
    for argument in arguments or [marker]:
        if keywords or not (
            isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ):
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


def _content(file: "Traversable", path: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BrokenFileError(path, f"cannot be read ({error.strerror}).") from error
