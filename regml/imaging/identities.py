"""Invented patients, hospitals and occasions, and where DICOM writes them down.

Everything here is made up. It goes into a hospital export so that de-identification
works on what a hospital would send: identifiers in plain attributes, in nested
sequences, in private elements, in free text and in file names.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from pydicom.dataset import Dataset

SURNAMES = (
    *("Ahlgren", "Bianchetti", "Czerwinski", "Dufresne", "Eskelinen", "Fontanelli"),
    *(
        "Grabowski",
        "Hallgrimsson",
        "Ivanisevic",
        "Jankowiak",
        "Kellermann",
        "Lindqvist",
    ),
    *("Moldovan", "Nakagawa", "Oyelowo", "Petrakis", "Quintanilla", "Rasmussen"),
    *("Szymanski", "Tanaka", "Uzunov", "Verhoeven", "Wojtowicz", "Zimmermann"),
)
"""Family names of invented patients."""

WOMEN = ("Adelheid", "Brunhilde", "Chiara", "Dorothea", "Eszter", "Fatoumata", "Gudrun")
"""Given names of invented women."""

MEN = ("Anselm", "Bertrand", "Cornelis", "Dragomir", "Evander", "Ferdinand", "Giacomo")
"""Given names of invented men."""

STREETS = ("Lindenallee", "Rue du Moulin", "Kirkegata", "Via Garibaldi", "Hauptstrasse")
"""Streets that invented patients live in."""


@dataclass(frozen=True, slots=True)
class Site:
    """An invented hospital with one scanner.

    Attributes:
        name: InstitutionName.
        address: InstitutionAddress.
        uid_root: Below it, its scanner makes UIDs.
        manufacturer: Maker of the scanner.
        model: Model of the scanner.
        field_tesla: Field strength in T.
        serial: Serial number of the scanner.
        station: Its name in the hospital.
        ae_title: Its name in the network.
        physicians: Who refers and who reads.
        prefix: How its patient numbers start.
    """

    name: str
    address: str
    uid_root: str
    manufacturer: str
    model: str
    field_tesla: float
    serial: str
    station: str
    ae_title: str
    physicians: tuple[str, str]
    prefix: str


SITES = (
    Site(
        name="St. Aldegund University Hospital",
        address="Parkring 114, 99099 Niederau",
        uid_root="1.3.6.1.4.1.99999.11",
        manufacturer="SIEMENS",
        model="Prisma_fit",
        field_tesla=3.0,
        serial="166047",
        station="MRC41833",
        ae_title="ALDEGUND_MR3",
        physicians=("Hohenstatter^Ulrike^^Dr.", "Papadakis^Leonidas"),
        prefix="SA",
    ),
    Site(
        name="Westfjord Regional Clinic",
        address="Havnegata 7, 8899 Westfjord",
        uid_root="1.3.6.1.4.1.99999.23",
        manufacturer="Philips Medical Systems",
        model="Achieva dStream",
        field_tesla=1.5,
        serial="42917",
        station="WFJ-ACHIEVA-2",
        ae_title="WESTFJORD_PACS",
        physicians=("Sorensen-Bakke^Ragnhild", "Vasquez^Inigo^^Prof."),
        prefix="WF-",
    ),
)
"""The two invented hospitals."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An invented patient.

    Attributes:
        name: PatientName.
        patient_id: PatientID.
        born: Date of birth.
        sex: ``F`` or ``M``.
        weight_kg: Weight.
        size_m: Height.
        address: Where they live.
        phone: Their telephone number.
        insurance: Their insurance number.
    """

    name: str
    patient_id: str
    born: date
    sex: str
    weight_kg: float
    size_m: float
    address: str
    phone: str
    insurance: str

    @property
    def folder(self) -> str:
        """Name of the patient's folder, as exports are often named: by patient."""
        return f"{self.name.replace('^', '_')}_{self.patient_id}"

    @property
    def file_prefix(self) -> str:
        """How the names of the patient's files start."""
        return self.name.split("^")[0].upper()


