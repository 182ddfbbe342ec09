"""D: the data are the recorded ones, may be used, and none was lost on the way."""

from collections.abc import Iterator

from regml.findings import Severity
from regml.items.data import (
    DatasetManifest,
    DatasetSpecification,
    ManifestCase,
)
from regml.items.links import Link
from regml.trace.current import facts_of
from regml.trace.datasets import Dataset, datasets, few, runs_behind, stated_by
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.rules.base import Gap, rule


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


def _sizes(case: ManifestCase) -> tuple[tuple[str, int], tuple[str, int]]:
    return (case.image, case.image_size_bytes), (case.label, case.label_size_bytes)


def _is_fulfilled(graph: TraceGraph, spec: str) -> bool:
    return any(
        graph.nodes[edge.source].type is NodeType.DATASET
        for edge in graph.into(spec, Link.FULFILS)
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
    runs = runs_behind(graph, dataset.path, "deidentification")
    counted = [facts_of(run, "deidentification").get("series") for run in runs]
    series = sum(count for count in counted if isinstance(count, int))
    if runs and None not in counted and series != flow.found:
        yield f"{series} series left the de-identification and {flow.found} were found"


RULES = (
    is_the_recorded_one,
    may_be_used,
    adds_up,
)
