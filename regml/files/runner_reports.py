"""Result files of test runners: JUnit XML of any of them, and Robot Framework's.

The parser is defusedxml, because a report comes from outside: entities are refused.
"""

import re
from typing import TYPE_CHECKING

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.files.junit_xml import ran_at, read_junit, refuse_lost_failures, stated
from regml.files.reported_tests import RunnerReport, tag_of
from regml.files.robot_output import read_robot

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


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
    match tag_of(root):
        case "testsuites" | "testsuite":
            form, tests = "junit", tuple(read_junit(root))
            refuse_lost_failures(root, name)
        case "robot":
            form, tests = "robot", tuple(read_robot(root))
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
    commit, model = (stated(root, key, name) for key in ("commit", "model"))
    return RunnerReport(name, sha256_of(raw), form, tests, commit, model, ran_at(root))


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
