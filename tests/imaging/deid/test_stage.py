import csv
import filecmp
import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from regml.errors import BrokenFileError, DataError
from regml.imaging.deid.keys import KEY_FILE, KEY_VARIABLE, Pseudonyms
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.quarantine import Reason
from regml.imaging.deid.stage import QUARANTINE_FILE, deidentify_export
from tests.imaging.deid.conftest import KEY, Deidentified, images_of

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("REGML_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex())


@pytest.fixture
def small(export: Path, tmp_path: Path) -> Path:
    """Give three images of one series with their annotations, free to be changed."""
    series = max((export / "images").iterdir())
    images = sorted(series.rglob("*.dcm"))[:3]
    for path in images:
        target = tmp_path / "export" / path.relative_to(export)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    uid = dcmread(images[0]).SeriesInstanceUID
    for path in sorted((export / "annotations").rglob(f"{uid}.nii.gz")):
        target = tmp_path / "export" / path.relative_to(export)
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    return tmp_path / "export"


def run(source: Path, **params: object) -> tuple[Path, dict[str, object]]:
    out = source.parent / "out"
    report = deidentify_export(
        source,
        out,
        params=DeidentifyParams.model_validate(params),
        private=source.parent / "private",
    )
    return out, report


def quarantined(source: Path) -> list[tuple[str, str]]:
    with (source.parent / "private" / QUARANTINE_FILE).open(newline="") as stream:
        return [(row["path"], row["reason"]) for row in csv.DictReader(stream)]


def texts_of(dataset: Dataset) -> Iterator[str]:
    """Give every name, number and comment in a data set, at every level."""
    for element in dataset.iterall():
        keyword = element.keyword
        if element.VR == "PN" or keyword in {
            *("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID"),
            *("InstitutionName", "InstitutionAddress", "StationName", "PatientAddress"),
            *("RequestedProcedureID", "StudyInstanceUID", "SeriesInstanceUID"),
        }:
            yield str(element.value)


def test_nothing_that_identifies_is_in_the_output(deidentified: Deidentified) -> None:
    planted = {
        text
        for image in images_of(deidentified.source)
        for text in texts_of(image)
        if len(text) > 3
    }
    assert len(planted) > 30
    for path in deidentified.out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            name = str(path.relative_to(deidentified.out))
            for text in planted:
                assert text.encode() not in content, (name, text)
                assert text not in name


def test_every_image_is_there_under_patient_and_series(
    deidentified: Deidentified,
) -> None:
    images = images_of(deidentified.out)
    series = {str(image.SeriesInstanceUID) for image in images}
    assert len(series) == 3
    assert len({str(image.PatientID) for image in images}) == 2
    for path in (deidentified.out / "images").rglob("*.dcm"):
        patient, folder, _ = path.relative_to(deidentified.out / "images").parts
        image = dcmread(path)
        assert patient == image.PatientID
        assert re.fullmatch(r"HV-[0-9a-f]{8}", patient)
        assert folder == image.SeriesInstanceUID


def test_intervals_between_two_studies_of_a_patient_stay(
    deidentified: Deidentified,
) -> None:
    pseudonyms = Pseudonyms(KEY)
    before, after = {}, {}
    for image in images_of(deidentified.source):
        before[pseudonyms.uid(image.StudyInstanceUID)] = image.StudyDate
    for image in images_of(deidentified.out):
        after[image.StudyInstanceUID] = image.StudyDate
    patients = {
        image.StudyInstanceUID: image.PatientID for image in images_of(deidentified.out)
    }
    first = next(
        patient for patient in patients.values()
        if list(patients.values()).count(patient) == 2
    )  # fmt: skip
    one, two = (study for study, patient in patients.items() if patient == first)
    assert before[one] != after[one]
    assert days(before[two]) - days(before[one]) == days(after[two]) - days(after[one])


def days(text: str) -> int:
    from datetime import date

    return date.fromisoformat(text).toordinal()


def test_segmentations_still_point_to_their_images(deidentified: Deidentified) -> None:
    (path,) = (deidentified.out / "annotations").rglob("*.dcm")
    segmentation = dcmread(path)
    images = {str(image.SOPInstanceUID) for image in images_of(deidentified.out)}
    reference = segmentation.ReferencedSeriesSequence[0]
    assert path.stem == reference.SeriesInstanceUID
    assert {
        str(image.ReferencedSOPInstanceUID)
        for image in reference.ReferencedInstanceSequence
    } <= images
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID in images
    labels = [segment.SegmentLabel for segment in segmentation.SegmentSequence]
    assert labels == ["anterior", "posterior"]
    assert segmentation.ContentCreatorName == path.parent.name


def test_readers_become_pseudonyms(deidentified: Deidentified) -> None:
    folders = {path.name for path in (deidentified.out / "annotations").iterdir()}
    with (deidentified.out / "readers.csv").open(newline="") as stream:
        rows = {row["pseudonym"]: row for row in csv.DictReader(stream)}
    assert set(rows) == folders
    assert {row["qualification"] for row in rows.values()} == {
        "board certified neuroradiologist",
        "trained rater",
    }


def test_the_report_names_nobody(deidentified: Deidentified) -> None:
    text = json.dumps(deidentified.report)
    for image in images_of(deidentified.source):
        for value in texts_of(image):
            assert len(value) < 4 or value not in text
    assert str(deidentified.source) not in text
    assert deidentified.report["files"]["quarantined"] == 3
    assert deidentified.report["residual"]["identifiers_in_output"] == 0
    assert deidentified.report["actions"]["remove private"] > 0


def test_what_cannot_be_used_is_left_out_and_listed(
    deidentified: Deidentified,
) -> None:
    listed = (deidentified.private / QUARANTINE_FILE).read_text("utf-8")
    assert re.search(r"_broken\.dcm,pixel data are incomplete", listed)
    assert re.search(r"README\.txt,not a DICOM file", listed)
    assert re.search(r"screen_0001\.dcm,text is burned into the image", listed)


def test_two_runs_on_two_processes_give_the_same_bytes(
    deidentified: Deidentified, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    report = deidentify_export(
        deidentified.source,
        again,
        params=DeidentifyParams(jobs=2),
        private=tmp_path / "private",
    )
    assert report == deidentified.report
    names = sorted(
        str(path.relative_to(again)) for path in again.rglob("*") if path.is_file()
    )
    match, mismatch, errors = filecmp.cmpfiles(
        deidentified.out, again, names, shallow=False
    )
    assert (len(match), mismatch, errors) == (len(names), [], [])


def test_another_key_gives_other_pseudonyms(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = run(small)
    first = {path.name for path in (out / "images").iterdir()}
    monkeypatch.setenv(KEY_VARIABLE, "77" * 32)
    out, _ = run(small)
    assert first.isdisjoint(path.name for path in (out / "images").iterdir())


def test_an_identifier_that_is_left_puts_the_file_into_quarantine(small: Path) -> None:
    path = min((small / "images").rglob("*.dcm"))
    image = dcmread(path)
    image.PatientName = "Kellermann^Xaver"
    # plain bytes of a lookup table stay; here they spell a name
    image.add_new("RedPaletteColorLookupTableData", "OW", b"of kellermann ")
    image.save_as(path)
    out, report = run(small, quarantine_limit=1)
    name = path.relative_to(small).as_posix()
    assert quarantined(small) == [(name, Reason.RESIDUAL)]
    assert report["residual"] == {
        "values_searched": report["residual"]["values_searched"],  # type: ignore[index]
        "files_with_identifiers": 1,
        "identifiers_in_output": 0,
    }
    assert len(list((out / "images").rglob("*.dcm"))) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NOT_DICOM),
        (b"hello " * 50, Reason.NOT_DICOM),
        (bytes(128) + b"DICM" + b"\xff" * 64, Reason.UNREADABLE),
    ],
)
def test_a_broken_file_is_named_and_the_rest_goes_on(
    small: Path, content: bytes, reason: Reason, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "images" / "broken.dcm").write_bytes(content)
    out, _ = run(small, quarantine_limit=0.5)
    assert quarantined(small) == [("images/broken.dcm", reason)]
    assert "images/broken.dcm" in capsys.readouterr().err
    assert len(list((out / "images").rglob("*.dcm"))) == 3


