"""The conformance statement, generated from what was done; holds no original value."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from regml.imaging.deid.apply import Tally
from regml.imaging.deid.keys import Pseudonyms
from regml.imaging.deid.patient import PatientResult
from regml.imaging.deid.profile import KEPT_GROUPS, Profile
from regml.imaging.deid.quarantine import Quarantined, Reason
from regml.imaging.deid.table import BASIC_PROFILE, EDITION

LIMITS = (
    "Pixels are not changed: text burned into images is recognised by what the header "
    "says, not by reading the image; faces are not removed.",
    "Numbers in text fields are searched from six digits on, other values from four "
    "characters on; uncompressed pixels are not searched.",
    "A description keeps only words of the vocabulary; a name that is such a word is "
    "removed where it is the patient's own.",
    "Manufacturer, model and field strength are kept; serial numbers and station names "
    "are not, so the Retain Device Identity Option is not claimed.",
)
"""What a reader of the statement has to know."""


def conformance_report(
    profile: Profile,
    pseudonyms: Pseudonyms,
    results: Sequence[PatientResult],
    *,
    outlines: int,
    readers: int,
    quarantined: Sequence[Quarantined],
) -> dict[str, Any]:
    """Return what was done to an export, as a JSON object.

    Args:
        profile: The profile with its options.
        pseudonyms: Only to name the key.
        results: One per patient.
        outlines: How many NIfTI files were written.
        readers: How many readers there are.
        quarantined: The files left out.
    """
    tally = Tally()
    for result in results:
        tally.add(result.tally)
    written = sum(len(result.written) for result in results)
    reasons = Counter(str(file.reason) for file in quarantined)
    return {
        "profile": f"DICOM PS3.15 {EDITION} Annex E Basic Profile",
        "options": [
            {"code": code, "scheme": "DCM", "meaning": meaning}
            for code, meaning in profile.options
        ],
        "configuration_sha256": profile.configuration_sha256,
        "key_id": pseudonyms.key_id,
        "files": {
            "read": written + outlines + len(quarantined),
            "dicom": written,
            "nifti": outlines,
            "quarantined": len(quarantined),
        },
        "quarantine": dict(sorted(reasons.items())),
        "patients": sum(1 for result in results if result.written),
        "studies": sum(len(result.studies) for result in results),
        "series": sum(len(result.series) for result in results),
        "readers": readers,
        "elements": _elements(profile, tally),
        "actions": _actions(profile, tally),
        "residual": {
            "values_searched": sum(result.searched for result in results),
            "files_with_identifiers": reasons[Reason.RESIDUAL],
            "identifiers_in_output": 0,  # such a file is not in the output
        },
        "statement": _statement(profile),
        "limits": list(LIMITS),
    }


def _elements(profile: Profile, tally: Tally) -> list[dict[str, Any]]:
    """Return one row per attribute that was changed, by tag."""
    rows = []
    for tag, count in sorted(tally.changed.items()):
        rule = profile.rule(tag)
        name = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        row = {"tag": name, "keyword": rule.keyword, "count": count}
        rows.append(row | {"action": str(rule.action), "basic_profile": rule.basic})
    return rows


def _actions(profile: Profile, tally: Tally) -> dict[str, int]:
    """Return how many elements were changed, by action."""
    actions: Counter[str] = Counter()
    for tag, count in tally.changed.items():
        actions[str(profile.rule(tag).action)] += count
    actions["remove private"] = tally.private
    actions["remove unnamed"] = tally.unnamed
    actions["remove items with private codes"] = tally.code_items
    return dict(sorted(actions.items()))


def _statement(profile: Profile) -> list[str]:
    """Return the statement in sentences."""
    named = sum(len(text.split()) for text in BASIC_PROFILE.values())
    groups = ", ".join(f"{group:04X}" for group in sorted(KEPT_GROUPS))
    return [
        f"Every data set and every item at any depth is treated alike: {named} "
        f"attributes as PS3.15 {EDITION} table E.1-1 says, with these options: "
        + "; ".join(meaning for _, meaning in profile.options[1:])
        + ".",
        "Private elements, curves, overlays and elements that the data dictionary does "
        "not name are removed.",
        "Of attributes that the table does not name, only numbers, coded strings of "
        f"the standard and sequences in the groups {groups} stay, and a named list of "
        "texts reduced to words of a vocabulary.",
        "UIDs are replaced by HMAC-SHA256 below 2.25, the same in every file; dates "
        "move by 30 to 3650 days per patient; ages above 89 are written as 89.",
        "Preamble and file meta information are new; the character set is the default "
        "repertoire.",
    ]
