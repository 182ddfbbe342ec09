"""``regml test``: what is for pytest, and what is a command of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from regml.cli import cli, testing
from regml.records import device_tests


@dataclass(frozen=True)
class Done:
    """A test run that nobody had to wait for."""

    record: Any
    failed: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    path: str = "records/tests/x.json"
    statement: Any = None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The arguments that pytest would have got, run by run."""
    found: list[tuple[str, ...]] = []

    def run(root: Path, arguments: tuple[str, ...]) -> Done:
        found.append(tuple(arguments))
        return Done(Record(), failed=int("-x" in arguments))

    monkeypatch.setattr(device_tests, "run_device_tests", run)
    monkeypatch.setattr(testing, "_standing", lambda root: None)
    return found


def invoke(*words: str) -> Result:
    return CliRunner().invoke(
        cli, ["-C", str(Path(__file__).parents[2]), *words], standalone_mode=False
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ()),
        (("--", "-k", "x"), ("-k", "x")),
        (("tests/device/test_a.py", "--", "-q"), ("tests/device/test_a.py", "-q")),
        (("--unless-current",), ()),
        (("--unless-current", "--", "--lf"), ("--lf",)),
        (("--", "import"), ("import",)),
    ],
)
def test_what_is_for_pytest_goes_to_pytest(
    asked: list[tuple[str, ...]], words: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert invoke("test", *words).return_value == 0
    assert asked == [expected]


def test_a_failure_is_status_1(asked: list[tuple[str, ...]]) -> None:
    assert invoke("test", "--", "-x").return_value == 1
    assert asked == [("-x",)]


def test_an_unknown_option_is_not_taken_for_one_of_pytest(
    asked: list[tuple[str, ...]],
) -> None:
    result = invoke("test", "-k", "x")
    assert "No such option" in str(result.exception)
    assert asked == []


@pytest.mark.parametrize("command", ["import", "execute"])
def test_commands_of_their_own_start_no_tests(
    asked: list[tuple[str, ...]], command: str
) -> None:
    assert "Missing parameter" in str(invoke("test", command).exception)
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "complete"),
    [
        ((), True),
        (("-q", "-n", "2"), True),
        (("-p", "xdist", "--junitxml=r.xml"), True),
        (("-k", "x"), False),
        (("tests/device/test_a.py",), False),
        (("-m", "slow"), False),
        (("-x",), False),
        (("--deselect=a",), False),
    ],
)
def test_only_arguments_that_leave_nothing_out_make_a_complete_run(
    arguments: tuple[str, ...], complete: bool
) -> None:
    harmless = all(device_tests.HARMLESS.fullmatch(word) for word in arguments)
    assert harmless is complete
