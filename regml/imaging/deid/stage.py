"""De-identify a whole export: folders in, folders out, nothing half-written.

A file that cannot be used goes into quarantine, which means that it is left out and
named in a list that stays private; the rest goes on.
"""

import csv
import io
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from regml.errors import BrokenFileError, DataError
from regml.imaging.deid.keys import Pseudonyms, folded, load_key
from regml.imaging.deid.nifti import scrub
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.patient import (
    PatientResult,
    PatientTask,
    Source,
    deidentify_patient,
)
from regml.imaging.deid.profile import Profile
from regml.imaging.deid.quarantine import (
    REMEDIES,
    Quarantined,
    QuarantineError,
    Reason,
    patient_key,
)
from regml.imaging.deid.report import conformance_report
from regml.imaging.deid.vocabulary import QUALIFICATION_WORDS, cleaned
from regml.imaging.outputs import fresh_folder, pretty_json, write_whole
from regml.imaging.work import map_cases

READER_COLUMNS = ("name", "qualification", "years_experience", "trained_on")
"""Columns of ``readers.csv`` in an export."""

EXPORT_FACTS = ("source", "patient_key", "patients", "series", "seed")
"""What is copied from ``export.json``."""

QUARANTINE_FILE = "quarantine.csv"
"""Name of the list of files left out, in the private folder."""

SHOWN = 20
"""How many files in quarantine are named on stderr."""

CHUNK_FILES = 200
"""How many files one task looks at to find whose they are."""


@dataclass(slots=True)
class Found:
    """What lies in an export.

    Attributes:
        patients: DICOM files by patient.
        outlines: NIfTI files with the name of their reader.
        readers: Names of the readers' folders.
        quarantined: Files left out so far.
    """

    patients: dict[str, list[Source]] = field(default_factory=dict)
    outlines: list[Source] = field(default_factory=list)
    readers: set[str] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)


def deidentify_export(
    source: Path, out: Path, *, params: DeidentifyParams, private: Path
) -> dict[str, Any]:
    """De-identify an export into ``out`` and return the conformance report.

    Args:
        source: A folder with ``images/`` and perhaps ``annotations/``, or any folder
            with DICOM files.
        out: Folder that takes the place of what was there.
        params: Section ``deidentify`` of the parameters.
        private: Folder with the key and the list of files in quarantine; not in git.

    Raises:
        DataError: There is nothing to use, or too much is in quarantine.
        BrokenFileError: The key, ``export.json`` or ``readers.csv`` cannot be used.
    """
    if not source.is_dir():
        raise DataError(
            f"{source}: no such folder. Put a hospital export there, or make one "
            f"with: python -m pipelines.hospital_export --out {source}"
        )
    key = load_key(private)
    pseudonyms = Pseudonyms(key)
    found = find_files(source, jobs=params.jobs)
    with fresh_folder(out) as partial_out:
        tasks = [
            PatientTask(source, partial_out, name, tuple(files), params, key)
            for name, files in sorted(found.patients.items())
        ]
        _refuse_collisions(tasks, pseudonyms)
        results = map_cases(
            deidentify_patient, tasks, jobs=params.jobs, title="De-identifying"
        )
        outlines = write_outlines(source, partial_out, found, results, pseudonyms)
        quarantined = _all_quarantined(found, results)
        _tell(source, private, quarantined)
        written = sum(len(result.written) for result in results)
        _refuse_too_many(source, private, written, quarantined, params)
        _write_facts(source, partial_out)
        readers = write_readers(source, partial_out, found.readers, pseudonyms)
        return conformance_report(
            Profile.of(params),
            pseudonyms,
            results,
            outlines=outlines,
            readers=readers,
            quarantined=quarantined,
        )


def find_files(source: Path, *, jobs: int = 1) -> Found:
    """Return what lies in an export, by patient and reader.

    Args:
        source: The export.
        jobs: How many processes look at files at a time; -1 for all cores.
    """
    found = Found()
    dicom = []
    layout = (source / "images").is_dir()
    for path in sorted(path for path in source.rglob("*") if not path.is_dir()):
        name = path.relative_to(source).as_posix()
        parts = name.split("/")
        if not layout or parts[0] == "images":
            dicom.append(Source(name))
        elif parts[0] == "annotations" and len(parts) > 2:
            found.readers.add(parts[1])
            if path.name.endswith((".nii", ".nii.gz")):
                found.outlines.append(Source(name, parts[1]))
            else:
                dicom.append(Source(name, parts[1]))
        elif name not in {"export.json", "readers.csv"}:
            found.quarantined.append(Quarantined(name, Reason.UNEXPECTED))
    chunks = [dicom[i : i + CHUNK_FILES] for i in range(0, len(dicom), CHUNK_FILES)]
    keys = map_cases(
        partial(_keys, source), chunks, jobs=jobs, title="Looking at files"
    )
    patients: dict[str, list[Source]] = defaultdict(list)
    for file, key in zip(dicom, (key for chunk in keys for key in chunk), strict=True):
        if isinstance(key, Quarantined):
            found.quarantined.append(key)
        else:
            patients[key].append(file)
    found.patients = dict(patients)
    return found


