"""The import: good outlines become a consensus, bad ones a sentence."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from regml.errors import BrokenFileError, DataError
from regml.imaging.annotations.report import AnnotationReport, read_index
from regml.imaging.annotations.stage import import_annotations
from regml.imaging.dicom_series import load_series
from regml.imaging.params import ImportParams, OnProblem
from regml.imaging.volumes import load_nifti, to_ras
from regml.items.data import AnnotationProtocol

nib: Any = nibabel  # its types cover only a part of it
TARGET = Path("data/annotations")


@pytest.fixture
def labels(export: Any) -> NDArray[np.uint8]:
    array = np.zeros((9, 11, 6), np.uint8)
    array[2:6, 2:6, 1:5], array[2:6, 6:9, 1:5] = 1, 2
    return array


@pytest.fixture
def uid(export: Any, labels: NDArray[np.uint8]) -> str:
    """Write one series that nobody has outlined yet."""
    found: str = export.series("HV-1a", (labels * 80).astype(np.int16))
    return found


def run(export: Any, protocol: AnnotationProtocol, **params: Any) -> AnnotationReport:
    return import_annotations(export.root, TARGET, protocol, ImportParams(**params))


def test_two_readers_become_a_consensus(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    export.outline("RD-aa", uid, labels)
    export.outline("RD-bb", uid, np.roll(labels, 1, axis=0))
    report = run(export, protocol)
    [case] = report.cases
    assert case.case.startswith("HV-1a-")
    assert len(case.case) == len("HV-1a-") + 4
    assert case.agreement is not None
    assert case.agreement.dice["whole"] == pytest.approx(0.75)
    assert report.agreement_cases == 1
    assert case.below_floor
    assert not report.excluded
    assert report == read_index(TARGET)
    files = sorted(path.name for path in (TARGET / case.case).iterdir())
    assert files == ["RD-aa.nii.gz", "RD-bb.nii.gz", "consensus.nii.gz"]
    image = load_series(export.folder("HV-1a", uid))
    written = load_nifti(TARGET / case.case / "RD-aa.nii.gz")
    assert written.same_grid(image)
    assert report.readers[0].qualification == "radiologist"
    assert [reader.cases for reader in report.readers] == [1, 1]


def test_nifti_and_segmentation_meet_on_one_grid(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    export.outline("RD-aa", uid, labels)
    folder = export.folder("HV-1a", uid)
    export.segmentation("RD-bb", folder, labels, (1,), "a")
    export.segmentation("RD-bb", folder, labels, (2,), "b")
    report = run(export, protocol)
    [case] = report.cases
    assert case.agreement is not None
    assert case.agreement.dice == {"anterior": 1.0, "posterior": 1.0, "whole": 1.0}
    assert "In 1 of them the readers' outlines are the same" in report.agreement_note
    assert len(case.outlines["RD-bb"]) == 2


def test_an_outline_with_flipped_axes_is_the_same_outline(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    upright = export.outline("RD-aa", uid, labels)
    image = nib.load(upright)
    flipped = nib.Nifti1Image(
        np.ascontiguousarray(labels[::-1].transpose(2, 0, 1)),
        image.affine
        @ nib.orientations.inv_ornt_aff(
            np.array([[1, -1], [2, 1], [0, 1]]), labels.shape
        ),
    )
    (export.root / "annotations" / "RD-bb").mkdir()
    nib.save(flipped, export.root / "annotations" / "RD-bb" / f"{uid}.nii.gz")
    [case] = run(export, protocol).cases
    assert case.agreement is not None
    assert case.agreement.dice["whole"] == 1.0
    first, second = (
        to_ras(load_nifti(TARGET / case.case / f"{name}.nii.gz"))
        for name in ("RD-aa", "RD-bb")
    )
    assert (first.array == second.array).all()


def test_one_reader_is_no_agreement(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    export.outline("source", uid, labels)
    with pytest.raises(DataError, match="fewer_readers_limitation"):
        run(export, protocol)
    assert not TARGET.exists()
    report = run(export, protocol, fewer_readers_limitation="one reader in the source")
    assert report.agreement is None
    assert report.cases[0].agreement is None
    assert "not measurable" in report.summary()
    [source] = [reader for reader in report.readers if reader.reader == "source"]
    assert source.qualification is None


def outside(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(labels == 2, 7, labels).astype(np.uint8)


def shifted() -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, 3] = [20.0, -15.0, -29.99]
    return affine


def damage(export: Any, uid: str, labels: NDArray[np.uint8], what: str) -> str:
    """Give reader RD-bb a bad outline; return the file that has to be named."""
    affine = np.eye(4)
    affine[:3, 3] = [20.0, -15.0, -30.0]
    match what:
        case "shape":
            path = export.outline("RD-bb", uid, labels[:, :-1], affine)
        case "affine":
            path = export.outline("RD-bb", uid, labels, shifted())
        case "values":
            path = export.outline("RD-bb", uid, outside(labels), affine)
        case "empty":
            path = export.outline("RD-bb", uid, labels * 0, affine)
        case "unreadable":
            path = export.outline("RD-bb", uid, labels, affine)
            path.write_bytes(b"\0" * 40)
        case "no-image":
            path = export.outline("RD-bb", "1.2.3.4", labels, affine)
        case "twice":
            folder = export.folder("HV-1a", uid)
            export.outline("RD-bb", uid, labels, affine)
            export.segmentation("RD-bb", folder, labels)
            path = export.root / "annotations" / "RD-bb" / "seg.dcm"
        case _:
            path = export.outline("RD-bb", uid, labels, affine)
            path = path.rename(path.with_name(f"{uid}.png"))
    return str(path.relative_to(export.root))


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("shape", "grid", "has the shape 9 x 10 x 6, its image 9 x 11 x 6"),
        ("affine", "grid", "differs from its image by up to 0.01"),
        ("values", "values", "does not know: 7. Map them to 1, 2"),
        ("empty", "empty", "outlines nothing"),
        ("unreadable", "unreadable", "not a NIfTI file"),
        ("no-image", "no-image", "not among the images"),
        ("twice", "twice", "outlines again"),
        ("png", "unreadable", "neither NIfTI"),
    ],
)
def test_a_bad_outline_is_named_with_its_remedy(
    export: Any,
    protocol: AnnotationProtocol,
    uid: str,
    labels: NDArray[np.uint8],
    what: str,
    kind: str,
    words: str,
) -> None:
    export.outline("RD-aa", uid, labels)
    good = export.case("HV-2b", seed=2)
    file = damage(export, uid, labels, what)
    report = run(export, protocol)
    assert [case.series for case in report.cases] == [good]
    problem = next(p for p in report.problems if p.kind == kind)
    assert problem.file == file
    assert words in f"{problem.message} {problem.remedy}"
    excluded = {item.case: item.reason for item in report.excluded}
    assert len(excluded) == (2 if what == "no-image" else 1)
    reason = next(r for case, r in excluded.items() if case.startswith("HV-1a"))
    assert "too-few-readers" in reason
    totals = report.totals
    assert totals.images_found == totals.cases_used + totals.cases_excluded == 2
    with pytest.raises(DataError, match=r"(?s)2 problems.*on_problem: exclude") as all_:
        run(export, protocol, on_problem=OnProblem.FAIL)
    assert file in str(all_.value)


def test_an_image_without_outline_is_named(
    export: Any, protocol: AnnotationProtocol, uid: str
) -> None:
    export.case("HV-2b", seed=2)
    report = run(export, protocol)
    [problem] = report.problems
    assert problem.kind == "no-annotation"
    assert problem.file == str(export.folder("HV-1a", uid).relative_to(export.root))
    assert uid in problem.remedy


def test_failing_leaves_what_was_there(
    export: Any, protocol: AnnotationProtocol, uid: str
) -> None:
    export.case("HV-2b", seed=2)
    run(export, protocol)
    before = sorted(TARGET.rglob("*"))
    with pytest.raises(DataError):
        run(export, protocol, on_problem=OnProblem.FAIL)
    assert sorted(TARGET.rglob("*")) == before
    assert [path.name for path in TARGET.parent.iterdir() if path.name[0] == "."] == []


def test_readers_who_agree_nowhere_have_no_consensus(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    export.case("HV-2b", seed=2)
    export.outline("RD-aa", uid, np.where(labels == 1, 1, 0).astype(np.uint8))
    export.outline("RD-bb", uid, np.where(labels == 2, 2, 0).astype(np.uint8))
    strict = protocol.model_copy(update={"consensus": "majority"})
    report = run(export, strict)
    assert "no-consensus" in report.excluded[0].reason


def test_an_image_that_cannot_be_used_is_reported_with_its_code(
    export: Any, protocol: AnnotationProtocol, uid: str, labels: NDArray[np.uint8]
) -> None:
    export.case("HV-2b", seed=2)
    export.outline("RD-aa", uid, labels)
    export.outline("RD-bb", uid, labels)
    folder = export.folder("HV-1a", uid)
    sorted(folder.iterdir())[2].unlink()
    report = run(export, protocol)
    assert report.excluded[0].reason.startswith("image: images/HV-1a/")
    assert "missing-slice" in report.excluded[0].reason


def test_an_empty_export_says_what_to_run(
    export: Any, protocol: AnnotationProtocol
) -> None:
    with pytest.raises(DataError, match="dvc repro deidentify"):
        run(export, protocol)
    (export.root / "export.json").write_text(json.dumps({"source": "x"}))
    with pytest.raises(BrokenFileError, match=r"export\.json"):
        run(export, protocol)
