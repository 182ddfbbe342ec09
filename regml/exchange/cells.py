"""Fields of items as the text of one cell, and back.

A list of lines is one line each, a list of ids is separated by commas, and what is
nested is JSON. ``read_cell(form, write_cell(form, value)) == value``.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from regml.exchange.foreign import Value
from regml.items.base import ItemId
from regml.items.links import AnyItem


class Form(StrEnum):
    """How the value of a field is written in one cell."""

    TEXT = "text"
    LINES = "lines"
    ID = "id"
    IDS = "ids"
    JSON = "json"


IDENTITY = ("id", "text")
"""Fields that are no front matter."""


@cache
def forms(model: type[BaseModel]) -> Mapping[str, Form]:
    """Return the form of each field of a kind of item, in its order."""
    schema = model.model_json_schema()
    shared = schema.get("$defs", {})
    return {
        name: _form(part, shared)
        for name, part in schema["properties"].items()
        if name not in IDENTITY
    }


@cache
def required(model: type[BaseModel]) -> Mapping[str, Value]:
    """Return the fields an item cannot do without, with a stand-in for each.

    The stand-in is ``TBD`` for a text and nothing for a list; ``None`` says that there
    is no honest one.
    """
    schema = model.model_json_schema()
    shared = schema.get("$defs", {})
    found: dict[str, Value] = {}
    for name in schema.get("required", ()):
        part = _resolved(schema["properties"][name], shared)
        free_text = part.get("type") == "string" and not {
            "enum",
            "format",
            "pattern",
            "const",
        } & set(part)
        if name in IDENTITY or name == "title":
            continue
        if part.get("type") == "array" and not part.get("minItems"):
            found[name] = []
        else:
            found[name] = "TBD" if free_text else None
    return found


@cache
def vocabulary(model: type[BaseModel], field: str) -> Mapping[str, str]:
    """Return the words of a closed vocabulary by their folded form; else nothing."""
    schema = model.model_json_schema()
    part = _resolved(schema["properties"].get(field, {}), schema.get("$defs", {}))
    return {
        folded(word): word for word in part.get("enum", ()) if isinstance(word, str)
    }


def folded(word: str) -> str:
    """Return a word without what people write in different ways."""
    return re.sub(r"[\s_/-]+", "_", word.strip().casefold())


def cells(item: AnyItem) -> dict[str, str | tuple[str, ...]]:
    """Return every stated field but id and text; ids of links stay a tuple."""
    model = type(item)
    stated = item.model_dump(mode="json", exclude=set(IDENTITY), exclude_defaults=True)
    found: dict[str, str | tuple[str, ...]] = {}
    for name, form in forms(model).items():
        if name not in stated:
            continue
        value = stated[name]
        if form is Form.IDS:
            found[name] = tuple(value)
        elif form is Form.ID:
            found[name] = (value,)
        else:
            found[name] = write_cell(form, value)
    return found


def write_cell(form: Form, value: Any) -> str:
    """Return the text of one cell."""
    match form:
        case Form.TEXT | Form.ID:
            return str(value)
        case Form.IDS:
            return ", ".join(value)
        case Form.LINES if not _ambiguous(value):
            return "\n".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def read_cell(form: Form, value: Value) -> Any:
    """Return what a foreign value says as a value of a field.

    What cannot be understood comes back as it is; the item's model says why not.
    """
    match form:
        case Form.TEXT | Form.ID:
            return plain(value)
        case Form.IDS:
            return split_ids(value)
        case Form.LINES:
            return _lines(value)
        case _:
            return _parsed(value)


def split_ids(value: Value) -> list[str]:
    """Return the ids that a list or a text separated by commas or spaces names."""
    if isinstance(value, list | tuple):
        return [plain(part).strip() for part in value if plain(part).strip()]
    return [part for part in re.split(r"[,;\s]+", plain(value)) if part]


def plain(value: Value) -> str:
    """Return any foreign value as text."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date():
            return value.isoformat()
        case list() | tuple() if all(isinstance(part, str | int) for part in value):
            return ", ".join(plain(part) for part in value)
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _lines(value: Value) -> list[str]:
    if isinstance(value, list | tuple):
        return [plain(part) for part in value if plain(part).strip()]
    text = plain(value)
    if text.startswith("["):
        parsed = _parsed(text)
        if isinstance(parsed, list) and all(isinstance(part, str) for part in parsed):
            return parsed
    return [line for line in text.split("\n") if line.strip()]


def _parsed(value: Value) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (json.JSONDecodeError, RecursionError):
        return value


def _ambiguous(lines: list[str]) -> bool:
    return any("\n" in line or not line.strip() for line in lines) or (
        bool(lines) and lines[0].startswith("[")
    )


@cache
def _id_pattern() -> str:
    return str(TypeAdapter(ItemId).json_schema()["pattern"])


def _resolved(part: dict[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a reference and leave out "or null"."""
    options = [one for one in part.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        part = options[0]
    if "$ref" in part:
        part = shared[part["$ref"].rpartition("/")[2]]
    return part


def _form(part: dict[str, Any], shared: Mapping[str, Any]) -> Form:
    part = _resolved(part, shared)
    if part.get("type") == "string":
        return Form.ID if part.get("pattern") == _id_pattern() else Form.TEXT
    if part.get("type") == "array" and "items" in part:
        inner = _resolved(part["items"], shared)
        if inner.get("type") == "string":
            return Form.IDS if inner.get("pattern") == _id_pattern() else Form.LINES
    return Form.JSON
