"""``per_case.csv``: what a model scored on every case, label and condition."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from regml.errors import BrokenFileError

FIXED_COLUMNS: Final = (
    "case",
    "patient",
    "site",
    "vendor",
    "split",
    "condition",
    "label",
    "status",
)
"""Columns that say what a row is about; every other column is a metric."""


@dataclass(frozen=True, slots=True)
class CaseScore:
    """The scores of one label in one case under one condition.

    Attributes:
        case: Pseudonymous key of the image.
        patient: Pseudonymous key of the person; empty when unknown.
        site: Pseudonymous site.
        vendor: Maker of the scanner.
        split: ``train``, ``tuning`` or ``test``.
        condition: Perturbation of the input; empty when there was none.
        label: Name of the structure, or ``whole``.
        metrics: Value by name; a metric without a value is left out.
        status: ``ok`` or ``failed:<reason>``.
    """

    case: str
    patient: str
    site: str
    vendor: str
    split: str
    condition: str
    label: str
    metrics: Mapping[str, float]
    status: str = "ok"

    @property
    def unit(self) -> str:
        """The patient, or the case where no patient is known."""
        return self.patient or self.case


def read_case_scores(text: str, *, name: str = "per_case.csv") -> tuple[CaseScore, ...]:
    """Return the rows of a ``per_case.csv`` in their order.

    Args:
        text: Content of the file.
        name: How the file is called in messages.

    Raises:
        BrokenFileError: A column is missing or a metric is not a finite number.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or []
    missing = [column for column in FIXED_COLUMNS if column not in columns]
    if missing:
        raise BrokenFileError(
            name,
            f"the column {missing[0]!r} is missing.",
            remedy="Run the validate stage again.",
            line=1,
        )
    metrics = [column for column in columns if column not in FIXED_COLUMNS]
    return tuple(_score(row, metrics, name, reader.line_num) for row in reader)


def _score(
    row: Mapping[str, str | None], metrics: list[str], name: str, line: int
) -> CaseScore:
    if None in row or None in row.values():
        raise BrokenFileError(
            name,
            "the row does not have as many values as there are columns.",
            line=line,
        )
    values = {metric: row[metric] or "" for metric in metrics}
    return CaseScore(
        **{column: row[column] or "" for column in FIXED_COLUMNS},
        metrics={
            metric: _number(value, metric, name, line)
            for metric, value in values.items()
            if value != ""
        },
    )


def _number(text: str, metric: str, name: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BrokenFileError(
            name,
            f"{metric} is {text!r}, not a finite number.",
            remedy="Leave the cell empty where there is no value.",
            line=line,
        )
    return value
