"""Look for what should be gone: every identifying value, in the bytes of the output.

The search knows nothing of how the output was made. It looks at all bytes of a file but
uncompressed pixels, in upper and lower case alike. A short value counts only when it
stands alone, a number only from six digits on, and words that name nobody do not count:
anything else would be found by chance.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from regml.imaging.deid.vocabulary import (
    CODE_WORDS,
    CODING_SCHEMES,
    DESCRIPTION_WORDS,
    EQUIPMENT_WORDS,
    OWN_WORDS,
)

SHORTEST = 4
"""Values with fewer characters are not searched."""

SHORTEST_NUMBER = 6
"""Numbers with fewer digits are not searched."""

STANDS_OUT = 8
"""Values with so many characters count wherever they are found."""

LONGEST = 1024
"""Longer texts are searched by their words only, in bytes."""

_SEARCHED_VRS = frozenset(["PN", "LO", "SH", "ST", "LT", "UT", "UC", "AE", "UR"])
_UID = re.compile(rb"[0-9]+(?:\.[0-9]+){3,}")
_DATE = re.compile(rb"(?<![0-9.])[0-9]{8}")
_WORDS = re.compile(rb"[a-z]+")
_NUMERIC = re.compile(rb"[0-9.,:+\-/e ]*")
_HARMLESS = frozenset(
    word.encode()
    for word in DESCRIPTION_WORDS | EQUIPMENT_WORDS | CODE_WORDS | OWN_WORDS
) | {scheme.lower().encode() for scheme in CODING_SCHEMES}
_OWN = frozenset(word.encode() for word in OWN_WORDS)


@dataclass(slots=True)
class Identifiers:
    """The identifying values of one patient, as they stood in the input.

    Attributes:
        texts: Names, numbers and descriptions, lower case.
        names: Words of the patient's name, lower case.
        uids: UIDs of instances.
        dates: Dates, eight digits.
        made_dates: Dates that the output holds on purpose.
        words: Words that name nobody, beyond our own vocabulary, lower case.
    """

    texts: set[bytes] = field(default_factory=set)
    names: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[bytes] = field(default_factory=set)
    made_dates: set[bytes] = field(default_factory=set)
    words: frozenset[str] = frozenset()
    _known: set[tuple[str, bytes, bool]] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(map(len, (self.texts, self.names, self.uids, self.dates)))

    def add(self, vr: str, value: bytes, *, cleaned: bool) -> None:
        """Add the value of an element that was removed or replaced.

        Args:
            vr: Its value representation.
            value: As the file holds it.
            cleaned: Whether part of it may have stayed.
        """
        if (known := (vr, value, cleaned)) in self._known:
            return
        self._known.add(known)
        if vr == "UI":
            parts = (part.strip(b" \0") for part in value.split(b"\\"))
            self.uids.update(p for p in parts if not p.startswith(b"1.2.840.10008."))
        elif vr in {"DA", "DT"}:
            found = (_DATE.match(part.strip()) for part in value.split(b"\\"))
            self.dates.update(match.group() for match in found if match)
        elif vr in _SEARCHED_VRS:
            text = value.lower()
            if not cleaned and len(text) <= LONGEST:
                self._add_text(text)
            for word in re.split(rb"[\s^=\\,;]+", text):
                self._add_text(word.strip(b" ()[]{}<>.:'\"*!?#\0"))

    def add_names(self, names: Iterable[str]) -> None:
        """Add words of the patient's name; they count although they may be words."""
        encoded = (name.casefold().encode() for name in names)
        self.names.update(
            name for name in encoded if _is_searched(name) and name not in _OWN
        )

    def find(self, content: bytes) -> tuple[str, ...]:
        """Return which kinds of identifiers some bytes hold; sorted, empty when none.

        Args:
            content: An output file, without uncompressed pixels.
        """
        text = content.lower()
        kinds = set()
        if not self.uids.isdisjoint(match.group() for match in _UID.finditer(text)):
            kinds.add("uid")
        dates = self.dates - self.made_dates
        if not dates.isdisjoint(match.group() for match in _DATE.finditer(text)):
            kinds.add("date")
        for kind, values in (("name", self.names), ("text", self.texts)):
            found = [value for value in values if value in text]
            if any(_stands_alone(text, value) for value in found):
                kinds.add(kind)
        return tuple(sorted(kinds))

    def _add_text(self, text: bytes) -> None:
        if _is_searched(text) and not self._is_harmless(text):
            self.texts.add(text)

    def _is_harmless(self, text: bytes) -> bool:
        """Tell whether a text holds only words that name nobody and short numbers."""
        if not text.isascii() or re.search(rb"[0-9]{3}", text):
            return False
        words = _WORDS.findall(text)
        return all(
            len(word) < SHORTEST or word in _HARMLESS or word.decode() in self.words
            for word in words
        )


def _is_searched(text: bytes) -> bool:
    """Tell whether finding a text would mean anything."""
    if text.isdigit():
        return len(text) >= SHORTEST_NUMBER
    if _NUMERIC.fullmatch(text):
        return len(text) >= STANDS_OUT
    return len(text) >= SHORTEST


def _stands_alone(text: bytes, value: bytes) -> bool:
    """Tell whether a value in a text is long, or no part of a longer word."""
    if value.isdigit():
        return bool(re.search(rb"(?<![0-9.])%s(?![0-9.])" % value, text))
    if len(value) >= STANDS_OUT:
        return True
    # a letter before a NUL is no longer text but the tag of the next element
    alone = rb"(?<![a-z0-9])%s(?![a-z0-9](?!\0))" % re.escape(value)
    return bool(re.search(alone, text))
