"""One item in the making: fields, sections of its body, and what has no place."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from regml.exchange.cells import (
    Form,
    folded,
    forms,
    plain,
    read_cell,
    required,
    vocabulary,
)
from regml.exchange.foreign import ForeignItem, Remark, Value
from regml.exchange.mapping import BODY, IGNORE, SECTION, Mapping
from regml.exchange.names import Name
from regml.items.base import Kind
from regml.items.links import MODELS, AnyItem

HEADING: Final = "## Imported attributes"
"""Below it stands what the source says and no field takes."""

_ASSUMED: Final[dict[tuple[Kind, str], Value]] = {
    (Kind.REQUIREMENT, "category"): "functional",
}
"""Stand-ins for required fields with a closed vocabulary; each use is remarked on."""

_TITLE_LENGTH = 72
_PICTURE: Final = re.compile(
    r"!\[[^\]\n]*\]\(<?([^)>\s]+)|^[ \t]*\.\. (?:image|figure):: *(\S+)", re.MULTILINE
)
"""A picture in Markdown or reStructuredText."""


@dataclass
class Draft:
    """An item in the making.

    Attributes:
        source: What it is made of.
        name: What it will be called.
        mapping: What becomes what.
        ours: Whether regml wrote the source.
        values: Fields so far, as the source's values.
        origins: Attribute that each field came from.
        parts: Pieces of the body.
        kept: What goes below the heading for imported attributes.
        remarks: What the person has to know.
        stand_ins: Values that the source does not have and the kind needs.
    """

    source: ForeignItem
    name: Name
    mapping: Mapping
    ours: bool
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    stand_ins: dict[str, Value] = field(default_factory=dict)

    @property
    def forms(self) -> dict[str, Form]:
        """The form of each field of its kind."""
        return dict(forms(MODELS[self.name.kind]))

    def remark(self, message: str, remedy: str = "") -> None:
        """Say something about this item."""
        self.remarks.append(
            Remark(message, remedy, self.source.id, where=self.source.where)
        )

    def keep(self, name: str, value: Value, why: str = "", remedy: str = "") -> None:
        """Keep a value in the body; with a reason, also say so."""
        self.kept.append((name, plain(value)))
        if why:
            self.remark(why, remedy)

    def take(self, name: str, value: Value) -> None:
        """Take one attribute of the source to where it belongs."""
        target = self.target(name)
        if target == IGNORE:
            return
        if target == BODY:
            self.keep(name, value)
        elif target == "text":
            self.parts.append(plain(value))
            self._say_what_is_shown(plain(value))
        elif target is not None and target.startswith(SECTION):
            heading = target.removeprefix(SECTION)
            self.parts.append(f"## {heading}\n\n{_tidy(plain(value))}")
            self._say_what_is_shown(plain(value))
        elif target in self.forms:
            self._fill(target, name, value)
        else:
            what = (
                "no field takes the attribute"
                if target is None
                else (
                    f"{self.name.kind.value} has no field {target!r} for the attribute"
                )
            )
            self.keep(
                name,
                value,
                f"{what} {name!r}; it is kept in the body.",
                "Say what becomes of it in the mapping, under 'fields'.",
            )

    def target(self, name: str) -> str | None:
        """Return what becomes of an attribute, ``None`` where nobody says.

        What regml wrote is called as it is here; no mapping has to say so.
        """
        if self.ours and name in self.forms:
            return name
        said = self.mapping.target(self.source.type, name)
        if said is not None:
            return said
        same = folded(name)
        return same if same == "text" or same in self.forms else None

    def keep_what_only_we_say(self, old: AnyItem, stated: Set[str]) -> None:
        """Keep what a person entered here and the source never speaks of.

        Args:
            old: The item as it is in the project.
            stated: Fields that the source states for any item of this kind.
        """
        here = old.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
        body = here.pop("text", "")
        if "text" not in stated:
            self.parts = [body.partition(HEADING)[0]]
        for name, value in here.items():
            if name not in stated:
                self.values.setdefault(name, value)

    def finish(self) -> AnyItem | None:
        """Return the item, or ``None`` where its kind lacks something essential."""
        kind = self.name.kind
        self._defaults()
        if self.name.id != self.source.id:
            self.values.setdefault("foreign_id", self.source.id)
        for _ in range(len(self.values) + 2):
            fields = {**self.values, "id": self.name.id, "text": self._body()}
            fields["title"] = fields.get("title") or self._title()
            try:
                item = MODELS[kind].model_validate(fields)
            except ValidationError as error:
                if not self._mend(error):
                    return None
            else:
                self._say_what_stands_in()
                return item
        return None

    def _fill(self, target: str, name: str, value: Value) -> None:
        if target in self.values:
            self.keep(
                name,
                value,
                f"{target!r} has a value already, so {name!r} is kept in the body.",
                "Let one of the two become something else in the mapping.",
            )
            return
        form = self.forms[target]
        if isinstance(value, str) and form is Form.TEXT:
            value = self.mapping.word(target, value)
            words = vocabulary(MODELS[self.name.kind], target)
            value = words.get(folded(value), value)
            value = value if self.ours else " ".join(value.split())
        self.values[target] = read_cell(form, value)
        self.origins[target] = name

    def _defaults(self) -> None:
        kind = self.name.kind
        for name, value in self.mapping.defaults.get(kind, {}).items():
            self.values.setdefault(name, value)
        for name, stand_in in required(MODELS[kind]).items():
            if self.values.get(name) not in (None, "", []):
                continue
            value = _ASSUMED.get((kind, name), stand_in)
            if value is None:
                continue
            self.values[name] = value
            if value != []:
                self.stand_ins[name] = value

    def _say_what_stands_in(self) -> None:
        kind = self.name.kind.value
        for name, value in self.stand_ins.items():
            self.remark(
                f"the source says no {name!r} ({kind}); {value!r} stands in.",
                f"Map an attribute to it, or give a default for {kind}.",
            )

    def _say_what_is_shown(self, text: str) -> None:
        for found in () if self.ours else _PICTURE.finditer(text):
            name = found[1] or found[2]
            if not re.match(r"https?:|data:", name):
                self.remark(
                    f"shows {name}, which is not imported.",
                    "Copy it beside the item, and name it there.",
                )

    def _mend(self, error: ValidationError) -> bool:
        """Move what is not accepted into the body; tell whether that can help."""
        for problem in error.errors(include_url=False):
            place = str(problem["loc"][0]) if problem["loc"] else ""
            if place in self.origins:
                value, name = self.values.pop(place), self.origins.pop(place)
                self.keep(
                    name,
                    value,
                    f"{name!r} is not accepted as {place!r} ({problem['msg']}); "
                    "it is kept in the body.",
                    "Translate its words in the mapping, under 'values'.",
                )
                self._defaults()
                return True
        said = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the item'}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )
        self.remark(
            f"cannot become a {self.name.kind.value} ({said}); it was not imported.",
            f"Give defaults for {self.name.kind.value} in the mapping.",
        )
        return False

    def _body(self) -> str:
        if self.ours and not self.kept:
            return "\n".join(self.parts).replace("\r\n", "\n")
        text = "\n\n".join(_tidy(part) for part in self.parts if part.strip())
        text = f"{text}\n" if text else ""
        if not self.kept:
            return text
        rows = "\n".join(_row(name, value) for name, value in self.kept)
        return f"{text}\n{HEADING}\n\n{rows}\n" if text else f"{HEADING}\n\n{rows}\n"

    def _title(self) -> str:
        """Return a title from the first words of the text, or the foreign id."""
        words = next(_sentences("\n".join(self.parts)), "")
        if len(words) > _TITLE_LENGTH:
            words = words[:_TITLE_LENGTH].rpartition(" ")[0] + " ..."
        return words or self.source.id


def merged(draft: Draft, name: str, targets: list[str]) -> None:
    """Enter the ids that one field of a draft names, after those it has."""
    form = draft.forms.get(name)
    given = draft.values.get(name)
    if form is Form.IDS:
        draft.values[name] = [*(given or ()), *targets]
    elif given in (None, "") and targets:
        draft.values[name], *rest = targets
        for target in rest:
            draft.keep(
                name, target, f"{name!r} names one item only; {target} is in the body."
            )
    else:
        for target in targets:
            draft.keep(
                name, target, f"{name!r} names one item only; {target} is in the body."
            )


def about(source: ForeignItem, message: str, remedy: str = "") -> Remark:
    """Return a remark on a foreign item."""
    return replace(Remark(message, remedy), subject=source.id, where=source.where)


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if clean := " ".join(line.strip("#*- \t").split()):
            yield clean


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")


def _row(name: str, value: str) -> str:
    value = _tidy(value)
    if "\n" not in value:
        return f"- {name}: {value}"
    inner = "\n".join(f"  {line}".rstrip() for line in value.split("\n"))
    return f"- {name}:\n\n{inner}\n"
