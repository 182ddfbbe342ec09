"""Short commands load little: whoever types one must not wait for what it never asks.

Which modules a process loaded is the part of its cost that does not depend on the
machine. ``benchmarks.startup`` and ``benchmarks.recorder`` tell it in seconds.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regml.starter import start_project

LOADED = """
import sys
from regml.cli import main
status = main()
print("loaded", *sorted(sys.modules), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The worked example, just started, with a key of its own."""
    folder = tmp_path_factory.mktemp("startup")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("REGML_NO_CACHE", "1")
        yield start_project(folder / "project").root


def loaded(project: Path, *arguments: str) -> set[str]:
    """Return the modules that a command had loaded when it ended."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("loaded "), done.stderr
    return set(last.split()[1:])


def test_help_loads_no_room(project: Path) -> None:
    found = loaded(project, "--help")
    assert "click" in found
    rooms = {name.split(".")[1] for name in found if name.startswith("regml.")}
    assert rooms == {"cli", "errors", "plugins", "version"}


def test_a_question_to_the_graph_gathers_nothing_for_checks(project: Path) -> None:
    found = loaded(project, "list", "items")
    assert "regml.gather.evidence" in found
    for name in ("regml.gather.surroundings", "regml.trace.rules", "rich", "numpy"):
        assert name not in found
    assert "regml.gather.surroundings" in loaded(project, "check")


def test_a_run_is_recorded_without_models_of_items(project: Path) -> None:
    found = loaded(project, "record", "--stage", "try", "--", "true")
    assert "regml.records.recorder" in found
    for name in ("pydantic", "rich", "numpy", "regml.gather.evidence"):
        assert name not in found
