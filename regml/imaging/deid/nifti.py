"""Clear what people write into the header of a NIfTI file; voxels stay as they are."""

import gzip
import struct
import zlib
from dataclasses import dataclass
from math import prod

from regml.imaging.deid.quarantine import QuarantineError, Reason


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a version of the format keeps what matters here.

    Attributes:
        header_bytes: Length of the header.
        texts: First and last byte (exclusive) of free text and unused fields.
        dimensions: Format and offset of the dimensions.
        bits: Offset of the number of bits per voxel.
        voxels: Format and offset of the place where voxels start.
    """

    header_bytes: int
    texts: tuple[tuple[int, int], ...]
    dimensions: tuple[str, int]
    bits: int
    voxels: tuple[str, int]


LAYOUTS = {
    348: Layout(
        348,
        ((4, 38), (140, 148), (148, 228), (228, 252), (328, 344)),
        ("8h", 40),
        72,
        ("f", 108),
    ),
    540: Layout(
        540,
        ((240, 320), (320, 344), (508, 524), (525, 540)),
        ("8q", 16),
        14,
        ("q", 168),
    ),
}
"""NIfTI-1 and NIfTI-2 by the length of their header (nifti1.h, nifti2.h)."""


def scrub(content: bytes) -> bytes:
    """Return a NIfTI file without texts and extensions, gzipped, without a time.

    Args:
        content: A file ``.nii`` or ``.nii.gz``.

    Raises:
        QuarantineError: It is not a NIfTI file in one piece, or not complete.
    """
    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        cleared = _clear(plain)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise QuarantineError(Reason.NOT_NIFTI, str(error)) from error
    return gzip.compress(cleared, compresslevel=6, mtime=0)


def _clear(plain: bytes) -> bytes:
    """Return the file with cleared fields and no extension."""
    order, layout = _recognise(plain)
    start = int(_unpack(plain, order, layout.voxels)[0])
    count, *sizes = _unpack(plain, order, layout.dimensions)
    if not 1 <= count <= 7 or min(sizes[:count]) < 1:
        raise QuarantineError(Reason.NOT_NIFTI, "its dimensions make no sense")
    bits = struct.unpack_from(f"{order}h", plain, layout.bits)[0]
    length = prod(sizes[:count]) * bits // 8
    if start < layout.header_bytes or len(plain) < start + length:
        raise QuarantineError(Reason.NOT_NIFTI, "it is incomplete")
    header = bytearray(plain[: layout.header_bytes])
    for first, last in layout.texts:
        header[first:last] = bytes(last - first)
    kind, offset = layout.voxels
    struct.pack_into(order + kind, header, offset, _voxel_start(layout))
    gap = bytes(_voxel_start(layout) - layout.header_bytes)
    return bytes(header) + gap + plain[start : start + length]


def _voxel_start(layout: Layout) -> int:
    """Return where voxels start without extensions, a multiple of 16."""
    return (layout.header_bytes + 4 + 15) // 16 * 16


def _recognise(plain: bytes) -> tuple[str, Layout]:
    """Return byte order and layout of a file with header and voxels in one."""
    for order in "<>":
        length = struct.unpack_from(f"{order}i", plain)[0]
        if layout := LAYOUTS.get(length):
            magic = plain[344:347] if length == 348 else plain[4:7]
            if magic in {b"n+1", b"n+2"}:
                return order, layout
    raise QuarantineError(Reason.NOT_NIFTI, "it has no NIfTI header")


def _unpack(plain: bytes, order: str, field: tuple[str, int]) -> tuple[int, ...]:
    """Return the values of a field."""
    kind, offset = field
    return struct.unpack_from(order + kind, plain, offset)