def test_too_much_in_quarantine_stops_the_stage_and_leaves_nothing(
    small: Path,
) -> None:
    (small / "images" / "broken.dcm").write_bytes(b"no")
    with pytest.raises(DataError, match=r"broken\.dcm.*quarantine_limit"):
        run(small, quarantine_limit=0.01)
    assert not (small.parent / "out").exists()
    assert not list(small.parent.glob(".out*"))
    assert quarantined(small)


def test_an_export_without_usable_files_stops_the_stage(tmp_path: Path) -> None:
    (tmp_path / "export" / "images").mkdir(parents=True)
    (tmp_path / "export" / "images" / "a.txt").write_text("x")
    with pytest.raises(DataError, match="no usable DICOM file"):
        run(tmp_path / "export", quarantine_limit=1)


def test_a_missing_export_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pipelines\.hospital_export"):
        run(tmp_path / "nothing")


def test_an_outline_of_no_series_is_left_out(small: Path) -> None:
    outline = next((small / "annotations").rglob("*.nii.gz"))
    shutil.copy(outline, outline.with_name("1.2.3.nii.gz"))
    run(small, quarantine_limit=0.5)
    assert quarantined(small)[0][1] == Reason.NO_SERIES


def test_a_second_file_of_an_instance_is_left_out(small: Path) -> None:
    image = min((small / "images").rglob("*.dcm"))
    shutil.copy(image, image.with_name("zz_copy.dcm"))
    run(small, quarantine_limit=0.5)
    assert quarantined(small)[0][1] == Reason.DUPLICATE


