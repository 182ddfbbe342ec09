"""What lies around the graph: history, caches, data, and code elsewhere.

Rules ask for it, and few pages. It is gathered when the first of them does, because a
question to the graph alone is asked often and has to be answered at once.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.errors import ConfigError
from regml.files.archive import find_kept
from regml.files.dvc import (
    LockedStage,
    Stage,
    imported_paths,
    parameter_values,
)
from regml.files.dvc_status import Parameters, stages_due
from regml.files.former_items import former_items
from regml.files.git import files_below, lies_in
from regml.files.history import commit_times, history, last_changes, start_of
from regml.files.kept_commits import lost_commits
from regml.files.markdown import misplaced_items
from regml.files.used_code import code_used_outside
from regml.gather.look import Look
from regml.items.data import DatasetManifest
from regml.items.recorded import Approval
from regml.trace.evidence import Evidence, Surroundings

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def surroundings(look: Look, evidence: Evidence) -> Surroundings:
    """Read what lies around the graph of some evidence, from where that was read.

    Raises:
        RegmlError: A file cannot be read as what it should be.
    """
    files, names, pointers = look.files, look.names, look.pointers
    sources = evidence.config.sources
    controlled = [*sources.software, *sources.tests]
    return Surroundings(
        ignored=tuple(
            found.path
            for found in evidence.items
            if found.path not in names and not lies_in(found.path, pointers)
        ),
        misplaced=misplaced_items(files, names),
        kept=find_kept(look.root, evidence.records),
        outdated=_outdated(look, evidence),
        used_code=code_used_outside(
            files, names, controlled, evidence.stages, pointers
        ),
        data_sizes=_sizes(files, evidence.manifests.values()),
        **_past(look, evidence),
    )


def _outdated(look: Look, evidence: Evidence) -> dict[str, tuple[str, ...]]:
    stages, lock = evidence.stages, evidence.lock
    small = [out.path for stage in stages for out in stage.outs if not out.cache]
    there = evidence.workspace
    return stages_due(
        stages,
        lock,
        digests=_dependencies(look, stages, lock)
        | {path: there[path].md5 if path in there else None for path in small},
        parameters={stage.name: _parameters(look.files, stage) for stage in stages},
    )


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
    found |= {path: a.md5 for path, a in look.digests(seen).items()}
    if isinstance(look.files, Path):
        gone = {path: None for path in others if not (look.files / path).exists()}
        return {**found, **gone}
    return found


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


def _past(look: Look, evidence: Evidence) -> dict[str, Any]:
    """Return what git tells of changes; nothing before the first commit."""
    until, control = look.commit, evidence.config.change_control
    if until is None:
        return {}
    said = [record.statement for record in evidence.records]
    signed = {n for a in said if isinstance(a, Approval) for n in a.fingerprints}
    paths = {found.item.id: found.path for found in evidence.items}
    titles = {found.item.id: found.item.title for found in evidence.items}
    paths |= {plan.node_id: plan.path for plan in evidence.documents}
    start = start_of(look.root, control.since) if control else None
    recorded = {statement.origin.commit or "" for statement in said}
    return {
        "former": former_items(look.root, titles, until),
        "controlled_since": start,
        "history": history(look.root, start, until) if start else (),
        "last_changes": last_changes(
            look.root, [paths[name] for name in signed if name in paths], until
        ),
        "commit_times": commit_times(look.root, recorded),
        "lost_commits": lost_commits(look.root, recorded),
    }
