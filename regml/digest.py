"""Digests: what a thing is, independent of its name, its time and its place."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
"""How much of a file is read at a time, in bytes."""

LARGE_BYTES = 16 << 20
"""From this size on a file is digested on two cores."""

BATCH = 64
"""At most so many files are handed to a thread at a time."""


@dataclass(frozen=True, slots=True, order=True)
class Artifact:
    """A file or folder by its content.

    Attributes:
        path: Relative to the project, POSIX.
        sha256: Identity. Of a folder: over the canonical JSON of its files.
        md5: As DVC writes it to ``dvc.lock``; a folder's ends in ``.dir``.
        size_bytes: Sum over its files.
        files: How many files; 1 for a file.
    """

    path: str
    sha256: str
    md5: str
    size_bytes: int
    files: int = 1


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8.

    A byte of a name that is no UTF-8 stands there as the escape JSON has for it.

    Raises:
        ValueError: A number is not finite.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    ).encode(errors="backslashreplace")


def plain_text(told: str) -> str:
    r"""Return what the system told, with the bytes that are no UTF-8 spelt out.

    >>> plain_text("caf\udce9"), plain_text("café")
    ('caf\\xe9', 'café')
    """
    return told.encode(errors="surrogateescape").decode(errors="backslashreplace")


def sha256_of(content: bytes) -> str:
    """Return the sha256 of some bytes in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(fields: Mapping[str, Any]) -> str:
    """Return the sha256 over the canonical JSON of named fields."""
    return sha256_of(canonical_json(fields))


def digest_file(path: Path, *, name: str) -> Artifact:
    """Read a file once and return both of its digests.

    Args:
        path: The file.
        name: The path to write into the artifact.

    Raises:
        OSError: The file cannot be read; names it.
    """
    return _digest(os.fspath(path), name, bytearray(CHUNK_BYTES))


def digest_bytes(content: bytes, *, name: str) -> Artifact:
    """Return the artifact of a file that has this content."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Artifact(name, sha256_of(content), md5, len(content))


def digest_path(path: Path, *, name: str) -> Artifact:
    """Return the artifact of a file or of a folder with all files below it.

    Raises:
        OSError: Something cannot be read, or the path does not exist.
    """
    if not path.is_dir():
        return digest_file(path, name=name)
    return folder_artifact(name, digest_files(path))


def digest_files(folder: Path) -> tuple[Artifact, ...]:
    """Return one artifact per file below a folder, sorted by path, using all cores.

    Paths are relative to ``folder``. Symbolic links are followed as DVC does.

    Raises:
        OSError: Something cannot be read; names it.
    """
    top = os.fspath(folder)
    return digest_each([(f"{top}/{name}", name) for name in names_below(folder)])


def names_below(folder: Path) -> list[str]:
    """Return the files below a folder, POSIX, relative to it and sorted.

    Symbolic links are followed as DVC does.

    Raises:
        OSError: A folder cannot be read: what lies in it would be missing unseen. Or a
            name is no text.
    """

    def refuse(error: OSError) -> None:
        raise error

    top = os.fspath(folder)
    names: list[str] = []
    for base, _, files in os.walk(top, onerror=refuse, followlinks=True):
        inside = "" if base == top else base[len(top) :].strip(os.sep) + os.sep
        names += [inside + file for file in files]
    _refuse_no_text(top, names)
    return sorted(name.replace(os.sep, "/") for name in names)


def _refuse_no_text(top: str, names: Sequence[str]) -> None:
    """Refuse names that are no UTF-8: neither JSON nor ``dvc.lock`` can hold them."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        name = next(name for name in names if not _is_text(name))
        shown = plain_text(f"{top}/{name}")
        raise OSError(errno.EILSEQ, "its name is not UTF-8", shown) from error


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def digest_each(files: Sequence[tuple[str, str]]) -> tuple[Artifact, ...]:
    """Return the artifacts of files, in their order, using all cores.

    Args:
        files: Where each lies, and the path to write into its artifact.

    Raises:
        OSError: One cannot be read; names it.
    """

    def work(some: Sequence[tuple[str, str]]) -> list[Artifact]:
        buffer = bytearray(CHUNK_BYTES)
        return [_digest(path, name, buffer) for path, name in some]

    if _is_little(files):
        return tuple(work(files))
    from concurrent.futures import ThreadPoolExecutor  # costs the recorder 8 ms

    cores = os.cpu_count() or 1
    # one task per file costs as much as hashing a small one; few large ones need it
    step = max(1, min(BATCH, len(files) // (8 * cores)))
    batches = [files[start : start + step] for start in range(0, len(files), step)]
    with ThreadPoolExecutor(cores) as pool:
        return tuple(chain.from_iterable(pool.map(work, batches)))


def folder_artifact(name: str, files: Iterable[Artifact]) -> Artifact:
    """Return a folder's artifact from those of its files.

    The md5 is that of DVC's ``.dir`` object: the JSON list of
    ``{"md5": ..., "relpath": ...}`` sorted by path parts.
    """
    members = sorted(files, key=lambda file: file.path.split("/"))
    listing = json.dumps(
        [{"md5": file.md5, "relpath": file.path} for file in members], sort_keys=True
    )
    return Artifact(
        path=name,
        sha256=fingerprint({file.path: file.sha256 for file in members}),
        md5=hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir",
        size_bytes=sum(file.size_bytes for file in members),
        files=len(members),
    )


def _is_little(files: Sequence[tuple[str, str]]) -> bool:
    """Tell whether one core is done before others could begin."""
    if len(files) >= BATCH:
        return False
    try:
        return sum(Path(path).stat().st_size for path, _ in files) < LARGE_BYTES
    except OSError:
        return True  # whoever reads it says which, and why


def _digest(path: str, name: str, buffer: bytearray) -> Artifact:
    """Read a file once, piece by piece through a buffer."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size, view = 0, memoryview(buffer)
    try:
        # a file object costs twice as much, which shows in many small files
        handle = _open_file(path)
        try:
            while count := os.readv(handle, (buffer,)):
                sha256.update(view[:count])
                md5.update(view[:count])
                size += count
                if size >= LARGE_BYTES:
                    size += _digest_rest(handle, sha256, md5)
        finally:
            os.close(handle)
    except OSError as error:
        error.filename = error.filename or path  # a failed read does not say it
        raise
    return Artifact(name, sha256.hexdigest(), md5.hexdigest(), size)


def _open_file(path: str) -> int:
    """Open a file that has an end; a pipe or a device would be read for ever."""
    # a pipe is not waited for: nobody may ever write to it
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "it is neither a file nor a folder", path)


def _digest_rest(handle: int, sha256: "hashlib._Hash", md5: "hashlib._Hash") -> int:
    """Digest what is left of a large file on two cores; return how many bytes.

    While md5, the slower one, looks at a piece, another thread takes the sha256 of the
    same piece and reads the next.
    """
    from concurrent.futures import ThreadPoolExecutor

    def look(chunk: bytes) -> bytes:
        sha256.update(chunk)
        return os.read(handle, CHUNK_BYTES)

    size = 0
    chunk = os.read(handle, CHUNK_BYTES)
    with ThreadPoolExecutor(1) as beside:
        while chunk:
            following = beside.submit(look, chunk)
            md5.update(chunk)
            size += len(chunk)
            chunk = following.result()
    return size
