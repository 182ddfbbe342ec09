"""Everything a project holds, each read once."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from regml.digest import Artifact
from regml.files.dvc import LockedStage, Stage
from regml.files.markdown import LocatedItem
from regml.files.own_checks import OwnModule
from regml.files.python_tests import WrittenTest
from regml.files.scores import CaseScore
from regml.files.source_comments import SourceMark, UnreadSource
from regml.items.base import Item
from regml.items.config import Config
from regml.items.data import DatasetManifest
from regml.items.documents import BuiltFile, DocumentPlan
from regml.items.recorded import LogProblem, Record
from regml.items.risk import RiskPolicy
from regml.items.vulnerabilities import VulnerabilityExport

if TYPE_CHECKING:
    from regml.files.former_items import FormerItem
    from regml.files.history import Commit
    from regml.files.used_code import UsedCode
    from regml.standards.catalogue import Catalogue


@dataclass(frozen=True)
class Surroundings:
    """What lies around the graph: history, caches, data, and code elsewhere.

    Attributes:
        ignored: Paths of items that git leaves out, sorted.
        former: Items that were removed and whose id another one has now.
        misplaced: Paths of what is written like an item where none is read, sorted.
        kept: Where each artifact of a release can still be had, by its sha256.
        outdated: Why DVC would run a stage again, by its name.
        used_code: Code outside of the sources that sources import or stages run.
        data_sizes: Size in bytes of each file a manifest names, ``None`` when absent;
            empty when the data are not checked out.
        controlled_since: Commit or day on which change control began; ``None`` where
            it did not, or where git does not know what ``regml.toml`` names.
        history: Commits since then, newest first.
        last_changes: The last commit of each file whose content somebody approved.
        commit_times: When the commits were made on which somebody signed, RFC 3339.
        lost_commits: Those of them that a clone cannot bring, with why.
    """

    ignored: tuple[str, ...] = ()
    former: "tuple[FormerItem, ...]" = ()
    misplaced: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    outdated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    used_code: "tuple[UsedCode, ...]" = ()
    data_sizes: Mapping[str, int | None] = field(default_factory=dict)
    controlled_since: str | None = None
    history: "tuple[Commit, ...]" = ()
    last_changes: "Mapping[str, Commit]" = field(default_factory=dict)
    commit_times: Mapping[str, str] = field(default_factory=dict)
    lost_commits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What lies in a project, without any judgement about it.

    Attributes:
        config: ``regml.toml``.
        policy: ``risk/policy.yaml``.
        items: Every item, sorted by id; ids may occur twice.
        catalogues: Clause catalogues that the project adds to ours.
        documents: Planned documents of the Design History File, by number.
        built: The Design History File as it was built last; ``None`` without one.
        vulnerabilities: Exports of known vulnerabilities, by file name.
        markers: Condition under which a package of the lock file is needed, by name.
        stages: Of ``dvc.yaml``.
        lock: Of ``dvc.lock``.
        records: In the order of the log.
        log_problems: Why parts of the log cannot be believed.
        log_heads: Digests of the records no other record builds on.
        commit: That was read, or that the work tree is at; ``None`` before the first.
        dirty: Tracked files of the work tree that differ from it, sorted.
        code: Digest of all software sources and tests as they are now.
        tree: Files that exist, tracked or not ignored, POSIX.
        pointers: What is no file: symbolic links and submodules.
        packages: Runtime packages of the lock file: version by normalised name.
        tests: As they stand in the source.
        implements: ``regml: implements`` comments.
        unread_sources: Source files and comments that cannot be understood.
        manifests: Dataset manifests that are present, by path.
        earlier: Manifests of dataset versions before, by their sha256, where somebody
            asked for them; rules look at the present ones.
        wordings: Specifications and protocols as they were at commits of runs that
            made data, by commit and id, where somebody asked for them.
        scores: Scores per case that are present, by path.
        cards: Model cards that are present, by path.
        workspace: Small outputs, manifests, scores and cards as they are on disk.
        own_checks: Modules of the project's own checks; empty where they shall not run.
        today: The day on which it is looked at, in UTC: waivers and reviews end.
        look_around: Gathers what only rules and few pages ask for, when one does.
    """

    config: Config
    policy: RiskPolicy
    items: tuple[LocatedItem, ...] = ()
    documents: tuple[DocumentPlan, ...] = ()
    catalogues: "tuple[Catalogue, ...]" = ()
    built: BuiltFile | None = None
    vulnerabilities: tuple[VulnerabilityExport, ...] = ()
    markers: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    lock: tuple[LockedStage, ...] = ()
    records: tuple[Record, ...] = ()
    log_problems: tuple[LogProblem, ...] = ()
    log_heads: tuple[str, ...] = ()
    commit: str | None = None
    dirty: tuple[str, ...] = ()
    code: str = ""
    tree: frozenset[str] = frozenset()
    pointers: frozenset[str] = frozenset()
    packages: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[WrittenTest, ...] = ()
    implements: tuple[SourceMark, ...] = ()
    unread_sources: tuple[UnreadSource, ...] = ()
    manifests: Mapping[str, DatasetManifest] = field(default_factory=dict)
    earlier: Mapping[str, DatasetManifest] = field(default_factory=dict)
    wordings: Mapping[tuple[str, str], Item] = field(default_factory=dict)
    scores: Mapping[str, tuple[CaseScore, ...]] = field(default_factory=dict)
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workspace: Mapping[str, Artifact] = field(default_factory=dict)
    own_checks: tuple[OwnModule, ...] = ()
    today: dt.date = dt.date.max
    look_around: Callable[[], Surroundings] = field(default=Surroundings, compare=False)

    @cached_property
    def surroundings(self) -> Surroundings:
        """What lies around the graph.

        Raises:
            RegmlError: Something in it cannot be read as what it should be.
        """
        return self.look_around()
