"""What a command started and did not wait for.

A process whose parent ended goes to the next one above that asked for it. The recorder
asks while a command runs, so that what the command leaves behind becomes its child:
what has ended is counted, and what still runs, and may still write, is named.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PR_SET_CHILD_SUBREAPER = 36
"""Of ``linux/prctl.h``."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a command left behind.

    Attributes:
        running: Names of the processes that still run, sorted.
        cpu_seconds: User and system time of those that ended meanwhile.
        peak_memory: Largest resident set of one of these, in the system's unit.
    """

    running: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    peak_memory: int = 0


class Descendants:
    """Takes in what loses its parent while the block runs; only Linux lets us."""

    def __enter__(self) -> Self:
        """Begin to take in."""
        self._before = set(_children())
        _take_in(orphans=True)
        return self

    def __exit__(self, *problem: object) -> None:
        """Leave what comes later to others."""
        _take_in(orphans=False)

    def after(self, ended: int) -> Left:
        """Return what came in since the block began, when its command has ended."""
        running, seconds, peak = [], 0.0, 0
        for child in _children():
            if child in self._before or child == ended:
                continue
            name = _name(child)
            with suppress(ChildProcessError):
                reaped, _, usage = os.wait4(child, os.WNOHANG)
                if reaped:
                    seconds += usage.ru_utime + usage.ru_stime
                    peak = max(peak, usage.ru_maxrss)
                else:
                    running.append(name)
        return Left(tuple(sorted(running)), seconds, peak)


def _take_in(*, orphans: bool) -> None:
    if sys.platform != "linux":
        return
    import ctypes  # only here: it takes 3 ms

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0)


def _children() -> Iterator[int]:
    """Give the process ids of our children, of all threads; none where nobody says."""
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text(encoding="ascii").split())


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(errors="replace").strip()
    except OSError:
        return "unknown"
