"""A new item: the next free id of its kind, and a file with everything to fill in."""

import datetime as dt
import json
import re
import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from regml.errors import UnknownIdError
from regml.files.markdown import ITEM_FOLDERS, parse_item
from regml.files.repository import in_repository, run_git
from regml.files.text import parse_yaml
from regml.items.base import Item, ItemId, Kind
from regml.items.links import MODELS
from regml.items.schema import meanings, summary_of

FOLDERS: Final[Mapping[Kind, str]] = {
    Kind.USER_NEED: "requirements_srs/needs",
    Kind.REQUIREMENT: "requirements_srs/software",
    Kind.DATASET_SPECIFICATION: "requirements_srs/data",
    Kind.ANNOTATION_PROTOCOL: "requirements_srs/data",
    Kind.EXCLUSION: "requirements_srs/exclusions",
    Kind.EXTERNAL_EVIDENCE: "requirements_srs/external",
    Kind.RISK: "risk",
    Kind.SOFTWARE_ITEM: "design",
    Kind.SOUP: "design/soup",
    Kind.TEST_PROTOCOL: "verification",
    Kind.CHANGE_REQUEST: "maintenance/changes",
    Kind.PROBLEM_REPORT: "maintenance/problems",
    Kind.PCCP_MODIFICATION: "maintenance/pccp",
}
"""Where the items of a kind lie in a project that has none of them yet."""

_LONG: Final = frozenset(
    {
        Kind.REQUIREMENT,
        Kind.RISK,
        Kind.SOUP,
        Kind.CHANGE_REQUEST,
        Kind.PROBLEM_REPORT,
    }
)
"""Kinds of which there are many: their ids have three digits from the start."""

OPEN: Final = "TBD"
"""What stands where somebody has to write; check T13 finds it."""

_NAME: Final = re.compile(r"(?:.*/)?([A-Z]+)-([0-9]{2,})\.md", re.IGNORECASE)


def kind_named(text: str) -> Kind:
    """Return the kind that a person means, in any case.

    Raises:
        UnknownIdError: There is none; the message names all.
    """
    if text.upper() in set(Kind):
        return Kind(text.upper())
    known = ", ".join(kind.value.lower() for kind in Kind)
    raise UnknownIdError(f"there is no kind of item {text!r}. Kinds: {known}.")


def folder_of(root: Path, kind: Kind) -> str:
    """Return where most items of a kind lie, or where the first one goes."""
    found = Counter(
        name.rpartition("/")[0] for name in _names(root) if _kind(name) == kind
    )
    return found.most_common(1)[0][0] if found else FOLDERS[kind]


def next_id(root: Path, kind: Kind) -> str:
    """Return the next free id of a kind.

    Ids that ever stood in a commit count as taken, also those of removed items, so that
    no id is given twice.

    Raises:
        ConfigError: git refuses to tell its history.
    """
    taken = [
        match[2]
        for name in (*_names(root), *_committed(root))
        if (match := _NAME.fullmatch(name)) and match[1].upper() == kind
    ]
    width = max([3 if kind in _LONG else 2, *map(len, taken)])
    return f"{kind}-{max(map(int, taken), default=0) + 1:0{width}}"


def given_ids(root: Path) -> frozenset[str]:
    """Return every id that an item has or ever had in a commit.

    Raises:
        ConfigError: git refuses to tell its history.
    """
    return frozenset(
        f"{match[1].upper()}-{match[2]}"
        for name in (*_names(root), *_committed(root))
        if (match := _NAME.fullmatch(name)) and match[1].upper() in set(Kind)
    )


def kind_table(root: Path) -> tuple[tuple[str, str, str, str], ...]:
    """Return a row per kind: its name, what it is, its folder and its next free id.

    Raises:
        ConfigError: git refuses to tell its history.
    """
    return tuple(
        (
            kind.value.lower(),
            summary_of(model),
            folder_of(root, kind),
            next_id(root, kind),
        )
        for kind, model in MODELS.items()
    )


