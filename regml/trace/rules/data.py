"""D: the data are what the records say, and no patient is on both sides of a split."""

from collections.abc import Iterator

from regml.findings import Severity
from regml.items.data import (
    DatasetManifest,
    DatasetSpecification,
    ManifestCase,
)
from regml.items.links import Link
from regml.trace.current import facts_of
from regml.trace.datasets import (
    Dataset,
    cases_are,
    datasets,
    few,
    run_with_note,
    stated_by,
)
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.rules.base import Gap, rule


# GMLP principle 4
@rule(
    "D01",
    "No patient is in two splits of a dataset.",
    lambda graph: [
        (path, patient, splits)
        for path, manifest in sorted(graph.evidence.manifests.items())
        for patient, splits in sorted(_splits_by_patient(manifest).items())
    ],
    clauses=("GMLP 4",),
)
def is_in_one_split(
    graph: TraceGraph, subject: tuple[str, str, set[str]]
) -> Iterator[Gap]:
    """A model that saw the patient has an unfair test; cases without key: see D02."""
    path, patient, splits = subject
    if len(splits) > 1:
        yield Gap(
            patient,
            f"Patient {patient} is in the splits {' and '.join(sorted(splits))} of "
            f"{path}.",
            "Split by patient and run 'dvc repro' again.",
            path,
        )


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
    without = [case.case for case in manifest.cases if not case.patient]
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


def _manifest_paths(graph: TraceGraph) -> list[str]:
    recorded = graph.current.manifest
    return sorted({*graph.evidence.manifests, *([recorded.path] if recorded else [])})


# IEC 62304 8.1.1, 8.3
@rule(
    "D04",
    "The dataset in the work tree is the one that was recorded.",
    _manifest_paths,
    clauses=("IEC 62304 8.1.1", "IEC 62304 8.3"),
)
def is_the_recorded_one(graph: TraceGraph, path: str) -> Iterator[Gap]:
    """Compares digests and sizes at hand; 'regml verify' compares every byte."""
    recorded, present = graph.current.manifest, graph.evidence.workspace.get(path)
    if present is None:
        yield Gap(
            path,
            f"The dataset manifest {path} is not in the work tree.",
            "Get it back with 'git restore' or 'dvc checkout'.",
            path,
        )
        return
    if recorded and recorded.path == path and recorded.sha256 != present.sha256:
        yield Gap(
            path,
            f"{path} was changed after it was recorded: it is {present.sha256[:12]}, "
            f"recorded is {recorded.sha256[:12]}.",
            "Get it back with 'git restore', or run 'dvc repro' to make a new version.",
            path,
        )
    manifest = graph.evidence.manifests.get(path)
    if manifest:
        yield from _files(graph, path, manifest)


def _files(graph: TraceGraph, path: str, manifest: DatasetManifest) -> Iterator[Gap]:
    sizes = graph.evidence.surroundings.data_sizes
    if not sizes:
        return  # nothing is checked out; there is nothing to compare
    absent, other = [], []
    for case in manifest.cases:
        for name, size in _sizes(case):
            found = sizes.get(name)
            if found is None:
                absent.append(name)
            elif found != size:
                other.append(name)
    if absent:
        yield Gap(
            path,
            f"{len(absent)} files of {path} are absent ({few(absent)}).",
            "Get them with 'dvc checkout' or 'dvc pull'.",
            path,
        )
    if other:
        yield Gap(
            path,
            f"{len(other)} files have another size than in {path} ({few(other)}).",
            "See with 'regml verify' which bytes differ, then run 'dvc checkout'.",
            path,
        )