@dataclass(frozen=True, slots=True)
class Study:
    """One occasion on which a patient was examined.

    Attributes:
        uid: StudyInstanceUID.
        day: When.
        time: When on that day, HHMMSS.
        accession: AccessionNumber.
        study_id: StudyID.
        order: Number of the request.
    """

    uid: str
    day: date
    time: str
    accession: str
    study_id: str
    order: str

    @property
    def folder(self) -> str:
        """Name of the folder of its series."""
        return f"{self.day:%Y%m%d}_{self.accession}_T1"


def random_identity(rng: random.Random, number: int, site: Site) -> Identity:
    """Return an invented patient; ``number`` tells them apart at their site."""
    sex = rng.choice("FM")
    surname = SURNAMES[number % len(SURNAMES)]
    given = rng.choice(WOMEN if sex == "F" else MEN)
    return Identity(
        name=f"{surname}^{given}",
        patient_id=f"{site.prefix}{rng.randrange(10**6, 10**7)}{number:03d}",
        born=date(1930, 1, 1) + timedelta(rng.randrange(24_800)),  # adults only
        sex=sex,
        weight_kg=round(rng.uniform(48, 104), 1),
        size_m=round(rng.uniform(1.52, 1.96), 2),
        address=f"{rng.choice(STREETS)} {rng.randrange(1, 120)}",
        phone=f"+99 555 {rng.randrange(10**6, 10**7)}",
        insurance=f"KV{rng.randrange(10**8, 10**9)}",
    )


def random_study(
    rng: random.Random, site: Site, number: int, after: date = date(2016, 1, 4)
) -> Study:
    """Return an occasion at a site within four years of a day."""
    day = after + timedelta(rng.randrange(1, 1460))
    time = f"{rng.randrange(7, 19):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
    stamp = rng.randrange(10**9, 10**10)
    return Study(
        uid=f"{site.uid_root}.{day:%Y%m%d}{time}.{stamp}.{number}",
        day=day,
        time=time,
        accession=f"AC{rng.randrange(10**7, 10**8)}",
        study_id=f"S{rng.randrange(10**5, 10**6)}",
        order=f"ORD{rng.randrange(10**6, 10**7)}",
    )


def add_identity(
    dataset: Dataset, identity: Identity, study: Study, site: Site
) -> None:
    """Write patient, occasion and place wherever DICOM has room for them."""
    dataset.SpecificCharacterSet = "ISO_IR 100"
    _add_patient(dataset, identity)
    _add_study(dataset, study, site)
    _add_equipment(dataset, site, identity)
    _add_sequences(dataset, identity, study, site)
    _add_private(dataset, identity, study, site)


def _add_patient(dataset: Dataset, identity: Identity) -> None:
    dataset.PatientName = identity.name
    dataset.PatientID = identity.patient_id
    dataset.PatientBirthDate = f"{identity.born:%Y%m%d}"
    dataset.PatientSex = identity.sex
    dataset.PatientWeight = identity.weight_kg
    dataset.PatientSize = identity.size_m
    dataset.PatientAddress = identity.address
    dataset.PatientTelephoneNumbers = identity.phone
    dataset.OtherPatientIDs = identity.insurance
    dataset.PatientComments = f"Insured as {identity.insurance}, call {identity.phone}"


def _add_study(dataset: Dataset, study: Study, site: Site) -> None:
    day = f"{study.day:%Y%m%d}"
    dataset.StudyInstanceUID = study.uid
    dataset.FrameOfReferenceUID = f"{study.uid}.0"
    dataset.PositionReferenceIndicator = ""
    dataset.StudyID = study.study_id
    dataset.AccessionNumber = study.accession
    dataset.StudyDate = dataset.SeriesDate = day
    dataset.AcquisitionDate = dataset.ContentDate = dataset.InstanceCreationDate = day
    dataset.StudyTime = dataset.SeriesTime = study.time
    dataset.AcquisitionTime = dataset.ContentTime = study.time
    dataset.AcquisitionDateTime = f"{day}{study.time}.250000"
    refers, reads = site.physicians
    dataset.ReferringPhysicianName = refers
    dataset.NameOfPhysiciansReadingStudy = reads
    dataset.OperatorsName = "Technician^Tina"
    dataset.StudyDescription = "MR brain"


