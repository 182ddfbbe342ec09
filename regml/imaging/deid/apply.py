"""De-identify one data set: a new one is built from what may stay.

Elements are taken as the bytes the file holds. What stays as it is is copied without
being decoded; nothing is carried over that no rule let through.
"""

import io
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from regml.imaging.deid.keys import Pseudonyms
from regml.imaging.deid.profile import (
    DUMMY_TEXT,
    DUMMY_VALUES,
    Action,
    Family,
    Profile,
    Rule,
    family_of,
)
from regml.imaging.deid.residual import Identifiers
from regml.imaging.deid.values import (
    OLDEST_YEARS,
    Element,
    capped_age,
    shift_date,
    text_of,
    value_bytes,
    with_value,
)
from regml.imaging.deid.vocabulary import CODING_SCHEMES, cleaned, is_code

METHOD = "regml: PS3.15 Basic Profile, keyed pseudonyms"
"""What the output says about how it was de-identified."""

IMPLEMENTATION_UID = "2.25.279731446189158394036466170413021541177"
"""Implementation class UID of regml's file writer."""

DICOM_ROOT = "1.2.840.10008."
"""UIDs below name parts of the standard, never an instance."""

_NUMBER = re.compile(rb"[0-9eE+\-. \\]*")
_TIME = re.compile(rb"[0-2]\d([0-5]\d([0-6]\d(\.\d{1,6})?)?)?")
_TERM = re.compile(rb"[A-Za-z0-9.\-/{}\[\]%*]{1,16}")
_VERSION = re.compile(rb"[0-9.]{1,16}")

