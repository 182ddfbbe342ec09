"""Result files of test runners: JUnit XML of any of them, and Robot Framework's.

JUnit XML has no binding schema. What is read here is what pytest, GoogleTest, Catch2,
CTest, jest and surefire write. A status that is not known is never taken for a pass.

The parser is defusedxml, because a report comes from outside: entities are refused.
``junitparser`` and ``robot.api`` would read the same files; the first hides the status
attributes of GoogleTest and CTest, the second expands entities, so the tests hold this
module against them instead.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.items.base import Kind
from regml.items.recorded import Outcome

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

VERIFIES: Final = "verifies"
"""Property, attribute or beginning of a tag with which a test names items."""

TOKEN: Final = re.compile(r"verifies:\s*([A-Za-z]+-\d+)", re.IGNORECASE)
"""The same inside a name, a label or a tag, for runners that know no properties."""

ITEM: Final = re.compile(rf"(?:{'|'.join(Kind)})-\d{{2,}}", re.IGNORECASE)
"""A tag that is an id; ``JIRA-12`` is none of ours."""

MESSAGE_CHARACTERS: Final = 500
"""How much of a failure's message is kept."""

PASSING: Final = frozenset(
    {"", "run", "completed", "passed", "pass", "success", "successful", "ok"}
)
FAILING: Final = frozenset({"failed", "fail", "failure", "error", "broken", "timeout"})


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


def read_report(raw: bytes, *, name: str) -> RunnerReport:
    """Return what a test runner left.

    Args:
        raw: The file.
        name: How messages call it.

    Raises:
        BrokenFileError: It is no such file, holds entities, holds no test, or not the
            ones that failed.
    """
    root = _parse(raw, name)
    match _tag(root):
        case "testsuites" | "testsuite":
            form, tests = "junit", tuple(_junit(root))
            _refuse_lost_failures(root, name)
        case "robot":
            form, tests = "robot", tuple(_robot(root))
        case other:
            raise BrokenFileError(
                name,
                f"is neither JUnit XML nor Robot Framework output: it is <{other}>.",
                remedy="Name the file that the test runner writes, e.g. report.xml.",
                line=1,
            )
    if not tests:
        raise BrokenFileError(
            name, "holds no test.", remedy="Look whether the runner found its tests."
        )
    commit, model = (_stated(root, key, name) for key in ("commit", "model"))
    return RunnerReport(name, sha256_of(raw), form, tests, commit, model, _ran(root))


def _parse(raw: bytes, name: str) -> "Element":
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(raw)
    except ParseError as error:
        raise BrokenFileError(
            name,
            f"is not XML: {str(error).partition(': line')[0]}.",
            remedy="The runner may have been killed; run the tests again.",
            line=error.position[0],
        ) from error
    except DefusedXmlException as error:
        place = re.search(rb"<!ENTITY", raw)
        raise BrokenFileError(
            name,
            "declares XML entities, which no test runner needs and which can hide "
            "anything: it was not read.",
            remedy="Find out who wrote it.",
            line=raw[: place.start()].count(b"\n") + 1 if place else 1,
        ) from error
    except (ValueError, LookupError) as error:
        raise BrokenFileError(
            name, f"is not XML: {error}.", remedy="Save it as UTF-8.", line=1
        ) from error
    return root


# -- JUnit ----------------------------------------------------------------------------

Inherited: TypeAlias = tuple[str, ...]


def _junit(root: "Element") -> Iterator[ReportedTest]:
    """Give the tests below nested suites, each with the properties of its suites."""
    todo: list[tuple[Element, Inherited, str]] = [(root, (), "")]
    while todo:
        suite, inherited, _ = todo.pop()
        named = (*inherited, *_named(suite))
        title = _one_line(suite.get("name", ""))
        inner: list[tuple[Element, Inherited, str]] = []
        for child in suite:
            match _tag(child):
                case "testcase":
                    yield _junit_case(child, named, title)
                case "testsuite":
                    inner.append((child, named, title))
                case "error" | "failure":  # the suite itself could not be set up
                    message = _said(child)
                    yield ReportedTest(
                        title, "(suite)", _once(named), Outcome.FAILED, 0.0, message
                    )
        todo += reversed(inner)


def _refuse_lost_failures(root: "Element", name: str) -> None:
    """Refuse a report that tells of failures and holds none.

    How many there are of each is no help: some runners count assertions.
    """
    for suite in root.iter():
        if _tag(suite) not in {"testsuite", "testsuites"}:
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
    tag = _tag(element)
    if tag == "testcase":
        return _junit_outcome(element)[0] is Outcome.FAILED
    return tag in {"testsuite", "testsuites"} and any(
        _tag(child) in {"error", "failure"} for child in element
    )


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0


def _ran(root: "Element") -> datetime | None:
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
    name = _one_line(case.get("name", "")) or "(no name)"
    group = _one_line(case.get("classname") or case.get("class") or suite)
    outcome, message = _junit_outcome(case)
    return ReportedTest(
        group if group != name else "",
        name,
        _once((*inherited, *_named(case), *TOKEN.findall(name))),
        outcome,
        _seconds(case.get("time") or case.get("duration")),
        message,
    )


