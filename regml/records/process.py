"""Running a command so that it is heard live, logged, measured, and never lost."""

import contextlib
import hashlib
import os
import resource
import select
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from regml.plugins import as_it_was
from regml.records.keys import PASSPHRASE_VARIABLE
from regml.records.left_behind import SETTLE_SECONDS, Descendants

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end the command, not its recorder."""

POLL_SECONDS = 0.1
"""How often to look whether the command ended although somebody holds its output."""

CHUNK_BYTES = 1 << 16
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
"""In what the system counts memory, in bytes."""

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit statuses of a shell for a command that cannot be started."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command went.

    Attributes:
        exit_status: Negative for a signal.
        wall_seconds: From start to end.
        cpu_seconds: User and system time of it and its finished children.
        peak_memory_bytes: Largest resident set of it or one of its children.
        hidden_memory_bytes: What we held ourselves when we started it. The system
            counts that as the command's, so a peak that is no larger is only a bound.
        log_sha256: Digest of what it printed.
        left_behind: Names of the processes it left running.
    """

    exit_status: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    hidden_memory_bytes: int
    log_sha256: str
    left_behind: tuple[str, ...] = ()


class Interruption:
    """Passes signals on to the command, so that the recorder outlives it.

    Attributes:
        received: The first signal that asked for an end, or ``None``.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._child: int | None = None

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals while the block runs, but for those that are ignored.

        ``nohup`` and the shell's ``&`` ask for that, and the command is to hear of it.
        """
        heard = [n for n in FORWARDED if signal.getsignal(n) != signal.SIG_IGN]
        before = {number: signal.signal(number, self._take) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch(self, child: int | None) -> None:
        """Pass signals on to a process; ``None`` when it has ended."""
        self._child = child
        if child is not None and self.received is not None:
            os.kill(child, self.received)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = self.received or number
        if self._child is not None and not _terminal_sends(number):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)


def run(
    command: Sequence[str],
    *,
    log: Path,
    variables: Mapping[str, str],
    interruption: Interruption,
) -> Ran:
    """Run a command; what it prints goes on at once and into the log.

    Args:
        command: Program and arguments; no shell reads them.
        log: File to write; a full disk costs the log, not the run.
        variables: Environment variables on top of ours.
        interruption: Catches signals already.
    """
    begun = time.monotonic()
    with _Log(log) as printed:
        if interruption.received is not None:
            return _not_started(printed, -interruption.received, begun)
        hidden = _own_memory_bytes()
        with Descendants() as descendants:
            try:
                process = subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={**environment_of_others(), **variables},
                )
            except OSError as error:
                found = not isinstance(error, FileNotFoundError)
                printed.add(f"regml: {command[0]}: {error.strerror}\n".encode(), 2)
                status = NOT_EXECUTABLE if found else NOT_FOUND
                return _not_started(printed, status, begun)
            with process:  # closes its pipes
                interruption.watch(process.pid)
                ended, usage = _follow(process, printed, descendants)
                interruption.watch(None)
            left = descendants.left(process.pid, until=ended + SETTLE_SECONDS)
        return Ran(
            exit_status=process.returncode,
            wall_seconds=round(ended - begun, 3),
            cpu_seconds=round(usage.ru_utime + usage.ru_stime + left.cpu_seconds, 3),
            peak_memory_bytes=max(usage.ru_maxrss, left.peak_memory) * RSS_UNIT_BYTES,
            hidden_memory_bytes=hidden,
            log_sha256=printed.sha256(),
            left_behind=left.running,
        )


def _own_memory_bytes() -> int:
    """Return the largest resident set this program had; 0 where nobody counts it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else 0


def environment_of_others() -> dict[str, str]:
    """Return the variables that we were started with, for what we start.

    What opens the signing key is no business of a stage or a test.
    """
    ours = as_it_was(os.environ)
    return {k: v for k, v in ours.items() if k != PASSPHRASE_VARIABLE}


class _Log:
    """The log file, and the digest of what should be in it."""

    def __init__(self, path: Path) -> None:
        self._digest = hashlib.sha256()
        self._deaf: set[int] = set()
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            self._give_up(error)

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *problem: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def add(self, chunk: bytes, target: int) -> None:
        """Log some output and pass it on to file descriptor 1 or 2."""
        self._digest.update(chunk)
        if self._file is not None:
            try:
                _write_all(self._file, chunk)
            except OSError as error:
                self._give_up(error)
        if target not in self._deaf:
            try:
                _write_all(target, chunk)
            except OSError:
                self._deaf.add(target)  # nobody listens any more, e.g. "| head"

    def sha256(self) -> str:
        """Return the digest of everything printed so far."""
        return self._digest.hexdigest()

    def _give_up(self, error: OSError) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        sys.stderr.write(
            f"regml: what the command prints is not kept ({error.strerror}). "
            "Make room below .regml/logs.\n"
        )


def _follow(
    process: subprocess.Popen[bytes], printed: _Log, descendants: Descendants
) -> tuple[float, resource.struct_rusage]:
    """Copy what a process prints until it ends; return when that was, and its use.

    A process it left behind may hold its output and go on printing. It is not our run;
    what it prints within a moment may be the last words of the command, though.
    """
    ended, usage = 0.0, None
    with selectors.DefaultSelector() as selector:
        for stream, target in ((process.stdout, 1), (process.stderr, 2)):
            assert stream is not None  # noqa: S101 - both are pipes
            selector.register(stream, selectors.EVENT_READ, target)
        while selector.get_map():
            ready = selector.select(POLL_SECONDS)
            for key, _ in ready:
                if chunk := os.read(key.fd, CHUNK_BYTES):
                    printed.add(chunk, key.data)
                else:
                    selector.unregister(key.fileobj)
            if usage is None and (usage := _reap(process, os.WNOHANG)):
                ended = time.monotonic()
            if usage is not None:
                settled = time.monotonic() - ended > SETTLE_SECONDS
                if settled or not (ready or descendants.running(process.pid)):
                    break
    if usage is None:
        usage = _reap(process, 0) or resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = time.monotonic()
    return ended, usage


def _reap(
    process: subprocess.Popen[bytes], options: int
) -> resource.struct_rusage | None:
    """Return what an ended process used; ``None`` while it runs."""
    pid, status, usage = os.wait4(process.pid, options)
    if pid == 0:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _not_started(printed: _Log, status: int, begun: float) -> Ran:
    wall = round(time.monotonic() - begun, 3)
    return Ran(status, wall, 0.0, 0, 0, printed.sha256())


def _write_all(target: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:
            select.select([], [target], [])


def _terminal_sends(number: int) -> bool:
    """Tell whether a Ctrl-C reached the command already: it shares our terminal."""
    if number != signal.SIGINT:
        return False
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
