"""Whole-process figures of commands: CPU seconds first, median of several runs."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over all counted runs of one command.

    Attributes:
        cpu_seconds: User and system time of the process and its children.
        wall_seconds: From start to end.
    """

    cpu_seconds: float
    wall_seconds: float


def measure(command: Sequence[str], *, folder: Path, runs: int = 7) -> Figures:
    """Run a command once to warm up and then ``runs`` times, one after the other.

    Raises:
        SystemExit: The command fails.
    """
    cpu: list[float] = []
    wall: list[float] = []
    for count in range(runs + 1):
        before, started = _children_cpu(), time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        if done.returncode not in {0, 1}:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr.decode()}")
        if count:
            cpu.append(_children_cpu() - before)
            wall.append(time.perf_counter() - started)
    return Figures(statistics.median(cpu), statistics.median(wall))


def show(name: str, figures: Figures, floor: Figures) -> None:
    """Print one row: the figures, and the ratio of CPU seconds to a floor."""
    print(
        f"{name:<44} {figures.cpu_seconds:7.3f} CPU s {figures.wall_seconds:7.3f} s "
        f"{figures.cpu_seconds / floor.cpu_seconds:6.1f} x floor"
    )


def on_path(tool: str) -> str:
    """Return a tool of the environment that runs the benchmark."""
    return os.fspath(Path(sys.executable).with_name(tool))


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
