"""The worked example run once, as on a fresh machine, by a user without any settings.

The home is empty, git knows nobody, the language is C, and the path has spaces in it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PATIENTS = 10
PARAMETERS = {"train": {"steps": 60, "evaluate_every": 30, "checkpoint_every": 30}}
"""What makes the example small enough for a test."""


@dataclass(frozen=True)
class Spine:
    """A project that was taken all the way."""

    root: Path
    environment: Mapping[str, str]

    def run(
        self, *command: str, accept: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the user would and demand one of some exit statuses."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in accept, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "-m", message)


def bare_environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has just got the machine."""
    tools = Path(sys.executable).parent
    return {
        "HOME": str(home),
        "LANG": "C",
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
        "PYTHONPATH": "",
    }


@pytest.fixture(scope="session")
def spine(tmp_path_factory: pytest.TempPathFactory) -> Spine:
    """The example from hospital export to Design History File."""
    place = tmp_path_factory.mktemp("spine")
    root, home = place / "my projects" / "hippo vol", place / "home"
    home.mkdir()
    environment = bare_environment(home)
    subprocess.run(["regml", "init", str(root)], env=environment, check=True)
    project = Spine(root, environment)
    make_small(root / "params.yaml")
    project.commit("Make it small")
    export = ["-m", "pipelines.hospital_export", "--source", "synthetic"]
    project.run("python", *export, "--patients", str(PATIENTS), "--out", "data/export")
    project.run("dvc", "add", "--quiet", "data/export")
    project.commit("Track the hospital export")
    project.run("dvc", "repro")
    project.commit("Reproduce the pipeline")
    project.run("regml", "test", accept=(0, 1))
    project.commit("Record the test run")
    project.run("regml", "dhf", "build", "--out", "build/dhf")
    return project


def make_small(path: Path) -> None:
    """Write the parameters of a small run into ``params.yaml``."""
    parameters = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in PARAMETERS.items():
        parameters[section].update(values)
    path.write_text(yaml.safe_dump(parameters, sort_keys=False), encoding="utf-8")
