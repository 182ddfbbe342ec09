"""The user's decision: after the outline was displayed, and with a reason."""

import shutil
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hippovol.app import analyse
from hippovol.overlay import COLOURS, render_overlay
from hippovol.review import (
    Event,
    ReviewError,
    accept,
    read_reviews,
    reject,
    show,
)
from regml.errors import BrokenFileError
from regml.imaging.volumes import Volume, save_nifti
from regml.learning.inference import SegmentationModel

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def fresh_run(
    tmp_path_factory: pytest.TempPathFactory,
    small_model: SegmentationModel,
    phantom: Volume,
) -> Path:
    """A folder with an input and the run on it that nobody has looked at."""
    folder = tmp_path_factory.mktemp("review")
    save_nifti(folder / "image.nii.gz", phantom)
    analyse(folder / "image.nii.gz", small_model, folder / "out")
    return folder


@pytest.fixture
def run(tmp_path: Path, fresh_run: Path) -> Path:
    """The folder of a run; its input lies beside it."""
    shutil.copytree(fresh_run, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@pytest.mark.verifies("SRS-012")
def test_an_acceptance_is_stored_with_its_time(run: Path) -> None:
    show(run, reviewer="r1", at=AT)

    accept(run, reviewer="r1", at=AT)

    last = read_reviews(run)[-1]
    assert (last.event, last.at, last.reviewer) == (Event.ACCEPTED, AT, "r1")


@pytest.mark.verifies("SRS-012")
def test_a_rejection_is_stored_with_its_time_and_reason(run: Path) -> None:
    reject(run, reviewer="r1", reason=" follows the ventricle ", at=AT)

    last = read_reviews(run)[-1]
    assert (last.event, last.at) == (Event.REJECTED, AT)
    assert last.reason == "follows the ventricle"


@pytest.mark.verifies("SRS-012")
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_rejection_without_a_reason_is_refused(run: Path, reason: str) -> None:
    with pytest.raises(ReviewError, match="needs a reason"):
        reject(run, reviewer="r1", reason=reason, at=AT)

    assert read_reviews(run) == ()


@pytest.mark.verifies("SRS-012")
def test_a_decided_result_is_not_replaced(
    run: Path, tmp_path: Path, small_model: SegmentationModel
) -> None:
    reject(run, reviewer="r1", reason="motion", at=AT)

    with pytest.raises(BrokenFileError, match="was decided"):
        analyse(tmp_path / "image.nii.gz", small_model, run)

    assert read_reviews(run)[-1].reason == "motion"


@pytest.mark.verifies("SRS-060")
def test_acceptance_is_refused_before_the_outline_was_displayed(run: Path) -> None:
    with pytest.raises(ReviewError, match="has not seen the contour"):
        accept(run, reviewer="r1", at=AT)

    assert read_reviews(run) == ()


@pytest.mark.verifies("SRS-060")
def test_somebody_elses_look_does_not_count(run: Path) -> None:
    show(run, reviewer="r1", at=AT)

    with pytest.raises(ReviewError, match="has not seen the contour"):
        accept(run, reviewer="r2", at=AT)


@pytest.mark.verifies("SRS-060")
def test_a_new_result_has_to_be_displayed_again(
    run: Path, tmp_path: Path, small_model: SegmentationModel, phantom: Volume
) -> None:
    show(run, reviewer="r1", at=AT)
    save_nifti(tmp_path / "image.nii.gz", Volume(phantom.array[1:], phantom.affine))
    analyse(tmp_path / "image.nii.gz", small_model, run)

    with pytest.raises(ReviewError, match="has not seen the contour"):
        accept(run, reviewer="r1", at=AT)


@pytest.mark.verifies("SRS-060")
def test_a_look_at_another_result_does_not_count(run: Path) -> None:
    show(run, reviewer="r1", at=AT)
    result = run / "result.json"
    result.write_text(result.read_text().replace('"flagged"', '"ok"'))

    with pytest.raises(ReviewError, match="has not seen the contour"):
        accept(run, reviewer="r1", at=AT)


@pytest.mark.verifies("SRS-060")
def test_a_changed_mask_is_not_displayed(run: Path) -> None:
    mask = run / "mask.nii.gz"
    mask.write_bytes(mask.read_bytes() + b"\0")

    with pytest.raises(BrokenFileError, match="not the mask of the result"):
        show(run, reviewer="r1", at=AT)


@pytest.mark.verifies("SRS-060")
def test_the_overlay_shows_the_outline_of_the_mask_on_the_image() -> None:
    image = np.zeros((20, 24, 22), np.float32)
    image[4:16, 4:20, 4:18] = 100
    labels = np.zeros(image.shape, np.uint8)
    labels[8:12, 8:12, 8:14], labels[8:12, 12:16, 8:14] = 1, 2

    with_mask = render_overlay(image, labels)
    without = render_overlay(image, np.zeros_like(labels))

    for colour in COLOURS.values():
        assert (with_mask == colour).all(axis=-1).any()
        assert not (without == colour).all(axis=-1).any()
    assert (with_mask == 255).all(axis=-1).any()  # the image is seen inside


@pytest.mark.verifies("SRS-060")
def test_the_picture_is_a_png_of_that_overlay(run: Path) -> None:
    content = show(run, reviewer="r1", at=AT).read_bytes()

    width, height = (int.from_bytes(content[i : i + 4]) for i in (16, 20))
    start = content.index(b"IDAT") + 4
    length = int.from_bytes(content[start - 8 : start - 4])
    pixels = zlib.decompress(content[start : start + length])

    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(pixels) == height * (1 + 3 * width)
