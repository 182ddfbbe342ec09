"""Words that say that a text is not finished."""

import re
from collections.abc import Iterator
from typing import Final

_HINTS: Final = (
    *("tb", "t.b.", "todo", "fixme", "xxx", "???", "lorem", "to be ", "{{", "<"),
    *("[insert", "[describe", "[your"),
)
"""Lower case; a text without any of them needs no closer look."""

_PLACEHOLDER: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(?i:TB[DCA]|T\.B\.[DCA])|TODO|FIXME|XXX+)(?![A-Za-z0-9])"
    r"|(?i:\btodo:)"
    r"|\?\?\?"
    r"|(?i:\blorem ipsum\b)"
    r"|(?i:\bto be (?:defined|determined|decided|confirmed|completed|written|added"
    r"|done|filled in|announced)\b)"
    r"|(?i:\[(?:insert|describe|your)\b[^\]\n]{0,80}\])"
    r"(?!\()"
    r"|<[A-Za-z]+ [^<>=/\n]{0,80}>"
    r"|<[A-Za-z]{1,40}(?:[-_][A-Za-z]{1,40}){1,9}>"
    r"|<(?i:\.\.\.|…|insert|describe|your|name|text|value|number|version|product"
    r"|device|manufacturer|company)>"
    r"|\{\{[^{}\n]{0,80}\}\}"
)
"""Repeats are bounded, so that no text makes it slow."""

_CODE: Final = re.compile(r"`[^`\n]*`")


def placeholders(text: str) -> Iterator[tuple[int, str]]:
    r"""Give every placeholder of a text with the 1-based line it stands on.

    ``TBD`` in any case, ``TODO`` and the like in capitals, 'to be defined', and
    template text such as ``<describe the need>``, ``<product-name>`` or
    ``[insert name]``. What stands between backticks is quoted and left alone.

    >>> list(placeholders("Fine.\nThe limit is TBD."))
    [(2, 'TBD')]
    """
    lowered = text.lower()
    for hint in _HINTS:  # faster than any(): every item of a project passes here
        if hint in lowered:
            break
    else:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        for match in _PLACEHOLDER.finditer(_CODE.sub("", line)):
            yield number, match[0]
