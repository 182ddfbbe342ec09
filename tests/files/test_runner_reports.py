"""What test runners leave: JUnit XML in its dialects, and Robot Framework's output."""

import io
from datetime import UTC
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from regml.errors import BrokenFileError
from regml.files.reported_tests import ReportedTest
from regml.files.runner_reports import read_report
from regml.items.recorded import Outcome

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED

PYTEST = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="1" tests="3" time="0.034">
<testcase classname="tests.test_a" name="test_one[1-2]" time="0.001">
  <properties><property name="verifies" value="SRS-001"/>
  <property name="verifies" value="SRS-002"/></properties></testcase>
<testcase classname="tests.test_a" name="test_two" time="0.002">
  <failure message="assert 1 == 2">traceback</failure></testcase>
<testcase classname="tests.test_a" name="test_three" time="0.000">
  <skipped type="pytest.skip" message="no scanner">x</skipped></testcase>
</testsuite></testsuites>
"""

GTEST_NEW = """\
<testsuites tests="3" name="AllTests">
<testsuite name="Volume" tests="3" failures="1" disabled="1">
<testcase name="Adds" status="run" result="completed" time="0.01" classname="Volume">
  <properties><property name="verifies" value="SRS-001, SRS-002"/></properties>
</testcase>
<testcase name="Fails" status="run" result="completed" time="0" classname="Volume"
  verifies="SRS-003"><failure message="Value of: x" type=""><![CDATA[a.cc:3]]></failure>
</testcase>
<testcase name="DISABLED_Slow" status="notrun" result="suppressed" classname="Volume"/>
</testsuite></testsuites>
"""

CTEST = """\
<testsuite name="Linux" tests="4" failures="1" disabled="1" skipped="1">
<testcase name="unit" classname="unit" time="1.5" status="run"/>
<testcase name="bad verifies:SRS-004" classname="bad" time="0.1" status="fail">
  <failure message="Failed"/><system-out>text</system-out></testcase>
<testcase name="off" classname="off" time="0" status="disabled"/>
<testcase name="none" classname="none" time="0" status="notrun">
  <skipped message="Unable to find executable"/></testcase>
</testsuite>
"""

JEST = """\
<testsuites name="jest tests"><testsuite name="volume" errors="0">
<properties><property name="verifies">SRS-005</property></properties>
<testcase classname="volume adds up" name="volume adds up" time="1,234.5"/>
<testsuite name="inner"><testcase name="deep" time="nan"/></testsuite>
</testsuite></testsuites>
"""

SUREFIRE = """\
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.VolumeTest">
<properties><property name="java.version" value="17"/></properties>
<testcase name="adds" classname="com.VolumeTest" time="0.1">
  <flakyFailure message="once" type="x"><stackTrace>s</stackTrace></flakyFailure>
</testcase>
<testcase name="breaks" classname="com.VolumeTest" time="0.1">
  <error message="boom" type="x">t</error><rerunFailure message="again"/></testcase>
<testcase name="odd" classname="com.VolumeTest" status="inconclusive"/>
</testsuite>
"""

CATCH2 = """\
<testsuites><testsuite name="tests.exe" tests="1">
<testcase classname="tests.exe.global" name="volume [verifies:SRS-006]/small" time="0"
  status="run"/>
