"""The user's decision about a result, only after the contour has been looked at."""

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np

from hippovol.gate import identify
from hippovol.overlay import png, render_overlay
from hippovol.result import RESULT_FILE, read_result
from regml.digest import canonical_json, digest_file, sha256_of
from regml.errors import BrokenFileError, RegmlError
from regml.imaging.outputs import write_whole
from regml.imaging.volumes import load_nifti, to_ras
from regml.items.base import Strict

REVIEW_FILE = "review.jsonl"
"""What users did with a result: one line per event, oldest first."""


class Event(StrEnum):
    """What a user did."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReviewError(RegmlError):
    """The decision is not possible now; the message says what is missing."""


class ReviewLine(Strict):
    """One event of a review.

    Attributes:
        event: What the user did.
        at: When, with a time zone.
        reviewer: Who, as the host system knows them.
        result_sha256: Digest of the result they saw; another result starts anew.
        overlay_sha256: Digest of the picture they saw.
        reason: Why a result was rejected.
    """

    event: Event
    at: datetime
    reviewer: str
    result_sha256: str
    overlay_sha256: str
    reason: str = ""


def show(folder: Path, *, reviewer: str, at: datetime) -> Path:
    """Render the overlay of a run and note that it was displayed.

    Returns:
        The picture, ``overlay.png`` in the folder of the run.

    Raises:
        BrokenFileError: The folder has no complete result, or the mask was changed.
    """
    result = read_result(folder)
    mask = folder / "mask.nii.gz"
    if not mask.exists() or digest_file(mask, name="").sha256 != result.mask_sha256:
        raise BrokenFileError(
            mask, "this is not the mask of the result.", remedy="Analyse again."
        )
    image, labels = (
        to_ras(load_nifti(path)).array for path in (folder / "image.nii.gz", mask)
    )
    picture = png(render_overlay(image.astype(np.float32), labels.astype(np.uint8)))
    path = folder / "overlay.png"
    write_whole(path, picture)
    _append(folder, Event.SHOWN, reviewer, at, sha256_of(picture))
    return path


# regml: implements SRS-060
def accept(folder: Path, *, reviewer: str, at: datetime) -> ReviewLine:
    """Store that the user accepts the result.

    Raises:
        ReviewError: Its overlay was not displayed to this user, or is not the one
            they saw.
    """
    return _append(folder, Event.ACCEPTED, reviewer, at, _seen(folder, reviewer))


# regml: implements SRS-012
def reject(folder: Path, *, reviewer: str, reason: str, at: datetime) -> ReviewLine:
    """Store that the user rejects the result, and why.

    Raises:
        ReviewError: The reason is empty.
    """
    if not reason.strip():
        raise ReviewError("a rejection needs a reason: add --reason TEXT")
    overlay = folder / "overlay.png"
    digest = digest_file(overlay, name="").sha256 if overlay.exists() else ""
    return _append(folder, Event.REJECTED, reviewer, at, digest, reason.strip())


def read_reviews(folder: Path) -> tuple[ReviewLine, ...]:
    """Return what users did with the results in a folder, oldest first.

    Raises:
        BrokenFileError: A line cannot be read.
    """
    path = folder / REVIEW_FILE
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return tuple(ReviewLine.model_validate(json.loads(line)) for line in lines)
    except ValueError as e:
        raise BrokenFileError(path, f"a line is not a review: {e}") from e


# regml: implements SRS-010
def require_input(folder: Path, source: Path) -> None:
    """Make sure that a report was made from this input and no other.

    Raises:
        ReviewError: It was made from another one.
    """
    found, stated = identify(source), read_result(folder).input
    if (found.sha256, found.series_uid) != (stated.sha256, stated.series_uid):
        raise ReviewError(
            f"this report is of {stated.key}, not of the given input {found.key}"
        )


def _seen(folder: Path, reviewer: str) -> str:
    """Return the digest of the overlay this user has seen of the present result."""
    result = _result_digest(folder)
    shown = [
        line.overlay_sha256
        for line in read_reviews(folder)
        if line.event is Event.SHOWN
        and (line.reviewer, line.result_sha256) == (reviewer, result)
    ]
    overlay = folder / "overlay.png"
    if not shown or not overlay.exists():
        raise ReviewError(
            f"{reviewer} has not seen the contour of this result: "
            "run `python -m hippovol show` first"
        )
    if digest_file(overlay, name="").sha256 != shown[-1]:
        raise ReviewError(
            "overlay.png is not the picture that was shown: show it again"
        )
    return shown[-1]


def _result_digest(folder: Path) -> str:
    read_result(folder)  # fails with a clear message when there is none
    return digest_file(folder / RESULT_FILE, name="").sha256


def _append(
    folder: Path,
    event: Event,
    reviewer: str,
    at: datetime,
    overlay: str,
    reason: str = "",
) -> ReviewLine:
    line = ReviewLine(
        event=event,
        at=at,
        reviewer=reviewer,
        result_sha256=_result_digest(folder),
        overlay_sha256=overlay,
        reason=reason,
    )
    path = folder / REVIEW_FILE
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + canonical_json(line.model_dump(mode="json")) + b"\n")
    return line
