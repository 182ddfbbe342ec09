"""What every report of a test runner tells of its tests, whatever its form."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from regml.items.recorded import Outcome

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

VERIFIES: Final = "verifies"
"""Property, attribute or beginning of a tag with which a test names items."""

MESSAGE_CHARACTERS: Final = 500
"""How much of a failure's message is kept."""


@dataclass(frozen=True, slots=True)
class ReportedTest:
    """One test as its runner reported it.

    Attributes:
        group: Class, suite or file it belongs to; empty when there is none.
        name: Its own name.
        verifies: Ids it names, each once.
        outcome: How it ended.
        seconds: How long it took; 0 where that is not told.
        message: Why it did not pass.
    """

    group: str
    name: str
    verifies: tuple[str, ...]
    outcome: Outcome
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunnerReport:
    """One result file.

    Attributes:
        name: The file, as messages call it.
        sha256: Of its bytes.
        form: ``junit`` or ``robot``.
        tests: In the order of the file.
        commit: Commit the tests ran at, where the report says so.
        model: sha256 of the model they ran with, or how it begins, likewise.
        ran: When they ran first, likewise; without a zone it may be anywhere.
    """

    name: str
    sha256: str
    form: str
    tests: tuple[ReportedTest, ...]
    commit: str | None = None
    model: str | None = None
    ran: datetime | None = None


def tag_of(element: "Element") -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def ids_in(text: str) -> Iterator[str]:
    """Give the ids of a list, however they are separated."""
    yield from (part for part in re.split(r"[\s,;]+", text) if part)


def once(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once, in their order."""
    return tuple(dict.fromkeys(names))


def said_by(element: "Element") -> str:
    """Return the message of an element, or how its text begins."""
    text = element.get("message") or "".join(element.itertext())
    return one_line(text)[:MESSAGE_CHARACTERS]


def one_line(text: str) -> str:
    """Return a text without line ends and double blanks."""
    return " ".join(text.split())


def seconds_of(text: str | None) -> float:
    """Return a duration; what is none counts as 0, for nothing depends on it."""
    try:
        value = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return round(value, 3) if math.isfinite(value) and value >= 0 else 0.0
