"""Output files of Robot Framework.

``robot.api`` would read the same files and expands entities, so the tests hold this
module against it instead.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from regml.files.reported_tests import (
    MESSAGE_CHARACTERS,
    VERIFIES,
    ReportedTest,
    ids_in,
    once,
    one_line,
    seconds_of,
    tag_of,
)
from regml.items.base import Kind
from regml.items.recorded import Outcome

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ITEM: Final = re.compile(rf"(?:{'|'.join(Kind)})-\d{{2,}}", re.IGNORECASE)
"""A tag that is an id; ``JIRA-12`` is none of ours."""


def read_robot(root: "Element") -> Iterator[ReportedTest]:
    """Give the tests of all suites.

    When the tear-down of a suite fails, all its tests have failed: Robot's own log
    says so, its output file does not.
    """
    tops = [suite for suite in root if tag_of(suite) == "suite"]
    todo = [(suite, "", "") for suite in reversed(tops)]
    while todo:
        suite, above, broken = todo.pop()
        name = one_line(suite.get("name", ""))
        path = f"{above}.{name}" if above else name
        broken = broken or _torn_down(suite)
        for child in suite:
            if tag_of(child) == "test":
                yield _robot_test(child, path, broken)
        inner = [child for child in suite if tag_of(child) == "suite"]
        todo += [(child, path, broken) for child in reversed(inner)]


def _robot_test(test: "Element", suite: str, broken: str) -> ReportedTest:
    status = next((c for c in test if tag_of(c) == "status"), None)
    word = "" if status is None else status.get("status", "")
    message = "" if status is None else one_line(status.text or "")
    outcome = {"PASS": Outcome.PASSED, "FAIL": Outcome.FAILED}.get(
        word, Outcome.SKIPPED
    )
    if broken and outcome is not Outcome.SKIPPED:
        outcome, message = Outcome.FAILED, message or broken
    tags = [
        one_line(tag.text or "")
        for part in test
        for tag in ([part] if tag_of(part) == "tag" else part)
        if tag_of(tag) == "tag" and tag_of(part) in {"tag", "tags"}
    ]
    return ReportedTest(
        suite,
        one_line(test.get("name", "")),
        once(_of_tags(tags)),
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
            yield from (name.upper() for name in ids_in(tag.partition(":")[2]))


def _torn_down(suite: "Element") -> str:
    """Return why the tear-down of a suite failed, or nothing."""
    for child in suite:
        if tag_of(child) == "kw" and child.get("type", "").lower() == "teardown":
            for status in child:
                if tag_of(status) == "status" and status.get("status") == "FAIL":
                    why = one_line(status.text or "")
                    return f"the tear-down of the suite failed: {why}"
    return ""


def _robot_seconds(status: "Element") -> float:
    if (elapsed := status.get("elapsed")) is not None:
        return seconds_of(elapsed)
    try:
        begin, end = (
            datetime.strptime(status.get(key, ""), "%Y%m%d %H:%M:%S.%f")  # noqa: DTZ007 - only their difference counts
            for key in ("starttime", "endtime")
        )
    except ValueError:
        return 0.0
    return max(0.0, (end - begin).total_seconds())
