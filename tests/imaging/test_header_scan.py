"""The second look at headers: what identifies is found, whoever left it."""

import io

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from regml.imaging.header_scan import NAMED, PRIVATE, UNDECLARED, count_findings


def header(**elements: object) -> Dataset:
    item = Dataset()
    item.PatientID = item.PatientName = "HV-1a"
    item.PatientIdentityRemoved = "YES"
    item.PatientBirthDate = item.AccessionNumber = item.ReferringPhysicianName = ""
    item.DeviceSerialNumber = "REMOVED"
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def as_read(item: Dataset) -> Dataset:
    """Return the header as it is read from a file: elements are not decoded yet."""
    item.SOPClassUID, item.SOPInstanceUID = MRImageStorage, "1.2.3"
    item.file_meta = FileMetaDataset()
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID
    item.file_meta.MediaStorageSOPInstanceUID = item.SOPInstanceUID
    stream = io.BytesIO()
    item.save_as(stream, enforce_file_format=True)
    return dcmread(io.BytesIO(stream.getvalue()))


def test_a_clean_header_says_nothing() -> None:
    assert count_findings([header(), as_read(header())]) == {}


def test_what_identifies_is_counted_by_file() -> None:
    files = [
        as_read(header(PatientBirthDate="19410523", OperatorsName="Tina")),
        header(PatientBirthDate="19410523"),
        as_read(header()),
    ]
    assert count_findings(files) == {"OperatorsName": 1, "PatientBirthDate": 2}


def test_a_name_that_is_no_pseudonym_is_found() -> None:
    assert count_findings([header(PatientName="Quirrenbach^L")]) == {NAMED: 1}


def test_a_file_that_does_not_say_it_is_deidentified_is_found() -> None:
    assert count_findings([header(PatientIdentityRemoved="NO")]) == {UNDECLARED: 1}


def test_private_elements_are_found_at_any_depth() -> None:
    below = Dataset()
    below.add_new(0x00090010, "LO", "VENDOR")
    below.add_new(0x00091001, "LO", "secret")
    files = [as_read(header(ReferencedImageSequence=[below])) for _ in range(2)]
    assert count_findings(files) == {PRIVATE: 2}


def test_names_are_found_inside_sequences() -> None:
    request = Dataset()
    request.RequestingPhysician = "Papadakis"
    clean = Dataset()
    clean.ReferencedSOPInstanceUID = "1.2.3"
    files = [
        as_read(header(RequestAttributesSequence=[request])),
        as_read(header(ReferencedImageSequence=[clean])),
        as_read(header(ReferencedImageSequence=[clean])),
    ]
    assert count_findings(files) == {"RequestingPhysician": 1}
