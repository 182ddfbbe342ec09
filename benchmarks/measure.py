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
                {
                    **_as_installed(os.environ),
                    "XDG_CACHE_HOME": f"{caches}/{0 if remember else number}",
                    **(environment or {}),
                },
                accepted,
            )
            for number in range(runs + warm_up)
        ][int(warm_up) :]
    return Figures(
        statistics.median(one.cpu_seconds for one in found),
        statistics.median(one.wall_seconds for one in found),
        max(one.peak_megabytes for one in found),
    )


def show(name: str, figures: Figures, floor: Figures) -> None:
    """Print one row: the figures, and the ratio of CPU seconds to a floor."""
    print(
        f"{name:<44} {figures.cpu_seconds:7.3f} CPU s {figures.wall_seconds:7.3f} s "
        f"{figures.peak_megabytes:6.0f} MB "
        f"{figures.cpu_seconds / floor.cpu_seconds:6.1f} x floor",
        flush=True,
    )


def _as_installed(environment: Mapping[str, str]) -> dict[str, str]:
    """Let Python keep what it compiled, as it does for what pip installed."""
    return {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}


def on_path(tool: str) -> str:
    """Return a tool of the environment that runs the benchmark."""
    return os.fspath(Path(sys.executable).with_name(tool))


def _once(
    command: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    accepted: Collection[int],
) -> Figures:
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{said.read().decode()[-3000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Figures(cpu, wall, usage.ru_maxrss / MAXRSS_PER_MEGABYTE)
