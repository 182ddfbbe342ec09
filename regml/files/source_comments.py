"""Comments in source code that name what it implements: ``regml: implements SRS-012``.

Only comments count, never strings, in Python, C and its relatives, shell, YAML and
what else writes comments with ``#`` or ``<!-- -->``. Nothing is imported or run. What
looks like such a comment and cannot be understood is reported, never skipped.
"""

import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from regml.items.base import Kind

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from yaml.error import Mark

ITEM: Final = r"[A-Za-z]+-\d+"
IMPLEMENTS: Final = re.compile(
    rf"regml:\s*implements\s+({ITEM}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+){ITEM})*)"
    r"(?![\w-])"
)
"""What such a comment says; several ids are separated by commas, spaces or "and"."""

MEANT: Final = re.compile(
    rf"regml(?:\s*:\s*(?:impl|\w+\s*:?\s+{ITEM}\b)|\s+implements?\s*:?\s+{ITEM}\b)",
    re.IGNORECASE,
)
"""What someone wrote who meant that, whether it can be read or not."""

ADDRESSED: Final = re.compile(rf"^[\s*/!#<-]*{MEANT.pattern}", re.IGNORECASE)
"""A line of a comment that speaks to regml."""


GOES_ON: Final = re.compile(
    rf"\s*(?:[-.,;/&+|]+|or|to|through)\s*(?:{'|'.join(Kind)})[-_ ]?\d", re.IGNORECASE
)
"""More ids behind those that were read, in a way that they are not."""

_SPELLINGS: Final = ("regml", "REGML", "Regml")


@dataclass(frozen=True, slots=True, order=True)
class SourceMark:
    """A ``regml: implements`` comment: one per id it names.

    Attributes:
        path: File, POSIX, relative to the project.
        line: 1-based line of the comment.
        id: What it says the file implements.
    """

    path: str
    line: int
    id: str


@dataclass(frozen=True, slots=True, order=True)
class UnreadSource:
    """A source file, or a comment in it, that could not be understood.

    Attributes:
        path: File, POSIX, relative to the project.
        line: 1-based line; 1 where it is the whole file.
        why: What is in the way, as a phrase.
    """

    path: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class SourceComments:
    """What the comments of some files say.

    Attributes:
        marks: What they say the files implement, sorted.
        unread: What could not be understood, sorted.
    """

    marks: tuple[SourceMark, ...] = ()
    unread: tuple[UnreadSource, ...] = ()


Comments = Callable[[str], Iterator[tuple[int, str]]]
"""Gives the comments of a source: the 1-based line each begins on, and its text."""


def read_comments(root: "Traversable", paths: Iterable[str]) -> SourceComments:
    """Return what the comments of some source files say.

    Args:
        root: The project.
        paths: Files relative to it, POSIX.
    """
    found = [said for path in paths for said in _read(root / path, path)]
    return SourceComments(
        tuple(sorted(said for said in found if isinstance(said, SourceMark))),
        tuple(sorted(said for said in found if isinstance(said, UnreadSource))),
    )


def comments_in(source: str, *, path: str) -> Iterator[SourceMark | UnreadSource]:
    """Give what the comments of one file say, in their order.

    Args:
        source: Its text.
        path: Its path, which also tells its language.
    """
    if not (any(n in source for n in _SPELLINGS) and MEANT.search(source)):
        return
    language = language_of(path, source)
    if language is None:
        for number, line in enumerate(source.splitlines(), start=1):
            if IMPLEMENTS.search(line):
                why = "it is not known how comments look in this kind of file"
                yield UnreadSource(path, number, why)
        return
    try:
        for first, text in language(source):
            yield from _said(path, first, text)
    except SyntaxError as error:
        why = f"its comments cannot be told from its code: {error.msg}"
        yield UnreadSource(path, error.lineno or 1, why)


def language_of(path: str, source: str = "") -> Comments | None:
    """Return how comments look in a file, by its name or its first line."""
    name = PurePosixPath(path)
    suffixes = name.suffixes
    for ending in reversed(suffixes[-2:]):  # build.sh.in is shell as well
        if ending.lower() in ENDINGS:
            return ENDINGS[ending.lower()]
        if ending not in {".in", ".j2", ".tmpl", ".template"}:
            break
    if name.name in NAMES:
        return NAMES[name.name]
    first = source.partition("\n")[0]
    if first.startswith("#!"):
        return _python if "python" in first else _shell
    return None


def python_comments(source: str) -> Iterator[tuple[int, str]]:
    """Give the comments of Python code as far down as one can speak to regml.

    Raises:
        SyntaxError: It is not Python so far.
    """
    start = max((found.start() for found in MEANT.finditer(source)), default=0)
    last = source.count("\n", 0, start) + 1
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.start[0] > last:
                return
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except tokenize.TokenError as error:
        problem = SyntaxError(str(error.args[0]))
        problem.lineno = error.args[1][0]
        raise problem from error


def yaml_comments(source: str) -> Iterator[tuple[int, str]]:
    """Give the comments of YAML: what stands behind a ``#`` outside of every value.

    Raises:
        SyntaxError: It is not YAML.
    """
    import yaml

    lines = source.splitlines()
    inside: dict[int, list[tuple[int, int]]] = {}
    try:
        for token in yaml.scan(source, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken):
                _cover(inside, token.start_mark, token.end_mark, token.style)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).partition("\n")[0]
        problem = SyntaxError(said)
        problem.lineno = mark.line + 1 if mark else 1
        raise problem from error
    for number, line in enumerate(lines):
        for found in re.finditer(r"(?:^|(?<=\s))#", line):
            spans = inside.get(number, ())
            if not any(start <= found.start() < end for start, end in spans):
                yield number + 1, line[found.start() :]
                break


