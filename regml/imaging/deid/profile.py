"""One action per attribute: the table, the options that are on, and our allow-list.

The table of the standard says what has to go. What it does not name stays only when
the allow-list below does; so an attribute that a later edition adds goes by itself.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from pydicom.datadict import (
    dictionary_has_tag,
    dictionary_keyword,
    dictionary_VR,
    tag_for_keyword,
)

from regml.digest import fingerprint
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.table import BASIC_PROFILE, EDITION
from regml.imaging.deid.vocabulary import (
    CODE_WORDS,
    CODING_SCHEMES,
    known_words,
)


class Action(StrEnum):
    """What happens to an element."""

    REMOVE = "remove"
    """The element goes."""
    EMPTY = "empty"
    """Its value goes."""
    DUMMY = "dummy"
    """Its value is replaced by one that says nothing."""
    KEEP = "keep"
    """It stays: a binary number or pixels."""
    NUMBER = "number"
    """It stays when it is a number in text form."""
    TIME = "time"
    """It stays when it is a time of day."""
    CODE = "code"
    """It stays when it is a coded string of the standard."""
    TERM = "term"
    """It stays when it looks like part of a code; only in code sequences."""
    CLEAN = "clean"
    """Words of the vocabulary stay."""
    UID = "uid"
    """UIDs are replaced; those of the standard itself stay."""
    SHIFT = "shift"
    """Dates move by the patient's days."""
    AGE = "age"
    """It stays, at most 89 years."""
    PATIENT = "patient"
    """The patient's pseudonym takes its place."""
    SITE = "site"
    """The site's pseudonym takes its place."""
    READER = "reader"
    """The reader's pseudonym takes its place, or nothing."""
    RECURSE = "recurse"
    """A sequence: the same is done to its items."""


class Family(StrEnum):
    """Value representations whose bytes are alike."""

    TEXT = "text"
    NUMBERS = "numbers"
    BYTES = "bytes"
    SEQUENCE = "sequence"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one attribute.

    Attributes:
        action: What happens.
        keyword: Name in PS3.6; empty when it has none.
        vr: Value representation in PS3.6; the first where it names several.
        basic: Action code of the Basic Profile; empty when the table has none.
    """

    action: Action
    keyword: str
    vr: str
    basic: str

    @property
    def family(self) -> Family:
        """The kind of bytes the value is made of."""
        return family_of(self.vr)


@dataclass(frozen=True)
class Profile:
    """The Basic Profile with the options that are on.

    Attributes:
        params: Which options are on.
        words: The vocabulary of descriptions, lower case.
    """

    params: DeidentifyParams
    words: frozenset[str]
    _rules: dict[int, Rule] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, params: DeidentifyParams) -> "Profile":
        """Return the profile that the parameters describe."""
        return cls(params, known_words(params.extra_words))

    def rule(self, tag: int) -> Rule:
        """Return what happens to the attribute with a tag."""
        try:
            return self._rules[tag]
        except KeyError:
            return self._rules.setdefault(tag, _decide(tag, self.params))

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Code (PS3.16 CID 7050) and meaning of the profile and its options."""
        on = [("113100", "Basic Application Confidentiality Profile")]
        if self.params.clean_descriptors:
            on.append(("113105", "Clean Descriptors Option"))
        if self.params.shift_dates:
            meaning = "Retain Longitudinal Temporal Information Modified Dates Option"
            on.append(("113107", meaning))
        if self.params.retain_patient_characteristics:
            on.append(("113108", "Retain Patient Characteristics Option"))
        return tuple(on)

    @property
    def configuration_sha256(self) -> str:
        """Digest of all that decides what happens; not of the key."""
        params = self.params.model_dump(exclude={"jobs", "quarantine_limit"})
        return fingerprint(
            {
                "edition": EDITION,
                "table": {code: text.split() for code, text in BASIC_PROFILE.items()},
                "allowed": {name: sorted(words) for name, words in ALLOWED.items()},
                "groups": sorted(KEPT_GROUPS),
                "params": params,
                "words": sorted(self.words),
                "codes": sorted(CODE_WORDS),
                "schemes": sorted(CODING_SCHEMES),
            }
        )


