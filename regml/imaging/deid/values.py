"""Values of DICOM elements as bytes: read, moved, capped and put back."""

import re
from datetime import date, timedelta

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

OLDEST_YEARS = 89
"""Ages above are written as this one."""

_AGE = re.compile(rb"\d{3}[DWMY]")
_DATE_TIME_REST = re.compile(rb"[0-9.+\-]*")

Element = DataElement | RawDataElement


def text_of(dataset: Dataset, tag: int) -> str:
    """Return the text of an element, empty when it is absent."""
    if tag not in dataset:
        return ""
    return value_bytes(dataset.get_item(Tag(tag))).decode("latin-1")


def value_bytes(element: Element) -> bytes:
    """Return the value of a text element without padding, as the file holds it."""
    value = element.value
    if isinstance(value, bytes):
        return value.rstrip(b" \0")
    if value is None:
        return b""
    parts = [value] if isinstance(value, str) or not _is_list(value) else value
    return "\\".join(map(str, parts)).encode("utf-8").rstrip(b" \0")


def shift_date(value: bytes, days: int) -> bytes:
    """Return a DICOM date or date and time moved by days, empty when it is none."""
    value = value.strip()
    digits, rest = value[:8], value[8:]
    if not re.fullmatch(rb"\d{8}", digits) or not _DATE_TIME_REST.fullmatch(rest):
        return b""
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        return (day + timedelta(days)).strftime("%Y%m%d").zfill(8).encode() + rest
    except (ValueError, OverflowError):
        return b""


def capped_age(value: bytes) -> bytes | None:
    """Return an age, at most 89 years (45 CFR 164.514(b)(2)(i)(C))."""
    if not _AGE.fullmatch(value):
        return None
    if value.endswith(b"Y") and int(value[:3]) > OLDEST_YEARS:
        return b"%03dY" % OLDEST_YEARS
    return value


def with_value(element: Element, value: bytes, vr: str) -> Element:
    """Return the element with another text, padded to an even length."""
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    if isinstance(element, RawDataElement):
        return element._replace(value=value, length=len(value))
    return DataElement(element.tag, vr, value.decode("ascii").rstrip(" \0"))


def _is_list(value: object) -> bool:
    return hasattr(value, "__iter__") and not hasattr(value, "components")
