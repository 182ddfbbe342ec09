"""pytest speaks for requirements: ``@pytest.mark.verifies("SRS-012")``.

The marker is always there, and each id becomes a ``verifies`` property of the test, so
``--junitxml`` carries it too. ``regml test`` adds ``--regml-results FILE``; without
that option the plugin only listens.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

OPTION = "--regml-results"
PROPERTY = "verifies"
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
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(Path(file)), "regml-results")


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
    named = {
        (config.invocation_params.dir / str(argument).split("::")[0]).resolve()
        for argument in config.args
    }
    return False if collection_path in named else None


class Results:
    """How every test of a session ended.

    Args:
        file: JSON file to write when the session is over.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._phases: dict[str, list[pytest.TestReport]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep one phase (set-up, call, tear-down) of one test."""
        self._phases.setdefault(report.nodeid, []).append(report)

    def pytest_sessionfinish(self) -> None:
        """Write the file, completely or not at all."""
        from regml.records.storage import write_whole

        cases = [_case(name, self._phases[name]) for name in sorted(self._phases)]
        write_whole(self._file, json.dumps({"cases": cases}, indent=1).encode())


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
    """Return the worst: a test whose tear-down fails has failed."""
    outcomes = {phase.outcome for phase in phases}
    return next(worst for worst in ("failed", "skipped", "passed") if worst in outcomes)


def _messages(phases: list[pytest.TestReport]) -> Iterator[str]:
    for phase in phases:
        match phase:
            case pytest.TestReport(failed=True):
                crash = getattr(phase.longrepr, "reprcrash", None)
                yield crash.message if crash else phase.longreprtext.strip()
            case pytest.TestReport(skipped=True, wasxfail=reason):
                yield f"expected to fail: {reason}"
            case pytest.TestReport(skipped=True, longrepr=(_, _, reason)):
                yield str(reason).removeprefix("Skipped: ")
            case _:
                continue