ALLOWED: dict[str, frozenset[str]] = {
    "bytes": frozenset(
        """
        PixelData FloatPixelData DoubleFloatPixelData LUTData
        RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
        BluePaletteColorLookupTableData AlphaPaletteColorLookupTableData
        SegmentedRedPaletteColorLookupTableData
        SegmentedGreenPaletteColorLookupTableData
        SegmentedBluePaletteColorLookupTableData
        ExtendedOffsetTable ExtendedOffsetTableLengths
        """.split()  # noqa: SIM905 - a block of names reads better
    ),
    "dates": frozenset(
        """
        StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate
        AcquisitionDateTime FrameAcquisitionDateTime FrameReferenceDateTime
        StartAcquisitionDateTime EndAcquisitionDateTime StructureSetDate RTPlanDate
        RadiopharmaceuticalStartDateTime
        """.split()  # noqa: SIM905 - as above
    ),
    "times": frozenset(
        """
        StudyTime SeriesTime AcquisitionTime ContentTime InstanceCreationTime
        StructureSetTime RTPlanTime RadiopharmaceuticalStartTime
        """.split()  # noqa: SIM905 - as above
    ),
    "characteristics": frozenset(
        ["PatientAge", "PatientSex", "PatientSize", "PatientWeight"]
    ),
    "descriptors": frozenset(  # named by the table, cleaned by the option
        """
        StudyDescription SeriesDescription ProtocolName DerivationDescription
        ContrastBolusAgent StructureSetLabel ROIName RTPlanLabel
        AcquisitionProtocolDescription
        """.split()  # noqa: SIM905 - as above
    ),
    "texts": frozenset(  # not named by the table, cleaned in any case
        """
        Manufacturer ManufacturerModelName SoftwareVersions SequenceName
        PulseSequenceName ReceiveCoilName TransmitCoilName ConvolutionKernel FilterType
        RescaleType ModalityLUTType WindowCenterWidthExplanation LUTExplanation
        ImagedNucleus ResonantNucleus ContentDescription SegmentLabel
        SegmentDescription SegmentAlgorithmName CodeMeaning Radiopharmaceutical
        ReconstructionMethod DimensionDescriptionLabel
        """.split()  # noqa: SIM905 - as above
    ),
    "terms": frozenset(["CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"]),
    "sequences": frozenset(["ReferencedImageSequence", "SourceImageSequence"]),
}
"""Keywords that stay in some form, by the reason they may."""

KEPT_GROUPS = frozenset(
    [
        *(0x0008, 0x0018, 0x0020, 0x0022, 0x0024, 0x0028, 0x0040, 0x0048, 0x0054),
        *(0x0062, 0x0066, 0x0070, 0x3002, 0x3004, 0x3006, 0x300A, 0x300C, 0x5200),
    ]
)
"""Groups about images and how they were made: their numbers, coded strings and
sequences stay when the table does not name them. Group 0010, the patient's, is none."""

NUMBERS = frozenset(["US", "SS", "UL", "SL", "FL", "FD", "AT", "SV", "UV"])
"""Value representations of binary numbers."""

BYTES = frozenset(["OB", "OW", "OF", "OD", "OL", "OV"])
"""Value representations of plain bytes."""

SPECIAL = {
    "PatientID": Action.PATIENT,
    "PatientName": Action.PATIENT,
    "InstitutionName": Action.SITE,
    "ContentCreatorName": Action.READER,
    "DeviceSerialNumber": Action.DUMMY,  # type 1 in enhanced objects and in SEG
    "SpecificCharacterSet": Action.REMOVE,  # what stays is in the default repertoire
}
"""Attributes for which neither the table nor the allow-list says enough."""

