"""YAML 1.2, as DVC reads and writes it.

Our library knows YAML 1.1. Here ``1e-3`` is a number, ``yes`` is a word and ``010`` is
ten, so that a parameter has the same value for us as for DVC. Imports no pydantic,
because the recorder has to start fast.
"""

import re
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from regml.errors import BrokenFileError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEEPEST = 100
"""Levels of lists and mappings; what DVC reads has ten."""

_DASHES = re.compile(rf"(?:[-?][ \t]+){{{DEEPEST}}}")

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


def read_yaml(root: "Traversable", name: str, **missing: Any) -> Any:
    """Read one YAML 1.2 document below the project.

    Args:
        root: The project.
        name: The file, relative to it.
        missing: ``missing=`` what to return where there is no such file.

    Raises:
        BrokenFileError: It cannot be read or is not YAML; names the line.
    """
    if missing and not (root / name).is_file():
        return missing["missing"]
    text = read_plain_text(root, name)
    _refuse_nesting(text, name)
    try:
        return yaml.load(text, _CoreLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BrokenFileError(
            name,
            f"is not valid YAML: {error.problem or error.context}.",
            remedy="Mend the line.",
            line=mark.line + 1 if mark else None,
        ) from error
    except yaml.YAMLError as error:
        said = str(error).partition("\n")[0]
        raise BrokenFileError(name, f"is not valid YAML: {said}.") from error
    except ValueError as error:
        raise BrokenFileError(
            name,
            f"has a date or number that does not exist: {error}.",
            remedy="Correct it, or put it between quotes.",
        ) from error


def _refuse_nesting(text: str, name: str) -> None:
    """Refuse what the library cannot survive: it ends the interpreter."""
    if text.count("[") + text.count("{") < DEEPEST and not _DASHES.search(text):
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_CoreLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                mark = event.start_mark
                raise BrokenFileError(
                    name,
                    f"nests lists and mappings more than {DEEPEST} levels deep.",
                    remedy="Write it flat.",
                    line=mark.line + 1 if mark else None,
                )
    except yaml.YAMLError:
        return  # whoever loads the text says what is wrong with it


def read_plain_text(root: "Traversable", name: str) -> str:
    """Return the text of a file below the project.

    Raises:
        BrokenFileError: It cannot be read or is not UTF-8.
    """
    try:
        return (root / name).read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenFileError(name, f"cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            name, "is not UTF-8.", remedy="Save it with the encoding UTF-8."
        ) from error


class _CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The fast YAML loader with the scalars of YAML 1.2, which DVC reads."""

    yaml_implicit_resolvers: ClassVar[_Resolvers] = {}

    def construct_core_int(self, node: yaml.ScalarNode) -> int:
        """Return a decimal, ``0o``, ``0x`` or ``0b`` number."""
        text = node.value.replace("_", "")
        sign = -1 if text.startswith("-") else 1
        digits = text.lstrip("+-")
        return sign * (int(digits, 0) if digits[1:2].isalpha() else int(digits))


def _resolve(tag: str, pattern: str, first: str) -> None:
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first)
    )


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve(
    "int",
    r"^(?:[-+]?[0-9][0-9_]*|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?0b[01_]+)$",
    "-+0123456789",
)
_resolve(
    "float",
    r"^(?:[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    "-+.0123456789",
)
_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN\0")
_CoreLoader.yaml_implicit_resolvers.setdefault("", []).append(
    ("tag:yaml.org,2002:null", re.compile(r"^$"))
)
for _mark in "0123456789":
    # a date is a date in both versions
    _CoreLoader.yaml_implicit_resolvers[_mark] += [
        row
        for row in yaml.SafeLoader.yaml_implicit_resolvers[_mark]
        if row[0].endswith(":timestamp")
    ]
_CoreLoader.yaml_implicit_resolvers["="] = []
_CoreLoader.yaml_implicit_resolvers["<"] = yaml.SafeLoader.yaml_implicit_resolvers["<"]
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _CoreLoader.construct_core_int)
