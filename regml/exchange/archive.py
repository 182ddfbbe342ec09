"""Zip archives of other tools, unpacked in memory and never beyond a limit."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Final

from regml.errors import BrokenFileError

LARGEST: Final = 512 * 1024 * 1024
"""Unpacked bytes of an archive; a larger one is not opened."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a way of packing that Python does not know
    RuntimeError,  # a password
    EOFError,
    LookupError,  # a part without a name
    ValueError,
    OSError,
)


def is_archive(content: bytes) -> bool:
    """Tell whether some bytes begin as a zip archive does."""
    return content.startswith(b"PK")


def unpack(source: Path, content: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name, sorted.

    Raises:
        BrokenFileError: It is broken or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = sorted(archive.infolist(), key=lambda part: part.filename)
            if sum(part.file_size for part in parts) > LARGEST:
                raise BrokenFileError(
                    source, f"unpacks to more than {LARGEST >> 20} MiB; not opened."
                )
            return {p.filename: archive.read(p) for p in parts if not p.is_dir()}
    except _BROKEN as error:
        raise BrokenFileError(source, f"is a broken archive ({error}).") from error


def content_of(source: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        BrokenFileError: It cannot be read.
    """
    try:
        return source.read_bytes()
    except OSError as error:
        raise BrokenFileError(source, f"cannot be read ({error.strerror}).") from error
