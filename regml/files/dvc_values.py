"""Parameters of DVC, and the stages that its templates write out."""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from regml.errors import BrokenFileError, ConfigError
from regml.files.core_yaml import read_plain_text, read_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PIPELINE = "dvc.yaml"
PARAMETERS = "params.yaml"
"""The file parameters come from where a stage names none."""

_TEMPLATE = re.compile(r"(?<!\\)\$\{\s*([^{}]*?)\s*\}")

ABSENT = object()
"""What a mapping does not have."""


def written_out(
    root: "Traversable", document: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], "Values"]]:
    """Give name, body and values of each stage.

    One with ``foreach`` or ``matrix`` stands for several, named ``stage@key``; their
    templates may refer to ``item`` and ``key``.
    """
    declared = mapping(document.get("stages") or {}, PIPELINE, "stages")
    values = Values.load(root, document.get("vars")) if declared else Values()
    for name, value in declared.items():
        body = mapping(value, PIPELINE, f"stage {name}")
        match body:
            case {"foreach": data, **rest}:
                body = mapping(rest.get("do"), PIPELINE, f"'do' of stage {name}")
                rounds = _rounds(values.resolve(data, name), name)
            case {"matrix": data, **rest}:
                table = mapping(data, PIPELINE, f"'matrix' of stage {name}")
                body, rounds = rest, _combinations(values.resolve(table, name), name)
            case _:
                yield name, body, values
                continue
        for key, given in rounds.items():
            yield f"{name}@{key}", body, Values({**values, **given})


def read_parameters(root: "Traversable", name: str) -> dict[str, Any]:
    """Read a parameter file: YAML, JSON or TOML.

    Raises:
        BrokenFileError: It is missing or broken.
        ConfigError: It is of another kind.
    """
    match PurePosixPath(name).suffix:
        case ".yaml" | ".yml":
            value = read_yaml(root, name)
        case ".json" | ".toml" as suffix:
            load = json.loads if suffix == ".json" else tomllib.loads
            try:
                value = load(read_plain_text(root, name))
            except ValueError as error:
                kind = suffix[1:].upper()
                raise BrokenFileError(name, f"is not {kind}: {error}.") from error
        case _:
            raise ConfigError(
                f"{name}: parameters are read from YAML, JSON and TOML only. "
                f"Move them to {PARAMETERS}."
            )
    return plain(mapping(value or {}, name, "the file"))  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: keys are text, dates are ISO 8601."""
    match value:
        case dict() | Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float() if value != value or value in {float("inf"), float("-inf")}:
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


class Values(dict[str, Any]):
    """What templates may refer to."""

    @classmethod
    def load(cls, root: "Traversable", declared: Any) -> "Values":
        """Collect ``params.yaml`` and everything under ``vars``."""
        values = cls()
        if (root / PARAMETERS).is_file():
            values.update(read_parameters(root, PARAMETERS))
        return values.extended(root, declared)

    def extended(self, root: "Traversable", declared: Any) -> "Values":
        """Return these values and those of a ``vars`` list."""
        values = Values(self)
        for entry in declared or ():
            if isinstance(entry, dict):
                values.update(plain(entry))
            else:
                name, _, keys = str(entry).partition(":")
                found = read_parameters(root, name)
                wanted = keys.split(",") if keys else found
                values.update({key: found[key] for key in wanted})
        return values

    def resolve(self, value: Any, stage: str) -> Any:
        """Return a value with its templates replaced; one alone may be of any kind."""
        match value:
            case dict():
                return {key: self.resolve(item, stage) for key, item in value.items()}
            case list():
                return [self.resolve(item, stage) for item in value]
            case str() if whole := _TEMPLATE.fullmatch(value.strip()):
                found = descend(self, _keys(whole))
                return self.fill(value, stage) if found is ABSENT else _told(found)
            case str():
                return self.fill(value, stage)
            case _:
                return value

    def fill(self, text: str, stage: str) -> str:
        """Return a text with every ``${key.path}`` replaced by its value."""

        def value_of(match: re.Match[str]) -> str:
            match descend(self, _keys(match)):
                case str() | int() | float() as value:
                    return _text(value)
                case _:
                    raise ConfigError(
                        f"{PIPELINE}: stage {stage}: '{match[0]}' is no single value "
                        f"of {PARAMETERS} or vars. Name one."
                    )

        return _TEMPLATE.sub(value_of, text).replace("\\${", "${")


def _rounds(data: Any, name: str) -> dict[str, dict[str, Any]]:
    """Return what ``foreach`` gives each of its stages, by key.

    A mapping gives its keys. A list gives its values, or their places as soon as one
    of them is a list or a mapping itself.
    """
    match data:
        case dict():
            return {_text(k): {"item": v, "key": _text(k)} for k, v in data.items()}
        case list() if any(isinstance(value, dict | list) for value in data):
            return {str(place): {"item": value} for place, value in enumerate(data)}
        case list():
            return {_name(value): {"item": value} for value in data}
        case _:
            raise BrokenFileError(
                PIPELINE, f"'foreach' of stage {name} is neither a list nor a mapping."
            )


def _combinations(table: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return what ``matrix`` gives each of its stages, by key.

    The key joins the values; a list or mapping is named by its variable and place.
    """
    for variable, values in table.items():
        if not isinstance(values, list):
            what = f"'matrix' of stage {name}: {variable} is no list."
            raise BrokenFileError(PIPELINE, what)
    found: dict[str, dict[str, Any]] = {}
    for row in itertools.product(*(enumerate(values) for values in table.values())):
        named = list(zip(table, row, strict=True))
        key = "-".join(
            f"{variable}{place}" if isinstance(value, dict | list) else _name(value)
            for variable, (place, value) in named
        )
        found[key] = {"item": {n: value for n, (_, value) in named}, "key": key}
    return found


class _Flag(str):
    """A truth value that came through a template: no truth value for DVC any more."""

    __slots__ = ()


def _told(value: Any) -> Any:
    match value:
        case dict():
            return {key: _told(item) for key, item in value.items()}
        case list():
            return [_told(item) for item in value]
        case bool():
            return _Flag(_text(value))
        case _:
            return value


def _name(value: Any) -> str:
    """Return a single value as DVC names a stage by it."""
    return value.capitalize() if isinstance(value, _Flag) else _text(value)


def _text(value: Any) -> str:
    """Return a single value as DVC writes it into a command or a name."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def descend(value: Any, keys: list[str]) -> Any:
    """Return what lies below a value under some keys, or ``ABSENT``."""
    for key in keys:
        match value:
            case dict() if key in value:
                value = value[key]
            case list() if key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            case _:
                return ABSENT
    return value


def _keys(template: re.Match[str]) -> list[str]:
    return template[1].replace("[", ".").replace("]", "").split(".")


def mapping(value: Any, name: str, what: str) -> dict[str, Any]:
    """Return a value that has to be a mapping.

    Raises:
        BrokenFileError: It is none; names the file.
    """
    if not isinstance(value, dict):
        raise BrokenFileError(name, f"{what} is not a mapping of keys to values.")
    return value
