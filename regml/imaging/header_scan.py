"""A second look at de-identified headers, by code that removed nothing.

The de-identification searches its own output for the values it knew. This looks, in a
later stage, for elements that identify somebody whatever their value is, so that data
that came in by another way are seen too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

IDENTIFYING: Final = (
    "AccessionNumber",
    "AdmissionID",
    "CurrentPatientLocation",
    "DeviceSerialNumber",
    "InstitutionAddress",
    "IssuerOfPatientID",
    "MilitaryRank",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "OtherPatientIDs",
    "OtherPatientNames",
    "PatientAddress",
    "PatientBirthDate",
    "PatientBirthName",
    "PatientBirthTime",
    "PatientComments",
    "PatientInsurancePlanCodeSequence",
    "PatientMotherBirthName",
    "PatientReligiousPreference",
    "PatientTelephoneNumbers",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "PersonAddress",
    "PersonName",
    "ReferringPhysicianName",
    "RequestedProcedureID",
    "RequestingPhysician",
    "ResponsiblePerson",
    "StationName",
    "StudyID",
)
"""Elements that have no place in de-identified images, unless they are empty."""

DUMMIES: Final = frozenset({"", "REMOVED", "UNKNOWN", "NONE", "ANONYMOUS"})
"""Values that say nothing."""

PRIVATE: Final = "private element"
UNDECLARED: Final = "PatientIdentityRemoved is not YES"
NAMED: Final = "PatientName"

_TAGS: Final = {
    int(tag): keyword
    for keyword in IDENTIFYING
    if (tag := tag_for_keyword(keyword)) is not None
}


def count_findings(files: Iterable[Dataset]) -> dict[str, int]:
    """Return in how many files each kind of identifying element stands, by keyword."""
    clean: set[bytes] = set()
    found = Counter(kind for file in files for kind in set(_found(file, clean)))
    return dict(sorted(found.items()))


def _found(file: Dataset, clean: set[bytes]) -> Iterator[str]:
    """Give what identifies in one file, at any depth."""
    if str(file.get("PatientIdentityRemoved", "")).upper() != "YES":
        yield UNDECLARED
    name = str(file.get("PatientName") or "")
    if name.upper() not in DUMMIES and name != str(file.get("PatientID") or ""):
        yield NAMED
    yield from _elements(file, clean)


def _elements(item: Dataset, clean: set[bytes]) -> Iterator[str]:
    """Give what identifies in the elements of an item.

    Args:
        item: A file, or an item of a sequence.
        clean: Sequences, as bytes, in which nothing was found: slices repeat them.
    """
    for element in item.values():  # as read: decoding all would take as long as reading
        tag = int(element.tag)
        if tag >> 16 & 1:
            yield PRIVATE
        elif tag in _TAGS:
            if not _says_nothing(element.value):
                yield _TAGS[tag]
        elif element.VR == "SQ":
            content = element.value if isinstance(element.value, bytes) else None
            if content is not None and content in clean:
                continue
            below = [
                k for part in item[tag].value or () for k in _elements(part, clean)
            ]
            if content is not None and not below:
                clean.add(content)
            yield from below


def _says_nothing(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1").strip("\0 ")
    return str(value or "").strip().upper() in DUMMIES
