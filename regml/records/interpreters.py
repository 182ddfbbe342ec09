"""Which Python a command runs in: the packages there are the ones that count.

regml may be installed apart from what it records (pipx, uv tool, conda). Then its own
packages say nothing about the run, and the other interpreter is asked for its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.records.process import environment_of_others

SECONDS = 20.0
"""How long an interpreter may take to answer, in seconds."""

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*(?:\.exe)?")
_LONGEST = 512
"""How much of a script's first line is looked at, in bytes."""

_ASK = """\
import json, sys
json.dump([sys.implementation.name, list(sys.version_info[:3]), sys.path], sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python and where it looks for packages.

    Attributes:
        implementation: E.g. ``cpython``.
        version: E.g. ``3.11.7``.
        places: Folders, in the order of ``sys.path``.
        found: How, where it is not ours: it is the ``command`` itself, or the first
            one on the ``path``; ``unanswered`` where ours stands in for one that did
            not answer. ``None`` for ours.
    """

    implementation: str
    version: str
    places: tuple[str, ...]
    found: str | None = None


def own_interpreter(found: str | None = None) -> Interpreter:
    """Return the interpreter that runs us."""
    return Interpreter(
        sys.implementation.name, _dotted(sys.version_info[:3]), tuple(sys.path), found
    )


def interpreter_of(command: Sequence[str]) -> Interpreter:
    """Return the Python that a command runs in.

    That is the program itself, or what the first line of a script names. Of any other
    program, e.g. a shell script, it is the one that ``python`` means there.
    """
    program = _python_of(command[0]) if command else None
    found = "command" if program else "path"
    program = program or shutil.which("python") or shutil.which("python3")
    if program is None or _is_ours(program):
        return own_interpreter()
    return _asked(program, found) or own_interpreter("unanswered")


def _python_of(word: str) -> str | None:
    path = shutil.which(word)
    if path is None or _is_python(path):
        return path
    try:
        with Path(path).open("rb") as stream:
            first = stream.read(_LONGEST).partition(b"\n")[0]
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = first[2:].decode(errors="replace").split()
    named = [name for name in words[:3] if _is_python(name)]
    return shutil.which(named[0]) if named else None


def _is_python(path: str) -> bool:
    return _PYTHON.fullmatch(os.path.basename(path)) is not None  # noqa: PTH119


def _is_ours(program: str) -> bool:
    """Tell whether a program is our interpreter in our environment.

    That of an environment is a link to another one; the folder of the link counts.
    """
    theirs, ours = Path(program), Path(sys.executable)
    return (
        theirs.parent.resolve() == ours.parent.resolve()
        and theirs.resolve() == ours.resolve()
    )


def _asked(program: str, found: str) -> Interpreter | None:
    try:
        told = subprocess.run(
            [program, "-c", _ASK],
            env=environment_of_others(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        ).stdout
        implementation, version, places = json.loads(told)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(str(implementation), _dotted(version), tuple(places), found)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)
