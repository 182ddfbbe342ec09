"""What was done to an image before the network saw it, in a form to compare."""

from functools import cache
from pathlib import Path

from regml.digest import sha256_of
from regml.imaging import volumes
from regml.items.data import Preparation


def preparation(
    *,
    spacing_mm: float,
    interpolation: str,
    clip_percentiles: tuple[float, float],
) -> Preparation:
    """Return how images are prepared, with the digest of the code that does it.

    The stage that makes the training images and the device that is given new ones both
    say it; check M12 compares what they say.
    """
    return Preparation(
        code_sha256=code_sha256(),
        spacing_mm=spacing_mm,
        interpolation=interpolation,
        clip_percentiles=clip_percentiles,
    )


@cache
def code_sha256() -> str:
    """Return the digest of the source that resamples and normalises."""
    return sha256_of(Path(str(volumes.__file__)).read_bytes())
