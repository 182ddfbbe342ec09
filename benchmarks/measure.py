"""Whole-process figures of commands: CPU seconds first, median of several runs."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAXRSS_PER_MEGABYTE = 1e6 if sys.platform == "darwin" else 1e3
"""Linux counts the resident set in kilobytes, macOS in bytes."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over all counted runs of one command.

    Attributes:
        cpu_seconds: User and system time of the process and its children.
        wall_seconds: From start to end.
        peak_megabytes: Largest resident set of the process or one of its children.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float


def measure(
    command: Sequence[str],
    *,
    folder: Path,
    runs: int = 7,
    warm_up: bool = True,
    environment: Mapping[str, str] | None = None,
    remember: bool = False,
    accepted: Collection[int] = (0, 1),
) -> Figures:
    """Run a command some times, one after the other.

    Args:
        command: What to run.
        folder: Where.
        runs: How many runs count.
        warm_up: Run it once before, uncounted.
        environment: Variables on top of the present ones.
        remember: Keep the cache folder between the runs; else each begins with none.
        accepted: Exit statuses of a command that did its work; of a check, 1 says that
            it found something.

    Raises:
        SystemExit: The command fails.
    """
    with tempfile.TemporaryDirectory() as caches:
        found = [
            _once(
                command,
                folder,
                {"XDG_CACHE_HOME": f"{caches}/{0 if remember else number}"}
                | dict(environment or {}),
                accepted,
            )
            for number in range(runs + warm_up)
        ]
    return _median(found[int(warm_up) :])


def measure_in_turn(
    commands: Mapping[str, Sequence[str]], *, folder: Path, runs: int = 15
) -> dict[str, Figures]:
    """Run several commands one after the other, and all of them again, some times.

    What slows the machine down for a while then slows all of them down alike. Each run
    begins with an empty cache folder; the first round does not count.

    Raises:
        SystemExit: A command fails.
    """
    found: dict[str, list[Figures]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as cache:
                caches = {"XDG_CACHE_HOME": cache}
                found[name].append(_once(command, folder, caches, (0, 1)))
    return {name: _median(figures[1:]) for name, figures in found.items()}


def show(name: str, figures: Figures, floor: Figures) -> None:
    """Print one row: the figures, and the ratio of CPU seconds to a floor."""
    print(
        f"{name:<44} {figures.cpu_seconds:7.3f} CPU s {figures.wall_seconds:7.3f} s "
        f"{figures.peak_megabytes:6.0f} MB "
        f"{figures.cpu_seconds / floor.cpu_seconds:6.1f} x floor",
        flush=True,
    )


def on_path(tool: str) -> str:
    """Return a tool of the environment that runs the benchmark."""
    return os.fspath(Path(sys.executable).with_name(tool))


def _median(found: Sequence[Figures]) -> Figures:
    return Figures(
        statistics.median(one.cpu_seconds for one in found),
        statistics.median(one.wall_seconds for one in found),
        max(one.peak_megabytes for one in found),
    )


def _once(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    accepted: Collection[int],
) -> Figures:
    # as installed: what pip copies is compiled, whatever Python may keep here
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**kept, **environment}, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{said.read().decode()[-3000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Figures(cpu, wall, usage.ru_maxrss / MAXRSS_PER_MEGABYTE)
