"""What becomes what on import: types to kinds, attributes to fields, words to words.

A project writes it down as YAML or TOML; each format brings one of its own, which
``regml import ... --dry-run --write-map FILE`` writes for the source at hand.
"""

import re
import tomllib
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, model_validator

from regml.errors import BrokenFileError
from regml.exchange.cells import forms
from regml.exchange.foreign import Reading
from regml.files.text import parse_yaml, read_text, validate
from regml.items.base import Kind, Strict
from regml.items.links import MODELS

IGNORE: Final = "ignore"
"""Left out knowingly, without a remark."""
BODY: Final = "body"
"""Kept in the body knowingly, below the heading for imported attributes."""
LINKS: Final = "links"
"""Names other items; which field takes them follows from the two kinds."""
SECTION: Final = "text/"
"""Begins a target that is a section of the body: ``text/Rationale``."""
AUTO: Final = "auto"
"""For a link: which field takes it follows from the two kinds."""

_VAGUE: Final = {"", "item", "object", "req", "requirement", "requirement type"}


class Mapping(Strict):
    """What becomes what.

    Attributes:
        kinds: Type of the source, or beginning of its ids, to a kind of item, or to
            ``ignore``.
        fields: Attribute or column to a field, to ``text``, ``text/HEADING``,
            ``links``, ``body`` or ``ignore``. ``TYPE.ATTRIBUTE`` speaks for one type.
        links: Role of a link to a field, to ``auto`` or to ``ignore``.
        reversed_links: Roles that the source states at the other end.
        values: Field to the source's words and ours.
        defaults: Kind to fields with their value where the source has none.
    """

    kinds: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    links: dict[str, str] = Field(default_factory=dict)
    reversed_links: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    defaults: dict[Kind, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _targets_exist(self) -> Self:
        kinds = set(Kind) | {IGNORE}
        if unknown := sorted(set(self.kinds.values()) - kinds):
            raise ValueError(
                f"kinds: {', '.join(unknown)} is no kind of item "
                f"({', '.join(Kind)} or {IGNORE})"
            )
        known = _every_field()
        special = {IGNORE, BODY, LINKS, "text", "id", "type"}
        for name, target in self.fields.items():
            if target not in known | special and not target.startswith(SECTION):
                raise ValueError(f"fields: {name!r}: no item has a field {target!r}")
        for name, target in self.links.items():
            if target not in known | {AUTO, IGNORE}:
                raise ValueError(f"links: {name!r}: no item has a field {target!r}")
        for kind, defaults in self.defaults.items():
            if strange := sorted(set(defaults) - set(forms(MODELS[kind]))):
                raise ValueError(f"defaults: {kind} has no field {strange[0]!r}")
        return self

    def over(self, usual_one: "Mapping") -> "Mapping":
        """Return this mapping, with a usual one for all that it does not speak of."""
        return Mapping(
            kinds={**usual_one.kinds, **self.kinds},
            fields={**usual_one.fields, **self.fields},
            links={**usual_one.links, **self.links},
            reversed_links=self.reversed_links or usual_one.reversed_links,
            values={
                field: {**usual_one.values.get(field, {}), **self.values.get(field, {})}
                for field in [*usual_one.values, *self.values]
            },
            defaults={**usual_one.defaults, **self.defaults},
        )

    def kind(self, type_: str, item_id: str) -> str | None:
        """Return the kind for a type, else for how an id begins, or ``None``.

        Where everything is a "requirement", how the id begins says more.
        """
        names = {key.casefold(): kind for key, kind in self.kinds.items()}
        start = re.match(r"[A-Za-z]+", item_id)
        prefix = start[0] if start else ""
        vague = type_.casefold() in _VAGUE
        for name in (prefix, type_) if vague else (type_, prefix):
            if name.casefold() in names:
                return names[name.casefold()]
            if name.upper() in set(Kind):
                return name.upper()
        return None

    def target(self, type_: str, name: str) -> str | None:
        """Return what an attribute becomes, ``None`` where nothing is said."""
        for key in (f"{type_}.{name}", name):
            if key in self.fields:
                return self.fields[key]
        return None

    def word(self, field: str, value: str) -> str:
        """Return our word for the source's word."""
        words = self.values.get(field, {})
        folded = {key.casefold(): ours for key, ours in words.items()}
        return folded.get(value.strip().casefold(), value)


USUAL_KINDS: Final = {
    "need": Kind.USER_NEED,
    "user need": Kind.USER_NEED,
    "urs": Kind.USER_NEED,
    "stk": Kind.USER_NEED,
    "req": Kind.REQUIREMENT,
    "requirement": Kind.REQUIREMENT,
    "swr": Kind.REQUIREMENT,
    "spec": Kind.REQUIREMENT,
    "haz": Kind.RISK,
    "hazard": Kind.RISK,
    "arch": Kind.SOFTWARE_ITEM,
    "impl": Kind.SOFTWARE_ITEM,
    "tst": Kind.TEST_PROTOCOL,
    "test": Kind.TEST_PROTOCOL,
    "tc": Kind.TEST_PROTOCOL,
    "bug": Kind.PROBLEM_REPORT,
}
"""Names of types that mean the same in most projects."""


def usual(
    fields: MappingOf[str, str],
    *,
    kinds: MappingOf[str, str] = USUAL_KINDS,
    values: MappingOf[str, dict[str, str]] | None = None,
    reversed_links: tuple[str, ...] = (),
) -> Mapping:
    """Return the mapping that a format brings."""
    return Mapping(
        kinds={name: str(kind) for name, kind in kinds.items()},
        fields=dict(fields),
        values=dict(values or {}),
        reversed_links=reversed_links,
    )


def read_mapping(path: Path) -> Mapping:
    """Read a mapping that a project wrote down.

    Raises:
        BrokenFileError: It is no mapping; names file and line.
    """
    text = read_text(path, name=str(path))
    if path.suffix == ".toml":
        try:
            value: Any = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BrokenFileError(path, f"is not TOML: {error}.") from error
        text = ""
    else:
        value = parse_yaml(text, name=str(path))
    given = value if value is not None else {}
    return validate(Mapping, given, text=text, name=str(path))


def completed(mapping: Mapping, reading: Reading) -> Mapping:
    """Return a mapping that says something about everything a source holds.

    What has no kind or field yet is entered as ``ignore`` and ``body``: the person
    who keeps the file decides.
    """
    kinds = dict(mapping.kinds)
    fields = dict(mapping.fields)
    links = dict(mapping.links)
    known = _every_field() | {"id", "type", "text"}
    for name in reading.columns:
        if name not in known:
            fields.setdefault(name, BODY)
    for item in reading.items:
        if mapping.kind(item.type, item.id) is None:
            kinds.setdefault(item.type, IGNORE)
        for name in item.attributes:
            if mapping.target(item.type, name) is None and name not in known:
                fields.setdefault(name, BODY)
        for link in item.links:
            if link.role not in known:
                links.setdefault(link.role, AUTO)
    return mapping.model_copy(update={"kinds": kinds, "fields": fields, "links": links})


def write_mapping(mapping: Mapping) -> str:
    """Return the YAML text of a mapping."""
    import yaml

    body = yaml.safe_dump(
        mapping.model_dump(mode="json"), sort_keys=False, allow_unicode=True
    )
    return _EXPLAINED + body


def _every_field() -> set[str]:
    return {name for model in MODELS.values() for name in forms(model)}


_EXPLAINED = """\
# What an import makes of each part of its source.
# kinds: type, or beginning of the ids -> kind of item, or ignore
# fields: attribute or column -> field of the item, text, text/HEADING (a section of
#   the body), links (ids of other items), body (kept below 'Imported attributes'),
#   ignore; 'TYPE.ATTRIBUTE' speaks for one type
# links: role of a link -> field, auto (follows from the two kinds), ignore
# reversed_links: roles that the source states at the other end
# values: field -> {word of the source: our word}
# defaults: kind -> {field: value where the source has none}
"""
