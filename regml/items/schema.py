"""JSON Schemas of what people write, made from the models, for editors."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from regml.items.config import Config
from regml.items.links import MODELS
from regml.items.risk import RiskPolicy

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

SCHEMAS: Final[dict[str, type[BaseModel]]] = {
    **{kind.value.lower(): model for kind, model in MODELS.items()},
    "regml-toml": Config,
    "risk-policy": RiskPolicy,
}
"""The model behind each schema, by the schema's name."""


def schema(name: str) -> dict[str, Any]:
    """Return one schema; that of a kind of item describes its front matter.

    Raises:
        KeyError: There is no schema of this name.
    """
    model = SCHEMAS[name]
    made = model.model_json_schema(by_alias=True)
    parts = {part.__name__: part for part in parts_of(model)}
    for part_name, definition in made.get("$defs", {}).items():
        _describe(definition, parts.get(part_name))
    _describe(made, model)
    if name.upper() in set(MODELS):
        _leave_out(made, ("id", "text"))
    return {"$schema": DIALECT, "$id": f"regml:{name}", **made}


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the meaning of each field from the docstrings of a model and its bases."""
    words: dict[str, str] = {}
    for base in reversed(model.__mro__):
        name = ""
        for line in inspect.cleandoc(base.__doc__ or "").splitlines():
            if line.startswith("    ") and not line.startswith("     ") and ":" in line:
                name, _, meaning = line.strip().partition(": ")
                words[name] = meaning
            elif line.startswith("     ") and name:
                words[name] += " " + line.strip()
            else:
                name = ""
    return {name: meaning.replace("``", "`") for name, meaning in words.items()}


def summary_of(model: type) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (inspect.getdoc(model) or "").split("\n", maxsplit=1)[0].rstrip(".")


def parts_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Give every model that stands in a field of another, outer ones first."""
    for field in model.model_fields.values():
        for part in leaves(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield part
                yield from parts_of(part)


def leaves(annotation: Any) -> Iterator[Any]:
    """Give the types that a type is put together from."""
    parts = typing.get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from leaves(part)


def _describe(definition: dict[str, Any], model: type[BaseModel] | None) -> None:
    """Put the words of the docstring where an editor shows them."""
    if "description" in definition:
        first = definition["description"].split("\n\n", maxsplit=1)[0]
        definition["description"] = " ".join(first.split()).replace("``", "`")
    if model is None:
        return
    words = meanings(model)
    for name, field in model.model_fields.items():
        shown = definition.get("properties", {}).get(field.alias or name)
        if shown is not None and name in words:
            shown["description"] = words[name]


def _leave_out(definition: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        definition["properties"].pop(name)
        if name in definition.get("required", ()):
            definition["required"].remove(name)