def _junit_outcome(case: "Element") -> tuple[Outcome, str]:
    told = {_tag(child): child for child in reversed(case)}
    for tag in ("failure", "error"):
        if tag in told:
            return Outcome.FAILED, _said(told[tag])
    for attribute in ("status", "result", "outcome"):
        word = case.get(attribute, "").strip().lower()
        if word in FAILING:
            return Outcome.FAILED, f"{attribute} is '{word}'"
        if word not in PASSING and "skipped" not in told:
            return Outcome.SKIPPED, f"{attribute} is '{word}'"
    if "skipped" in told:
        return Outcome.SKIPPED, _said(told["skipped"])
    flaky = [tag for tag in ("flakyFailure", "flakyError") if tag in told]
    if flaky:
        return Outcome.PASSED, f"passed after a failure: {_said(told[flaky[0]])}"
    return Outcome.PASSED, ""


def _named(element: "Element") -> Iterator[str]:
    """Give the ids that an element names by attribute, property or label."""
    yield from _ids(element.get(VERIFIES, ""))
    for key, value in _properties(element):
        if key == VERIFIES:
            yield from _ids(value)
        else:
            yield from TOKEN.findall(value)


def _stated(root: "Element", key: str, name: str) -> str | None:
    """Return what the suites of a JUnit report say about all their tests.

    Raises:
        BrokenFileError: They do not agree.
    """
    suites = (e for e in root.iter() if _tag(e) in {"testsuites", "testsuite"})
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
        if _tag(child) == "properties":
            for entry in child:
                if _tag(entry) == "property":
                    value = entry.get("value")
                    text = "".join(entry.itertext()) if value is None else value
                    yield entry.get("name", "").strip().lower(), text.strip()


# -- Robot Framework ------------------------------------------------------------------


def _robot(root: "Element") -> Iterator[ReportedTest]:
    """Give the tests of all suites.

    When the tear-down of a suite fails, all its tests have failed: Robot's own log
    says so, its output file does not.
    """
    tops = [suite for suite in root if _tag(suite) == "suite"]
    todo = [(suite, "", "") for suite in reversed(tops)]
    while todo:
        suite, above, broken = todo.pop()
        name = _one_line(suite.get("name", ""))
        path = f"{above}.{name}" if above else name
        broken = broken or _torn_down(suite)
        for child in suite:
            if _tag(child) == "test":
                yield _robot_test(child, path, broken)
        inner = [child for child in suite if _tag(child) == "suite"]
        todo += [(child, path, broken) for child in reversed(inner)]


def _robot_test(test: "Element", suite: str, broken: str) -> ReportedTest:
    status = next((c for c in test if _tag(c) == "status"), None)
    word = "" if status is None else status.get("status", "")
    message = "" if status is None else _one_line(status.text or "")
    outcome = {"PASS": Outcome.PASSED, "FAIL": Outcome.FAILED}.get(
        word, Outcome.SKIPPED
    )
    if broken and outcome is not Outcome.SKIPPED:
        outcome, message = Outcome.FAILED, message or broken
    tags = [
        _one_line(tag.text or "")
        for part in test
        for tag in ([part] if _tag(part) == "tag" else part)
        if _tag(tag) == "tag" and _tag(part) in {"tag", "tags"}
    ]
    return ReportedTest(
        suite,
        _one_line(test.get("name", "")),
        _once(_of_tags(tags)),
        outcome,
        0.0 if status is None else _robot_seconds(status),
        "" if outcome is Outcome.PASSED else message[:MESSAGE_CHARACTERS],
    )


def _of_tags(tags: Iterable[str]) -> Iterator[str]:
    """Give the ids that tags name; Robot's tags know no case."""
    for tag in tags:
        if ITEM.fullmatch(tag):
            yield tag.upper()
        elif tag.lower().replace(" ", "").startswith(f"{VERIFIES}:"):
            yield from (name.upper() for name in _ids(tag.partition(":")[2]))


def _torn_down(suite: "Element") -> str:
    """Return why the tear-down of a suite failed, or nothing."""
    for child in suite:
        if _tag(child) == "kw" and child.get("type", "").lower() == "teardown":
            for status in child:
                if _tag(status) == "status" and status.get("status") == "FAIL":
                    why = _one_line(status.text or "")
                    return f"the tear-down of the suite failed: {why}"
    return ""


def _robot_seconds(status: "Element") -> float:
    if (elapsed := status.get("elapsed")) is not None:
        return _seconds(elapsed)
    try:
        begin, end = (
            datetime.strptime(status.get(key, ""), "%Y%m%d %H:%M:%S.%f")  # noqa: DTZ007 - only their difference counts
            for key in ("starttime", "endtime")
        )
    except ValueError:
        return 0.0
    return max(0.0, (end - begin).total_seconds())


# -- both -----------------------------------------------------------------------------


def _tag(element: "Element") -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _ids(text: str) -> Iterator[str]:
    yield from (part for part in re.split(r"[\s,;]+", text) if part)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _said(element: "Element") -> str:
    """Return the message of an element, or how its text begins."""
    text = element.get("message") or "".join(element.itertext())
    return _one_line(text)[:MESSAGE_CHARACTERS]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _seconds(text: str | None) -> float:
    """Return a duration; what is none counts as 0, for nothing depends on it."""
    try:
        value = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return round(value, 3) if math.isfinite(value) and value >= 0 else 0.0
