"""All readers, each called once: what a project holds, as evidence."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.digest import Artifact
from regml.errors import ConfigError
from regml.files.archive import find_kept
from regml.files.built import read_built
from regml.files.config import read_config, read_policy
from regml.files.documents import read_documents
from regml.files.dvc import (
    LockedStage,
    Stage,
    imported_paths,
    parameter_values,
    read_lock,
    read_stages,
)
from regml.files.dvc_status import Parameters, stages_due
from regml.files.former_items import former_items
from regml.files.git import TreeState, code_digest, files_below, lies_in
from regml.files.history import commit_times, history, last_changes, start_of
from regml.files.kept_commits import lost_commits
from regml.files.lock import read_lock_file, read_markers
from regml.files.manifest import read_manifest
from regml.files.markdown import LocatedItem, misplaced_items, read_items
from regml.files.model_card import read_card
from regml.files.python_tests import read_tests
from regml.files.revision import RevisionFile
from regml.files.scores import read_case_scores
from regml.files.source_comments import read_comments
from regml.files.text import read_text
from regml.files.used_code import code_used_outside
from regml.files.vulnerabilities import read_vulnerabilities
from regml.items.config import Config
from regml.items.data import DatasetManifest
from regml.items.documents import DocumentPlan
from regml.items.recorded import (
    Approval,
    LogProblem,
    ProblemKind,
    Record,
    StageRun,
)
from regml.records.contents import read_contents
from regml.records.log import read_log
from regml.records.storage import LOG
from regml.trace.evidence import Evidence

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.standards.catalogue import Catalogue


@dataclass(frozen=True)
class Look:
    """Where a project is read from, and what git says of that place.

    Attributes:
        root: Its folder.
        files: Its content: the folder itself, or what a revision holds of it.
        tree: How the place relates to its commit.
        names: Every file, tracked or not ignored.
        pointers: Symbolic links and submodules, with what they stand for.
    """

    root: Path
    files: "Traversable"
    tree: TreeState
    names: frozenset[str]
    pointers: Mapping[str, str | None]


def gather(look: Look) -> Evidence:
    """Read everything there is, without the project's own checks.

    Raises:
        RegmlError: A file cannot be read as what it should be.
    """
    files, names = look.files, look.names
    config = read_config(files)
    stages, lock = read_stages(files), read_lock(files)
    log = read_log(files, config.signers)
    items, documents = read_items(files), read_documents(files)
    manifests = _manifests(files, log.records)
    controlled = [*config.sources.software, *config.sources.tests]
    small = [out.path for stage in stages for out in stage.outs if not out.cache]
    workspace = _digests(files, small)
    comments = read_comments(files, files_below(names, config.sources.software))
    return Evidence(
        config=config,
        policy=read_policy(files),
        items=items,
        misplaced=misplaced_items(files, names),
        ignored=tuple(
            found.path
            for found in items
            if found.path not in names and not lies_in(found.path, look.pointers)
        ),
        documents=documents,
        catalogues=_catalogues(files),
        built=read_built(
            files, config.dhf.folder, kept="folder" in config.dhf.model_fields_set
        ),
        vulnerabilities=read_vulnerabilities(files),
        kept=find_kept(look.root, log.records),
        stages=stages,
        lock=lock,
        outdated=stages_due(
            stages,
            lock,
            digests=_dependencies(look, stages, lock)
            | {path: a.md5 if (a := workspace.get(path)) else None for path in small},
            parameters={stage.name: _parameters(files, stage) for stage in stages},
        ),
        records=log.records,
        log_problems=(*log.problems, *_ignored(look, log.records)),
        log_heads=log.heads,
        commit=look.tree.commit,
        dirty=look.tree.dirty,
        code=code_digest(files, controlled, names, look.pointers),
        used_code=code_used_outside(files, names, controlled, stages, look.pointers),
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
        workspace=workspace,
        data_sizes=_sizes(files, manifests.values()),
        today=_today(),
        **_past(look, config, items, documents, log.records),
    )


def _ignored(look: Look, records: Iterable[Record]) -> Iterator[LogProblem]:
    """Say which files of the evidence no commit will hold."""
    paths = {path for record in records for path in (record.path, record.environment)}
    for path in sorted(({LOG, *paths} if paths else set()) - look.names):
        yield LogProblem(
            ProblemKind.IGNORED,
            path,
            "it is here, but git leaves it out: a clone lacks this evidence",
        )


def _past(
    look: Look,
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
    titles = {found.item.id: found.item.title for found in items}
    paths |= {plan.node_id: plan.path for plan in documents}
    start = start_of(look.root, control.since) if control else None
    recorded = {r.statement.origin.commit or "" for r in records}
    return {
        "former": former_items(look.root, titles, until),
        "controlled_since": start,
        "history": history(look.root, start, until) if start else (),
        "last_changes": last_changes(
            look.root, [paths[name] for name in names if name in paths], until
        ),
        "commit_times": commit_times(look.root, recorded),
        "lost_commits": lost_commits(look.root, recorded),
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


def _parameters(files: "Traversable", stage: Stage) -> Parameters | str:
    try:
        return parameter_values(files, stage)
    except ConfigError as error:
        return str(error)


def _dependencies(
    look: Look, stages: Iterable[Stage], lock: Iterable[LockedStage]
) -> dict[str, str | None]:
    """Return the md5 of what stages read, as it is now; ``None`` for what is gone.

    Of outputs and of what ``dvc add`` took in that is the digest DVC wrote down; of
    what git sees, that of the content. What only lies inside a folder of DVC's, or is
    ignored by git, is left out: ``regml verify`` reads it.
    """
    wanted = {path for stage in stages for path in stage.deps}
    made = {path: md5 for locked in lock for path, md5 in locked.outs.items()}
    declared = {out.path for stage in stages for out in stage.outs}
    kept = {**imported_paths(look.files, look.names), **made}
    found = {path: kept[path] for path in wanted & kept.keys() if kept[path]}
    others = {
        path
        for path in wanted - kept.keys() - declared
        if not lies_in(path, {*kept, *declared})
        and not any(lies_in(place, {path}) for place in {*kept, *declared})
    }
    seen = [path for path in sorted(others) if files_below(look.names, [path])]
    found |= {path: a.md5 for path, a in _digests(look.files, seen).items()}
    if isinstance(look.files, Path):
        gone = {path: None for path in others if not (look.files / path).exists()}
        return {**found, **gone}
    return found


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