</testsuite></testsuites>
"""

BROKEN_SETUP = """\
<testsuites><testsuite name="db" verifies="SRS-007"><error message="no database"/>
</testsuite></testsuites>
"""


@pytest.mark.parametrize(
    "text",
    [
        PYTEST,
        GTEST_NEW,
        CTEST,
        SUREFIRE.replace("<testsuite ", '<testsuite errors="1" '),
    ],
)
def test_a_report_that_lost_its_failures_is_refused(text: str) -> None:
    assert FAILED in {test.outcome for test in read(text)}
    root = fromstring(text.encode())
    for suite in root.iter("testsuite"):
        for test in suite.findall("testcase"):
            if test.find("failure") is not None or test.find("error") is not None:
                suite.remove(test)
    with pytest.raises(BrokenFileError, match="they were taken out"):
        read(tostring(root))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('timestamp="2026-01-05T10:00:00+01:00"', "2026-01-05T09:00:00+00:00"),
        ('timestamp="2026-01-05T10:00:00"', "2026-01-05T10:00:00+00:00"),
        ('timestamp="Mon Jan 5 2026"', None),
        ("", None),
    ],
)
def test_a_report_may_say_when_its_tests_ran(said: str, expected: str | None) -> None:
    raw = PYTEST.replace("<testsuite ", f"<testsuite {said} ").encode()
    ran = read_report(raw, name="report.xml").ran
    assert (ran and ran.astimezone(UTC).isoformat()) == expected


def read(text: str | bytes) -> tuple[ReportedTest, ...]:
    raw = text.encode() if isinstance(text, str) else text
    return read_report(raw, name="report.xml").tests


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            PYTEST,
            [
                ("tests.test_a", "test_one[1-2]", ("SRS-001", "SRS-002"), PASSED, ""),
                ("tests.test_a", "test_two", (), FAILED, "assert 1 == 2"),
                ("tests.test_a", "test_three", (), SKIPPED, "no scanner"),
            ],
        ),
        (
            GTEST_NEW,
            [
                ("Volume", "Adds", ("SRS-001", "SRS-002"), PASSED, ""),
                ("Volume", "Fails", ("SRS-003",), FAILED, "Value of: x"),
                ("Volume", "DISABLED_Slow", (), SKIPPED, "status is 'notrun'"),
            ],
        ),
        (
            CTEST,
            [
                ("", "unit", (), PASSED, ""),
                ("bad", "bad verifies:SRS-004", ("SRS-004",), FAILED, "Failed"),
                ("", "off", (), SKIPPED, "status is 'disabled'"),
                ("", "none", (), SKIPPED, "Unable to find executable"),
            ],
        ),
        (
            JEST,
            [
                ("", "volume adds up", ("SRS-005",), PASSED, ""),
                ("inner", "deep", ("SRS-005",), PASSED, ""),
            ],
        ),
        (
            SUREFIRE,
            [
                ("com.VolumeTest", "adds", (), PASSED, "passed after a failure: once"),
                ("com.VolumeTest", "breaks", (), FAILED, "boom"),
                ("com.VolumeTest", "odd", (), SKIPPED, "status is 'inconclusive'"),
            ],
        ),
        (
            CATCH2,
            [
                (
                    "tests.exe.global",
                    "volume [verifies:SRS-006]/small",
                    ("SRS-006",),
                    PASSED,
                    "",
                )
            ],
        ),
        (BROKEN_SETUP, [("db", "(suite)", ("SRS-007",), FAILED, "no database")]),
    ],
    ids=["pytest", "gtest", "ctest", "jest", "surefire", "catch2", "broken set-up"],
)
def test_every_dialect_of_junit_is_read(text: str, expected: list[Any]) -> None:
    assert [
        (t.group, t.name, t.verifies, t.outcome, t.message) for t in read(text)
    ] == expected


@pytest.mark.parametrize("tag", ["ignored", "disabled", "pending", "NotRun"])
def test_a_test_that_did_not_come_to_an_end_is_no_pass(tag: str) -> None:
    [found] = read(f'<testsuite><testcase name="a"><{tag}/></testcase></testsuite>')
    assert found.outcome is SKIPPED


@pytest.mark.parametrize("tag", ["Failure", "timeout", "failed"])
def test_a_failure_by_another_name_is_one(tag: str) -> None:
    [found] = read(
        f'<testsuite><testcase name="a" status="passed"><{tag} message="m"/>'
        "</testcase></testsuite>"
    )
    assert (found.outcome, found.message) == (FAILED, "m")


def test_times_are_read_and_nonsense_counts_as_zero() -> None:
    assert [t.seconds for t in read(JEST)] == [1234.5, 0.0]
    assert [t.seconds for t in read(PYTEST)] == [0.001, 0.002, 0.0]


def test_a_report_may_say_what_it_ran_on() -> None:
    text = GTEST_NEW.replace(
        '<testsuite name="Volume"',
        '<properties><property name="commit" value="abc123"/>'
        '<property name="model" value="3f9a12"/></properties>'
        '<testsuite name="Volume"',
    )
    report = read_report(text.encode(), name="r.xml")
    assert (report.commit, report.model, report.form) == ("abc123", "3f9a12", "junit")


BOMB = """\
<?xml version="1.0"?>
<!DOCTYPE x [
<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">
]>
<testsuite><testcase name="&d;"/></testsuite>
"""
OUTSIDE = """\
<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&a;"/></testsuite>
"""


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        (BOMB.encode(), 3, "declares XML entities"),
        (OUTSIDE.encode(), 1, "declares XML entities"),
        (PYTEST.encode()[:300], 5, "is not XML"),
        (b"", 1, "is not XML: no element found"),
        (b"PASSED", 1, "is not XML"),
        (b'<?xml version="1.0" encoding="none-such"?><testsuite/>', 1, "is not XML"),
        (b"\x89PNG\r\n\x1a\n", 1, "is not XML"),
        (b"<html/>", 1, "neither JUnit XML nor Robot Framework output: it is <html>"),
        (b"<testsuites/>", None, "holds no test"),
        (b"<robot/>", None, "holds no test"),
    ],
)
def test_what_is_no_report_is_refused_with_its_line(
    raw: bytes, line: int | None, said: str
) -> None:
    with pytest.raises(BrokenFileError, match=said) as caught:
        read_report(raw, name="report.xml")
    assert (caught.value.path, caught.value.line) == ("report.xml", line)


# -- Robot Framework ------------------------------------------------------------------

ROBOT_3 = """\
<robot generator="Robot 3.2.2"><suite name="Top">
<suite name="Inner">
<test id="s1" name="Old form"><kw name="x"><status status="FAIL"/></kw>
<tags><tag>SRS-001</tag><tag>JIRA-12</tag></tags>
<status status="FAIL" starttime="20240101 10:00:00.000" endtime="20240101 10:00:01.5">
too small</status></test>
</suite></suite></robot>
"""

SUITE = """\
*** Settings ***
Suite Teardown    {teardown}

