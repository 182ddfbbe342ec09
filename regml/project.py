"""A project on disk: where things lie, each read once."""

import datetime as dt
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.digest import Artifact, sha256_of
from regml.errors import BrokenFileError, ConfigError
from regml.files.archive import find_kept
from regml.files.built import read_built
from regml.files.config import CONFIG, read_config, read_policy
from regml.files.documents import read_documents
from regml.files.dvc import parameter_values, read_lock, read_stages
from regml.files.dvc_cache import cache_objects, object_path
from regml.files.git import (
    TreeState,
    code_digest,
    files_below,
    list_files,
    tree_state,
)
from regml.files.history import commit_times, history, last_changes, start_of
from regml.files.lock import read_lock_file, read_markers
from regml.files.manifest import parse_manifest, read_manifest
from regml.files.markdown import LocatedItem, read_items
from regml.files.model_card import read_card
from regml.files.own_checks import WITHOUT_OWN_CHECKS, read_own_checks
from regml.files.past import content_with_digest, is_cut_off
from regml.files.python_tests import read_tests
from regml.files.revision import RevisionFile, open_revision
from regml.files.scores import read_case_scores
from regml.files.source_comments import read_comments
from regml.files.text import read_text
from regml.files.vulnerabilities import read_vulnerabilities
from regml.findings import RuleOutcome
from regml.items.config import Config
from regml.items.data import DatasetManifest
from regml.items.documents import DocumentPlan
from regml.items.recorded import Approval, Record, StageRun
from regml.records.contents import read_contents
from regml.records.log import read_log
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, DatasetVersion

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.standards.catalogue import Catalogue
    from regml.trace.ledger import Ledger


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


@dataclass(frozen=True)
class _Look:
    """Where a project is read from, and what git says of that place."""

    root: Path
    files: "Traversable"
    tree: TreeState
    names: frozenset[str]
    pointers: Mapping[str, str | None]


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
        outs = [out.path for stage in read_stages(root) for out in stage.outs]
        listed = list_files(root)
        tree = tree_state(root, outs)
        look = _Look(root, root, tree, listed.names, listed.pointers)
    else:
        revision = open_revision(root, at)
        if not (revision / CONFIG).is_file():
            raise ConfigError(f"{at}: there was no {CONFIG} in this revision.")
        tree = TreeState(revision.commit, (), None)
        names, pointers = revision.names(), revision.pointers()
        look = _Look(root, revision, tree, names, pointers)
    evidence = _evidence(look)
    if own_checks and not os.environ.get(WITHOUT_OWN_CHECKS):
        evidence = replace(evidence, own_checks=read_own_checks(look.files))
    return Project(root=root, files=look.files, evidence=evidence)


def _evidence(look: _Look) -> Evidence:
    files, names = look.files, look.names
    config = read_config(files)
    stages = read_stages(files)
    log = read_log(files, config.signers)
    items, documents = read_items(files), read_documents(files)
    manifests = _manifests(files, log.records)
    comments = read_comments(files, files_below(names, config.sources.software))
    return Evidence(
        config=config,
        policy=read_policy(files),
        items=items,
        documents=documents,
        catalogues=_catalogues(files),
        built=read_built(files, config.dhf.folder),
        vulnerabilities=read_vulnerabilities(files),
        kept=find_kept(look.root, log.records),
        stages=stages,
        lock=read_lock(files),
        records=log.records,
        log_problems=log.problems,
        log_heads=log.heads,
        commit=look.tree.commit,
        dirty=look.tree.dirty,
        code=code_digest(
            files,
            [*config.sources.software, *config.sources.tests],
            names,
            look.pointers,
        ),
        tree=names,
        pointers=frozenset(look.pointers),
        packages=read_lock_file(files, config.sources.lock),
        markers=read_markers(files, config.sources.lock),
        tests=read_tests(files, _python(names, config.sources.tests)),
        implements=comments.marks,
        unread_sources=comments.unread,
        manifests=manifests,
        scores={
            name: read_case_scores(read_text(files / name, name=name))
            for name in _noted(log.records, "evaluation", "per_case")
            if (files / name).is_file()
        },
        cards={
            name: read_card(files, name)
            for name in _noted(log.records, "model", "card")
            if (files / name).is_file()
        },
        workspace=_digests(
            files, (out.path for stage in stages for out in stage.outs if not out.cache)
        ),
        data_sizes=_sizes(files, manifests.values()),
        today=_today(),
        **_past(look, config, items, documents, log.records),
    )


