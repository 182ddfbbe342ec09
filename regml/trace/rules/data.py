"""D: the data are what the records say, and no patient is on both sides of a split."""

from collections.abc import Iterator

from regml.findings import Severity
from regml.items.data import (
    DatasetManifest,
    DatasetRole,
    DatasetSpecification,
    ManifestCase,
)
from regml.items.links import Link
from regml.trace.model import NodeType, TraceGraph
from regml.trace.rules.base import Gap, rule

NAMED = 3
"""How many examples a message names before it only counts."""


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
        f"({_few(without)})"
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
    sizes = graph.evidence.data_sizes
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
            f"{len(absent)} files of {path} are absent ({_few(absent)}).",
            "Get them with 'dvc checkout' or 'dvc pull'.",
            path,
        )
    if other:
        yield Gap(
            path,
            f"{len(other)} files have another size than in {path} ({_few(other)}).",
            "See with 'regml verify' which bytes differ, then run 'dvc checkout'.",
            path,
        )


# AI Act Article 10 (2) b
@rule(
    "D05",
    "Every development dataset has a licence, a source and an ethics reference.",
    lambda graph: [
        spec
        for spec in graph.items(DatasetSpecification)
        if spec.role is DatasetRole.DEVELOPMENT and _is_fulfilled(graph, spec.id)
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


def _few(names: list[str]) -> str:
    more = ", ..." if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


RULES = (is_in_one_split, has_a_patient, is_the_recorded_one, may_be_used)
