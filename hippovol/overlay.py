"""The overlay: three planes of the image with the contour of the mask on top.

Rendered with NumPy and written as PNG with the standard library, because a plotting
package would be one more piece of SOUP in the device.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

COLOURS = {1: (255, 170, 0), 2: (0, 200, 255)}
"""RGB of each label: 1 anterior, 2 posterior."""

MAGNIFICATION = 4
"""Screen pixels per voxel, so that a contour of one voxel can be seen."""


# regml: implements SRS-060
def render_overlay(
    voxels: NDArray[np.float32], labels: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the planes through the middle of the mask, side by side.

    Args:
        voxels: Intensities, ``X Y Z`` in RAS order.
        labels: Mask on the same grid.

    Returns:
        ``H W 3`` picture: sagittal, coronal, axial; superior (anterior for the axial
        plane) is up.
    """
    grey = _grey(voxels)
    centre = _centre(labels)
    planes = [
        _plane(grey, labels, axis, position) for axis, position in enumerate(centre)
    ]
    height = max(plane.shape[0] for plane in planes)
    padded = [
        np.pad(plane, ((0, height - plane.shape[0]), (0, MAGNIFICATION), (0, 0)))
        for plane in planes
    ]
    return np.concatenate(padded, axis=1)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return an ``H W 3`` RGB picture as the bytes of a PNG file (ISO/IEC 15948)."""
    height, width, _ = picture.shape
    rows = np.concatenate(
        [np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(rows.tobytes(), 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def _grey(voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(voxels, (0.5, 99.5))
    scaled = (voxels - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(scaled, 0, 1) * 255, np.uint8)


def _centre(labels: NDArray[np.uint8]) -> Sequence[int]:
    """Return the voxel in the middle of the mask, or of the grid when it is empty."""
    found = np.argwhere(labels > 0)
    if not len(found):
        return tuple(size // 2 for size in labels.shape)
    return tuple(int(value) for value in np.median(found, axis=0))


def _plane(
    grey: NDArray[np.uint8], labels: NDArray[np.uint8], axis: int, position: int
) -> NDArray[np.uint8]:
    """Return one RGB plane, magnified, second remaining axis up."""
    picture = _enlarged(np.take(grey, position, axis))[..., None].repeat(3, axis=2)
    mask = _enlarged(np.take(labels, position, axis))
    for value, colour in COLOURS.items():
        picture[_edge(mask == value)] = colour
    return picture


def _enlarged(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    upright = plane.T[::-1]
    return upright.repeat(MAGNIFICATION, axis=0).repeat(MAGNIFICATION, axis=1)


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region that touch its outside."""
    core = np.pad(inside, 1)
    surrounded = core[2:, 1:-1] & core[:-2, 1:-1] & core[1:-1, 2:] & core[1:-1, :-2]
    return inside & ~surrounded
