"""A project on disk: where things lie, each read once."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from regml.digest import Artifact
from regml.errors import BrokenFileError, ConfigError
from regml.files.config import CONFIG, read_config, read_policy
from regml.files.dvc import read_lock, read_stages
from regml.files.git import code_digest, tracked_files, tree_state
from regml.files.lock import read_lock_file
from regml.files.manifest import read_manifest
from regml.files.markdown import read_items
from regml.files.python_tests import read_marks, read_tests
from regml.files.scores import read_case_scores
from regml.files.text import read_text
from regml.findings import RuleOutcome
from regml.items.data import DatasetManifest
from regml.items.recorded import Record, StageRun
from regml.records.contents import read_contents
from regml.records.log import read_log
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.model import TraceGraph
from regml.trace.rules import check


@dataclass(frozen=True)
class Project:
    """Everything regml knows of one project, as it lies in the work tree.

    Attributes:
        root: Its folder.
        evidence: All that was read.
    """

    root: Path
    evidence: Evidence

    @cached_property
    def graph(self) -> TraceGraph:
        """The one read-only graph of all evidence."""
        return build_graph(self.evidence)

    def check(self) -> tuple[RuleOutcome, ...]:
        """Run every rule and return what each looked at and found."""
        return check(self.graph)

    def report(self, path: str) -> Mapping[str, Any] | None:
        """Return a stage's JSON report, or ``None`` where there is none.

        Raises:
            BrokenFileError: It is not a JSON object.
        """
        if not (self.root / path).is_file():
            return None
        try:
            value = json.loads(read_text(self.root / path, name=path))
        except json.JSONDecodeError as error:
            raise BrokenFileError(
                path,
                f"is not JSON: {error.msg}.",
                remedy="Reproduce it: dvc repro.",
                line=error.lineno,
            ) from error
        if not isinstance(value, dict):
            raise BrokenFileError(path, "is not a JSON object.")
        return value


def open_project(path: Path | str = ".") -> Project:
    """Read a project.

    Args:
        path: Its folder, the one with ``regml.toml``.

    Raises:
        ConfigError: It is no project.
        BrokenFileError: A file in it cannot be read as what it should be.
    """
    root = Path(path).resolve()
    if not (root / CONFIG).is_file():
        raise ConfigError(
            f"{root}: no {CONFIG} here. Start a project with 'regml init'."
        )
    config = read_config(root)
    stages = read_stages(root)
    outs = [out for stage in stages for out in stage.outs]
    log = read_log(root, config.signers)
    tree = tracked_files(root)
    manifests = _manifests(root, log.records)
    return Project(
        root=root,
        evidence=Evidence(
            config=config,
            policy=read_policy(root),
            items=read_items(root),
            stages=stages,
            lock=read_lock(root),
            records=log.records,
            log_problems=log.problems,
            log_heads=log.heads,
            commit=tree_state(root, [out.path for out in outs]).commit,
            code=code_digest(root, [*config.sources.software, *config.sources.tests]),
            tree=tree,
            packages=read_lock_file(root, config.sources.lock),
            tests=read_tests(root, _python(tree, config.sources.tests)),
            implements=read_marks(root, _python(tree, config.sources.software)),
            manifests=manifests,
            scores={
                name: read_case_scores(read_text(root / name, name=name))
                for name in _noted(log.records, "evaluation", "per_case")
                if (root / name).is_file()
            },
            workspace=_digests(root, (out.path for out in outs if not out.cache)),
            data_sizes=_sizes(root, manifests.values()),
        ),
    )


def _manifests(root: Path, records: Iterable[Record]) -> dict[str, DatasetManifest]:
    return {
        name: read_manifest(root, name)
        for name in _noted(records, "dataset", "manifest")
        if (root / name).is_file()
    }


def _noted(records: Iterable[Record], topic: str, key: str) -> Iterator[str]:
    """Give each path that a run noted under a topic, once."""
    seen = set()
    for record in records:
        if isinstance(record.statement, StageRun):
            facts = record.statement.notes.get(topic, {})
            if isinstance(name := facts.get(key), str) and name not in seen:
                seen.add(name)
                yield name


def _digests(root: Path, names: Iterable[str]) -> dict[str, Artifact]:
    there = [name for name in names if (root / name).exists()]
    contents = read_contents(root, there)
    return {name: c.artifact for name, c in zip(there, contents, strict=True)}


def _sizes(root: Path, manifests: Iterable[DatasetManifest]) -> dict[str, int | None]:
    """Return the size of each file the manifests name, ``None`` where absent.

    Empty when no file at all is there: then the data are not checked out.
    """
    sizes: dict[str, int | None] = {}
    for manifest in manifests:
        for case in manifest.cases:
            for name in (case.image, case.label):
                path = root / name
                sizes[name] = path.stat().st_size if path.is_file() else None
    return sizes if any(size is not None for size in sizes.values()) else {}


def _python(tree: Iterable[str], places: Iterable[str]) -> list[str]:
    """Return the Python files of the tree that lie at or below some places."""
    return sorted(
        name
        for name in tree
        if name.endswith(".py")
        and any(name == place or name.startswith(f"{place}/") for place in places)
    )
