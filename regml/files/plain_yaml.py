"""YAML as people write it: texts, numbers, lists and mappings, and nothing hidden.

The value is built from the parser's events in one pass, several times as fast as the
library's own loaders. What YAML can do beyond that is refused with its line: an alias
of an alias fills the memory, endless nesting ends the interpreter, a tag or a merge
hides what a value is, and of two equal keys one would be lost.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from regml.errors import BrokenFileError

DEEPEST: Final = 50
"""Levels of lists and mappings; what people write has five."""

_Parser: Final[type[Any]] = (
    yaml.cyaml.CParser  # type: ignore[attr-defined]  # the stubs do not name it
    if yaml.__with_libyaml__
    else yaml.SafeLoader
)
"""libyaml's parser; the same result comes slower from a PyYAML without it."""

_CONSTRUCTOR: Final = SafeConstructor()
_RESOLVERS: Final = yaml.SafeLoader.yaml_implicit_resolvers
_PREFIX: Final = "tag:yaml.org,2002:"
_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {
    f"{_PREFIX}null": _CONSTRUCTOR.construct_yaml_null,
    f"{_PREFIX}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_PREFIX}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_PREFIX}float": _CONSTRUCTOR.construct_yaml_float,
    f"{_PREFIX}timestamp": _CONSTRUCTOR.construct_yaml_timestamp,
}
"""What makes a value of a plain text that looks like one; all others stay texts."""


def read_value(text: str, *, name: str, first_line: int = 1) -> Any:
    """Return the value of one YAML document; ``None`` for an empty one.

    Args:
        text: The document.
        name: File it stands in, for messages.
        first_line: Line of the file on which ``text`` begins.

    Raises:
        BrokenFileError: Something in it is refused; names its line.
        yaml.YAMLError: It is not YAML.
    """
    return _Reader(_Parser(text).get_event, name, first_line).document()


class _Reader:
    """Builds values from events."""

    __slots__ = ("_depth", "_first_line", "_name", "_next")

    def __init__(self, get_event: Callable[[], Any], name: str, first: int) -> None:
        self._next, self._name, self._first_line = get_event, name, first
        self._depth = 0

    def document(self) -> Any:
        self._next()
        if type(self._next()) is StreamEndEvent:
            return None
        value = self._value(self._next())
        end = self._next()
        assert type(end) is DocumentEndEvent  # noqa: S101 - the parser's grammar
        beyond = self._next()
        if type(beyond) is not StreamEndEvent:
            raise self._refused(
                beyond,
                "holds a second YAML document.",
                "Remove the line '---' or '...' before it.",
            )
        return value

    def _value(self, event: Any) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            raise self._hidden(event, "an alias (*)")
        if event.anchor is not None:
            raise self._hidden(event, "an anchor (&)")
        if event.tag is not None:
            raise self._hidden(event, "a tag (!)")
        if kind is ScalarEvent:
            return self._scalar(event)
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refused(
                event,
                f"nests lists and mappings more than {DEEPEST} levels deep.",
                "Write it flat.",
            )
        value = (
            self._mapping() if kind is MappingStartEvent else self._list(self._next())
        )
        self._depth -= 1
        return value

    def _list(self, event: Any) -> list[Any]:
        values = []
        while type(event) is not SequenceEndEvent:
            values.append(self._value(event))
            event = self._next()
        return values

    def _mapping(self) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        event = self._next()
        while isinstance(event, ScalarEvent | AliasEvent):
            key = self._value(event)
            if key in values:
                raise self._refused(
                    event,
                    f"the key {key!r} stands twice.",
                    "Remove one of the two lines.",
                )
            values[key] = self._value(self._next())
            event = self._next()
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            raise self._refused(
                event,
                "has a list or mapping as a key.",
                "Write a text before the colon.",
            )
        return values

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if not event.implicit[0]:  # between quotes, or a block
            return text
        for tag, pattern in _RESOLVERS.get(text[:1], ()):
            if pattern.match(text):
                return self._made(event, tag, text)
        return text

    def _made(self, event: Any, tag: str, text: str) -> Any:
        if tag == f"{_PREFIX}merge":
            raise self._hidden(event, "a merge (<<)")
        if tag not in _VALUES:
            return text
        try:
            return _VALUES[tag](yaml.ScalarNode(tag, text))
        except ValueError as error:
            raise self._refused(
                event,
                f"has a date or number that does not exist: {error}.",
                "Correct it, or put it between quotes.",
            ) from error

    def _hidden(self, event: Any, what: str) -> BrokenFileError:
        return self._refused(
            event,
            f"has {what} in its YAML, which hides what a value is.",
            "Write the value itself; a text that begins with that sign needs quotes.",
        )

    def _refused(self, event: Any, problem: str, remedy: str) -> BrokenFileError:
        line = event.start_mark.line + self._first_line
        return BrokenFileError(self._name, problem, remedy=remedy, line=line)
