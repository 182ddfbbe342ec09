"""The demonstration: from a hospital's raw DICOM to a Design History File.

Types what a user would type, prints each command before it runs, and leaves a project
in ``build/`` to look at. Run again, only what changed is done again.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REAL_DATA_PARAMETERS = {"train.steps": 1200}
"""What ``params.yaml`` says otherwise for real volumes."""


def main() -> int:
    """Run the demonstration; return the first exit status a user must act on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="synthetic")
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
    command = ["python", "-m", "pipelines.hospital_export", "--source", where]
    if source == "synthetic":
        command += ["--patients", str(patients)]
    run(project, *command, "--out", "data/export")
    run(project, "dvc", "add", "--quiet", "data/export")
    commit(project, "Track the hospital export")


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
