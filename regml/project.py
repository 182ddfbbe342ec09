"""A project on disk: where things lie, each read once.

What reads the past is imported when it is asked for: most questions are about today.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.digest import sha256_of
from regml.errors import BrokenFileError, ConfigError
from regml.files.config import CONFIG
from regml.files.dvc import parameter_values
from regml.files.dvc_cache import cache_objects, object_path
from regml.files.git import list_files
from regml.files.manifest import parse_manifest
from regml.files.own_checks import WITHOUT_OWN_CHECKS, read_own_checks
from regml.files.repository import prefix_in_repository
from regml.files.text import read_text
from regml.files.tree_state import changed_files, head_commit
from regml.findings import RuleOutcome
from regml.gather.evidence import gather
from regml.gather.look import Look
from regml.items.data import (
    AnnotationProtocol,
    DatasetManifest,
    DatasetSpecification,
)
from regml.items.recorded import StageRun
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.trace.ledger import Ledger

DATA_TOPICS = frozenset({"dataset", "annotations"})
"""What runs note that select or annotate data."""


@dataclass(frozen=True)
class Project:
    """Everything regml knows of one project, in the work tree or at a revision.

    Attributes:
        root: Its folder.
        files: Its content: the folder itself, or what a revision holds of it.
        evidence: All that was read.
    """

    root: Path
    files: "Traversable"
    evidence: Evidence

    @cached_property
    def graph(self) -> TraceGraph:
        """The one read-only graph of all evidence."""
        return build_graph(self.evidence)

    def check(self) -> tuple[RuleOutcome, ...]:
        """Run every rule and return what each looked at and found."""
        from regml.trace.rules import check  # 'show' asks the graph and no rule

        return check(self.graph)

    def ledger(self) -> "Ledger":
        """Return what decides where the rows of clause catalogues stand."""
        from regml.files.catalogues import known_catalogues
        from regml.trace.ledger import Ledger

        known = known_catalogues(self.evidence.catalogues)
        return Ledger(self.graph, known, self.check())

    def manifest_of(self, dataset: DatasetVersion) -> DatasetManifest:
        """Return the manifest of a dataset version, also of one long gone.

        It is looked for in every commit of every branch, and believed by its sha256.
        The cache of DVC is only asked for manifests that git never had.

        Raises:
            ConfigError: No commit that is here holds it.
            BrokenFileError: What was found is no manifest.
        """
        if dataset.manifest is not None:
            return dataset.manifest
        from regml.files.past import content_with_digest, is_cut_off

        name = f"{dataset.path} of dataset@{dataset.sha256[:SHORT]}"
        content = content_with_digest(
            self.root, dataset.path, dataset.sha256
        ) or _cached(self.root, dataset)
        if content is None:
            remedy = (
                "This clone has only a part of the history: git fetch --unshallow."
                if is_cut_off(self.root)
                else "Let git track it (cache: false in dvc.yaml); for this version, "
                f"put a copy of {dataset.path} back into a commit of any branch."
            )
            raise ConfigError(f"{name}: no commit holds this content. {remedy}")
        return parse_manifest(content, name=name)

    def find_manifest(self, dataset: DatasetVersion) -> DatasetManifest | None:
        """Return the manifest of a dataset version, ``None`` where it is nowhere.

        Raises:
            BrokenFileError: What was found is no manifest.
        """
        try:
            return self.manifest_of(dataset)
        except ConfigError:
            return None

    def with_earlier_manifests(self) -> "Project":
        """Return the same project with the manifests of earlier dataset versions.

        Only the history of the commit that is read is asked, so that the answer is the
        same in every full clone.

        Raises:
            BrokenFileError: What was found is no manifest.
        """
        from regml.files.past import content_with_digest

        until = self.evidence.commit
        versions = [
            node.value
            for node in self.graph.nodes.values()
            if isinstance(node.value, DatasetVersion) and node.value.manifest is None
        ]
        found = {
            version.sha256: parse_manifest(content, name=version.path)
            for version in versions
            if until
            and (
                content := content_with_digest(
                    self.root, version.path, version.sha256, until=until
                )
            )
        }
        return replace(self, evidence=replace(self.evidence, earlier=found))

    def with_wordings(self) -> "Project":
        """Return the same project with what specifications said when data were made.

        A dataset was selected and annotated by the wording of then; today's may differ.
        """
        from regml.files.wordings import items_at

        commits = {
            record.statement.origin.commit
            for record in self.evidence.records
            if isinstance(record.statement, StageRun)
            and not DATA_TOPICS.isdisjoint(record.statement.notes)
        }
        paths = {
            found.path: found.item.id
            for found in self.evidence.items
            if isinstance(found.item, DatasetSpecification | AnnotationProtocol)
        }
        wanted = [(commit, path) for commit in commits if commit for path in paths]
        found = {
            (commit, paths[path]): item
            for (commit, path), item in items_at(self.root, wanted).items()
        }
        return replace(self, evidence=replace(self.evidence, wordings=found))

    def report(self, path: str) -> Mapping[str, Any] | None:
        """Return a stage's JSON report, or ``None`` where there is none.

        Raises:
            BrokenFileError: It is not a JSON object.
        """
        if not (self.files / path).is_file():
            return None
        try:
            value = json.loads(read_text(self.files / path, name=path))
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


def _cached(root: Path, dataset: DatasetVersion) -> bytes | None:
    """Return a manifest that DVC kept, if its bytes are the recorded ones."""
    objects = cache_objects(root)
    for record in dataset.runs:
        run = record.statement
        for out in run.outputs if isinstance(run, StageRun) else ():
            kept = object_path(objects, out.md5)
            if out.sha256 == dataset.sha256 and kept.is_file():
                content = kept.read_bytes()
                if sha256_of(content) == dataset.sha256:
                    return content
    return None


def outdated_stages(old: Project, new: Project) -> dict[str, str]:
    """Return why stages of a project are not what they were, whatever files say.

    Raises:
        RegmlError: Parameters cannot be read.
    """
    found = {}
    before = {stage.name: stage for stage in old.evidence.stages}
    for stage in new.evidence.stages:
        was = before.get(stage.name)
        if was is None:
            found[stage.name] = "is new"
        elif was.command != stage.command:
            found[stage.name] = "runs another command"
        elif (was.deps, was.outs) != (stage.deps, stage.outs):
            found[stage.name] = "reads or writes other files"
        elif parameter_values(old.files, was) != parameter_values(new.files, stage):
            found[stage.name] = "has other parameters"
    return found


def open_project(
    path: Path | str = ".", *, at: str | None = None, own_checks: bool = True
) -> Project:
    """Read a project.

    Args:
        path: Its folder, the one with ``regml.toml``.
        at: A git revision to read instead of the work tree, which is not touched.
        own_checks: Also the project's own checks, whose code runs when it is checked;
            not where ``REGML_NO_OWN_CHECKS`` is set.

    Raises:
        ConfigError: It is no project.
        UnknownIdError: git does not know the revision.
        BrokenFileError: A file in it cannot be read as what it should be.
    """
    root = Path(path).resolve()
    if at is None:
        if not (root / CONFIG).is_file():
            raise ConfigError(
                f"{root}: no {CONFIG} here. Start a project with 'regml init'."
            )
        listed, commit = list_files(root), head_commit(root)
        changed = changed_files(root, listed, commit)
        look = Look(root, root, commit, changed, listed.names, listed.pointers)
    else:
        from regml.files.revision import open_revision

        revision = open_revision(root, at)
        if not (revision / CONFIG).is_file():
            where = prefix_in_repository(root)
            raise ConfigError(
                f"{at}: there was no {where}{CONFIG} in this revision; a revision is "
                "read at the folder in which the project lies now. 'git log --follow "
                f"{CONFIG}' there tells since when that is."
            )
        names, pointers = revision.names(), revision.pointers()
        look = Look(root, revision, revision.commit, (), names, pointers)
    evidence = gather(look)
    if own_checks and not os.environ.get(WITHOUT_OWN_CHECKS):
        evidence = replace(evidence, own_checks=read_own_checks(look.files))
    return Project(root=root, files=look.files, evidence=evidence)
