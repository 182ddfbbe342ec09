"""What is changed, or asked about: where the impact of a change begins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from regml.errors import UnknownIdError
from regml.files.config import CONFIG, POLICY
from regml.files.git import lies_in
from regml.files.lock import normalised
from regml.items.design import Soup
from regml.trace.controlled import DATA, controlled, is_controlled
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.reach import NODES

PIPELINE: Final = "dvc.yaml"
"""Says what every stage is."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What is changed, or thought of to be changed.

    Attributes:
        items: Why each item, test or source file counts as changed, by node id.
        documents: The same for documents.
        paths: Files that differ, relative to the project.
        stages: Why each stage is no longer as it ran, for other reasons than files.
        policy: Whether the risk policy differs.
        device: Whether ``regml.toml`` describes the device differently.
    """

    items: Mapping[str, str]
    documents: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    stages: Mapping[str, str] = field(default_factory=dict)
    policy: bool = False
    device: bool = False


def changed_by_name(graph: TraceGraph, names: Iterable[str]) -> Changed:
    """Return what is meant by ids, tests and paths that a person names.

    Raises:
        UnknownIdError: Something is neither an item, a test, a document nor a file.
    """
    items: dict[str, str] = {}
    documents: dict[str, str] = {}
    paths: set[str] = set()
    for name in names:
        if name in graph.evidence.tree:
            paths.add(name)
            found = tuple(_nodes_of(graph, name)) or (name,)
            items |= dict.fromkeys(found, "asked about")
            continue
        node = graph.find(name)
        if node.type is NodeType.DOCUMENT:
            documents[node.id] = "asked about"
        elif node.type in NODES:
            items[node.id] = "asked about"
            paths.add(node.where.rpartition(":")[0] or node.where)
        else:
            raise UnknownIdError(
                f"{name} is a {node.type}: it does not change, new ones come. Ask "
                "about an item, a test, a document or a file."
            )
    return Changed(
        items,
        documents,
        _with_data(paths - {""}),
        stages={
            stage.name: f"takes its parameters from {path}"
            if path in stage.params
            else f"is described in {path}"
            for stage in graph.evidence.stages
            for path in sorted(paths & {*stage.params, PIPELINE})
        },
        policy=POLICY in paths,
        device=CONFIG in paths,
    )


def changed_between(
    old: TraceGraph,
    new: TraceGraph,
    *,
    paths: Iterable[str],
    stages: Mapping[str, str],
) -> Changed:
    """Return what differs between two states of a project.

    Args:
        old: The earlier state.
        new: The later one.
        paths: Files that differ.
        stages: Why a stage is not as it was, e.g. other parameters, by its name.
    """
    items: dict[str, str] = {}
    for name in sorted({*_items(old), *_items(new)}):
        before, after = old.fingerprint(name), new.fingerprint(name)
        if before != after:
            items[name] = (
                "added" if before is None else "removed" if after is None else "changed"
            )
    items |= _of_packages(old, new)
    touched = frozenset(paths)
    for path in sorted(touched - {new.evidence.config.sources.lock}):
        told = "changed" if path in new.evidence.tree else "removed"
        items |= {
            name: f"{path} {told}"
            for name in _nodes_then_or_now(old, new, path)
            if name not in items and new.item(name) is None and old.item(name) is None
        }
    documents = {
        plan.node_id: "its template changed"
        for plan in new.evidence.documents
        if plan.path in touched
    }
    return Changed(
        {**items, **_others(old, new, touched)},
        documents,
        _with_data(touched),
        stages,
        policy=old.evidence.policy != new.evidence.policy,
        device=old.evidence.config.device != new.evidence.config.device,
    )


def _of_packages(old: TraceGraph, new: TraceGraph) -> dict[str, str]:
    """Return the SOUP whose package the lock file has in another version."""
    lock = new.evidence.config.sources.lock
    before, after = old.evidence.packages, new.evidence.packages
    found = {}
    for graph in (old, new):
        for soup in graph.items(Soup):
            name = normalised(soup.package)
            had, has = before.get(name), after.get(name)
            if had != has:
                found[soup.id] = f"{lock} has {has or 'none'}, had {had or 'none'}"
    return found


def _others(old: TraceGraph, new: TraceGraph, paths: Iterable[str]) -> dict[str, str]:
    """Return what is under control, differs, and is neither item, test nor document."""
    config = new.evidence.config
    places = controlled(config)
    templates = {plan.path for graph in (old, new) for plan in graph.evidence.documents}
    found = {}
    for path in sorted(paths):
        known = any(_nodes_then_or_now(old, new, path))
        alone = path == config.sources.lock or not (known or path in templates)
        if alone and is_controlled(path, places):
            found[path] = "changed" if path in new.evidence.tree else "removed"
    return found


def _with_data(paths: Iterable[str]) -> frozenset[str]:
    """Return paths, and with a file that stands for data those data."""
    known = frozenset(paths)
    return known | {path.removesuffix(DATA) for path in known}


def _nodes_then_or_now(old: TraceGraph, new: TraceGraph, path: str) -> Iterator[str]:
    """Give what a file is or was, in each state that has it."""
    for graph in (old, new):
        if path in graph.evidence.tree:
            yield from _nodes_of(graph, path)


def _nodes_of(graph: TraceGraph, path: str) -> Iterator[str]:
    """Give what a file is in the graph: an item, tests, a source of a software item.

    A file that tests may share, such as ``conftest.py``, is all of those tests; the
    lock file is all SOUP that it holds.
    """
    for located in graph.evidence.items:
        if located.path == path:
            yield located.item.id
    yield from _tests_of(graph, path)
    for name, node in graph.nodes.items():
        if node.type is NodeType.FILE:
            source = name.removeprefix("file:")
            if source == path or path.startswith(f"{source}/"):
                yield name
    if path == graph.evidence.config.sources.lock:
        for soup in graph.items(Soup):
            if normalised(soup.package) in graph.evidence.packages:
                yield soup.id


def _tests_of(graph: TraceGraph, path: str) -> Iterator[str]:
    """Give the tests of a file, or those that may use it where it has none."""
    tests = graph.evidence.tests
    found = [test for test in tests if test.path == path]
    if not found:
        roots = [r for r in graph.evidence.config.sources.tests if lies_in(path, {r})]
        folder, _, name = path.rpartition("/")
        places = {folder} if name == "conftest.py" else set(roots)
        found = [test for test in tests if roots and lies_in(test.path, places)]
    for test in found:
        yield f"test:{test.name.partition('[')[0]}"


def _items(graph: TraceGraph) -> Iterator[str]:
    for located in graph.evidence.items:
        yield located.item.id