_PATIENT_NAME, _PATIENT_AGE = 0x00100010, 0x00101010
_BIRTH_DATE, _STUDY_DATE = 0x00100030, 0x00080020
_CODE_VALUE, _SCHEME, _SCHEME_VERSION = 0x00080100, 0x00080102, 0x00080103
_IMAGE_TYPE = 0x00080008
_NEVER_EMPTY = frozenset(
    [
        0x00080104,  # CodeMeaning
        0x00081090,  # ManufacturerModelName, type 1 in enhanced objects and in SEG
        0x00181020,  # SoftwareVersions, likewise
        0x00620005,  # SegmentLabel
    ]
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data it is, and whose work.

    Attributes:
        pseudonym: The patient's.
        shift_days: By how much the patient's dates move.
        reader: Pseudonym of the person who drew the outlines, or empty.
    """

    pseudonym: str
    shift_days: int
    reader: str = ""


@dataclass(slots=True)
class Tally:
    """What was done, over any number of data sets.

    Attributes:
        changed: Elements by tag, of those that did not stay as they were.
        private: Private elements removed.
        unnamed: Removed elements that the data dictionary does not name.
        code_items: Sequence items removed because of a private coding scheme.
    """

    changed: Counter[int] = field(default_factory=Counter)
    private: int = 0
    unnamed: int = 0
    code_items: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another tally counted."""
        self.changed.update(other.changed)
        self.private += other.private
        self.unnamed += other.unnamed
        self.code_items += other.code_items


@dataclass(slots=True)
class Worker:
    """De-identifies data sets of one patient, and remembers what it took out.

    Attributes:
        profile: What happens to which attribute.
        pseudonyms: Where pseudonyms come from.
        subject: Whose data it is.
        identifiers: The values that must not be found in the output.
        tally: What was done.
    """

    profile: Profile
    pseudonyms: Pseudonyms
    subject: Subject
    identifiers: Identifiers
    tally: Tally = field(default_factory=Tally)
    _names: frozenset[str] = frozenset()

    def deidentify(self, dataset: Dataset) -> Dataset:
        """Return what may stay of a data set read from a file, ready to be written.

        Raises:
            ValueError: An element cannot be decoded.
        """
        self._names = _name_words(dataset)
        self.identifiers.add_names(self._names)
        result = self._level(dataset)
        if self.profile.params.retain_patient_characteristics:
            _add_age(dataset, result)
        self._mark(result)
        result.file_meta = self._file_meta(dataset, result)
        result.preamble = bytes(128)
        return result

    def _level(self, dataset: Dataset) -> Dataset:
        """Return what may stay of a data set or of an item of a sequence."""
        result = Dataset()
        for tag in sorted(dataset.keys()):
            kept = self._element(dataset, dataset.get_item(tag))
            if kept is not None:
                result[tag] = kept
        # raw bytes are then written as they are, instead of being decoded first
        implicit, little_endian = dataset.original_encoding
        result.set_original_encoding(implicit, little_endian, default_encoding)
        return result

    def _element(self, dataset: Dataset, element: Element) -> Element | None:
        """Return what takes the place of an element, or nothing."""
        tag = int(element.tag)
        rule = self.profile.rule(tag)
        if rule.action is Action.KEEP and _fits(element, rule):
            return element
        if rule.action is Action.RECURSE:
            return self._sequence(dataset, element)
        if rule.action is Action.REMOVE or not _fits(element, rule):
            self._count_removed(tag, rule)
            self._remember(dataset, element, rule)
            return None
        value = value_bytes(element)
        new = self._value(rule, value, tag)
        if new == value:
            return element
        self.tally.changed[tag] += 1
        self.identifiers.add(rule.vr, value, cleaned=rule.action is Action.CLEAN)
        return None if new is None else with_value(element, new, rule.vr)

    def _value(self, rule: Rule, value: bytes, tag: int) -> bytes | None:
        """Return the text that takes the place of another one, or nothing."""
        match rule.action:
            case Action.NUMBER:
                return value if _NUMBER.fullmatch(value) else None
            case Action.CODE:
                return self._codes(value, tag)
            case Action.UID:
                return self._uids(value)
            case Action.SHIFT:
                return self._shifted(value)
            case Action.TIME:
                return value if _TIME.fullmatch(value) else b""
            case Action.CLEAN:
                return self._cleaned(value, tag)
            case Action.TERM:
                pattern = _VERSION if tag == _SCHEME_VERSION else _TERM
                return value if pattern.fullmatch(value) else None
            case Action.AGE:
                return capped_age(value)
            case Action.PATIENT:
                return self.subject.pseudonym.encode()
            case Action.SITE:
                name = value.decode("latin-1")
                return self.pseudonyms.site(name).encode() if value else b""
            case Action.READER:
                return self.subject.reader.encode()
            case Action.DUMMY:
                return DUMMY_VALUES.get(rule.vr, DUMMY_TEXT)
            case _:
                return b""

    def _sequence(self, dataset: Dataset, element: Element) -> DataElement | None:
        """Return a sequence with its items de-identified; nothing if none is left."""
        value = dataset[element.tag].value
        if not isinstance(value, Sequence):
            self.tally.unnamed += 1
            return None
        items = [self._level(item) for item in value if self._is_public_code(item)]
        self.tally.code_items += len(value) - len(items)
        for item in value:
            if not self._is_public_code(item):
                self._remember_item(item)
        kept = [item for item in items if len(item)]
        if value and not kept:
            return None
        return DataElement(element.tag, "SQ", Sequence(kept))

    def _is_public_code(self, item: Dataset) -> bool:
        """Tell whether an item is no code or one of a public coding scheme."""
        if _SCHEME not in item and _CODE_VALUE not in item:
            return True
        return text_of(item, _SCHEME) in CODING_SCHEMES

    def _codes(self, value: bytes, tag: int) -> bytes | None:
        """Return coded strings of the standard; others become OTHER or go."""
        values = [part.strip() for part in value.decode("latin-1").split("\\")]
        good = [is_code(part, self._names) for part in values]
        if all(good):
            return value
        if tag != _IMAGE_TYPE:
            return None
        pairs = zip(values, good, strict=True)
        return "\\".join(part if ok else "OTHER" for part, ok in pairs).encode()

    def _uids(self, value: bytes) -> bytes:
        """Return replaced UIDs, those of the standard as they are."""
        parts = value.decode("latin-1").split("\\")
        return "\\".join(self._uid(part.strip(" \0")) for part in parts).encode()

    def _uid(self, uid: str) -> str:
        if not uid or uid.startswith(DICOM_ROOT):
            return uid
        return self.pseudonyms.uid(uid)

    def _shifted(self, value: bytes) -> bytes:
        """Return a date moved by the patient's days; empty when it is none."""
        moved = [
            shift_date(part, self.subject.shift_days) for part in value.split(b"\\")
        ]
        for part in moved:
            self.identifiers.made_dates.add(part[:8])
        return b"\\".join(moved)

    def _cleaned(self, value: bytes, tag: int) -> bytes | None:
        """Return the words that may stay; what has to be there is never empty."""
        parts = value.decode("latin-1").split("\\")
        words, names = self.profile.words, self._names
        kept = [cleaned(part, words, names) for part in parts]
        if any(kept):
            return "\\".join(kept).encode("ascii", "replace")
        return b"UNKNOWN" if value and tag in _NEVER_EMPTY else b""

    def _count_removed(self, tag: int, rule: Rule) -> None:
        """Count an element that goes."""
        if (tag >> 16) % 2:
            self.tally.private += 1
        elif rule.keyword:
            self.tally.changed[tag] += 1
        else:
            self.tally.unnamed += 1

    def _remember(self, dataset: Dataset, element: Element, rule: Rule) -> None:
        """Remember the text of an element that goes, of sequences at every level."""
        if rule.action is Action.TERM:
            return  # codes name things, not people
        vr = element.VR if element.VR not in {None, "UN"} else rule.vr
        match family_of(vr):
            case Family.TEXT:
                self.identifiers.add(str(vr), value_bytes(element), cleaned=False)
            case Family.SEQUENCE:
                for item in dataset[element.tag].value or ():
                    if isinstance(item, Dataset):
                        self._remember_item(item)

    def _remember_item(self, item: Dataset) -> None:
        """Remember all texts in an item that goes as a whole."""
        for tag in sorted(item.keys()):
            self._remember(item, item.get_item(tag), self.profile.rule(int(tag)))

    def _mark(self, result: Dataset) -> None:
        """Say in the data set that and how it was de-identified (PS3.15 E.1.1)."""
        implicit, little_endian = result.original_encoding
        kept = "MODIFIED" if self.profile.params.shift_dates else "REMOVED"
        for element in _marks(
            bool(implicit), bool(little_endian), self.profile.options, kept
        ):
            result[element.tag] = element

    def _file_meta(self, dataset: Dataset, result: Dataset) -> FileMetaDataset:
        """Return new file meta information; deflated files are written plain."""
        meta = FileMetaDataset()
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax == DeflatedExplicitVRLittleEndian:
            syntax = ExplicitVRLittleEndian
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID = UID(text_of(result, 0x00080016))
        meta.MediaStorageSOPInstanceUID = UID(text_of(result, 0x00080018))
        meta.TransferSyntaxUID = syntax
        meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
        meta.ImplementationVersionName = "REGML"
        return meta


def _fits(element: Element, rule: Rule) -> bool:
    """Tell whether the value is made of the bytes that the dictionary says."""
    family = family_of(element.VR)
    return family in {Family.UNKNOWN, rule.family}


def _name_words(dataset: Dataset) -> frozenset[str]:
    """Return the words of the patient's name, lower case."""
    name = text_of(dataset, _PATIENT_NAME).casefold()
    return frozenset(word for word in re.findall(r"[^\W_]+", name) if len(word) > 1)


def _add_age(dataset: Dataset, result: Dataset) -> None:
    """Add the age at the study where only the date of birth was known."""
    if _PATIENT_AGE in result:
        return
    born, studied = text_of(dataset, _BIRTH_DATE), text_of(dataset, _STUDY_DATE)
    if re.fullmatch(r"\d{8}", born) and re.fullmatch(r"\d{8}", studied):
        years = int(studied[:4]) - int(born[:4]) - (studied[4:] < born[4:])
        if 0 <= years <= 130:
            result.add_new(_PATIENT_AGE, "AS", f"{min(years, OLDEST_YEARS):03d}Y")


@cache
def _marks(
    implicit: bool, little_endian: bool, options: tuple[tuple[str, str], ...], kept: str
) -> tuple[Element, ...]:
    """Return the elements that say what was done, encoded once for all files."""
    marks = Dataset()
    marks.PatientIdentityRemoved = "YES"
    marks.DeidentificationMethod = METHOD
    marks.DeidentificationMethodCodeSequence = [
        _code_item(value, meaning) for value, meaning in options
    ]
    marks.LongitudinalTemporalInformationModified = kept
    buffer = io.BytesIO()
    file = DicomIO(buffer)
    file.is_implicit_VR, file.is_little_endian = implicit, little_endian
    write_dataset(file, marks)
    buffer.seek(0)
    encoded = read_dataset(buffer, implicit, little_endian)
    return tuple(encoded.get_item(tag) for tag in sorted(encoded.keys()))


def _code_item(value: str, meaning: str) -> Dataset:
    """Return a code of the DICOM controlled terminology."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        value,
        "DCM",
        meaning,
    )
    return item
