"""Where records lie, and how a file gets there whole."""

import os
from pathlib import Path

from regml.items.recorded import (
    Approval,
    Execution,
    Release,
    StageRun,
    TestRun,
    Waiver,
)

FOLDER = "records"
"""Folder of a project with everything that was recorded."""

LOG = f"{FOLDER}/log.jsonl"
"""The list of all records."""

KINDS = {
    StageRun: "runs",
    TestRun: "tests",
    Approval: "approvals",
    Waiver: "waivers",
    Execution: "executions",
    Release: "releases",
}
"""Folder below ``records/`` for each kind of statement."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there completely or not at all.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
