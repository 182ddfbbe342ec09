"""D: nothing of a test case was known before, be it the patient or the image."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from regml.files.git import lies_in
from regml.findings import Severity
from regml.items.data import DatasetManifest, ManifestCase, Similarity
from regml.trace.datasets import Dataset, cases_are, datasets, few, stated_by
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule

SPLITS: Final = frozenset({"train", "tuning", "test"})
"""Splits that keep apart what different datasets hold; others are steps on the way."""


class Place(NamedTuple):
    """Where a patient or an image is: a manifest, a split and a case of it."""

    path: str
    split: str
    case: str


def _places(
    graph: TraceGraph, key: Callable[[ManifestCase], str | None]
) -> dict[str, tuple[Place, ...]]:
    """Return every place of each key; cases without one are left out."""
    found: dict[str, list[Place]] = {}
    for path, manifest in sorted(graph.evidence.manifests.items()):
        for case in manifest.cases:
            if name := key(case):
                found.setdefault(name, []).append(Place(path, case.split, case.case))
    return {name: tuple(places) for name, places in found.items()}


def _torn(places: Iterable[Place]) -> Iterator[tuple[str, list[str]]]:
    """Give each manifest that has more than one split of them, with its splits."""
    splits: dict[str, set[str]] = {}
    for place in places:
        splits.setdefault(place.path, set()).add(place.split)
    yield from ((p, sorted(found)) for p, found in splits.items() if len(found) > 1)


def _across(graph: TraceGraph, places: Iterable[Place]) -> tuple[Place, ...]:
    """Return the places if they are in different splits of different datasets.

    A manifest that no stage makes any more is of the past and compared with none.
    """
    places = tuple(places)
    if len({p.path for p in places}) < 2:
        return ()
    made = {out for stage in graph.evidence.lock for out in stage.outs}
    found = tuple(p for p in places if p.split in SPLITS and lies_in(p.path, made))
    several = len({p.path for p in found}) > 1 and len({p.split for p in found}) > 1
    return found if several else ()


# GMLP principle 4
@rule(
    "D01",
    "No patient is in two splits, of one dataset or of several.",
    lambda graph: sorted(_places(graph, lambda case: case.patient).items()),
    clauses=("GMLP 4",),
)
def is_in_one_split(
    graph: TraceGraph, subject: tuple[str, tuple[Place, ...]]
) -> Iterator[Gap]:
    """A model that saw the patient has an unfair test; cases without key: see D02."""
    patient, places = subject
    for path, splits in _torn(places):
        yield Gap(
            patient,
            f"Patient {patient} is in the splits {' and '.join(splits)} of {path}.",
            "Split by patient and run 'dvc repro' again.",
            path,
        )
    across = _across(graph, places)
    if across:
        words = " and in ".join(dict.fromkeys(f"{p.split} of {p.path}" for p in across))
        yield Gap(
            patient,
            f"Patient {patient} is in {words}.",
            "Split by patient over all datasets and run 'dvc repro' again; patients "
            "of different datasets need different keys.",
            across[0].path,
        )


NOBODY: Final = frozenset(
    {"unknown", "anonymous", "anonymised", "anonymized", "anon", "none", "null"}
    | {"nan", "na", "n/a", "-", "?"}
)
"""What tables and headers say where they know of no patient."""


def _is_nobody(patient: str | None) -> bool:
    return not patient or patient.strip().casefold() in NOBODY


# GMLP principle 4
@rule(
    "D02",
    "Every case has a patient, so that leakage between splits can be excluded.",
    lambda graph: sorted(graph.evidence.manifests.items()),
    clauses=("GMLP 4",),
)
def has_a_patient(
    graph: TraceGraph, subject: tuple[str, DatasetManifest]
) -> Iterator[Gap]:
    """A stated limitation makes it less grave; it never makes it go away."""
    path, manifest = subject
    without = [case.case for case in manifest.cases if _is_nobody(case.patient)]
    if manifest.split_unit == "patient" and not without:
        return
    what = (
        f"{len(without)} of {len(manifest.cases)} cases have no patient "
        f"({few(without)})"
        if manifest.split_unit == "patient"
        else f"the split is by {manifest.split_unit}, not by patient"
    )
    limitation = manifest.limitation
    yield Gap(
        path,
        f"Leakage between splits cannot be excluded: {what}"
        + (f". Stated limitation: {limitation}" if limitation else "."),
        "Report the limitation with the results, or get the patient keys."
        if limitation
        else "Get the patient keys, or state the limitation in the dataset "
        "specification and let it be approved.",
        path,
        Severity.MAJOR if limitation else Severity.BLOCKER,
    )


# GMLP principle 4
@rule(
    "D03",
    "No image is in two splits, nor one that is nearly the same.",
    datasets,
    clauses=("GMLP 4",),
)
def is_there_once(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Equal voxels, whatever the file is called, and coarse images that correlate."""
    manifest = dataset.manifest
    yield from _same_voxels(graph, dataset)
    unknown = [case.case for case in manifest.cases if not case.voxels_sha256]
    if unknown or manifest.similarity is None:
        yield Gap(
            dataset.path,
            f"{dataset.path} does not say whether images of different splits are the "
            f"same or nearly so ({cases_are(len(unknown))} without digest of voxels).",
            stated_by(graph, "dataset", "'voxels_sha256' of cases", "'similarity'"),
            dataset.path,
        )
    if manifest.similarity:
        yield from _nearly_the_same(graph, dataset, manifest.similarity)


