"""What a command started and did not wait for.

A process whose parent ended goes to the next one above that asked for it. The recorder
asks while a command runs, so that what the command leaves behind becomes its child:
what has ended is counted, and what still runs, and may still write, is named.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PR_SET_CHILD_SUBREAPER = 36
"""Of ``linux/prctl.h``."""

SETTLE_SECONDS = 3.0
"""How long helpers may take to see that their program ended, in seconds.

Python's trackers of shared memory and the workers of joblib end only then.
"""

LOOK_SECONDS = 0.02
"""How often to look whether they did."""


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

    def __init__(self) -> None:
        """Know our children of before."""
        self._before = set(_children())
        self._seconds = 0.0
        self._peak = 0

    def __enter__(self) -> Self:
        """Begin to take in."""
        _take_in(orphans=True)
        return self

    def __exit__(self, *problem: object) -> None:
        """Leave what comes later to others."""
        _take_in(orphans=False)

    def running(self, command: int) -> tuple[str, ...]:
        """Return the names of what still runs beside a command; count what ended."""
        names = []
        for child in _children():
            if child in self._before or child == command:
                continue
            name = _name(child)
            with suppress(ChildProcessError):
                ended, _, usage = os.wait4(child, os.WNOHANG)
                if ended:
                    self._seconds += usage.ru_utime + usage.ru_stime
                    self._peak = max(self._peak, usage.ru_maxrss)
                else:
                    names.append(name)
        return tuple(sorted(names))

    def left(self, command: int, *, until: float) -> Left:
        """Return what a command that ended left behind.

        Args:
            command: Its process id.
            until: How long to wait for the rest to end, in monotonic seconds.
        """
        while (names := self.running(command)) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return Left(names, self._seconds, self._peak)


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
