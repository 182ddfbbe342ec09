"""YAML data of rdm: requirements, risks, SOUP, problem reports and change requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from regml.errors import BrokenFileError
from regml.exchange.cells import plain
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading, Remark, Value
from regml.exchange.mapping import BODY, IGNORE, Mapping, usual
from regml.files.text import parse_yaml, read_text
from regml.items.base import Kind

FILES: Final = {
    "requirements": "requirement",
    "risk": "risk",
    "risks": "risk",
    "soup": "soup",
    "problem_reports": "problem",
    "known_anomalies": "problem",
    "change_requests": "change",
}
"""What the files of rdm's data folder hold."""

_WITHOUT_ITEMS: Final = {"system", "config", "device", "people", "workflow", "task"}
"""Files that describe the project rather than items of it."""

MAPPING: Final[Mapping] = usual(
    {
        "title": "title",
        "description": "text",
        "content": "text",
        "purpose": "functional",
        "requirements": "environment",
        "specifications": "text/Specification",
        "notes": "text/Notes",
        "requirement.type": "category",
        "requirement.system_requirements": "links",
        "risk.events": "sequence",
        "risk.software_item": BODY,
        "change.changes": BODY,  # what was merged for it, and who looked at it
        "risk.hazard": "hazard",
        "soup.manufacturer": "supplier",
        "soup.anomaly_reference": "anomaly_source",
        "soup.name": "package",
        "problem.created_on": "reported",
        "change.created_on": "raised",
        "created_at": BODY,
        "state": BODY,
        "id": IGNORE,
    },
    kinds={
        "requirement": Kind.REQUIREMENT,
        "risk": Kind.RISK,
        "soup": Kind.SOUP,
        "problem": Kind.PROBLEM_REPORT,
        "change": Kind.CHANGE_REQUEST,
    },
    values={
        "category": {
            "functional": "functional",
            "performance": "performance",
            "input/output": "input_output",
            "interface": "interface",
            "alarm": "alarm",
            "security": "security",
            "usability": "usability",
            "data": "data",
            "installation": "installation",
            "regulatory": "regulatory",
        }
    },
    reversed_links=("change_requests",),
)
"""What rdm's keys become."""


def read(source: Path) -> Reading:
    """Read one file, or every known file of a data folder.

    Raises:
        BrokenFileError: A file is not rdm's, or there is none.
    """
    paths = [source] if source.is_file() else sorted(source.glob("*.y*ml"))
    if not paths:
        raise BrokenFileError(source, "has no YAML file of rdm (*.yml) in it.")
    items: list[ForeignItem] = []
    remarks: list[Remark] = []
    for path in paths:
        kind = FILES.get(path.stem)
        if kind is not None:
            rows = list(_rows(path, kind))
            items += (_item(path, kind, item_id, fields) for item_id, fields in rows)
            remarks += _scales(path, kind)
        elif source.is_file():
            raise BrokenFileError(
                path, "is none of rdm's files.", remedy=f"Known: {', '.join(FILES)}."
            )
        elif path.stem in _WITHOUT_ITEMS:
            remarks.append(
                Remark(
                    "describes the project, not items of it; it was not imported.",
                    "Enter the device, its safety class and its people in regml.toml.",
                    where=str(path),
                )
            )
        else:
            remarks.append(
                Remark(
                    "holds no items that regml knows; it was not imported.",
                    "Executed tests come in with 'regml test'.",
                    where=str(path),
                )
            )
    return Reading(tuple(items), tuple(remarks))


def _rows(path: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give id and fields of each entry, in either form that rdm has used."""
    value = parse_yaml(read_text(path, name=str(path)), name=str(path))
    if kind == "risk" and isinstance(value, dict):
        value = value.get("risks")
    if isinstance(value, dict):
        value = [{"id": key, **_fields(path, row)} for key, row in value.items()]
    if not isinstance(value, list):
        raise BrokenFileError(path, "is no list of entries.")
    for number, row in enumerate(value, start=1):
        fields = _fields(path, row)
        title = fields.get("name") or fields.get("title")
        item_id = fields.get("id", title if kind == "soup" else f"{kind}-{number}")
        text_id = str(item_id)
        if text_id.isdigit():
            text_id = f"{kind}-{text_id}"
        yield text_id, fields


def _item(path: Path, kind: str, item_id: str, fields: dict[str, Any]) -> ForeignItem:
    attributes: dict[str, Value] = {**fields, "change_requests": None}
    if created := fields.get("created_on"):
        attributes |= {"created_on": plain(created)[:10], "created_at": plain(created)}
    links = tuple(
        ForeignLink("change_requests", f"change-{target}")
        for target in fields.get("change_requests") or ()
    )
    if kind == "risk":
        attributes |= _risk(fields)
    if kind == "soup":
        attributes.setdefault("package", fields.get("title"))
    return ForeignItem(item_id, kind, f"{path}:{item_id}", attributes, links)


def _risk(fields: dict[str, Any]) -> dict[str, Value]:
    """Return what regml states differently: events in order, a title."""
    events = str(fields.get("events") or "")
    steps = [step.strip() for step in events.replace("\n- ", "\n\0").split("\n\0")]
    return {
        "title": fields.get("title") or fields.get("hazardous_situation"),
        "events": [" ".join(step.removeprefix("- ").split()) for step in steps if step],
    }


def _scales(path: Path, kind: str) -> Iterator[Remark]:
    value = parse_yaml(read_text(path, name=str(path)), name=str(path))
    if kind == "risk" and isinstance(value, dict):
        for name in sorted(set(value) - {"risks"}):
            yield Remark(
                f"{name!r} is part of the risk policy; it was not imported.",
                "Enter it in risk/policy.yaml by hand.",
                where=str(path),
            )


def _fields(path: Path, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise BrokenFileError(path, f"has an entry that is no mapping: {row!r}.")
    return {str(key): value for key, value in row.items()}
