"""What ``regml.toml`` plans: activities, support of the released device, tools."""

import datetime as dt
from typing import Annotated

from pydantic import Field, field_validator

from regml.items.base import Line, Lines, Strict

Days = Annotated[int, Field(ge=1)]


class Maintenance(Strict):
    """How long the device is supported, and how often its SOUP is looked at.

    Attributes:
        supported_until: Last day on which the manufacturer supports the device.
        anomaly_review_days: How old a review of published anomalies may be
            (IEC 62304 7.1.3).
        vulnerability_export_days: How old the latest export of known vulnerabilities
            may be.
    """

    supported_until: dt.date | None = None
    anomaly_review_days: Days = 365
    vulnerability_export_days: Days = 90


class DesignHistoryFile(Strict):
    """Where the built Design History File lies, relative to the project."""

    folder: Line = "build/dhf"

    @field_validator("folder")
    @classmethod
    def _stays_inside(cls, folder: str) -> str:
        if {"", ".", ".."} & set(folder.split("/")) or "\\" in folder:
            raise ValueError("name a folder below the project, such as build/dhf")
        return folder


class Activity(Strict):
    """An activity that the plan of the project names (IEC 62304 5.1).

    Attributes:
        name: What is to be done.
        clause: The clause that asks for it.
        shown_by: What shows that it was done: an item or a document
            (``doc:05-software-requirements``) that was approved as it is, or a stage
            of ``dvc.yaml`` whose outputs a recorded run explains.
        due: Day by which it is to be done; from the start when ``None``.
    """

    name: Line
    clause: Line
    shown_by: Annotated[Lines, Field(min_length=1)]
    due: dt.date | None = None
