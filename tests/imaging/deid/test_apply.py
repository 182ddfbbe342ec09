import io
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from regml.imaging.deid.apply import Subject, Worker
from regml.imaging.deid.keys import Pseudonyms
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.profile import Profile
from regml.imaging.deid.residual import Identifiers
from regml.imaging.deid.values import shift_date

PSEUDONYMS = Pseudonyms(bytes(range(32)))
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def image(**values: object) -> Dataset:
    """Return a small identified image."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.9.1.2", "1.9.1.2.3"
    dataset.SOPInstanceUID = "1.9.1.2.3.4"
    dataset.PatientName, dataset.PatientID = "Kovalenko^Anna", "MRN778899"
    dataset.StudyDate = "20200131"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def as_read(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Return the data set as it is read from a file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer)


def worker(**params: object) -> Worker:
    profile = Profile.of(DeidentifyParams.model_validate(params))
    subject = Subject("HV-00000001", -100, "R-123456")
    return Worker(profile, PSEUDONYMS, subject, Identifiers())


def deidentify(
    dataset: Dataset, syntax: str = ExplicitVRLittleEndian, **params: object
) -> Dataset:
    """Return the data set as it is read from the de-identified file."""
    clean = worker(**params).deidentify(as_read(dataset, syntax))
    return as_read(clean, clean.file_meta.TransferSyntaxUID)


def file_bytes(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("syntax", [*SYNTAXES, DeflatedExplicitVRLittleEndian])
def test_no_name_survives_at_any_level(syntax: str) -> None:
    deep = item(PatientName="Deepinside^X", SeriesInstanceUID="1.9.1.2.3")
    for _ in range(4):
        deep = item(ReferencedSeriesSequence=[deep], OperatorsName="Operatova^Y")
        deep.private_block(0x0033, "MAKER", create=True).add_new(1, "LO", "Privatova")
    clean = deidentify(image(ReferencedSeriesSequence=[deep]), syntax)
    content = file_bytes(clean)
    for name in (b"Deepinside", b"Operatova", b"Privatova", b"MAKER", b"1.9.1.2"):
        assert name not in content
    inner = clean
    for _ in range(5):
        inner = inner.ReferencedSeriesSequence[0]
    assert inner.SeriesInstanceUID == clean.SeriesInstanceUID


def test_uids_are_the_same_in_every_file() -> None:
    first = deidentify(image())
    second = deidentify(image(SOPInstanceUID="1.9.1.2.3.5"))
    assert (
        first.StudyInstanceUID == second.StudyInstanceUID == PSEUDONYMS.uid("1.9.1.2")
    )
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.integers(0, 9000),
    st.integers(-3650, -30),
)
def test_dates_keep_their_distance(start: date, between: int, days: int) -> None:
    end = start + timedelta(between)
    moved = [
        date.fromisoformat(shift_date(f"{day:%Y%m%d}".encode(), days).decode())
        for day in (start, end)
    ]
    assert moved[1] - moved[0] == end - start
    assert moved[0] == start + timedelta(days)


@given(st.binary())
def test_what_is_no_date_becomes_empty_or_stays_a_date(value: bytes) -> None:
    moved = shift_date(value, -40)
    assert moved == b"" or moved[:8].isdigit()


def test_date_and_time_move_together() -> None:
    clean = deidentify(image(AcquisitionDateTime="20200131101112.5"))
    assert clean.StudyDate == "20191023"
    assert clean.AcquisitionDateTime == "20191023101112.5"


@pytest.mark.parametrize(
    ("values", "age"),
    [
        ({"PatientAge": "034Y"}, "034Y"),
        ({"PatientAge": "097Y"}, "089Y"),
        ({"PatientAge": "011M"}, "011M"),
        ({"PatientBirthDate": "19600201"}, "059Y"),
        ({"PatientBirthDate": "19100201"}, "089Y"),
    ],
)
def test_ages_are_capped(values: dict[str, str], age: str) -> None:
    clean = deidentify(image(**values))
    assert clean.PatientAge == age
    assert clean.get("PatientBirthDate", "") == ""


def test_characteristics_go_without_the_option() -> None:
    dataset = image(PatientAge="034Y", PatientSex="F", PatientWeight="70")
    clean = deidentify(dataset, retain_patient_characteristics=False)
    assert "PatientAge" not in clean
    assert "PatientWeight" not in clean
    assert clean.PatientSex == ""


def test_descriptions_keep_harmless_words() -> None:
    clean = deidentify(
        image(
            SeriesDescription="T1 MPRAGE KOVALENKO",
            Manufacturer="SIEMENS",
            ManufacturerModelName="Skyra of Dr Wegener",
            SoftwareVersions="Wegener",
        )
    )
    assert clean.SeriesDescription == "T1 MPRAGE"
    assert clean.Manufacturer == "SIEMENS"
    assert clean.ManufacturerModelName == "Skyra of"
    assert clean.SoftwareVersions == "UNKNOWN"


def test_codes_of_private_schemes_go() -> None:
    public = item(CodeValue="121311", CodingSchemeDesignator="DCM", CodeMeaning="Scout")
    private = item(
        CodeValue="7", CodingSchemeDesignator="99X", CodeMeaning="for Wegener"
    )
    clean = deidentify(
        image(ProcedureCodeSequence=[private], AnatomicRegionSequence=[public, private])
    )
    assert "ProcedureCodeSequence" not in clean
    assert [code.CodeValue for code in clean.AnatomicRegionSequence] == ["121311"]


def test_person_and_place_become_pseudonyms() -> None:
    clean = deidentify(
        image(InstitutionName="St. Anna", ContentCreatorName="Reader^Rita")
    )
    assert clean.PatientName == clean.PatientID == "HV-00000001"
    assert clean.InstitutionName == PSEUDONYMS.site("ST ANNA")
    assert clean.ContentCreatorName == "R-123456"


def test_the_result_says_what_was_done() -> None:
    clean = deidentify(image())
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [code.CodeValue for code in clean.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107", "113108"]
    assert "regml" in clean.DeidentificationMethod


def test_preamble_and_file_meta_are_new() -> None:
    dataset = image()
    dataset.preamble = b"Kovalenko".ljust(128, b"\0")
    read = as_read(dataset)
    read.file_meta.SourceApplicationEntityTitle = "ANNAS_PACS"
    clean = worker().deidentify(read)
    content = file_bytes(clean)
    assert content[:128] == bytes(128)
    assert b"ANNAS_PACS" not in content


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_stay_as_they_are(syntax: str) -> None:
    pixels = bytes(range(200)) * 2
    dataset = image(Rows=10, Columns=20, BitsAllocated=16, SamplesPerPixel=1)
    dataset.BitsStored, dataset.PixelRepresentation = 16, 0
    dataset.add_new("PixelData", "OW", pixels)
    clean = deidentify(dataset, syntax)
    assert clean.PixelData == pixels
    assert (clean.Rows, clean.Columns, clean.BitsAllocated) == (10, 20, 16)


def test_a_number_that_is_none_goes() -> None:
    dataset = image()
    dataset.add_new("RepetitionTime", "LO", "Kovalenko")
    assert "RepetitionTime" not in deidentify(dataset)


def test_the_tally_counts_what_went() -> None:
    dataset = image(OperatorsName="A^B", PatientComments="call home")
    dataset.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", "secret")
    working = worker()
    working.deidentify(as_read(dataset))
    assert working.tally.private == 2
    assert working.tally.changed[0x00081070] == 1
    assert working.tally.changed[0x00104000] == 1
