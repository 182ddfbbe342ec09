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

_TAGS: Final = {tag_for_keyword(keyword): keyword for keyword in IDENTIFYING}


def count_findings(files: Iterable[Dataset]) -> dict[str, int]:
    """Return in how many files each kind of identifying element stands, by keyword."""
    return dict(sorted(Counter(k for file in files for k in set(_found(file))).items()))


def _found(file: Dataset) -> Iterator[str]:
    """Give what identifies in one file, at any depth."""
    if str(file.get("PatientIdentityRemoved", "")).upper() != "YES":
        yield UNDECLARED
    name = str(file.get("PatientName") or "")
    if name.upper() not in DUMMIES and name != str(file.get("PatientID") or ""):
        yield NAMED
    yield from _elements(file)


def _elements(item: Dataset) -> Iterator[str]:
    for tag in item.keys():  # noqa: SIM118 - iterating decodes every element
        if tag.is_private:
            yield PRIVATE
        elif tag in _TAGS:
            if str(item[tag].value or "").strip().upper() not in DUMMIES:
                yield _TAGS[tag]
        elif item.get_item(tag).VR == "SQ":
            for below in item[tag].value or ():
                yield from _elements(below)