DUMMY_VALUES = {"DA": b"19000101", "DT": b"19000101000000", "TM": b"000000"}
"""Values that say nothing, by value representation."""

DUMMY_TEXT = b"REMOVED"
"""The same for all other text."""

_BY_CODE = {
    "X": Action.REMOVE,
    "X/Z": Action.REMOVE,
    "X/D": Action.REMOVE,
    "X/Z/D": Action.REMOVE,
    "X/Z/U*": Action.REMOVE,
    "Z": Action.EMPTY,
    "Z/D": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
}


def _table() -> dict[int, str]:
    """Return the action code of the Basic Profile by tag."""
    return {
        int(tag): code
        for code, keywords in BASIC_PROFILE.items()
        for keyword in keywords.split()
        if (tag := tag_for_keyword(keyword)) is not None
    }


BASIC_CODES = _table()
"""Action code of the Basic Profile by tag."""


def family_of(vr: str | None) -> Family:
    """Return the kind of bytes a value representation is made of."""
    if vr == "SQ":
        return Family.SEQUENCE
    if vr is None or vr == "UN":
        return Family.UNKNOWN
    if vr in NUMBERS:
        return Family.NUMBERS
    return Family.BYTES if vr in BYTES else Family.TEXT


def _decide(tag: int, params: DeidentifyParams) -> Rule:
    """Return what happens to one attribute."""
    group = tag >> 16
    nameless = group % 2 == 1 or (
        group & 0xFF00 in {0x5000, 0x6000} and group != 0x5200
    )
    if nameless or not dictionary_has_tag(tag):
        return Rule(Action.REMOVE, "", "UN", "")
    keyword, vrs = dictionary_keyword(tag), dictionary_VR(tag).split(" or ")
    basic = BASIC_CODES.get(tag, "")
    action = (
        SPECIAL.get(keyword)
        or _by_option(keyword, vrs[0], params)
        or (_BY_CODE[basic] if basic else _by_allow_list(group, keyword, vrs[0]))
    )
    if action is Action.DUMMY:
        action = _dummy_for(vrs[0])
    return Rule(action, keyword, vrs[0], basic)


def _by_option(keyword: str, vr: str, params: DeidentifyParams) -> Action | None:
    """Return what an option or the allow-list by name says, if anything."""
    if keyword in ALLOWED["sequences"]:
        return Action.RECURSE
    if keyword in ALLOWED["texts"]:
        return Action.CLEAN
    if keyword in ALLOWED["terms"]:
        return Action.TERM
    if keyword in ALLOWED["descriptors"] and params.clean_descriptors:
        return Action.CLEAN
    if keyword in ALLOWED["dates"] and params.shift_dates:
        return Action.SHIFT
    if keyword in ALLOWED["times"] and params.shift_dates:
        return Action.TIME
    if keyword in ALLOWED["characteristics"] and params.retain_patient_characteristics:
        return {"AS": Action.AGE, "CS": Action.CODE}.get(vr, Action.NUMBER)
    return None


def _by_allow_list(group: int, keyword: str, vr: str) -> Action:
    """Return what happens to an attribute that the table does not name."""
    if vr == "UI":
        return Action.UID
    if keyword in ALLOWED["bytes"]:
        return Action.KEEP
    if group not in KEPT_GROUPS:
        return Action.REMOVE
    by_vr = {
        "CS": Action.CODE,
        "DS": Action.NUMBER,
        "IS": Action.NUMBER,
        "SQ": Action.RECURSE,
    }
    return by_vr.get(vr, Action.KEEP if vr in NUMBERS else Action.REMOVE)


def _dummy_for(vr: str) -> Action:
    """Return how a dummy is made for a value representation."""
    if vr == "UI":
        return Action.UID
    return Action.DUMMY if family_of(vr) is Family.TEXT else Action.REMOVE