def _cover(
    inside: dict[int, list[tuple[int, int]]],
    start: "Mark",
    end: "Mark",
    style: str | None,
) -> None:
    """Note the columns of each line that belong to a value."""
    whole = 1 << 30
    first = start.line + 1 if style in {"|", ">"} else start.line  # its head may
    for line in range(first, end.line + 1):  # have a comment of its own
        begin = start.column if line == start.line else 0
        stop = end.column if line == end.line else whole
        inside.setdefault(line, []).append((begin, stop))


def _scanner(*parts: str) -> Comments:
    """Return a reader for a language whose strings and comments are patterns.

    The pattern that begins first wins, so that a comment sign in a string is none.
    """
    pattern = re.compile("|".join(parts), re.DOTALL | re.MULTILINE)

    def comments(source: str) -> Iterator[tuple[int, str]]:
        line, end = 1, 0
        for found in pattern.finditer(source):
            if found["comment"] is not None:
                line += source.count("\n", end, found.start("comment"))
                end = found.start("comment")
                yield line, found["comment"]

    return comments


_DOUBLE = r'"(?:[^"\\\n]|\\.)*"'
_SINGLE = r"'(?:[^'\\\n]|\\.)*'"
_C_COMMENT = r"(?P<comment>//(?:[^\\\n]|\\.)*|/\*.*?(?:\*/|\Z))"
_HASH = r"(?P<comment>#[^\n]*)"

_python = python_comments
_c = _scanner(
    r'R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"',
    _DOUBLE,
    r"'(?:[^'\\\n]|\\[^\n]{1,9}?)'",  # one character: 1'000 is a number
    _C_COMMENT,
)
_script = _scanner(r"`(?:[^`\\]|\\.)*`", _DOUBLE, _SINGLE, _C_COMMENT)
_hash = _scanner(r'""".*?"""', r"'''.*?'''", _DOUBLE, _SINGLE, _HASH)
_make = _scanner(r"\\[#\n]", _HASH)
_shell = _scanner(
    r"\\.",
    r"\$\{?#",  # a number of arguments or a length, no comment
    r"<<-?\s*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)[^\n]*\n.*?^\t*(?P=end)$",
    r'"(?:[^"\\]|\\.)*"',
    r"'[^']*'",
    r"(?:^|(?<=[\s;&|()]))" + _HASH,
)
_markup = _scanner(r"(?P<comment><!--.*?(?:-->|\Z))")
_dashes = _scanner(_DOUBLE, _SINGLE, r"(?P<comment>--[^\n]*)")

ENDINGS: Final[Mapping[str, Comments]] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), python_comments),
    **dict.fromkeys((".pyx", ".pxd", ".toml", ".cfg", ".ini", ".conf"), _hash),
    **dict.fromkeys((".cmake", ".r", ".jl", ".rb", ".pl", ".ps1", ".tcl"), _hash),
    **dict.fromkeys((".tf", ".dockerfile", ".properties"), _hash),
    **dict.fromkeys((".yaml", ".yml"), yaml_comments),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh"), _shell),
    **dict.fromkeys((".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx"), _c),
    **dict.fromkeys((".cu", ".cuh", ".inl", ".ipp", ".mm", ".ino"), _c),
    **dict.fromkeys((".java", ".cs", ".kt", ".swift", ".rs", ".scala", ".proto"), _c),
    **dict.fromkeys((".cl", ".glsl", ".hlsl", ".metal", ".v", ".sv"), _c),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".go"), _script),
    **dict.fromkeys((".css", ".scss", ".dart", ".groovy", ".gradle"), _script),
    **dict.fromkeys((".html", ".htm", ".xml", ".svg", ".md", ".ui", ".vue"), _markup),
    **dict.fromkeys((".sql", ".lua", ".hs", ".vhd", ".vhdl", ".ads", ".adb"), _dashes),
    ".mk": _make,
}
"""How comments look, by the ending of the file's name."""

NAMES: Final[Mapping[str, Comments]] = {
    **dict.fromkeys(("Makefile", "makefile", "GNUmakefile"), _make),
    **dict.fromkeys(("Dockerfile", "Containerfile", "CMakeLists.txt"), _hash),
    **dict.fromkeys(("SConstruct", "SConscript", "Snakefile"), _hash),
    **dict.fromkeys((".bashrc", ".profile", ".envrc"), _shell),
    "Jenkinsfile": _script,
    "requirements.txt": _hash,
}
"""The same by the whole name."""


def _read(file: "Traversable", path: str) -> Iterator[SourceMark | UnreadSource]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        yield UnreadSource(path, 1, f"it cannot be read ({error.strerror})")
        return
    known = language_of(path, raw[:80].decode("latin-1")) is not None
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        if known:
            yield UnreadSource(path, line, f"it is not UTF-8 (byte {error.start})")
        elif re.search(rb"regml:\s*implements", raw):
            yield UnreadSource(path, line, "it is not text and seems to name items")
        return
    yield from comments_in(source.replace("\r\n", "\n"), path=path)


def _said(path: str, first: int, text: str) -> Iterator[SourceMark | UnreadSource]:
    for number, line in enumerate(text.split("\n"), start=first):
        found = list(IMPLEMENTS.finditer(line))
        for match in found:
            for name in re.findall(ITEM, match[1]):
                yield SourceMark(path, number, name)
        lost = any(GOES_ON.match(line, match.end()) for match in found)
        if lost or (not found and ADDRESSED.match(line)):
            said = line.strip(" \t*/#<>!-")[:60]
            yield UnreadSource(path, number, f"the comment says '{said}'")
