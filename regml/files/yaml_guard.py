"""What YAML can do and a file people write must not: refused before it is read.

The YAML library ends the whole interpreter on a text that is nested some ten thousand
times, and an alias of an alias of an alias fills the memory.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from regml.errors import BrokenFileError

DEEPEST: Final = 50
"""Levels of lists and mappings; what people write has five."""

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NAMES: Final = {
    yaml.AnchorToken: "an anchor (&)",
    yaml.AliasToken: "an alias (*)",
    yaml.TagToken: "a tag (!)",
}


def refuse_traps(text: str, *, name: str, first_line: int = 1) -> None:
    """Refuse anchors, aliases, tags and endless nesting.

    A text without any sign that could begin one of them costs a search and no more.

    Args:
        text: One YAML document.
        name: File it stands in, for messages.
        first_line: Line of the file on which ``text`` begins.

    Raises:
        BrokenFileError: There is one; names its line.
    """
    if _may_nest(text):
        _refuse_nesting(text, name, first_line)
    if any(sign in text for sign in "&*!"):
        _refuse_signs(text, name, first_line)


def _may_nest(text: str) -> bool:
    """Tell whether a text has enough signs to be nested too deeply at all."""
    signs = sum(text.count(sign) for sign in ("[", "{", "- ", "-\t", "? ", "?\t"))
    return signs > DEEPEST or " " * DEEPEST in text


def _refuse_nesting(text: str, name: str, first_line: int) -> None:
    depth = 0
    for event in _until_broken(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise BrokenFileError(
                name,
                f"nests lists and mappings more than {DEEPEST} levels deep.",
                remedy="Write it flat.",
                line=event.start_mark.line + first_line,
            )


def _refuse_signs(text: str, name: str, first_line: int) -> None:
    for token in _until_broken(yaml.scan(text, Loader=_Loader)):
        if what := _NAMES.get(type(token)):
            raise BrokenFileError(
                name,
                f"has {what} in its YAML, which hides what a value is.",
                remedy="Write the value itself; a text that begins with that sign "
                "needs quotes.",
                line=token.start_mark.line + first_line,
            )


def _until_broken(steps: Iterator[Any]) -> Iterator[Any]:
    """Give what comes before the first error; whoever loads the text reports that."""
    while True:
        try:
            yield next(steps)
        except (StopIteration, yaml.YAMLError):
            return
