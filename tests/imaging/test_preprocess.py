"""The dataset: right grid, right split, and nothing when something is wrong."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from regml.errors import BrokenFileError, DataError
from regml.files.manifest import read_manifest
from regml.imaging.annotations.stage import import_annotations
from regml.imaging.fingerprint import fingerprint_json, read_fingerprint
from regml.imaging.header_scan import UNDECLARED
from regml.imaging.params import (
    ImportParams,
    PreprocessParams,
    SplitParams,
    SplitUnit,
    load_params,
)
from regml.imaging.preprocess import counts, manifest_json, preprocess
from regml.imaging.volumes import load_nifti
from regml.items.data import AnnotationProtocol, DatasetManifest, Flow
from regml.items.fingerprint import Fingerprint
from tests.imaging.conftest import head

ANNOTATIONS, TARGET = Path("data/annotations"), Path("data/dataset")


def build(
    export: Any, protocol: AnnotationProtocol, *, jobs: int = 1, **params: Any
) -> tuple[DatasetManifest, Fingerprint]:
    import_annotations(export.root, ANNOTATIONS, protocol, ImportParams(jobs=jobs))
    params["jobs"] = jobs
    return preprocess(export.root, ANNOTATIONS, TARGET, PreprocessParams(**params))


@pytest.fixture
def six(export: Any) -> Any:
    """Write six patients of two sites, one of them with two series."""
    for number in range(6):
        export.case(f"HV-{number}", seed=number, site=f"SITE-{number % 2}")
    export.case("HV-3", seed=33)
    return export


def test_a_dataset_says_everything_about_its_cases(
    six: Any, protocol: AnnotationProtocol
) -> None:
    manifest, fingerprint = build(six, protocol)
    numbers = counts(manifest)
    assert numbers["patients"] == {"train": 4, "tuning": 1, "test": 1}
    assert sum(numbers["cases"].values()) == 7
    assert [case.case for case in manifest.cases] == sorted(
        case.case for case in manifest.cases
    )
    for case in manifest.cases:
        image, labels = load_nifti(Path(case.image)), load_nifti(Path(case.label))
        assert image.array.dtype == np.float32
        assert labels.array.dtype == np.uint8
        assert image.same_grid(labels)
        assert image.spacing_mm == pytest.approx((1, 1, 1), abs=1e-6)
        assert image.array.std() == pytest.approx(1, abs=1e-3)
        assert Path(case.image).stat().st_size == case.image_size_bytes
        assert case.annotators == ("RD-aa", "RD-bb")
        assert len(case.sources) == 9 + 2
    training = [case.case for case in manifest.cases if case.split == "train"]
    assert list(fingerprint.cases) == training
    assert fingerprint.label_names == {0: "background", 1: "anterior", 2: "posterior"}
    assert sum(fingerprint.label_fraction.values()) == pytest.approx(1, abs=1e-5)


def test_a_manifest_says_what_the_checks_ask(
    six: Any, protocol: AnnotationProtocol
) -> None:
    image, labels = head(seed=70)
    uid = six.series(
        "HV-70",
        image,
        PatientSex="F",
        PatientAge="045Y",
        MagneticFieldStrength=30000,
        PatientIdentityRemoved="YES",
        PatientBirthDate="19410523",
    )
    six.outline("RD-aa", uid, labels)
    six.outline("RD-bb", uid, np.roll(labels, 3, axis=2))
    six.series("HV-71", head(seed=71)[0])
    manifest, fingerprint = build(six, protocol)
    [case] = [case for case in manifest.cases if case.patient == "HV-70"]
    assert (case.sex, case.age_years, case.field_strength_t) == ("F", 45, 3)
    assert case.modality == "MR"
    assert case.label_values == (1, 2)
    assert case.same_grid
    assert case.agreement_dice is not None
    assert case.agreement_dice < protocol.agreement_floor_dice
    others = [case for case in manifest.cases if case.patient != "HV-70"]
    assert {case.sex for case in others} == {None}
    assert len({case.voxels_sha256 for case in manifest.cases}) == 8
    taken = [case.case for case in manifest.cases if case.in_statistics]
    assert taken == list(fingerprint.cases)
    assert manifest.flow == Flow(
        found=9, left_out_by_import=1, left_out_by_gate=0, used=8
    )
    assert manifest.similarity is not None
    assert manifest.similarity.pairs, "the phantoms differ by noise only"
    assert manifest.preparation is not None
    assert manifest.preparation.spacing_mm == 1.0
    assert manifest.headers is not None
    assert manifest.headers.files == 8 * 9
    assert manifest.headers.found == {UNDECLARED: 7 * 9, "PatientBirthDate": 9}
    assert manifest.largest_extent_mm == 15.0
    [reader, _] = manifest.annotators
    assert (reader.reader, reader.qualification) == ("RD-aa", "radiologist")
    assert reader.years_experience == 11
    assert str(reader.trained_on) == "2024-02-01"


def test_what_readers_csv_does_not_say_is_left_out(
    six: Any, protocol: AnnotationProtocol
) -> None:
    (six.root / "readers.csv").write_text(
        "pseudonym,qualification,years_experience,trained_on\nRD-aa,,many,last year\n"
    )
    manifest, _ = build(six, protocol)
    assert [dict(reader) for reader in manifest.annotators] == [
        {
            "reader": name,
            "qualification": None,
            "years_experience": None,
            "trained_on": None,
        }
        for name in ("RD-aa", "RD-bb")
    ]


def test_reports_can_be_read_back(six: Any, protocol: AnnotationProtocol) -> None:
    manifest, fingerprint = build(six, protocol)
    Path("dataset.json").write_bytes(manifest_json(manifest))
    Path("fingerprint.json").write_bytes(fingerprint_json(fingerprint))
    assert read_manifest(Path(), "dataset.json") == manifest
    assert read_fingerprint(Path("fingerprint.json")) == fingerprint
    assert str(Path.cwd()) not in Path("dataset.json").read_text()
    for text in ("{}", "[", '{"median_shape": [1, 2, 3]}'):
        Path("fingerprint.json").write_text(text)
        with pytest.raises(BrokenFileError, match=r"fingerprint\.json.*dvc repro"):
            read_fingerprint(Path("fingerprint.json"))


def files(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_on_more_cores_the_bytes_are_the_same(
    six: Any, protocol: AnnotationProtocol
) -> None:
    first = build(six, protocol)
    written = files(Path("data"))
    assert build(six, protocol, jobs=2) == first
    assert files(Path("data")) == written


def flipped() -> NDArray[np.float64]:
    affine = np.diag([-0.9, 1.25, 1.4, 1.0])
    affine[:3, 3] = [40.0, -20.0, 7.0]
    return affine


def test_another_orientation_and_spacing_meet_on_one_grid(
    six: Any, protocol: AnnotationProtocol
) -> None:
    x, y, z = np.indices((21, 15, 11))
    ball = ((x - 10) / 8.2) ** 2 + ((y - 7) / 6.1) ** 2 + ((z - 5) / 4.3) ** 2 < 1
    labels = (ball * (1 + (y > 7))).astype(np.uint8)
    image = (labels * 50 + np.indices(labels.shape)[0] * 3).astype(np.int16)
    uid = six.series("HV-90", image, flipped())
    for reader in ("RD-aa", "RD-bb"):
        six.outline(reader, uid, labels, flipped())
    manifest, _ = build(six, protocol)
    [case] = [case for case in manifest.cases if case.patient == "HV-90"]
    model = load_nifti(Path(case.image))
    assert model.shape == (19, 19, 16)
    assert (np.diag(model.affine)[:3] > 0).all()
    found = load_nifti(Path(case.label))
    volume = (labels > 0).sum() * 0.9 * 1.25 * 1.4
    assert (found.array > 0).sum() == pytest.approx(volume, rel=0.1)


def test_what_the_gate_refuses_is_excluded_with_its_reason(
    six: Any, protocol: AnnotationProtocol
) -> None:
    labels = np.zeros((9, 11, 7), np.uint8)
    labels[2:7, 2:5, 2:5], labels[2:7, 5:9, 2:5] = 1, 2
    thick = np.diag([1.0, 1.0, 3.0, 1.0])
    uid = six.series("HV-91", (labels * 50).astype(np.int16), thick)
    flat = six.series("HV-92", (labels * 0 + 7).astype(np.int16), np.eye(4))
    alone = six.series("HV-93", (labels * 50).astype(np.int16))
    for reader in ("RD-aa", "RD-bb"):
        six.outline(reader, uid, labels, thick)
        six.outline(reader, flat, labels, np.eye(4))
    manifest, _ = build(six, protocol)
    reasons = [item.reason for item in manifest.excluded]
    assert reasons[:2] == ["geometry: spacing", "image: no-contrast"]
    assert reasons[2].startswith("no-annotation: images/HV-93/")
    assert alone[-6:] in reasons[2]
    assert len(manifest.cases) == 7


def test_the_same_voxels_in_two_splits_stop_the_stage(
    six: Any, protocol: AnnotationProtocol
) -> None:
    manifest, _ = build(six, protocol)
    before = sorted(TARGET.rglob("*"))
    train = next(case for case in manifest.cases if case.split == "train")
    test = next(case for case in manifest.cases if case.split == "test")
    pixels = {
        case.patient: sorted((six.root / "images" / str(case.patient)).glob("*/*"))
        for case in (train, test)
    }
    for path, other in zip(*pixels.values(), strict=False):
        item, source = pydicom.dcmread(path), pydicom.dcmread(other)
        item.PixelData = source.PixelData
        item.save_as(path)
    with pytest.raises(DataError, match=r"voxel content .* is in 2 splits") as caught:
        build(six, protocol)
    assert f"{test.case} in test" in str(caught.value)
    assert sorted(TARGET.rglob("*")) == before


def test_a_study_in_two_splits_stops_the_stage(
    six: Any, protocol: AnnotationProtocol
) -> None:
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 99, (9, 11, 6))
        labels = np.zeros((9, 11, 6), np.uint8)
        labels[2:6, 2:8, 1:5] = 1
        uid = six.series(
            f"HV-8{number}", image.astype(np.int16), StudyInstanceUID="1.2.3.4.5"
        )
        for reader in ("RD-aa", "RD-bb"):
            six.outline(reader, uid, labels)
    with pytest.raises(DataError, match=r"study 1\.2\.3\.4\.5 is in"):
        build(six, protocol, split=SplitParams(train=0.34, tuning=0.33, test=0.33))


def test_without_patient_keys_it_fails_closed(
    six: Any, protocol: AnnotationProtocol
) -> None:
    six.say("case")
    with pytest.raises(DataError, match="no patient key"):
        build(six, protocol)
    assert not TARGET.exists()
    accepted = SplitParams(unit=SplitUnit.CASE, limitation="LIM-01")
    manifest, _ = build(six, protocol, split=accepted)
    assert {case.patient for case in manifest.cases} == {None}
    assert (manifest.split_unit, manifest.limitation) == ("case", "LIM-01")


def test_two_patients_are_too_few(export: Any, protocol: AnnotationProtocol) -> None:
    for number in range(2):
        export.case(f"HV-{number}", seed=number)
    with pytest.raises(DataError, match="2 units to split"):
        build(export, protocol)


def test_without_annotations_it_says_what_to_run(export: Any) -> None:
    with pytest.raises(BrokenFileError, match="dvc repro import_annotations"):
        preprocess(export.root, ANNOTATIONS, TARGET, PreprocessParams())


def test_parameters_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("preprocess:\n  split: {train: 0.6, tuning: 0.2, test: 0.2}\n")
    params = load_params("preprocess", PreprocessParams, path)
    assert params.split.train == 0.6
    assert load_params("import_annotations", ImportParams, path) == ImportParams()
    path.write_text("preprocess:\n  spacing: 1\n")
    with pytest.raises(BrokenFileError, match=r"params\.yaml:2: .*'spacing'"):
        load_params("preprocess", PreprocessParams, path)


REAL = Path(
    os.environ.get("REGML_TEST_DATA")
    or Path(__file__).parents[2].parent / "shared" / "data"
)


@pytest.mark.skipif(
    not (REAL / "hippocampus").is_dir(), reason="no real volumes (REGML_TEST_DATA)"
)
def test_real_hippocampi_become_a_dataset(
    export: Any, protocol: AnnotationProtocol
) -> None:
    export.say("case")
    images = sorted((REAL / "hippocampus" / "images").glob("*.nii.gz"))[:4]
    for number, path in enumerate(images):
        image = load_nifti(path)
        labels = load_nifti(path.parents[1] / "labels" / path.name)
        scale = 3000 / float(image.array.max())
        array = (image.array * scale).astype(np.int16)
        uid = export.series(f"HV-{number}", array, image.affine)
        export.outline("source", uid, labels.array.astype(np.uint8), labels.affine)
    report = import_annotations(
        export.root, ANNOTATIONS, protocol, ImportParams(fewer_readers_limitation="1")
    )
    assert len(report.cases) == 4
    assert all(1500 < sum(c.volumes_mm3.values()) < 5500 for c in report.cases)
    manifest, fingerprint = preprocess(
        export.root,
        ANNOTATIONS,
        TARGET,
        PreprocessParams(split=SplitParams(unit=SplitUnit.CASE, limitation="LIM-01")),
    )
    assert len(manifest.cases) == 4
    assert json.loads(fingerprint_json(fingerprint))["median_shape"][1] > 40
