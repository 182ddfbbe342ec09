"""D: nobody can be recognised in the data."""

import re
from collections.abc import Iterator

from regml.findings import Severity
from regml.items.data import DatasetRole, FaceMeasure
from regml.items.recorded import Record
from regml.trace.current import facts_of
from regml.trace.datasets import Dataset, datasets, runs_behind, stated_by
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule

SHORT = 12
"""Hex digits of a digest in a message."""

HEAD_SURFACE = frozenset(
    {
        *("mr", "mri", "mra", "magnetic", "ct", "cta", "cbct", "computed"),
        *("pt", "pet", "positron"),
    }
)
"""Words for modalities from which a face can be made; DICOM writes MR, CT and PT."""


# HIPAA 164.514, MDR Annex I (GSPR) 17
@rule(
    "D06",
    "Data were de-identified as agreed, and a second look found nothing left.",
    datasets,
    clauses=("45 CFR 164.514", "MDR Annex I 17"),
)
def is_deidentified(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Compares configuration and agreement, and takes a later stage's word."""
    records = runs_behind(graph, dataset.path, "deidentification")
    if not records:
        yield Gap(
            dataset.path,
            "No believed run behind dvc.lock says how the data of "
            f"{dataset.path} were de-identified.",
            "Run 'dvc repro' with the stage that de-identifies, and let dvc.yaml name "
            "its output under 'deps' of what reads it; data that came in de-identified "
            "need a stage that shows it.",
            dataset.path,
        )
    for record in records:
        yield from _of_run(graph, dataset, record)
    yield from _second_look(graph, dataset)


def _of_run(graph: TraceGraph, dataset: Dataset, record: Record) -> Iterator[Gap]:
    """Each site may have a stage of its own; every one of them has to be in order."""
    facts = facts_of(record, "deidentification")
    used = str(facts.get("configuration_sha256") or "unknown")
    yield from _as_agreed(graph, dataset, used)
    if facts.get("residual_identifiers") != 0:
        yield Gap(
            f"run@{record.id}",
            "The de-identification does not say that no identifier was left: it "
            f"noted {facts.get('residual_identifiers')} in its output.",
            "Look into reports/deidentification.json, mend the profile and run "
            "'dvc repro' again; delete the output.",
            record.path,
        )


def _as_agreed(graph: TraceGraph, dataset: Dataset, used: str) -> Iterator[Gap]:
    specification = dataset.specification
    if specification is None or specification.deidentification_sha256 == used:
        return
    agreed = specification.deidentification_sha256
    problem = (
        f"agrees on {agreed[:SHORT]}"
        if agreed
        else "names no configuration that was agreed on"
    )
    yield Gap(
        specification.id,
        f"The data were de-identified with the configuration {used[:SHORT]}; "
        f"{specification.id} {problem}.",
        "Review the conformance statement in reports/deidentification.json, then write "
        "its configuration_sha256 as deidentification_sha256 and have it approved.",
        graph.where(specification.id, "deidentification_sha256"),
    )


def _second_look(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    headers = dataset.manifest.headers
    if headers is None or not headers.files:
        yield Gap(
            dataset.path,
            f"{dataset.path} does not say that the headers of its images were looked "
            "at again after the de-identification.",
            stated_by(graph, "dataset", "under 'headers' what a second look found"),
            dataset.path,
        )
        return
    if headers.found:
        found = ", ".join(f"{name} in {n}" for name, n in sorted(headers.found.items()))
        yield Gap(
            dataset.path,
            f"A second look at {headers.files} image files found what identifies: "
            f"{found}.",
            "Do not pass the data on. Mend the de-identification profile and run "
            "'dvc repro' again.",
            dataset.path,
        )


def _shows_a_surface(dataset: Dataset, planned: str) -> bool:
    """Tell by what was planned, in whatever words, and by what the images say."""
    said = {planned, *(case.modality or "" for case in dataset.manifest.cases)}
    words = {word for text in said for word in re.findall(r"[a-z]+", text.casefold())}
    return not words.isdisjoint(HEAD_SURFACE)


# GDPR Article 25, MDR Annex I (GSPR) 17
@rule(
    "D07",
    "Images of a head are defaced, or it is justified why that is not needed.",
    lambda graph: [
        dataset
        for dataset in datasets(graph)
        if dataset.specification
        and _shows_a_surface(dataset, dataset.specification.modality)
        and dataset.specification.role is not DatasetRole.DEIDENTIFICATION
    ],
    severity=Severity.MAJOR,
    clauses=("MDR Annex I 17", "GDPR 25"),
)
def has_no_face(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """A crop is measured: the stage says how far the images reach."""
    specification = dataset.specification
    if specification is None:
        return
    where = graph.where(specification.id, "faces")
    if specification.faces is None:
        yield Gap(
            specification.id,
            f"{specification.id} does not say how a face is kept out of its "
            f"{specification.modality} images.",
            "Write under 'faces' the measure (defaced, cropped, not_needed) and why it "
            "suffices.",
            where,
        )
        return
    limit, found = (
        specification.faces.largest_extent_mm,
        dataset.manifest.largest_extent_mm,
    )
    if specification.faces.measure is not FaceMeasure.CROPPED or limit is None:
        return
    if found is None or found > limit:
        reach = f"reach {found:g} mm" if found is not None else "have no recorded size"
        yield Gap(
            specification.id,
            f"{specification.id} rests on a crop of at most {limit:g} mm on each axis; "
            f"images of {dataset.path} {reach}.",
            "Leave the large images out or deface them, and run 'dvc repro' again.",
            where,
        )


RULES = (is_deidentified, has_no_face)
