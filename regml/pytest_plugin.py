"""pytest speaks for requirements: ``@pytest.mark.verifies("SRS-012")``.

The marker is always there, and each id becomes a ``verifies`` property of the test, so
``--junitxml`` carries it too. ``regml test`` adds ``--regml-results FILE``; without
that option the plugin only listens.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

OPTION = "--regml-results"
PROPERTY = "verifies"
LEFT_OUT: Final = "regml_left_out"
"""Under this name a worker of pytest-xdist tells that it did not run every test."""
MESSAGE_CHARACTERS = 500
"""How much of a failure's message is kept."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which ``regml test`` asks for results."""
    parser.getgroup("regml").addoption(
        OPTION,
        metavar="FILE",
        default=None,
        help="write every test with the items it verifies and how it ended, as JSON",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; collect results where they are asked for."""
    config.addinivalue_line(
        "markers", "verifies(*ids): the test shows that these items are met"
    )
    file = config.getoption(OPTION)
    if file and hasattr(config, "workerinput"):
        config.pluginmanager.register(Selection(config), "regml-selection")
    elif file:
        config.pluginmanager.register(Results(Path(file), config), "regml-results")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the ids of the marker into the properties of each test."""
    for item in items:
        ids = sorted(
            {str(i) for mark in item.iter_markers(PROPERTY) for i in mark.args}
        )
        item.user_properties += [(PROPERTY, item_id) for item_id in ids]


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect what was named, even where the project's own options leave it out.

    A project may keep its device tests out of its everyday runs by ``--ignore``.
    """
    if config.getoption(OPTION) is None:
        return None
    return False if collection_path in _named(config) else None


def _named(config: pytest.Config) -> set[Path]:
    """Return the files and folders that pytest was asked to look at."""
    return {
        (config.invocation_params.dir / str(argument).split("::")[0]).resolve()
        for argument in config.args
    }


class Selection:
    """Whether every test was run, whatever options, files and variables ask for.

    Args:
        config: Of the session.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.left_out = _skips_files(config)
        self._config = config

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Notice tests that a selection such as ``-k`` left out."""
        self.left_out |= bool(items)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Notice that the session ended early, as with ``-x``; a worker tells."""
        self.left_out |= bool(session.shouldfail or session.shouldstop)
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[LEFT_OUT] = self.left_out


def _skips_files(config: pytest.Config) -> bool:
    """Tell whether options leave out whole files, of which pytest says nothing."""
    if config.getoption("lf", False) or config.getoption("stepwise", False):
        return True
    if config.getoption("ignore_glob", None):
        return True
    ignored = [Path(path).resolve() for path in config.getoption("ignore", None) or ()]
    return any(place in path.parents for path in ignored for place in _named(config))


class Results(Selection):
    """How every test of a session ended.

    Args:
        file: JSON file to write when the session is over.
        config: Of the session.
    """

    def __init__(self, file: Path, config: pytest.Config) -> None:
        super().__init__(config)
        self._file = file
        self._phases: dict[str, list[pytest.TestReport]] = {}
        self._unread: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist noticed."""
        told = getattr(node, "workeroutput", {})
        self.left_out |= bool(told.get(LEFT_OUT))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep that a file could not be read, where pytest goes on all the same."""
        if report.failed:
            self._unread.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one phase (set-up, call, tear-down) of one test."""
        self._phases.setdefault(report.nodeid, []).append(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file, completely or not at all."""
        from regml.records.storage import write_whole

        super().pytest_sessionfinish(session)
        found = {
            "cases": [_case(name, self._phases[name]) for name in sorted(self._phases)],
            "unread": sorted(set(self._unread)),
            "complete": not self.left_out,
        }
        write_whole(self._file, json.dumps(found, indent=1).encode())


def _case(name: str, phases: list[pytest.TestReport]) -> dict[str, object]:
    ids = {
        str(i)
        for phase in phases
        for key, i in phase.user_properties
        if key == PROPERTY
    }
    return {
        "name": name,
        "verifies": sorted(ids),
        "outcome": _outcome(phases),
        "seconds": round(sum(phase.duration for phase in phases), 3),
        "message": next(_messages(phases), "")[:MESSAGE_CHARACTERS],
    }


def _outcome(phases: list[pytest.TestReport]) -> str:
    """Return the worst: a test whose tear-down fails has failed.

    One that was only set up, as ``--setup-only`` asks, has not passed.
    """
    outcomes = {phase.outcome for phase in phases}
    if outcomes == {"passed"} and not any(phase.when == "call" for phase in phases):
        return "skipped"
    return next(worst for worst in ("failed", "skipped", "passed") if worst in outcomes)


def _messages(phases: list[pytest.TestReport]) -> Iterator[str]:
    for phase in phases:
        match phase:
            case pytest.TestReport(failed=True):
                yield _why(phase)
            case pytest.TestReport(skipped=True, wasxfail=reason):
                yield f"expected to fail: {reason}".rstrip(": ")
            case pytest.TestReport(skipped=True, longrepr=(_, _, reason)):
                yield str(reason).removeprefix("Skipped: ")
            case pytest.TestReport(passed=True, wasxfail=reason):
                yield f"passed although expected to fail: {reason}".rstrip(": ")
            case _:
                continue
    if not any(phase.when == "call" for phase in phases):
        yield "was set up and not run"
    for phase in phases:
        if str(phase.outcome) == "rerun":  # as pytest-rerunfailures calls a failure
            yield f"passed after a failure: {_why(phase)}"


def _why(phase: pytest.TestReport) -> str:
    crash = getattr(phase.longrepr, "reprcrash", None)
    return crash.message if crash else phase.longreprtext.strip()