def _past(
    look: _Look,
    config: Config,
    items: Iterable[LocatedItem],
    documents: Iterable[DocumentPlan],
    records: Iterable[Record],
) -> dict[str, Any]:
    """Return what git tells of changes; nothing before the first commit."""
    until, control = look.tree.commit, config.change_control
    if until is None:
        return {}
    signed = [r.statement for r in records if isinstance(r.statement, Approval)]
    names = {name for approval in signed for name in approval.fingerprints}
    paths = {found.item.id: found.path for found in items}
    paths |= {plan.node_id: plan.path for plan in documents}
    start = start_of(look.root, control.since) if control else None
    return {
        "controlled_since": start,
        "history": history(look.root, start, until) if start else (),
        "last_changes": last_changes(
            look.root, [paths[name] for name in names if name in paths], until
        ),
        "commit_times": commit_times(
            look.root, {r.statement.origin.commit or "" for r in records}
        ),
    }


def _today() -> dt.date:
    """Return the day in UTC, or that of ``SOURCE_DATE_EPOCH`` for repeatable builds.

    Raises:
        ConfigError: The variable is no number of seconds.
    """
    named = os.environ.get("SOURCE_DATE_EPOCH")
    if not named:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.datetime.fromtimestamp(int(named), dt.UTC).date()
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {named!r}, which is no number of seconds since "
            "1970. Correct it or unset it."
        ) from error


def _catalogues(files: "Traversable") -> "tuple[Catalogue, ...]":
    """Return the project's own clause catalogues; most projects have none."""
    if not (files / "standards").is_dir():
        return ()
    from regml.files.catalogues import read_catalogues

    return read_catalogues(files)


def _manifests(
    root: "Traversable", records: Iterable[Record]
) -> dict[str, DatasetManifest]:
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


def _digests(files: "Traversable", names: Iterable[str]) -> dict[str, Artifact]:
    there = [
        name for name in names if (files / name).is_file() or (files / name).is_dir()
    ]
    if isinstance(files, RevisionFile):
        return {name: files.artifact(name) for name in there}
    assert isinstance(files, Path)  # noqa: S101 - there is no third place
    contents = read_contents(files, there)
    return {name: c.artifact for name, c in zip(there, contents, strict=True)}


def _sizes(
    root: "Traversable", manifests: Iterable[DatasetManifest]
) -> dict[str, int | None]:
    """Return the size of each file the manifests name, ``None`` where absent.

    Empty when no file at all is there: then the data are not checked out. A revision
    holds no data, only their digests.
    """
    if not isinstance(root, Path):
        return {}
    names = [
        name
        for manifest in manifests
        for case in manifest.cases
        for name in (case.image, case.label)
    ]
    there: dict[str, int] = {}
    for folder in sorted({name.rpartition("/")[0] for name in names}):
        there.update(_sizes_in(root, folder))
    return {name: there.get(name) for name in names} if there.keys() & names else {}


def _sizes_in(root: Path, folder: str) -> Iterator[tuple[str, int]]:
    """Give path and size of the files in one folder: one look for thousands of them."""
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_file():
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    yield name, entry.stat().st_size
    except OSError:
        return


def _python(tree: Iterable[str], places: Iterable[str]) -> list[str]:
    return [name for name in files_below(tree, places) if name.endswith(".py")]