# AI Act Article 10 (2) b
@rule(
    "D05",
    "Every dataset that was collected has a licence, a source and an ethics reference.",
    lambda graph: [
        spec
        for spec in graph.items(DatasetSpecification)
        if _is_fulfilled(graph, spec.id)
    ],
    clauses=("AI Act 10 (2) b",),
)
def may_be_used(graph: TraceGraph, spec: DatasetSpecification) -> Iterator[Gap]:
    """Looks at specifications that a dataset version fulfils."""
    needed = {
        "licence": spec.licence,
        "source": spec.source,
        "ethics": spec.ethics,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        yield Gap(
            spec.id,
            f"A dataset version fulfils {spec.id}, which has no "
            f"{' and no '.join(missing)}.",
            "Fill in the missing fields of the dataset specification.",
            graph.where(spec.id),
        )


def _splits_by_patient(manifest: DatasetManifest) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for case in manifest.cases:
        if case.patient:
            found.setdefault(case.patient, set()).add(case.split)
    return found


def _sizes(case: ManifestCase) -> tuple[tuple[str, int], tuple[str, int]]:
    return (case.image, case.image_size_bytes), (case.label, case.label_size_bytes)


def _is_fulfilled(graph: TraceGraph, spec: str) -> bool:
    return any(
        graph.nodes[edge.source].type is NodeType.DATASET
        for edge in graph.into(spec, Link.FULFILS)
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
    manifest, remedy = (
        dataset.manifest,
        "Leave one of them out, or give both the same patient key, and run "
        "'dvc repro'.",
    )
    split = {case.case: case.split for case in manifest.cases}
    same: dict[str, list[str]] = {}
    for case in manifest.cases:
        if case.voxels_sha256:
            same.setdefault(case.voxels_sha256, []).append(case.case)
    for cases in same.values():
        if len({split[name] for name in cases}) > 1:
            where = " and ".join(f"{name} ({split[name]})" for name in cases)
            yield Gap(cases[0], f"{where} are the same voxels.", remedy, dataset.path)
    unknown = [case.case for case in manifest.cases if not case.voxels_sha256]
    if unknown or manifest.similarity is None:
        yield Gap(
            dataset.path,
            f"{dataset.path} does not say whether images of different splits are the "
            f"same or nearly so ({cases_are(len(unknown))} without digest of voxels).",
            stated_by(graph, "dataset", "'voxels_sha256' of cases", "'similarity'"),
            dataset.path,
        )
    for pair in manifest.similarity.pairs if manifest.similarity else ():
        names = (pair.case, pair.other)
        where = " and ".join(f"{name} ({split.get(name)})" for name in names)
        yield Gap(
            pair.case,
            f"{where} are nearly the same image: their coarse images correlate with "
            f"{pair.correlation:g}.",
            remedy,
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


# CLAIM checklist
@rule(
    "D13",
    "Images found, left out and used add up.",
    datasets,
    severity=Severity.MAJOR,
    clauses=("CLAIM", "AI Act 10 (2) b"),
)
def adds_up(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Also against the rows of the manifest, and what left the de-identification."""
    for problem in _flow_problems(graph, dataset):
        yield Gap(
            dataset.path,
            f"The numbers of images do not add up: {problem}.",
            "Find out which image was lost, and run 'dvc repro' again."
            if dataset.manifest.flow
            else stated_by(graph, "dataset", "'flow'"),
            dataset.path,
        )


def _flow_problems(graph: TraceGraph, dataset: Dataset) -> Iterator[str]:
    manifest, flow = dataset.manifest, dataset.manifest.flow
    if flow is None:
        yield f"{dataset.path} does not say how many were found"
        return
    left_out = flow.left_out_by_import + flow.left_out_by_gate
    if flow.found - left_out != flow.used:
        yield (
            f"{flow.found} found less {left_out} left out are not the {flow.used} used"
        )
    if flow.used != len(manifest.cases):
        yield f"{flow.used} used, and {len(manifest.cases)} cases in the manifest"
    if left_out + flow.outlines_without_image != len(manifest.excluded):
        yield (
            f"{left_out + flow.outlines_without_image} left out, and "
            f"{len(manifest.excluded)} of them in the manifest with a reason"
        )
    series = facts_of(run_with_note(graph, "deidentification"), "deidentification")
    if series.get("series") not in (None, flow.found):
        yield (
            f"{series['series']} series left the de-identification and {flow.found} "
            "were found"
        )


RULES = (
    is_in_one_split,
    has_a_patient,
    is_there_once,
    is_the_recorded_one,
    may_be_used,
    learns_from_training_only,
    adds_up,
)
