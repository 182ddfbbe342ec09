"""How much a command costs before it does anything.

``python -m benchmarks.startup [PROJECT]``: the floor is a Python that imports click.
"""

import sys
from pathlib import Path

from benchmarks.measure import measure, on_path, show


def main() -> None:
    """Print the figures of short commands next to the floor."""
    project = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo").resolve()
    regml = on_path("regml")
    floor = measure([sys.executable, "-c", "import click"], folder=project)
    show("floor: python -c 'import click'", floor, floor)
    for name, command in {
        "regml --help": [regml, "--help"],
        "regml show SRS-012": [regml, "show", "SRS-012"],
        "regml check": [regml, "check"],
        "dvc status": [on_path("dvc"), "status"],
    }.items():
        show(name, measure(command, folder=project), floor)
        if name in {"regml show SRS-012", "regml check"}:
            again = measure(command, folder=project, remember=True)
            show(f"{name}, again", again, floor)


if __name__ == "__main__":
    main()
