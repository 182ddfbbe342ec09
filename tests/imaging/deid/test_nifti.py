import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.imaging.deid.nifti import scrub
from regml.imaging.deid.quarantine import QuarantineError

LABELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
AFFINE = np.diag([1.1, 0.9, 1.2, 1.0])
FORMATS = (nib.Nifti1Image, nib.Nifti2Image)


def written(kind: type[nib.Nifti1Image]) -> bytes:
    """Return a file in whose header somebody wrote a name."""
    image = kind(LABELS, AFFINE)
    image.header["descrip"] = b"Kovalenko, Anna"
    image.header["aux_file"] = b"anna.nii"
    image.header["intent_name"] = b"by Wegener"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"born 19600201"))
    return bytes(image.to_bytes())


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_texts_go_and_voxels_stay(kind: type[nib.Nifti1Image], packed: bool) -> None:
    content = written(kind)
    plain = gzip.decompress(scrub(gzip.compress(content) if packed else content))
    for word in (b"Kovalenko", b"anna", b"Wegener", b"19600201"):
        assert word not in plain
    image = kind.from_bytes(plain)
    assert np.array_equal(np.asarray(image.dataobj), LABELS)
    assert np.allclose(image.affine, AFFINE)
    assert not image.header.extensions


def test_the_same_file_gives_the_same_bytes() -> None:
    once = scrub(written(nib.Nifti1Image))
    assert scrub(once) == once


@given(st.binary(max_size=400))
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(QuarantineError):
        scrub(content)


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_file_is_refused(kind: type[nib.Nifti1Image]) -> None:
    with pytest.raises(QuarantineError, match="incomplete"):
        scrub(written(kind)[:-3])
