"""The pipeline that makes the model: data, de-identification, splits, provenance."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from regml.digest import digest_file, sha256_of
from regml.errors import DataError
from regml.files.dvc import read_lock, read_stages
from regml.files.manifest import read_manifest
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.stage import deidentify_export
from regml.imaging.params import SplitParams, SplitUnit
from regml.imaging.splits import Member, split
from regml.imaging.volumes import Volume, save_nifti
from regml.items.data import DatasetManifest, ManifestCase
from regml.items.recorded import Outcome, StageRun
from regml.learning.params import TrainParams
from regml.learning.plan import make_plan
from regml.learning.train import train_on
from regml.project import open_project
from regml.records.recorder import record_stage

TINY = TrainParams(
    network="UNet", steps=1, base_filters=2, patch=(16, 16, 16), batch_size=1, threads=1
)


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetManifest:
    """A dataset of three cases below the temporary folder, and its manifest."""
    chance = np.random.default_rng(0)
    cases = []
    for name, part in (("a", "train"), ("b", "tuning"), ("c", "test")):
        label = np.zeros((16, 16, 16), np.uint8)
        label[4:10, 4:8, 4:10], label[4:10, 8:12, 4:10] = 1, 2
        image = label + chance.normal(0, 0.1, label.shape)
        paths = [f"data/dataset/{kind}/{name}.nii.gz" for kind in ("images", "labels")]
        save_nifti(tmp_path / paths[0], Volume(image.astype(np.float32), np.eye(4)))
        save_nifti(tmp_path / paths[1], Volume(label, np.eye(4)))
        files = [digest_file(tmp_path / path, name=path) for path in paths]
        cases.append(_manifest_case(name, part, files))
    return DatasetManifest(
        specification="DS-01", split_unit="patient", cases=tuple(cases)
    )


@pytest.mark.verifies("SRS-070")
def test_training_reads_the_files_of_the_manifest(
    tmp_path: Path, dataset: DatasetManifest
) -> None:
    assert _train(tmp_path, dataset).weights


@pytest.mark.verifies("SRS-070")
@pytest.mark.parametrize("kind", ["images", "labels"])
@pytest.mark.parametrize("case", ["a", "b"])
def test_training_stops_at_a_file_that_is_not_the_one_in_the_manifest(
    tmp_path: Path, dataset: DatasetManifest, kind: str, case: str
) -> None:
    name = f"data/dataset/{kind}/{case}.nii.gz"
    # the same voxels, one byte more: still readable, but another file
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\0")

    with pytest.raises(DataError, match=name):
        _train(tmp_path, dataset)


@pytest.mark.verifies("SRS-070")
def test_the_projects_model_was_trained_on_the_dataset_version_on_record(
    project: Path, trained_model_folder: Path
) -> None:
    card = json.loads((trained_model_folder / "model.json").read_text("utf-8"))
    manifest = (project / "reports/dataset.json").read_bytes()

    assert card["dataset_manifest_sha256"] == sha256_of(manifest)


PRIVATE = "QX-SECRET-4471"
NESTED = "Falkenrath^Ottoline"


@pytest.fixture
def deidentified(
    tmp_path: Path,
    phantom: Volume,
    write_series: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> list[Path]:
    """De-identified files of a series with identifiers at every level."""
    monkeypatch.setenv("REGML_DEID_KEY", "5a" * 32)
    source = tmp_path / "export" / "images" / "patient" / "series"
    write_series(source, Volume(phantom.array[:, :, :3], phantom.affine))
    for file in sorted(source.iterdir()):
        header = pydicom.dcmread(file)
        _plant(header)
        header.save_as(file, enforce_file_format=True)
    out = tmp_path / "out"
    deidentify_export(
        tmp_path / "export", out, params=DeidentifyParams(), private=tmp_path / "key"
    )
    return sorted(out.rglob("*.dcm"))


@pytest.mark.verifies("SRS-071")
def test_no_planted_identifier_is_found_in_any_byte_of_the_output(
    deidentified: list[Path], identifiers: tuple[str, ...]
) -> None:
    planted = (*identifiers, PRIVATE, *NESTED.split("^"))

    assert len(deidentified) == 3
    for file in deidentified:
        content = file.read_bytes().lower()
        assert not [text for text in planted if text.lower().encode() in content]
        assert not [
            text for text in planted if text.lower() in str(file.relative_to("/")
            ).lower().split("/out/")[-1]
        ]  # fmt: skip


@pytest.mark.verifies("SRS-071")
def test_no_private_element_is_left_at_any_level(deidentified: list[Path]) -> None:
    for file in deidentified:
        for element in pydicom.dcmread(file).iterall():
            assert not element.tag.is_private


@pytest.mark.verifies("SRS-071")
def test_what_is_on_the_allow_list_stays(deidentified: list[Path]) -> None:
    header = pydicom.dcmread(deidentified[0])

    assert header.PatientIdentityRemoved == "YES"
    assert header.EchoTime == 3.7
    assert header.PixelData
    assert str(header.PatientID).startswith("HV-")


@pytest.mark.verifies("SRS-072")
def test_all_images_of_a_patient_come_into_one_split() -> None:
    members = [_member(n, patient=f"p{n // 3}") for n in range(60)]

    splits = split(members, SplitParams())

    for patient in {member.patient for member in members}:
        assert len({splits[m.case] for m in members if m.patient == patient}) == 1
    assert set(splits.values()) == {"train", "tuning", "test"}


@pytest.mark.verifies("SRS-072")
def test_a_case_without_a_patient_key_stops_the_split() -> None:
    members = [_member(n, patient=f"p{n}") for n in range(9)]
    members.append(_member(9, patient=None))

    with pytest.raises(DataError, match="have no patient key"):
        split(members, SplitParams())


@pytest.mark.verifies("SRS-072")
def test_a_split_by_case_needs_its_limitation() -> None:
    members = [_member(n, patient=None) for n in range(10)]

    with pytest.raises(DataError, match="limitation"):
        split(members, SplitParams(unit=SplitUnit.CASE))

    accepted = SplitParams(unit=SplitUnit.CASE, limitation="LIM-01: no patient key")
    assert set(split(members, accepted).values()) == {"train", "tuning", "test"}


@pytest.mark.verifies("SRS-072")
def test_the_projects_dataset_has_no_patient_in_two_splits(project: Path) -> None:
    if not (project / "reports/dataset.json").exists():
        pytest.skip("no dataset in reports/dataset.json: run dvc repro first")
    manifest = read_manifest(project, "reports/dataset.json")

    if manifest.split_unit == "case":
        assert manifest.limitation
        return
    assert manifest.split_unit == "patient"
    assert all(case.patient for case in manifest.cases)
    pairs = {(case.patient, case.split) for case in manifest.cases}
    assert len(pairs) == len({patient for patient, _ in pairs})


@pytest.mark.verifies("SRS-073")
def test_every_stage_runs_under_the_recorder(project: Path) -> None:
    stages = read_stages(project)

    assert stages
    for stage in stages:
        assert stage.command.startswith("regml record -- "), stage.name


@pytest.mark.verifies("SRS-073")
def test_every_stage_that_ran_left_a_record(project: Path) -> None:
    locked = {stage.name for stage in read_lock(project)}
    if not locked:
        pytest.skip("no stage has run yet: run dvc repro first")
    records = open_project(project).evidence.records

    passed = {
        record.statement.stage
        for record in records
        if isinstance(record.statement, StageRun)
        and record.statement.outcome is Outcome.PASSED
    }

    assert locked <= passed


@pytest.mark.verifies("SRS-073")
def test_a_failed_stage_leaves_a_signed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("REGML_SIGNING_KEY", raising=False)
    command = [sys.executable, "-c", "raise SystemExit(7)"]
    root = tmp_path / "project"
    root.mkdir()
    stages = {"train": {"cmd": f"regml record -- {' '.join(command)}"}}
    (root / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    (root / "regml.toml").write_text('[sources]\nsoftware = ["pipelines"]\n')

    status = record_stage(root, command, stage="train")

    (file,) = (root / "records" / "runs").iterdir()
    envelope = json.loads(file.read_text())
    assert status == 7
    assert envelope["signatures"]
    assert (root / "records" / "log.jsonl").read_text().count("\n") == 1


def _train(root: Path, manifest: DatasetManifest) -> Any:
    shape, spacing = (16.0, 16.0, 16.0), (1.0, 1.0, 1.0)
    plan = make_plan(TINY, median_shape=shape, spacing_mm=spacing, classes=3)
    return train_on(root, manifest, plan, TINY, checkpoints=root / "checkpoints")


def _manifest_case(name: str, part: str, files: list[Any]) -> ManifestCase:
    image, label = files
    return ManifestCase(
        case=name,
        patient=f"patient-{name}",
        study=f"1.2.{name}",
        series=f"1.3.{name}",
        site="site",
        vendor="vendor",
        split=part,
        image=image.path,
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        label=label.path,
        label_sha256=label.sha256,
        label_size_bytes=label.size_bytes,
        sources=("0" * 64,),
        annotators=("R-1",),
    )


def _member(number: int, *, patient: str | None) -> Member:
    return Member(
        case=f"c{number:02d}",
        patient=patient,
        study=f"1.2.{number}",
        series=f"1.3.{number}",
        site=f"site-{number % 2}",
        voxels_sha256=f"{number:064x}",
    )


def _plant(header: Dataset) -> None:
    """Put identifiers into private elements and into sequences within sequences."""
    block = header.private_block(0x0029, "ACME HEADER", create=True)
    block.add_new(0x10, "LO", PRIVATE)
    block.add_new(0x11, "OB", f"name={NESTED}".encode() + b"\0")
    inner = Dataset()
    inner.PatientName, inner.PatientID = NESTED, header.PatientID
    deep = inner.private_block(0x0031, "ACME DEEP", create=True)
    deep.add_new(0x10, "LT", f"{PRIVATE} {NESTED}")
    middle = Dataset()
    middle.ReferencedPatientSequence = [inner]
    middle.RequestedProcedureDescription = f"MR of {NESTED}"
    header.RequestAttributesSequence = [middle]
    header.OtherPatientIDsSequence = [inner]
    header.ReferringPhysicianName = NESTED
    header.SeriesDescription = f"T1 MPRAGE {NESTED}"
    header.ImageComments = f"{PRIVATE} {NESTED}"
