"""JUnit XML of any test runner.

It has no binding schema. What is read here is what pytest, GoogleTest, Catch2, CTest,
jest and surefire write. A status that is not known is never taken for a pass.

``junitparser`` would read the same files and hides the status attributes of GoogleTest
and CTest, so the tests hold this module against it instead.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from regml.errors import BrokenFileError
from regml.files.reported_tests import (
    VERIFIES,
    ReportedTest,
    ids_in,
    once,
    one_line,
    said_by,
    seconds_of,
    tag_of,
)
from regml.items.recorded import Outcome

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TOKEN: Final = re.compile(r"verifies:\s*([A-Za-z]+-\d+)", re.IGNORECASE)
"""The marker inside a name or label, for runners that know no properties."""

PASSING: Final = frozenset(
    {"", "run", "completed", "passed", "pass", "success", "successful", "ok"}
)
FAILING: Final = frozenset({"failed", "fail", "failure", "error", "broken", "timeout"})
"""Words, and names of elements, for a test that failed."""

NOT_RUN: Final = frozenset(
    {"skipped", "ignored", "disabled", "notrun", "pending", "blocked", "inconclusive"}
)
"""Elements by which a runner says that a test did not come to an end."""

Inherited: TypeAlias = tuple[str, ...]


def read_junit(root: "Element") -> Iterator[ReportedTest]:
    """Give the tests below nested suites, each with the properties of its suites."""
    todo: list[tuple[Element, Inherited, str]] = [(root, (), "")]
    while todo:
        suite, inherited, _ = todo.pop()
        named = (*inherited, *_named(suite))
        title = one_line(suite.get("name", ""))
        inner: list[tuple[Element, Inherited, str]] = []
        for child in suite:
            match tag_of(child):
                case "testcase":
                    yield _junit_case(child, named, title)
                case "testsuite":
                    inner.append((child, named, title))
                case "error" | "failure":  # the suite itself could not be set up
                    message = said_by(child)
                    yield ReportedTest(
                        title, "(suite)", once(named), Outcome.FAILED, 0.0, message
                    )
        todo += reversed(inner)


def refuse_lost_failures(root: "Element", name: str) -> None:
    """Refuse a report that tells of failures and holds none.

    How many there are of each is no help: some runners count assertions.
    """
    for suite in root.iter():
        if tag_of(suite) not in {"testsuite", "testsuites"}:
            continue
        told = sum(_number(suite.get(key)) for key in ("failures", "errors"))
        if told and not any(_is_failure(element) for element in suite.iter()):
            raise BrokenFileError(
                name,
                f"its suite {suite.get('name', '')!r} tells of {told:g} failed, and "
                "none of the tests it holds is one: they were taken out.",
                remedy="Import the file as the runner left it.",
            )


def _is_failure(element: "Element") -> bool:
    tag = tag_of(element)
    if tag == "testcase":
        return _junit_outcome(element)[0] is Outcome.FAILED
    return tag in {"testsuite", "testsuites"} and any(
        tag_of(child) in {"error", "failure"} for child in element
    )


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0


def ran_at(root: "Element") -> datetime | None:
    """Return when the tests ran first, where the report says so."""
    told = [element.get("timestamp", "") for element in root.iter()]
    found = map(_moment, (*told, root.get("generated", "")))
    return min((moment for moment in found if moment), default=None)


def _moment(text: str) -> datetime | None:
    """Return a time, as UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _junit_case(case: "Element", inherited: Inherited, suite: str) -> ReportedTest:
    name = one_line(case.get("name", "")) or "(no name)"
    group = one_line(case.get("classname") or case.get("class") or suite)
    outcome, message = _junit_outcome(case)
    return ReportedTest(
        group if group != name else "",
        name,
        once((*inherited, *_named(case), *TOKEN.findall(name))),
        outcome,
        seconds_of(case.get("time") or case.get("duration")),
        message,
    )


def _junit_outcome(case: "Element") -> tuple[Outcome, str]:
    told = {tag_of(child).lower(): child for child in reversed(case)}
    for tag in ("failure", "error", *sorted(FAILING)):
        if tag in told:
            return Outcome.FAILED, said_by(told[tag])
    left_out = sorted(NOT_RUN & told.keys())
    for attribute in ("status", "result", "outcome"):
        word = case.get(attribute, "").strip().lower()
        if word in FAILING:
            return Outcome.FAILED, f"{attribute} is '{word}'"
        if word not in PASSING and not left_out:
            return Outcome.SKIPPED, f"{attribute} is '{word}'"
    if left_out:
        return Outcome.SKIPPED, said_by(told[left_out[0]])
    flaky = [tag for tag in ("flakyfailure", "flakyerror") if tag in told]
    if flaky:
        return Outcome.PASSED, f"passed after a failure: {said_by(told[flaky[0]])}"
    return Outcome.PASSED, ""


def _named(element: "Element") -> Iterator[str]:
    """Give the ids that an element names by attribute, property or label."""
    yield from ids_in(element.get(VERIFIES, ""))
    for key, value in _properties(element):
        if key == VERIFIES:
            yield from ids_in(value)
        else:
            yield from TOKEN.findall(value)


def stated(root: "Element", key: str, name: str) -> str | None:
    """Return what the suites of a JUnit report say about all their tests.

    Raises:
        BrokenFileError: They do not agree.
    """
    suites = (e for e in root.iter() if tag_of(e) in {"testsuites", "testsuite"})
    said = {v for suite in suites for k, v in _properties(suite) if k == key and v}
    if len(said) > 1:
        raise BrokenFileError(
            name,
            f"its suites name different values for {key}: {', '.join(sorted(said))}.",
            remedy="Let each run of the tests write a file of its own.",
        )
    return said.pop() if said else None


def _properties(element: "Element") -> Iterator[tuple[str, str]]:
    """Give the properties of an element by their names in small letters."""
    for child in element:
        if tag_of(child) == "properties":
            for entry in child:
                if tag_of(entry) == "property":
                    value = entry.get("value")
                    text = "".join(entry.itertext()) if value is None else value
                    yield entry.get("name", "").strip().lower(), text.strip()
