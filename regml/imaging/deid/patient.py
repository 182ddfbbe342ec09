"""De-identify all DICOM files of one patient; one task of the parallel work."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import write_dataset, write_file_meta_info

from regml.imaging.deid.apply import Subject, Tally, Worker
from regml.imaging.deid.keys import Pseudonyms
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.profile import Profile
from regml.imaging.deid.quarantine import (
    Quarantined,
    QuarantineError,
    Reason,
    native_pixel_bytes,
    read_dicom,
    reading,
)
from regml.imaging.deid.residual import Identifiers
from regml.imaging.deid.values import text_of

_INSTANCE_UID, _STUDY_UID, _SERIES_UID = 0x00080018, 0x0020000D, 0x0020000E
_INSTANCE_NUMBER = 0x00200013


@dataclass(frozen=True, slots=True)
class Source:
    """One DICOM file of an export.

    Attributes:
        path: Relative to the export, POSIX.
        reader: Name of the reader whose folder it lies in; empty for images.
    """

    path: str
    reader: str = ""


@dataclass(frozen=True, slots=True)
class PatientTask:
    """What one worker process needs to know.

    Attributes:
        root: The export.
        out: Folder to write to.
        patient: What tells the patient apart in the export.
        sources: The patient's files.
        params: Which options are on.
        key: The secret, 32 bytes.
    """

    root: Path
    out: Path
    patient: str
    sources: tuple[Source, ...]
    params: DeidentifyParams
    key: bytes


@dataclass(slots=True)
class PatientResult:
    """What became of one patient's files.

    Attributes:
        pseudonym: The patient's.
        written: Files written, relative to the output.
        quarantined: Files left out.
        series: Pseudonymous UID of each series of images, by the original UID.
        studies: Pseudonymous study UIDs.
        searched: How many identifying values were looked for.
        tally: What was done to elements.
    """

    pseudonym: str
    written: list[str] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    series: dict[str, str] = field(default_factory=dict)
    studies: set[str] = field(default_factory=set)
    searched: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Written:
    """An output file whose bytes are still to be searched."""

    source: Source
    path: str
    searchable: bytes
    series: tuple[str, str]
    study: str
    tally: Tally


def deidentify_patient(task: PatientTask) -> PatientResult:
    """Write the patient's files under pseudonyms, then search them for what was known.

    A file that cannot be used or in which an identifier is left is not written.
    """
    pseudonyms = Pseudonyms(task.key)
    result = PatientResult(pseudonyms.patient(task.patient))
    profile = Profile.of(task.params)
    identifiers = Identifiers(words=profile.words)
    seen: set[str] = set()
    files = []
    for source in task.sources:
        try:
            file = _one_file(task, source, profile, identifiers, seen)
        except QuarantineError as error:
            left = Quarantined(source.path, error.reason, error.detail)
            result.quarantined.append(left)
        else:
            files.append(file)
    result.searched = len(identifiers)
    for file in _without_residue(task, files, identifiers, result):
        result.written.append(file.path)
        result.tally.add(file.tally)
        result.studies.add(file.study)
        if not file.source.reader:
            result.series.update([file.series])
    return result


def _without_residue(
    task: PatientTask,
    files: list[_Written],
    identifiers: Identifiers,
    result: PatientResult,
) -> Iterator[_Written]:
    """Give the files in which no identifier is left; delete the others."""
    for file in files:
        if kinds := identifiers.find(file.searchable):
            (task.out / file.path).unlink()
            detail = ", ".join(kinds)
            left = Quarantined(file.source.path, Reason.RESIDUAL, detail)
            result.quarantined.append(left)
        else:
            yield file


def _one_file(
    task: PatientTask,
    source: Source,
    profile: Profile,
    identifiers: Identifiers,
    seen: set[str],
) -> _Written:
    """Read, de-identify and write one file.

    Raises:
        QuarantineError: It cannot be used.
    """
    pseudonyms = Pseudonyms(task.key)
    path = task.root / source.path
    dataset = read_dicom(path, keep_documents=task.params.keep_documents)
    subject = Subject(
        pseudonym=pseudonyms.patient(task.patient),
        shift_days=pseudonyms.shift_days(task.patient),
        reader=pseudonyms.reader(source.reader) if source.reader else "",
    )
    worker = Worker(profile, pseudonyms, subject, identifiers)
    buffer = io.BytesIO()
    with reading():
        series = text_of(dataset, _SERIES_UID)
        clean = worker.deidentify(dataset)
        _write(buffer, clean)
        name = _name(source, subject, clean)
    if name in seen:
        raise QuarantineError(Reason.DUPLICATE)
    seen.add(name)
    content = buffer.getvalue()
    target = task.out / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    searchable = content[: len(content) - native_pixel_bytes(clean)]
    uids = (series, text_of(clean, _SERIES_UID))
    study = text_of(clean, _STUDY_UID)
    return _Written(source, name, searchable, uids, study, worker.tally)


def _write(buffer: io.BytesIO, clean: Dataset) -> None:
    """Write a data set as a DICOM file (PS3.10 7.1), in the encoding it was read in."""
    file = DicomIO(buffer)
    syntax = clean.file_meta.TransferSyntaxUID
    file.is_implicit_VR = syntax.is_implicit_VR
    file.is_little_endian = syntax.is_little_endian
    buffer.write(bytes(128) + b"DICM")
    write_file_meta_info(file, clean.file_meta)
    write_dataset(file, clean)


def _name(source: Source, subject: Subject, clean: Dataset) -> str:
    """Return the path of an output file, relative to the output.

    An image lies under patient and series, an outline under reader and the series it
    was drawn on.
    """
    if source.reader:
        return f"annotations/{subject.reader}/{_outlined(clean)}.dcm"
    number = text_of(clean, _INSTANCE_NUMBER)
    digits = int(number) if number.isdecimal() else 0
    instance = text_of(clean, _INSTANCE_UID).removeprefix("2.25.")
    return (
        f"images/{subject.pseudonym}/{text_of(clean, _SERIES_UID)}/"
        f"{digits:05d}-{instance[:12]}.dcm"
    )


def _outlined(clean: Dataset) -> str:
    """Return the pseudonymous UID of the series that outlines were drawn on.

    Raises:
        QuarantineError: The object names none or several.
    """
    series = {
        str(item.SeriesInstanceUID)
        for item in clean.get("ReferencedSeriesSequence") or ()
    }
    if len(series) != 1:
        detail = f"it references {len(series)} series"
        raise QuarantineError(Reason.NO_SERIES, detail)
    return series.pop()