def new_item(
    root: Path, kind: Kind, title: str, fields: Mapping[str, str], *, today: dt.date
) -> str:
    """Write a new item and return its path relative to the project.

    Whoever comes second takes the id after that of the first.

    Args:
        root: The project.
        kind: Of the item.
        title: Of the item.
        fields: Values of other fields as YAML; ``text`` is the body.
        today: What stands in a date that has to be given.

    Raises:
        BrokenFileError: A field is unknown or has a wrong value; nothing is written.
        ConfigError: git refuses to tell its history.
    """
    folder = folder_of(root, kind)
    item_id = next_id(root, kind)
    while True:
        path = f"{folder}/{item_id}.md"
        text = item_text(kind, title, fields, path=path, today=today)
        (root / folder).mkdir(parents=True, exist_ok=True)
        try:
            with (root / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            _, _, number = item_id.partition("-")
            item_id = f"{kind}-{int(number) + 1:0{len(number)}}"
        else:
            return path


def item_text(
    kind: Kind, title: str, fields: Mapping[str, str], *, path: str, today: dt.date
) -> str:
    """Return the file of a new item, with a placeholder in each field that it needs.

    Raises:
        BrokenFileError: A field is unknown or has a wrong value.
    """
    model = MODELS[kind]
    given = {
        name: _value(model, name, text, path)
        for name, text in fields.items()
        if name != "text"
    }
    words = meanings(model)
    lines = ["---", _line("title", title)]
    optional = []
    own_first = sorted(model.model_fields, key=lambda name: name in Item.model_fields)
    for name in own_first:
        field = model.model_fields[name]
        if name in given:
            lines.append(_line(name, given.pop(name)))
        elif name in {"id", "title", "text"}:
            continue
        elif field.is_required():
            value = placeholder(field.annotation, today)
            lines.append(_line(name, value) + _hint(field.annotation, value))
        else:
            optional.append(f"# {name}: {words.get(name, '')}".rstrip())
    lines += [_line(name, value) for name, value in given.items()]
    body = fields.get("text", OPEN).strip("\n")
    text = "\n".join([*lines, *optional, "---", body, ""])
    parse_item(path, text)
    return text


def placeholder(annotation: Any, today: dt.date) -> Any:
    """Return a value of a type that is valid and has to be replaced."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation == ItemId:
        return None
    if origin is typing.Annotated:
        return placeholder(parts[0], today)
    if origin in {types.UnionType, typing.Union}:
        return placeholder(parts[0], today)
    if origin is tuple:
        inner = placeholder(parts[0], today)
        return [] if inner is None else [inner]
    if origin is dict:
        return {}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            name: placeholder(field.annotation, today)
            for name, field in annotation.model_fields.items()
            if field.is_required()
        }
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation)).value
    simple: dict[Any, Any] = {int: 1, float: 1.0, bool: False, dt.date: today}
    return simple.get(annotation, OPEN)


def _value(model: type[BaseModel], name: str, text: str, path: str) -> Any:
    """Return what a field is given; where a list is needed, one value becomes one."""
    value = parse_yaml(text, name=f"{path}: --field {name}")
    field = model.model_fields.get(name)
    is_list = field is not None and typing.get_origin(field.annotation) is tuple
    return [value] if is_list and not isinstance(value, list) else value


def _line(name: str, value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return f"{name}: {json.dumps(value, ensure_ascii=False)}"
    shown = yaml.safe_dump(
        value,
        default_flow_style=True,
        allow_unicode=True,
        sort_keys=False,
        width=float("inf"),
    )
    return f"{name}: {shown.removesuffix(chr(10) + '...' + chr(10)).strip()}"


def _hint(annotation: Any, value: Any) -> str:
    """Return a comment where the placeholder does not show that it is one."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"  # {OPEN}: one of {', '.join(member.value for member in annotation)}"
    if value == []:
        return f"  # {OPEN}: ids"
    return "" if OPEN in str(value) else f"  # {OPEN}"


def _names(root: Path) -> Iterator[str]:
    """Give the path of every file in the folders of items."""
    for folder in ITEM_FOLDERS:
        for path in sorted((root / folder).rglob("*.md")):
            yield path.relative_to(root).as_posix()


def _kind(name: str) -> str:
    match = _NAME.fullmatch(name)
    return match[1].upper() if match else ""


def _committed(root: Path) -> list[str]:
    """Return the path of every file in the folders of items that any commit added."""
    if not in_repository(root):
        return []
    output = run_git(
        root,
        "log",
        "--all",
        "--no-renames",
        "--diff-filter=A",
        "--format=",
        "--name-only",
        "-z",
        "--",
        *ITEM_FOLDERS,
    )
    return [name.decode(errors="replace") for name in output.split(b"\0") if name]
