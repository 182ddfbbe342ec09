"""Which field states a link from one kind of item to another."""

from typing import Final

from regml.items.base import Kind

_FIELDS: Final = {
    (Kind.REQUIREMENT, Kind.USER_NEED): "refines",
    (Kind.REQUIREMENT, Kind.REQUIREMENT): "refines",
    (Kind.REQUIREMENT, Kind.RISK): "controls",
    (Kind.DATASET_SPECIFICATION, Kind.USER_NEED): "refines",
    (Kind.DATASET_SPECIFICATION, Kind.REQUIREMENT): "refines",
    (Kind.DATASET_SPECIFICATION, Kind.ANNOTATION_PROTOCOL): "annotation_protocol",
    (Kind.RISK, Kind.SOFTWARE_ITEM): "software_items",
    (Kind.SOFTWARE_ITEM, Kind.SOFTWARE_ITEM): "part_of",
    (Kind.SOFTWARE_ITEM, Kind.REQUIREMENT): "implements",
    (Kind.SOFTWARE_ITEM, Kind.SOUP): "uses",
    (Kind.TEST_PROTOCOL, Kind.REQUIREMENT): "verifies",
    (Kind.TEST_PROTOCOL, Kind.USER_NEED): "verifies",
    (Kind.TEST_PROTOCOL, Kind.RISK): "verifies",
    (Kind.CHANGE_REQUEST, Kind.PROBLEM_REPORT): "resolves",
}

_ANY: Final = {
    Kind.CHANGE_REQUEST: "changes",
    Kind.PROBLEM_REPORT: "affects",
    Kind.PCCP_MODIFICATION: "affects",
}


def link_field(source: Kind, target: Kind) -> str | None:
    """Return the field for a link between two kinds, ``None`` where there is none."""
    return _FIELDS.get((source, target)) or _ANY.get(source)