def _add_equipment(dataset: Dataset, site: Site, identity: Identity) -> None:
    dataset.Manufacturer = site.manufacturer
    dataset.ManufacturerModelName = site.model
    dataset.MagneticFieldStrength = site.field_tesla
    dataset.DeviceSerialNumber = site.serial
    dataset.StationName = site.station
    dataset.InstitutionName = site.name
    dataset.InstitutionAddress = site.address
    dataset.InstitutionalDepartmentName = "Neuroradiology"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.BodyPartExamined = "BRAIN"
    dataset.ScanningSequence, dataset.SequenceVariant = "GR", ["SP", "MP"]
    dataset.ScanOptions, dataset.MRAcquisitionType = "", "3D"
    dataset.RepetitionTime, dataset.EchoTime = "2300", "2.98"
    dataset.InversionTime, dataset.FlipAngle = "900", "9"
    dataset.PatientPosition = "HFS"
    dataset.SoftwareVersions = "R5.3.1"
    dataset.ProtocolName = f"T1 MPRAGE 3D {identity.file_prefix}"
    dataset.SeriesDescription = f"T1 MPRAGE SAG ISO {identity.file_prefix}"
    dataset.BurnedInAnnotation = "NO"


def _add_sequences(
    dataset: Dataset, identity: Identity, study: Study, site: Site
) -> None:
    """Write identifiers below the first level, down to the third."""
    request = Dataset()
    request.RequestedProcedureID = study.order
    request.ScheduledProcedureStepDescription = f"Brain for {identity.file_prefix}"
    request.ScheduledProcedureStepID = study.study_id
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    referenced.ReferencedSOPInstanceUID = study.uid
    request.ReferencedStudySequence = [referenced]
    dataset.RequestAttributesSequence = [request]
    dataset.ReferencedStudySequence = [referenced]
    before = Dataset()
    before.PatientName = f"{identity.name}^Jr"
    before.PatientID = f"OLD{identity.patient_id}"
    change = Dataset()
    change.ModifiedAttributesSequence = [before]
    change.AttributeModificationDateTime = f"{study.day:%Y%m%d}{study.time}"
    change.ModifyingSystem = site.ae_title
    change.SourceOfPreviousValues = site.name
    change.ReasonForTheAttributeModification = "CORRECT"
    dataset.OriginalAttributesSequence = [change]
    localiser = Dataset()
    localiser.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    localiser.ReferencedSOPInstanceUID = f"{study.uid}.9.1"
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121311", "DCM"
    purpose.CodeMeaning = "Localizer"
    localiser.PurposeOfReferenceCodeSequence = [purpose]
    dataset.ReferencedImageSequence = [localiser]
    procedure = Dataset()
    procedure.CodeValue, procedure.CodingSchemeDesignator = "NR-17", "99LOCAL"
    procedure.CodeMeaning = f"Brain as {site.physicians[0].split('^')[0]} likes it"
    dataset.ProcedureCodeSequence = [procedure]


def _add_private(
    dataset: Dataset, identity: Identity, study: Study, site: Site
) -> None:
    """Write identifiers into the maker's own elements."""
    block = dataset.private_block(0x0029, f"{site.manufacturer} HEADER", create=True)
    block.add_new(0x10, "LO", identity.patient_id)
    block.add_new(0x11, "OB", f"PAT={identity.name};ADR={site.address}\0".encode())
    nested = Dataset()
    nested.PatientName = identity.name
    nested.StudyInstanceUID = study.uid
    block.add_new(0x12, "SQ", [nested])
