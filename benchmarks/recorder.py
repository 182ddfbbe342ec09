"""What the recorder costs per stage beyond hashing.

``python -m benchmarks.recorder``: a stage that does nothing, with and without recorder,
in a project made for the purpose. The floor is the same command alone.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import measure, on_path, show
from regml.starter import start_project

STAGE = """\
stages:
  nothing:
    cmd: regml record -- true
    deps: [regml.toml]
"""


def main() -> None:
    """Print the figures of a stage that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        start_project(project)
        (project / "dvc.yaml").write_text(
            STAGE,
            encoding="utf-8",
        )
        subprocess.run(
            ["git", "-C", str(project), "commit", "-qam", "Only one stage"], check=True
        )
        alone = measure(["true"], folder=project)
        python = measure([sys.executable, "-c", "pass"], folder=project)
        record = [on_path("regml"), "record", "--stage", "nothing", "--", "true"]
        recorded = measure(record, folder=project)
    show("floor: python -c pass", python, python)
    show("true", alone, python)
    show("regml record -- true", recorded, python)
    print(f"recorder alone: {recorded.cpu_seconds - alone.cpu_seconds:.3f} CPU s")


if __name__ == "__main__":
    main()
