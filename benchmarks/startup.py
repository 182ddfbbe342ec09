"""How much a command costs before it does anything.

``python -m benchmarks.startup [PROJECT]``: the floor is a Python that imports click,
the peer ``dvc status``. The commands are run in turn, so that all of them meet the same
machine.
"""

import sys
from pathlib import Path

from benchmarks.measure import measure, measure_in_turn, on_path, show


def main() -> None:
    """Print the figures of short commands next to the floor and the peer."""
    project = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo").resolve()
    regml, floor, peer = on_path("regml"), "python -c 'import click'", "dvc status"
    commands = {
        "regml --help": [regml, "--help"],
        "regml show SRS-012": [regml, "show", "SRS-012"],
        "regml check": [regml, "check"],
    }
    others = {
        floor: [sys.executable, "-c", "import click"],
        peer: [on_path("dvc"), "status"],
    }
    found = measure_in_turn({**others, **commands}, folder=project)
    for name, figures in found.items():
        show(name, figures, found[floor])
    for name in commands:
        ratio = found[name].cpu_seconds / found[peer].cpu_seconds
        print(f"{name:<44} {ratio:7.2f} x {peer}")
    for name in ("regml show SRS-012", "regml check"):
        again = measure(commands[name], folder=project, remember=True)
        show(f"{name}, again", again, found[floor])


if __name__ == "__main__":
    main()