def test_a_file_of_nobody_is_left_out(small: Path) -> None:
    path = min((small / "images").rglob("*.dcm"))
    image = dcmread(path)
    del image.PatientID, image.PatientName
    image.save_as(path)
    run(small, quarantine_limit=0.5)
    assert quarantined(small)[0][1] == Reason.NO_PATIENT


@pytest.mark.parametrize("text", ["[1]", "{", "7"])
def test_a_broken_export_json_is_named(small: Path, text: str) -> None:
    (small / "export.json").write_text(text)
    with pytest.raises(BrokenFileError, match=r"export\.json"):
        run(small)


def test_a_readers_table_without_names_is_named(small: Path) -> None:
    (small / "readers.csv").write_text("who,what\nA,B\n")
    with pytest.raises(BrokenFileError, match=r"readers\.csv"):
        run(small)


def test_the_key_is_nowhere_in_the_output(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    out, report = run(small)
    key = (small.parent / "private" / KEY_FILE).read_text().strip()
    assert key not in json.dumps(report)
    for path in out.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes()


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real DICOM files at {DATA}")
@pytest.mark.parametrize(
    "folder",
    ["dicom_files/highdicom", "dicom_files/dcm_qa_deident"],
)
def test_real_files_are_used_or_left_out_with_a_reason(
    folder: str, tmp_path: Path
) -> None:
    report = deidentify_export(
        DATA / folder,
        tmp_path / "out",
        params=DeidentifyParams(quarantine_limit=1),
        private=tmp_path / "private",
    )
    files = [path for path in (DATA / folder).rglob("*") if path.is_file()]
    assert report["files"]["read"] == len(files)
    assert report["files"]["dicom"] > 0
    for path in (tmp_path / "out").rglob("*.dcm"):
        image = dcmread(path)
        assert image.PatientIdentityRemoved == "YES"
        assert all(not element.tag.is_private for element in image.iterall())
