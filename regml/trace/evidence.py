"""Everything a project holds, read once: what the graph is built from."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from regml.digest import Artifact
from regml.files.dvc import LockedStage, Stage
from regml.files.git import Commit
from regml.files.markdown import LocatedItem
from regml.files.python_tests import WrittenTest
from regml.files.scores import CaseScore
from regml.files.source_comments import SourceMark, UnreadSource
from regml.items.config import Config
from regml.items.data import DatasetManifest
from regml.items.documents import DocumentPlan
from regml.items.recorded import LogProblem, Record
from regml.items.risk import RiskPolicy


@dataclass(frozen=True)
class Evidence:
    """What lies in a project, without any judgement about it.

    Attributes:
        config: ``regml.toml``.
        policy: ``risk/policy.yaml``.
        items: Every item, sorted by id; ids may occur twice.
        documents: Planned documents of the Design History File, by number.
        stages: Of ``dvc.yaml``.
        lock: Of ``dvc.lock``.
        records: In the order of the log.
        log_problems: Why parts of the log cannot be believed.
        log_heads: Digests of the records no other record builds on.
        commit: That was read, or that the work tree is at; ``None`` before the first.
        dirty: Tracked files of the work tree that differ from it, sorted.
        code: Digest of all software sources and tests as they are now.
        tree: Files that exist, tracked or not ignored, POSIX.
        packages: Runtime packages of the lock file: version by normalised name.
        tests: As they stand in the source.
        implements: ``regml: implements`` comments.
        unread_sources: Source files and comments that cannot be understood.
        manifests: Dataset manifests that are present, by path.
        scores: Scores per case that are present, by path.
        workspace: Small outputs as they are on disk, by path.
        data_sizes: Size in bytes of each file a manifest names, ``None`` when absent;
            empty when the data are not checked out.
        today: The day on which it is looked at, in UTC: waivers and reviews end.
        history: Commits under change control, newest first.
    """

    config: Config
    policy: RiskPolicy
    items: tuple[LocatedItem, ...] = ()
    documents: tuple[DocumentPlan, ...] = ()
    stages: tuple[Stage, ...] = ()
    lock: tuple[LockedStage, ...] = ()
    records: tuple[Record, ...] = ()
    log_problems: tuple[LogProblem, ...] = ()
    log_heads: tuple[str, ...] = ()
    commit: str | None = None
    dirty: tuple[str, ...] = ()
    code: str = ""
    tree: frozenset[str] = frozenset()
    packages: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[WrittenTest, ...] = ()
    implements: tuple[SourceMark, ...] = ()
    unread_sources: tuple[UnreadSource, ...] = ()
    manifests: Mapping[str, DatasetManifest] = field(default_factory=dict)
    scores: Mapping[str, tuple[CaseScore, ...]] = field(default_factory=dict)
    workspace: Mapping[str, Artifact] = field(default_factory=dict)
    data_sizes: Mapping[str, int | None] = field(default_factory=dict)
    today: dt.date = dt.date.max
    history: tuple[Commit, ...] = ()
