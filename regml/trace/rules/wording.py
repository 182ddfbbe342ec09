"""T13: requirements are worded to be tested, and nothing is left to fill in."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from regml.files.config import CONFIG, POLICY
from regml.files.markdown import LocatedItem
from regml.findings import Severity
from regml.items.documents import DocumentPlan
from regml.items.requirements import Category, Requirement
from regml.items.wording import placeholders
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule

CONFIDENCE: Final = 95.0
"""Per cent of an interval: a number that says nothing about a limit."""

_NUMBER: Final = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)?(?!\w)")
_SHALL: Final = re.compile(r"\bshall\b", re.IGNORECASE)
_AND_OR: Final = re.compile(r"\band\s*/\s*or\b", re.IGNORECASE)
_ID: Final = re.compile(r"\b[A-Z]{2,}-\d+\b")
_BOUND: Final = re.compile(
    r"[<>≤≥=±%]|\b(?:at least|at most|within|below|above|under|over|up to|exceed\w*"
    r"|between|not? more than|less than|more than|fewer than|equal|identical)\b",
    re.IGNORECASE,
)


_TEMPLATE_CODE: Final = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
"""What a template computes or says to its authors; the rest is printed as it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A table or file of settings, with what stands in it in words.

    Attributes:
        subject: How findings name it.
        path: The file.
        texts: Field and text of everything that is written there.
    """

    subject: str
    path: str
    texts: tuple[tuple[str, str], ...]


Written = LocatedItem | DocumentPlan | Settings


def _in_force(graph: TraceGraph) -> tuple[Written, ...]:
    """Return items in force, documents, what is said of the device, open settings."""
    config, policy = graph.evidence.config, graph.evidence.policy
    items = tuple(f for f in graph.evidence.items if f.item.retired is None)
    others = {
        name: value for name, value in config if name not in ("device", "signers")
    }
    device = Settings("device", CONFIG, tuple(_texts(dict(config.device))))
    told = (
        Settings("regml.toml", CONFIG, tuple(_texts(others))),
        Settings("policy", POLICY, tuple(_texts(dict(policy)))),
    )
    return (
        *items,
        *graph.evidence.documents,
        *((device,) if items or _open(device) else ()),
        *(settings for settings in told if _open(settings)),
    )


def _texts(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        yield from ((name, text) for text in _strings(value))


def _strings(value: object) -> Iterator[str]:
    """Give every text in a value, however deep."""
    match value:
        case str():
            yield value
        case BaseModel():
            for _, inner in value:
                yield from _strings(inner)
        case Mapping():
            for name, inner in value.items():
                yield from _strings(name)
                yield from _strings(inner)
        case Iterable():
            for inner in value:
                yield from _strings(inner)


def _open(settings: Settings) -> bool:
    return any(any(placeholders(text)) for _, text in settings.texts)


# IEC 62304 5.2.6 c, d
@rule(
    "T13",
    "Every requirement is worded so that it can be tested, with the limits that its "
    "criteria have, and no item, document or setting holds a placeholder.",
    _in_force,
    severity=Severity.MINOR,
    clauses=("IEC 62304 5.2.6",),
)
def is_worded_to_be_tested(graph: TraceGraph, found: Written) -> Iterator[Gap]:
    """What is still to be filled in weighs more than how a sentence is put."""
    match found:
        case Settings():
            yield from _of_settings(found)
        case DocumentPlan():
            yield from _of_document(found)
        case LocatedItem():
            for line, words in placeholders(found.source):
                message = f"'{words}' is still to be filled in."
                yield _unfilled(found.item.id, message, f"{found.path}:{line}")
            if isinstance(found.item, Requirement):
                yield from _of_requirement(graph, found.item)


def _of_settings(settings: Settings) -> Iterator[Gap]:
    for field, text in settings.texts:
        for words in dict.fromkeys(words for _, words in placeholders(text)):
            message = f"'{words}' in '{field}' is still to be filled in."
            yield _unfilled(settings.subject, message, settings.path)


def _of_document(plan: DocumentPlan) -> Iterator[Gap]:
    """Only what the template prints as it is; items are looked at themselves."""
    printed = _TEMPLATE_CODE.sub(lambda code: "\n" * code[0].count("\n"), plan.body)
    found = [(1, w) for _, w in placeholders(f"{plan.title}\n{plan.purpose}")]
    found += [(plan.first_line + line - 1, w) for line, w in placeholders(printed)]
    for line, words in found:
        message = f"'{words}' is still to be filled in."
        yield _unfilled(plan.node_id, message, f"{plan.path}:{line}")


def _unfilled(subject: str, message: str, where: str) -> Gap:
    return Gap(
        subject,
        message,
        "Write what is meant; text that quotes such a word puts it in backticks.",
        where,
        Severity.MAJOR,
    )


def _of_requirement(graph: TraceGraph, item: Requirement) -> Iterator[Gap]:
    sentence = normative_text(item)
    times = len(_SHALL.findall(sentence))
    if times == 0:
        yield Gap(
            item.id,
            "The requirement has no 'shall' before its first heading.",
            "Say in one sentence what the software shall do; reasons come below a "
            "heading.",
            graph.where(item.id),
        )
    elif times > 1:
        yield Gap(
            item.id,
            f"The requirement says 'shall' {times} times, so one result cannot speak "
            "for all of it.",
            "Make an item of each.",
            graph.where(item.id, "shall"),
        )
    if "/" in sentence and (match := _AND_OR.search(sentence)):
        yield Gap(
            item.id,
            f"'{match[0]}' leaves open which of the two is required.",
            "Write 'and' or 'or', or make two requirements.",
            graph.where(item.id, match[0]),
        )
    if item.category is Category.PERFORMANCE and not _is_measurable(item, sentence):
        yield Gap(
            item.id,
            "The performance requirement has no measurable limit: no acceptance "
            "criterion, and no number with a bound in its sentence.",
            "Add 'acceptance' with at_least or at_most, or state the limit with its "
            "unit.",
            graph.where(item.id, "category"),
        )
    yield from _of_other_limits(graph, item, sentence)


def _of_other_limits(
    graph: TraceGraph, item: Requirement, sentence: str
) -> Iterator[Gap]:
    """Compare the limits of the criteria with the numbers of the sentence, if any."""
    words = _NUMBER.findall(_ID.sub("", sentence))
    numbers = {float(word.replace(",", ".")) for word in words} - {CONFIDENCE}
    for index, criterion in enumerate(item.acceptance):
        for limit in (criterion.at_least, criterion.at_most):
            if limit is None or not numbers:
                continue
            asked = (abs(limit), abs(limit) * 100)  # a share may be said in percent
            if not any(math.isclose(n, a) for n in numbers for a in asked):
                yield Gap(
                    item.id,
                    f"Criterion {index} has the limit {limit:g}, and the sentence "
                    f"names other numbers ({', '.join(words)}).",
                    "Write the same limit in both; the criterion is what decides.",
                    graph.where(item.id, "acceptance"),
                )


def normative_text(item: Requirement) -> str:
    """Return the requirement itself: its text up to the first heading."""
    return f"\n{item.text}".partition("\n#")[0].strip()


def _is_measurable(item: Requirement, sentence: str) -> bool:
    if item.acceptance:
        return True
    plain = _ID.sub("", sentence)
    return bool(_BOUND.search(plain) and re.search(r"\d", plain))


RULES = (is_worded_to_be_tested,)
