"""The folder watch: each complete DICOM series of an inbox is analysed once."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from hippovol.gate import identify
from regml.digest import canonical_json
from regml.errors import RegmlError
from regml.imaging.outputs import write_whole

DONE_FOLDER = ".done"
"""Where the outbox remembers what was processed, by digest of the input."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of one series.

    Attributes:
        key: Pseudonymous key of the input; name of its folder in the outbox.
        ending: ``ok``, ``flagged``, ``rejected`` or ``failed``.
    """

    key: str
    ending: str


Analyse = Callable[[Path, Path], str]
"""Analyses an input into a new folder and returns the outcome."""


# regml: implements SRS-041
def process_inbox(
    inbox: Path,
    outbox: Path,
    analyse: Analyse,
    *,
    now: float,
    settled_seconds: float,
) -> tuple[Processed, ...]:
    """Analyse every complete series that was not analysed before.

    A result appears in ``outbox/<key>`` at once and whole. The key is made from the
    content, so a series that is sent again under another name is not analysed again.

    Args:
        inbox: Folder with one folder per series.
        outbox: Where results go; created when absent.
        analyse: What to do with a series.
        now: Present time in seconds since 1970, as file times are.
        settled_seconds: How long the files of a series must have been left alone.

    Raises:
        OSError: Inbox or outbox cannot be used.
    """
    return tuple(
        _process(folder, outbox, analyse)
        for folder in sorted(inbox.iterdir())
        if folder.is_dir()
        and is_complete(folder, now=now, settled_seconds=settled_seconds)
        and not _is_done(folder, outbox)
    )


def watch(
    inbox: Path,
    outbox: Path,
    analyse: Analyse,
    *,
    seconds: float,
    settled_seconds: float,
    report: Callable[[Processed], None],
) -> None:
    """Look into the inbox every few seconds until the process is stopped."""
    while True:
        for processed in process_inbox(
            inbox, outbox, analyse, now=time.time(), settled_seconds=settled_seconds
        ):
            report(processed)
        time.sleep(seconds)


def is_complete(folder: Path, *, now: float, settled_seconds: float) -> bool:
    """Tell whether all files of a series have arrived.

    They have when nothing was changed lately, no file is a partial transfer (a name
    that starts with a dot or ends in ``.part`` or ``.tmp``), and there are as many
    files as Images in Acquisition (0020,1002) says, where it says so.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files or any(_is_partial(path) for path in files):
        return False
    if now - max(path.stat().st_mtime for path in files) < settled_seconds:
        return False
    return len(files) >= _announced(files[0])


def _is_partial(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix in (".part", ".tmp")


def _announced(file: Path) -> int:
    """Return how many images the series says it has; 0 when it does not say."""
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        return int(header.get("ImagesInAcquisition") or 0)
    except (InvalidDicomError, OSError, ValueError):
        return 0


def _is_done(folder: Path, outbox: Path) -> bool:
    return (outbox / DONE_FOLDER / identify(folder).key).exists()


def _process(folder: Path, outbox: Path, analyse: Analyse) -> Processed:
    key = identify(folder).key
    draft = outbox / f".{key}.draft"
    with suppress(FileNotFoundError):
        shutil.rmtree(draft)  # left by a process that was killed
    try:
        ending = analyse(folder, draft)
    except RegmlError as e:
        # the message may name a path, and a path may name a patient
        draft.mkdir(parents=True, exist_ok=True)
        write_whole(
            draft / "failure.json",
            canonical_json({"error": type(e).__name__, "input": key}) + b"\n",
        )
        ending = "failed"
    with suppress(FileNotFoundError):
        shutil.rmtree(outbox / key)
    draft.rename(outbox / key)
    mark = {"ending": ending, "input": key}
    write_whole(outbox / DONE_FOLDER / key, canonical_json(mark) + b"\n")
    return Processed(key, ending)
