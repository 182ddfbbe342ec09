"""What a model scores on every case, and what follows from that."""

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from regml.files.scores import FIXED_COLUMNS, CaseScore
from regml.items.data import GROUPING, DatasetManifest, group_of
from regml.items.links import AnyItem
from regml.items.requirements import Acceptance, Requirement
from regml.learning.metrics import WHOLE
from regml.trace.statistics import RESAMPLES, SEED, bootstrap_interval, evaluate

METRICS = (
    "dice",
    "hd95_mm",
    "nsd",
    "volume_mm3",
    "reference_mm3",
    "volume_error_percent",
)
"""Columns of ``per_case.csv`` beside those that say what a row is about."""

DIGITS = 6
"""Decimals in ``per_case.csv``; everything else is computed from what stands there."""


def scores_csv(scores: Iterable[CaseScore]) -> str:
    """Return the text of ``per_case.csv``; a metric without a value is left empty."""
    names = [name for name in FIXED_COLUMNS if name != "status"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *METRICS, "status"])
    for row in scores:
        cells = [_cell(row.metrics.get(metric)) for metric in METRICS]
        writer.writerow([*(getattr(row, name) for name in names), *cells, row.status])
    return text.getvalue()


def criteria_of(items: Iterable[AnyItem]) -> tuple[Requirement, ...]:
    """Return the requirements in force that have acceptance criteria, sorted."""
    chosen = [
        item
        for item in items
        if isinstance(item, Requirement) and item.acceptance and not item.retired
    ]
    return tuple(sorted(chosen, key=lambda item: item.id))


def asked_conditions(requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """Return every condition that an acceptance criterion names, sorted."""
    return tuple(
        sorted(
            {
                criterion.condition
                for requirement in requirements
                for criterion in requirement.acceptance
                if criterion.condition
            }
        )
    )


def summary(scores: Sequence[CaseScore]) -> list[dict[str, Any]]:
    """Return one row per split, condition, label and metric.

    Mean with its 95 % bootstrap interval over patients, median, and how many of the
    cases have a value; failed cases count with a Dice coefficient of 0.
    """
    groups: dict[tuple[str, str, str], list[CaseScore]] = {}
    for row in scores:
        groups.setdefault((row.split, row.condition, row.label), []).append(row)
    return [
        {"split": split, "condition": condition or None, "label": label, **numbers}
        for (split, condition, label), rows in sorted(groups.items())
        for metric in METRICS
        if (numbers := _spread(rows, metric))
    ]


def subgroup_summary(
    scores: Sequence[CaseScore], manifest: DatasetManifest, *, split: str = "test"
) -> list[dict[str, Any]]:
    """Return the mean Dice of ``whole`` in each group of cases, with its interval.

    A case of which the manifest does not know the group counts under ``unknown``.

    Args:
        scores: As they stand in ``per_case.csv``.
        manifest: Which case is of which group.
        split: Whose cases are grouped; without perturbation.
    """
    facts = {case.case: case for case in manifest.cases}
    rows = [
        row
        for row in scores
        if (row.split, row.condition, row.label) == (split, "", WHOLE)
        and row.case in facts
    ]
    found = []
    for column in GROUPING:
        groups: dict[str, list[CaseScore]] = {}
        for row in rows:
            groups.setdefault(group_of(facts[row.case], column), []).append(row)
        for group, members in sorted(groups.items()):
            numbers = _spread(members, "dice")
            found.append({"column": column, "group": group, **numbers})
    return found


def interval_facts(scores: Iterable[CaseScore]) -> dict[str, Any]:
    """Return how every interval was made; the unit is what was drawn."""
    patients = all(row.patient for row in scores)
    return {
        "method": "percentile bootstrap",
        "level": 0.95,
        "unit": "patient" if patients else "case",
        "resamples": RESAMPLES,
        "seed": SEED,
    }


def decisions(
    requirements: Iterable[Requirement], scores: Sequence[CaseScore]
) -> list[dict[str, Any]]:
    """Return the outcome of every acceptance criterion, one row per group of cases.

    Args:
        requirements: Those in force; each brings its acceptance criteria.
        scores: As they stand in ``per_case.csv``.
    """
    return [
        {
            "requirement": requirement.id,
            "criterion": index,
            "fingerprint": requirement.fingerprint(),
            **_fields(criterion),
            **asdict(result),
        }
        for requirement in sorted(requirements, key=lambda item: item.id)
        for index, criterion in enumerate(requirement.acceptance)
        for result in evaluate(criterion, scores)
    ]


def _fields(criterion: Acceptance) -> dict[str, Any]:
    return criterion.model_dump(mode="json")


def _spread(rows: Sequence[CaseScore], metric: str) -> dict[str, Any]:
    values: dict[str, list[float]] = {}
    for row in rows:
        if metric in row.metrics:
            values.setdefault(row.unit, []).append(row.metrics[metric])
    if not values:
        return {}
    known = [value for unit in sorted(values) for value in values[unit]]
    low, high = bootstrap_interval(values, statistics.fmean)
    return {
        "metric": metric,
        "mean": round(statistics.fmean(known), DIGITS),
        "low": round(low, DIGITS),
        "high": round(high, DIGITS),
        "median": round(statistics.median(known), DIGITS),
        "cases": len(rows),
        "with_value": len(known),
    }


def _cell(value: float | None) -> str:
    return "" if value is None else repr(round(value, DIGITS))


def failures(scores: Iterable[CaseScore]) -> Mapping[str, str]:
    """Return why each failed case failed, by case and condition."""
    return {
        f"{row.case} {row.condition}".strip(): row.status
        for row in scores
        if row.status != "ok"
    }