ONCE: Final = (
    "Leave one of them out, or give both the same patient key, and run 'dvc repro'."
)
"""What to do about an image that is there twice."""


def _same_voxels(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """What different datasets share is said once, at the first of them."""
    for places in _places(graph, lambda case: case.voxels_sha256).values():
        here = [p for p in places if p.path == dataset.path]
        if len({p.split for p in here}) > 1:
            where = " and ".join(f"{p.case} ({p.split})" for p in here)
            message = f"{where} are the same voxels."
            yield Gap(here[0].case, message, ONCE, dataset.path)
        across = _across(graph, places)
        if across and across[0].path == dataset.path:
            where = " and ".join(f"{p.case} ({p.split} of {p.path})" for p in across)
            message = f"{where} are the same voxels."
            yield Gap(across[0].case, message, ONCE, dataset.path)


def _nearly_the_same(
    graph: TraceGraph, dataset: Dataset, searched: Similarity
) -> Iterator[Gap]:
    """A search that could find nothing is none."""
    split = {case.case: case.split for case in dataset.manifest.cases}
    for pair in searched.pairs:
        names = (pair.case, pair.other)
        where = " and ".join(f"{name} ({split.get(name)})" for name in names)
        yield Gap(
            pair.case,
            f"{where} are nearly the same image: their coarse images correlate with "
            f"{pair.correlation:g}.",
            ONCE,
            dataset.path,
        )
    several = len(set(split.values())) > 1
    if searched.threshold > 1 or (several and searched.nearest is None):
        why = (
            f"its threshold is {searched.threshold:g}, and no correlation is above 1"
            if searched.threshold > 1
            else "it names no largest correlation between splits"
        )
        yield Gap(
            dataset.path,
            f"The search of {dataset.path} for nearly equal images could find none: "
            f"{why}.",
            stated_by(graph, "dataset", "'threshold' and 'nearest' in 'similarity'"),
            dataset.path,
        )


# GMLP principle 4
@rule(
    "D12",
    "Numbers that were taken from images come from training cases only.",
    datasets,
    clauses=("GMLP 4",),
)
def learns_from_training_only(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Intensities are normalised per volume; the fingerprint is of several."""
    cases = dataset.manifest.cases
    unknown = [case.case for case in cases if case.in_statistics is None]
    wrong = [c for c in cases if c.in_statistics and c.split != "train"]
    if unknown:
        yield Gap(
            dataset.path,
            f"{dataset.path} does not say for {cases_are(len(unknown))} whether "
            "statistics were taken from them.",
            stated_by(graph, "dataset", "'in_statistics' of each case"),
            dataset.path,
        )
    if wrong:
        names = few(f"{case.case} ({case.split})" for case in wrong)
        yield Gap(
            dataset.path,
            f"Statistics that the network is planned from were taken from "
            f"{cases_are(len(wrong))} that do not belong to the training split "
            f"({names}).",
            "Take them from the training split alone and run 'dvc repro'.",
            dataset.path,
        )


RULES = (
    is_in_one_split,
    has_a_patient,
    is_there_once,
    learns_from_training_only,
)
