"""The archive of a release: a ZIP whose bytes depend on its content alone.

Nothing in it is compressed: the same content gives the same bytes with every zlib, and
an archive cannot grow while it is read. Whoever reads one refuses everything that we
do not write, before a byte of it is used.
"""

import hashlib
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from regml.digest import CHUNK_BYTES, digest_file, sha256_of
from regml.errors import BrokenFileError, ConfigError

Content = bytes | Path
"""What a member holds: bytes, or a file that has them."""

SUMS: Final = "SHA256SUMS"
"""Lists every other member with its SHA-256, as ``sha256sum -c`` reads it."""

_FIRST, _LAST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
_ODD = re.compile(r"[\x00-\x1f\x7f\\:]")
_LOCAL = struct.Struct("<4s2B4H3L2H")
"""What stands before the name of each member."""

_CENTRAL, _LARGE, _ENDS = 46, 20, (22, 22 + 56 + 20)
"""Bytes of a line of the list, of a large member's sizes, and of what ends a list."""

_LOOSE = "that belong to no file in it."

_BROKEN = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What the standard library says of a broken archive (an encrypted one included)."""


def write_package(
    path: Path, members: Mapping[str, Content], *, seconds: int
) -> dict[str, str]:
    """Write an archive with its list of digests; all of it or nothing.

    Args:
        path: The archive; an earlier one is replaced.
        members: Content by name, POSIX.
        seconds: The time of every member, in seconds since 1970 UTC.

    Returns:
        sha256 of each member but the list itself, by name.

    Raises:
        ConfigError: A name cannot be written, or there is no room.
    """
    for name in members:
        if problem := _of_name(name):
            raise ConfigError(f"{name!r} cannot go into an archive: it {problem}.")
    sums = {name: sha256(members[name]) for name in sorted(members)}
    whole = {**members, SUMS: listing(sums)}
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(whole):
                _add(archive, name, whole[name], _time(seconds))
        draft.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: the archive cannot be written ({error.strerror}). Make room."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return sums


def listing(sums: Mapping[str, str]) -> bytes:
    """Return digests as ``sha256sum`` prints them, sorted by name."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def read_listing(raw: bytes, *, name: str) -> dict[str, str]:
    """Return the digests that :func:`listing` wrote, by name.

    Raises:
        BrokenFileError: It is no such list, or names something twice.
    """
    found: dict[str, str] = {}
    try:
        lines = raw.decode().split("\n")
    except UnicodeDecodeError as error:
        raise BrokenFileError(name, "is no list of SHA-256 digests.") from error
    for number, line in enumerate(lines[:-1], 1):
        digest, gap, path = line.partition("  ")
        if not gap or not re.fullmatch(r"[0-9a-f]{64}", digest) or path in found:
            raise BrokenFileError(name, "is no list of SHA-256 digests.", line=number)
        found[path] = digest
    if lines[-1]:
        raise BrokenFileError(name, "does not end with a line.", line=len(lines))
    return found


def sha256(content: Content) -> str:
    """Return the sha256 of a member."""
    if isinstance(content, bytes):
        return sha256_of(content)
    return digest_file(content, name=content.name).sha256


@contextmanager
def open_package(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose every name is harmless and whose size is what it says.

    Raises:
        ConfigError: It is not there.
        BrokenFileError: It is no archive as we write it, or is cut short.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file.") from error
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    with archive:
        _refuse_odd(path, archive.infolist(), path.stat().st_size)
        _refuse_hidden(path, archive)
        yield archive


def digests(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """Read every member once and return its sha256 by name.

    Raises:
        BrokenFileError: One cannot be read.
    """
    found = {}
    for info in archive.infolist():
        digest = hashlib.sha256()
        try:
            with archive.open(info) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
        except _BROKEN as error:
            raise _unreadable(path, error) from error
        found[info.filename] = digest.hexdigest()
    return found


def _add(
    archive: zipfile.ZipFile,
    name: str,
    content: Content,
    time: tuple[int, int, int, int, int, int],
) -> None:
    info = zipfile.ZipInfo(name, time)
    info.create_system = 3  # unix, wherever it is written
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    if isinstance(content, bytes):
        archive.writestr(info, content)
        return
    info.file_size = content.stat().st_size
    with content.open("rb") as source, archive.open(info, "w") as target:
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)


def _time(seconds: int) -> tuple[int, int, int, int, int, int]:
    then = datetime.fromtimestamp(seconds, UTC).timetuple()[:6]
    year, month, day, hour, minute, second = min(max(then, _FIRST), _LAST)
    return (year, month, day, hour, minute, second)


def _refuse_odd(path: Path, members: Iterable[zipfile.ZipInfo], size: int) -> None:
    seen: set[str] = set()
    total = 0
    for info in members:
        name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
        if problem := _of_name(name):
            raise _refusal(path, f"holds {name!r}, which {problem}.")
        if name.casefold() in seen:
            raise _refusal(path, f"holds {name!r} twice.")
        if kind not in (0, stat.S_IFREG):
            raise _refusal(path, f"holds {name!r}, which is a link or no plain file.")
        if (
            info.flag_bits & 1
            or info.compress_type != zipfile.ZIP_STORED
            or info.compress_size != info.file_size
        ):
            raise _refusal(path, f"holds {name!r} compressed or encrypted.")
        seen.add(name.casefold())
        total += info.file_size
    if total > size:
        raise _refusal(path, "says it holds more bytes than it has.")


def _refuse_hidden(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse bytes that belong to no member: other programs may find files in them.

    Some read an archive from its beginning and believe what stands before each file;
    we and others believe the list at its end.
    """
    end, listed = 0, 0
    with path.open("rb") as stream:
        for info in sorted(archive.infolist(), key=lambda i: i.header_offset):
            if info.header_offset != end:
                raise _refusal(path, f"holds bytes before {info.filename!r} {_LOOSE}")
            stream.seek(end)
            header = stream.read(_LOCAL.size)
            if len(header) < _LOCAL.size:
                raise _refusal(path, "is cut short.")
            *_, crc, packed, size, name, extra = _LOCAL.unpack(header)
            if crc != info.CRC or not (
                (extra, packed, size) == (0, info.compress_size, info.file_size)
                or (extra == _LARGE and packed == size == 0xFFFFFFFF)
            ):
                raise _refusal(path, f"lists {info.filename!r} otherwise than it is.")
            end += _LOCAL.size + name + extra + info.compress_size
            listed += _CENTRAL + name + len(info.extra) + len(info.comment)
    tail = path.stat().st_size - end - listed
    if archive.start_dir != end or tail not in _ENDS:
        raise _refusal(path, f"holds bytes after its last file {_LOOSE}")


def _of_name(name: str) -> str | None:
    """Say what is wrong with the name of a member, or ``None``."""
    if name.startswith("/") or any(p in ("", ".", "..") for p in name.split("/")):
        return "leads out of the archive or to a folder"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return (
        "has a character that not every system can write" * bool(_ODD.search(name))
        or None
    )


def _unreadable(path: Path, error: Exception) -> BrokenFileError:
    said = getattr(error, "strerror", None) or str(error) or "it is cut short"
    return _refusal(path, f"cannot be read as an archive ({said}).")


def _refusal(path: Path, problem: str) -> BrokenFileError:
    return BrokenFileError(
        path,
        problem,
        remedy="regml does not write such archives: get it again from who released it.",
    )