*** Test Cases ***
Passes
    [Tags]    verifies:SRS-001    other
    Log    fine
Fails
    [Tags]    srs-002
    Fail    too small
Skips
    [Tags]    Verifies: SRS-003, SRS-004
    Skip    no scanner
"""


def robot_output(tmp_path: Path, teardown: str) -> Path:
    robot = pytest.importorskip("robot")
    suite = tmp_path / "volume.robot"
    suite.write_text(SUITE.format(teardown=teardown))
    output = tmp_path / "output.xml"
    robot.run(
        str(suite), output=str(output), log=None, report=None, stdout=io.StringIO()
    )
    return output


def test_the_output_of_robot_framework_is_read(tmp_path: Path) -> None:
    raw = robot_output(tmp_path, "Log    done").read_bytes()
    report = read_report(raw, name="output.xml")
    assert report.form == "robot"
    assert [
        (t.group, t.name, t.verifies, t.outcome, t.message) for t in report.tests
    ] == [
        ("Volume", "Passes", ("SRS-001",), PASSED, ""),
        ("Volume", "Fails", ("SRS-002",), FAILED, "too small"),
        ("Volume", "Skips", ("SRS-003", "SRS-004"), SKIPPED, "no scanner"),
    ]


@pytest.mark.parametrize("teardown", ["Log    done", "Fail    cannot clean up"])
def test_robot_framework_itself_says_the_same(tmp_path: Path, teardown: str) -> None:
    output = robot_output(tmp_path, teardown)
    from robot.api import ExecutionResult

    words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
    theirs = ExecutionResult(str(output)).suite.all_tests
    ours = read(output.read_bytes())
    assert [(t.name, t.outcome) for t in ours] == [
        (t.name, words[t.status]) for t in theirs
    ]


def test_older_output_of_robot_framework_is_read() -> None:
    [test] = read(ROBOT_3)
    assert (test.group, test.verifies, test.outcome) == (
        "Top.Inner",
        ("SRS-001",),
        FAILED,
    )
    assert (test.seconds, test.message) == (1.5, "too small")


# -- properties -----------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
IDS = st.lists(st.from_regex(r"SRS-[0-9]{3}", fullmatch=True), unique=True)
RESULTS = st.sampled_from([PASSED, FAILED, SKIPPED])


@given(st.lists(st.tuples(WORDS, WORDS, IDS, RESULTS, WORDS), min_size=1, max_size=4))
def test_what_another_implementation_writes_is_read_back(rows: list[Any]) -> None:
    junit = pytest.importorskip("junitparser")
    xml, suite = junit.JUnitXml(), junit.TestSuite("suite")
    for name, group, ids, outcome, message in rows:
        case = junit.TestCase(name, group, 0.25)
        if outcome is not PASSED:
            kind = junit.Failure if outcome is FAILED else junit.Skipped
            case.result = [kind(message)]
        properties = junit.Properties()
        for item_id in ids:
            properties.add_property(junit.Property("verifies", item_id))
        case.append(properties)
        suite.add_testcase(case)
    xml.add_testsuite(suite)

    found = read(xml.tostring())
    assert [(t.verifies, t.outcome, t.seconds) for t in found] == [
        (tuple(ids), outcome, 0.25) for _, _, ids, outcome, _ in rows
    ]
    assert [t.name for t in found] == [
        " ".join(name.split()) or "(no name)" for name, *_ in rows
    ]


PIECES = st.sampled_from(
    [
        "<testsuite>",
        "</testsuite>",
        "<testcase/>",
        "<robot>",
        "</robot>",
        "<suite>",
        "</suite>",
        "<test>",
        "</test>",
        "<tag>x</tag>",
        "<status/>",
        "<!--c-->",
        "<?p?>",
        "&lt;",
        "text",
        "<properties>",
        "</properties>",
        "<property/>",
        "<failure/>",
        "<skipped/>",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join).map(str.encode) | st.binary())
def test_whatever_comes_there_are_tests_or_a_message(raw: bytes) -> None:
    try:
        tests = read(raw)
    except BrokenFileError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert tests
    assert refusal == "" or refusal.startswith("report.xml")


def test_deep_nesting_is_no_trouble() -> None:
    depth = 20_000
    raw = b"<testsuite>" * depth + b"<testcase name='a'/>" + b"</testsuite>" * depth
    assert len(read(raw)) == 1


def test_suites_that_disagree_about_the_commit_are_refused() -> None:
    suite = (
        '<testsuite><properties><property name="commit" value="{}"/></properties>'
        '<testcase name="a"/></testsuite>'
    )
    text = f"<testsuites>{suite.format('a1')}{suite.format('b2')}</testsuites>"
    with pytest.raises(BrokenFileError, match="different values for commit: a1, b2"):
        read(text)
