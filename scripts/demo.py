"""The demonstration: from a hospital's raw DICOM to a Design History File.

Types what a user would type, prints each command before it runs, and leaves a project
in ``build/`` to look at. Run again, only what changed is done again.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent.parent
REAL_VOLUMES: Mapping[str, Mapping[str, Any]] = {
    "import_annotations": {
        "fewer_readers_limitation": "LIM-R1: the source brings one outline per case"
    },
    "preprocess": {
        "split": {
            "unit": "case",
            "train": 0.7,
            "tuning": 0.1,
            "test": 0.2,
            "seed": 20260101,
            "limitation": "LIM-01: the source names no patients, so that two volumes "
            "of one person may stand in two splits",
        }
    },
    "train": {"steps": 600, "evaluate_every": 100, "class_weights": "none"},
}
"""What ``params.yaml`` says for volumes without patients and second readers."""


def main() -> int:
    """Run the demonstration; return the first exit status a user must act on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="synthetic", help="or a folder")
    parser.add_argument("--patients", type=int, default=24)
    arguments = parser.parse_args()
    started = time.monotonic()
    name = "demo" if arguments.source == "synthetic" else "demo-local"
    project = HERE / "build" / name
    if not (project / "regml.toml").exists():
        run(HERE, "regml", "init", str(project), "--example", "hippovol")
    if not (project / "data" / "export.dvc").exists():
        add_export(project, arguments.source, arguments.patients)
    run(project, "dvc", "repro")
    commit(project, "Reproduce the pipeline")
    run(project, "regml", "test", "--unless-current", accept=(0, 1))
    commit(project, "Record the test run")
    run(project, "regml", "check", accept=(0, 1))
    run(project, "regml", "dhf", "build", "--out", "build/dhf")
    run(project, "regml", "summary")
    say(f"Done in {time.monotonic() - started:.0f} s. Open this file in a browser:")
    print(project / "build" / "dhf" / "html" / "index.html")
    return 0


def add_export(project: Path, source: str, patients: int) -> None:
    """Make the hospital export, track it with DVC and commit that."""
    where = source if source == "synthetic" else str(Path(source).resolve())
    if source != "synthetic":
        set_parameters(project / "params.yaml", REAL_VOLUMES)
        commit(project, "State what the local volumes cannot show, and train longer")
    command = ["python", "-m", "pipelines.hospital_export", "--source", where]
    if source == "synthetic":
        command += ["--patients", str(patients)]
    run(project, *command, "--out", "data/export")
    run(project, "dvc", "add", "--quiet", "data/export")
    commit(project, "Track the hospital export")


def set_parameters(path: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Change sections of ``params.yaml``."""
    parameters = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        parameters[section].update(values)
    path.write_text(yaml.safe_dump(parameters, sort_keys=False), encoding="utf-8")


def commit(project: Path, message: str) -> None:
    """Commit what changed, if anything did."""
    run(project, "git", "add", "--all", quiet=True)
    changed = subprocess.run(["git", "diff", "--cached", "--quiet"], cwd=project)
    if changed.returncode:
        run(project, "git", "commit", "--quiet", "-m", message)


def run(
    folder: Path, *command: str, accept: tuple[int, ...] = (0,), quiet: bool = False
) -> None:
    """Run one command in a folder, or stop the demonstration with its status."""
    if not quiet:
        say("$ " + " ".join(command))
    status = subprocess.run(command, cwd=folder).returncode
    if status not in accept:
        say(f"The demonstration stops: {command[0]} {command[1]} ended with {status}.")
        sys.exit(status)


def say(text: str) -> None:
    """Print one line of the demonstration itself."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