def write_outlines(
    source: Path,
    out: Path,
    found: Found,
    results: Iterable[PatientResult],
    pseudonyms: Pseudonyms,
) -> int:
    """Write NIfTI outlines under the pseudonyms of reader and series; say how many.

    Those that cannot be used are added to ``found.quarantined``.
    """
    series = {name: new for result in results for name, new in result.series.items()}
    count = 0
    for file in found.outlines:
        original = file.path.rsplit("/", 1)[1].removesuffix(".gz").removesuffix(".nii")
        if original not in series:
            found.quarantined.append(Quarantined(file.path, Reason.NO_SERIES))
            continue
        try:
            content = scrub((source / file.path).read_bytes())
        except QuarantineError as error:
            left = Quarantined(file.path, error.reason, error.detail)
            found.quarantined.append(left)
            continue
        reader = pseudonyms.reader(file.reader)
        target = out / "annotations" / reader / f"{series[original]}.nii.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        count += 1
    return count


def write_readers(
    source: Path, out: Path, folders: Iterable[str], pseudonyms: Pseudonyms
) -> int:
    """Write ``readers.csv`` under pseudonyms, one row per reader; say how many.

    Raises:
        BrokenFileError: The file in the export is no such table.
    """
    rows = {pseudonyms.reader(name): ("", "", "") for name in folders}
    for row in _read_readers(source / "readers.csv"):
        qualification = cleaned(row[1], QUALIFICATION_WORDS, frozenset())
        years = row[2] if row[2].replace(".", "", 1).isdecimal() else ""
        rows[pseudonyms.reader(row[0])] = (qualification, years, _iso_date(row[3]))
    if not rows:
        return 0
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("pseudonym", *READER_COLUMNS[1:]))
    writer.writerows((name, *facts) for name, facts in sorted(rows.items()))
    (out / "readers.csv").write_text(table.getvalue(), "utf-8")
    return len(rows)


def _keys(source: Path, files: Sequence[Source]) -> list[str | Quarantined]:
    """Return whose each file is, or why it cannot be used."""
    keys: list[str | Quarantined] = []
    for file in files:
        try:
            keys.append(patient_key(source / file.path))
        except QuarantineError as error:
            keys.append(Quarantined(file.path, error.reason, error.detail))
    return keys


def _refuse_collisions(tasks: Sequence[PatientTask], pseudonyms: Pseudonyms) -> None:
    """Raise when two patients would get one pseudonym."""
    names = Counter(pseudonyms.patient(task.patient) for task in tasks)
    if twice := [name for name, count in names.items() if count > 1]:
        raise DataError(
            f"{twice[0]}: two patients would get this pseudonym. "
            "Split the export or use another key."
        )


def _all_quarantined(
    found: Found, results: Iterable[PatientResult]
) -> tuple[Quarantined, ...]:
    """Return every file that was left out, sorted by path."""
    of_patients = (file for result in results for file in result.quarantined)
    return tuple(sorted([*found.quarantined, *of_patients]))


def _tell(source: Path, private: Path, quarantined: Sequence[Quarantined]) -> None:
    """Name the files in quarantine on stderr and in the private list."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("path", "reason", "detail"))
    writer.writerows((file.path, file.reason, file.detail) for file in quarantined)
    write_whole(private / QUARANTINE_FILE, table.getvalue().encode())
    for file in quarantined[:SHOWN]:
        remedy = REMEDIES.get(file.reason)
        more = f"; {remedy}" if remedy else ""
        sys.stderr.write(f"quarantine: {source / file.path}: {file.reason}{more}\n")
    if len(quarantined) > SHOWN:
        rest = len(quarantined) - SHOWN
        sys.stderr.write(f"{rest} more are listed in {private / QUARANTINE_FILE}\n")


def _refuse_too_many(
    source: Path,
    private: Path,
    written: int,
    quarantined: Sequence[Quarantined],
    params: DeidentifyParams,
) -> None:
    """Raise when nothing is left to use or too much was left out."""
    listed = private / QUARANTINE_FILE
    if not written:
        raise DataError(
            f"{source}: no usable DICOM file; {len(quarantined)} are in quarantine. "
            f"See {listed}."
        )
    share = len(quarantined) / (written + len(quarantined))
    if share > params.quarantine_limit:
        raise DataError(
            f"{source}: {len(quarantined)} files ({share:.0%}) are in quarantine, "
            f"first {quarantined[0].path} ({quarantined[0].reason}). Mend what "
            f"{listed} lists, or raise deidentify.quarantine_limit "
            f"({params.quarantine_limit:.0%})."
        )


def _write_facts(source: Path, out: Path) -> None:
    """Copy what ``export.json`` says about the whole export.

    Raises:
        BrokenFileError: It is not a JSON object.
    """
    path = source / "export.json"
    if not path.exists():
        return
    try:
        facts = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BrokenFileError(path, f"is not JSON: {error}.") from error
    if not isinstance(facts, dict):
        raise BrokenFileError(path, "is not a JSON object.", remedy="Export it again.")
    kept = {name: facts[name] for name in EXPORT_FACTS if name in facts}
    (out / "export.json").write_bytes(pretty_json(kept))


def _read_readers(path: Path) -> list[tuple[str, str, str, str]]:
    """Return the rows of ``readers.csv``; none when there is no such file."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            rows = [
                tuple((row.get(name) or "").strip() for name in READER_COLUMNS)
                for row in table
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BrokenFileError(path, f"is not a CSV file: {error}.") from error
    if "name" not in (table.fieldnames or ()):
        columns = ",".join(READER_COLUMNS)
        raise BrokenFileError(path, "has no column name.", remedy=f"Use {columns}.")
    return [(row[0], row[1], row[2], row[3]) for row in rows if folded(row[0])]


def _iso_date(text: str) -> str:
    """Return a date as it is, or nothing when it is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
