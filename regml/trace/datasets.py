"""What the rules about data look at: a manifest with what was planned for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from regml.items.data import (
    AnnotationProtocol,
    DatasetManifest,
    DatasetSpecification,
    ManifestCase,
)
from regml.items.recorded import Record, StageRun
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph

NAMED = 3
"""How many examples a message names before it only counts."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset version in the work tree.

    Attributes:
        path: Of its manifest.
        manifest: Its content.
        specification: That it fulfils; ``None`` when there is no such item.
        protocol: Under which it has to be labelled; ``None`` when none is named.
    """

    path: str
    manifest: DatasetManifest
    specification: DatasetSpecification | None
    protocol: AnnotationProtocol | None

    @property
    def test_cases(self) -> tuple[ManifestCase, ...]:
        """The rows of the test split."""
        return tuple(case for case in self.manifest.cases if case.split == "test")


def datasets(graph: TraceGraph) -> tuple[Dataset, ...]:
    """Return the dataset versions whose manifest is there, by path."""
    return tuple(
        _dataset(graph, path, manifest)
        for path, manifest in sorted(graph.evidence.manifests.items())
    )


def run_with_note(graph: TraceGraph, topic: str) -> Record | None:
    """Return the run behind ``dvc.lock`` that noted a topic, the last of several."""
    runs = [r for r in graph.current.explained.values() if facts_of(r, topic)]
    return runs[-1] if runs else None


def runs_behind(graph: TraceGraph, path: str, topic: str) -> tuple[Record, ...]:
    """Return the runs behind a file, on any way through ``dvc.lock``, with a note.

    Args:
        graph: The evidence.
        path: Of the file.
        topic: What they noted; runs that did not are left out.
    """
    found: set[str] = set()
    todo = [path]
    while todo:
        wanted = todo.pop()
        for stage in graph.evidence.lock:
            made = any(_overlap(wanted, out) for out in stage.outs)
            if made and stage.name not in found:
                found.add(stage.name)
                todo += stage.deps
    runs = graph.current.explained
    return tuple(
        record
        for name, record in runs.items()
        if name in found and record is not None and facts_of(record, topic)
    )


def _overlap(one: str, other: str) -> bool:
    """Tell whether two paths are the same or one lies in the other."""
    a, b = f"{one.rstrip('/')}/", f"{other.rstrip('/')}/"
    return a.startswith(b) or b.startswith(a)


def stated_by(graph: TraceGraph, topic: str, *facts: str) -> str:
    """Return the remedy for what a stage left unsaid: which one, what, and run it.

    Args:
        graph: The evidence.
        topic: What the stage notes, e.g. ``dataset``.
        facts: What it has to say.
    """
    record = run_with_note(graph, topic)
    run = record.statement if record else None
    stage = run.stage if isinstance(run, StageRun) else ""
    again = f"'dvc repro -f -s {stage}'" if stage else "'dvc repro'"
    return (
        f"Let {f'the stage {stage}' if stage else 'the stage that makes it'} say "
        f"{' and '.join(facts)}, and run {again}."
    )


def few(names: Iterable[str]) -> str:
    """Return some names for a message: the first of them."""
    listed = list(names)
    return ", ".join(listed[:NAMED]) + (", ..." if len(listed) > NAMED else "")


def cases_are(count: int) -> str:
    """Return a number of cases for a message.

    >>> cases_are(1), cases_are(2)
    ('1 case', '2 cases')
    """
    return f"{count} case" if count == 1 else f"{count} cases"


def _dataset(graph: TraceGraph, path: str, manifest: DatasetManifest) -> Dataset:
    specification = graph.item(manifest.specification)
    if not isinstance(specification, DatasetSpecification):
        return Dataset(path, manifest, None, None)
    protocol = graph.item(specification.annotation_protocol or "")
    return Dataset(
        path,
        manifest,
        specification,
        protocol if isinstance(protocol, AnnotationProtocol) else None,
    )
