"""C: SOUP, approvals, problems and the log (IEC 62304 5.3.3, 8.1.2, 9; 21 CFR 11)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regml.files.dvc import LockedStage, differences
from regml.items.design import Soup
from regml.items.lifecycle import ProblemReport
from regml.items.recorded import (
    Approval,
    LogProblem,
    Outcome,
    ProblemKind,
    Record,
    StageRun,
)
from regml.trace.model import Evaluation, KnownTest, NodeType, TraceGraph
from regml.trace.results import approvals_of
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule

PYTHON = "python"
"""The SOUP package that no lock file lists: the interpreter."""


def soups(graph: TraceGraph) -> tuple[Soup, ...]:
    """Return the SOUP items in force."""
    return graph.items(Soup)


@dataclass(frozen=True, slots=True)
class Package:
    """A package as one place states it.

    Attributes:
        name: Normalised.
        place: ``lock``, or the id of a run whose environment it was in.
        version: There; ``None`` when it is not there.
        path: File that states it.
    """

    name: str
    place: str
    version: str | None
    path: str


def packages(graph: TraceGraph) -> tuple[Package | Soup, ...]:
    """Return what lock file, runs and SOUP list say about packages."""
    return (*_locked(graph), *_used(graph), *soups(graph))


# IEC 62304 8.1.2
@rule(
    "C01",
    "Lock file, SOUP list and the environment of the runs name the same packages in "
    "the same versions.",
    packages,
    clauses=("IEC 62304 8.1.2",),
)
def is_listed_soup(graph: TraceGraph, subject: Package | Soup) -> Iterator[Gap]:
    """Three places, one truth: what is installed in the device."""
    if isinstance(subject, Soup):
        yield from _still_used(graph, subject)
    elif subject.place == "lock":
        yield from _described(graph, subject)
    else:
        yield from _installed(graph, subject)


def _still_used(graph: TraceGraph, soup: Soup) -> Iterator[Gap]:
    name = normalised(soup.package)
    if name != PYTHON and name not in graph.evidence.packages:
        yield Gap(
            soup.id,
            f"{soup.id} is about {soup.package}, which is not in the lock file.",
            "Retire the SOUP item, or add the package to the lock file.",
            graph.where(soup.id, "package"),
        )


def _described(graph: TraceGraph, package: Package) -> Iterator[Gap]:
    matching = [s for s in soups(graph) if normalised(s.package) == package.name]
    if not matching:
        yield Gap(
            package.name,
            f"{package.name} {package.version} is in the lock file, in no SOUP item.",
            "Write a SOUP item for it.",
            package.path,
        )
    for soup in matching:
        if soup.version != package.version:
            yield Gap(
                soup.id,
                f"{soup.id} is for {soup.package} {soup.version}; the lock file has "
                f"{package.version}.",
                "Review the anomalies of the version in use and correct 'version'.",
                graph.where(soup.id, "version"),
            )


def _installed(graph: TraceGraph, package: Package) -> Iterator[Gap]:
    locked = graph.evidence.packages.get(package.name)
    if package.version is None or not _is_version(package.version, locked or ""):
        has = f"had {package.version}" if package.version else "did not have it"
        yield Gap(
            package.place,
            f"The lock file has {package.name} {locked}; the run behind the current "
            f"model or results {has}.",
            "Install the versions of the lock file and run 'dvc repro -f'.",
            package.path,
        )


# IEC 62304 5.3.3, 5.3.4
@rule(
    "C02",
    "Every SOUP item says what the device needs from it and what it needs itself.",
    soups,
    clauses=("IEC 62304 5.3.3", "IEC 62304 5.3.4"),
    classes=CLASS_B_AND_C,
)
def has_its_needs(graph: TraceGraph, soup: Soup) -> Iterator[Gap]:
    """Functional and performance needs, hardware and software needs."""
    needed = {"functional": soup.functional, "environment": soup.environment}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        yield Gap(
            soup.id,
            f"The SOUP item has no {' and no '.join(missing)} needs.",
            f"Fill in '{missing[0]}' of {soup.id}.",
            graph.where(soup.id),
        )


@dataclass(frozen=True, slots=True)
class Happened:
    """The latest outcome of one test, one acceptance criterion or one stage.

    Attributes:
        subject: Node id.
        what: What happened, in words.
        failed: Whether it went wrong.
        affects: Requirements it speaks for.
        record: Where it is recorded.
    """

    subject: str
    what: str
    failed: bool
    affects: tuple[str, ...]
    record: Record


def _outcomes(graph: TraceGraph) -> Iterator[Happened]:
    for name in sorted(graph.nodes):
        node = graph.nodes[name]
        if node.type is NodeType.TEST and isinstance(node.value, KnownTest):
            test = node.value
            if test.record:
                failed = test.outcome in (Outcome.FAILED, Outcome.KILLED)
                what = f"The test {node.title!r} failed"
                yield Happened(name, what, failed, test.verifies, test.record)
    yield from _criteria(graph)
    latest: dict[str, Record] = {}
    for record in graph.current.believed:
        if isinstance(record.statement, StageRun):
            latest[record.statement.stage] = record
    for stage, record in sorted(latest.items()):
        run = record.statement
        failed = isinstance(run, StageRun) and run.outcome is not Outcome.PASSED
        what = f"The stage {stage} did not pass"
        yield Happened(f"run@{record.id}", what, failed, (), record)


# IEC 62304 5.6.8, 5.7.2
@rule(
    "C08",
    "Every failed result was followed by a pass or by a problem report.",
    _outcomes,
    clauses=("IEC 62304 5.6.8", "IEC 62304 5.7.2"),
)
def is_followed_up(graph: TraceGraph, outcome: Happened) -> Iterator[Gap]:
    """A report counts when it affects the requirement, or names the record."""
    if not outcome.failed or _is_reported(graph, outcome):
        return
    about = ", ".join(outcome.affects) or outcome.record.id
    yield Gap(
        outcome.subject,
        f"{outcome.what} in {outcome.record.id}; no later pass and no problem report.",
        f"Write a problem report about {about}, or mend it and run again.",
        outcome.record.path,
    )


def _criteria(graph: TraceGraph) -> Iterator[Happened]:
    """Give the latest outcome of each criterion and group, leaving out skipped ones."""
    latest: dict[tuple[str, int, str], Happened] = {}
    for record in graph.current.believed:
        node = graph.nodes.get(f"evaluation@{record.id}")
        if node is None or not isinstance(node.value, Evaluation):
            continue
        for row in node.value.rows:
            if row.outcome == Outcome.SKIPPED:
                continue
            group = f" in {row.group}" if row.group else ""
            latest[row.requirement, row.criterion, group] = Happened(
                row.requirement,
                f"Criterion {row.criterion} of {row.requirement}{group} failed",
                row.outcome == Outcome.FAILED,
                (row.requirement,),
                record,
            )
    yield from (latest[key] for key in sorted(latest))


def _is_reported(graph: TraceGraph, outcome: Happened) -> bool:
    return any(
        set(outcome.affects) & set(report.affects) or outcome.record.id in report.text
        for report in graph.items(ProblemReport)
    )


def _approved(graph: TraceGraph) -> Iterator[tuple[str, str, Record]]:
    signed = {
        item_id
        for record in graph.current.believed
        if isinstance(record.statement, Approval)
        for item_id in record.statement.fingerprints
    }
    for item_id in sorted(signed):
        last = approvals_of(graph, item_id)[-1]
        if isinstance(last.statement, Approval):
            yield item_id, last.statement.fingerprints[item_id], last


# 21 CFR 11.70, 11.10 (e)
@rule(
    "C11",
    "Every approved item is as it was when it was approved.",
    _approved,
    clauses=("21 CFR 11.70", "21 CFR 11.10 (e)"),
)
def is_as_approved(
    graph: TraceGraph, subject: tuple[str, str, Record]
) -> Iterator[Gap]:
    """Compares the item with its last approval."""
    item_id, seen, record = subject
    now = graph.fingerprint(item_id)
    if now == seen:
        return
    person = record.statement.origin.person.name
    what = "was removed" if now is None else "changed"
    yield Gap(
        item_id,
        f"{item_id} {what} since {person} signed it ({record.id}).",
        f"Review the change and sign with 'regml approve --meaning approval {item_id}'."
        if now
        else f"Retire {item_id} instead of removing it.",
        graph.where(item_id) or record.path,
    )


def _log(graph: TraceGraph) -> Iterator[Record | LogProblem]:
    doubted = {problem.path for problem in graph.evidence.log_problems}
    yield from (r for r in graph.evidence.records if r.path not in doubted)
    yield from graph.evidence.log_problems


# 21 CFR 11.10 (e)
@rule(
    "C14",
    "Every record of the log is signed by a known person, unchanged and in its place "
    "(a log cut off at its end shows only against a head kept elsewhere).",
    _log,
    clauses=("21 CFR 11.10 (e)",),
)
def can_be_believed(graph: TraceGraph, subject: Record | LogProblem) -> Iterator[Gap]:
    """Takes over what reading the log found."""
    if isinstance(subject, LogProblem):
        yield Gap(
            subject.path,
            f"{subject.kind.value.capitalize()}: {subject.message}",
            _REMEDY.get(subject.kind, _RESTORE),
            subject.path,
        )


_RESTORE = (
    "Get the file back from git ('git log -- records') and find out what happened."
)
_REMEDY: Mapping[ProblemKind, str] = {
    ProblemKind.UNKNOWN_SIGNER: "Add the signer with their public key to "
    "regml.toml, or find out who wrote the record.",
    ProblemKind.TIME: "Set the clock of the machine right; the order of the log stays "
    "as it is.",
}


# IEC 62304 8.3
@rule(
    "C19",
    "Every stage in dvc.lock is explained by a believed, passed run.",
    lambda graph: graph.evidence.lock,
    clauses=("IEC 62304 8.3",),
)
def is_explained(graph: TraceGraph, locked: LockedStage) -> Iterator[Gap]:
    """Same command, parameters, inputs and outputs; otherwise says what differs."""
    if graph.current.explained[locked.name]:
        return
    runs = [
        record
        for record in graph.current.believed
        if isinstance(record.statement, StageRun)
        and record.statement.stage == locked.name
    ]
    why = "no believed run of the stage is recorded"
    if runs and isinstance(run := runs[-1].statement, StageRun):
        why = f"the last run ({runs[-1].id}) does not fit: "
        why += "; ".join(differences(locked, run)[:3])
    yield Gap(
        locked.name,
        f"Nothing explains what dvc.lock says about {locked.name}: {why}.",
        f"Run 'dvc repro -f -s {locked.name}' so that the run is recorded.",
        "dvc.lock",
    )


def normalised(name: str) -> str:
    """Return a distribution name as PEP 503 compares it.

    >>> normalised("Pillow_Heif")
    'pillow-heif'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_version(installed: str, locked: str) -> bool:
    """Tell whether an installed version is the locked one.

    As in PEP 440, a locked ``2.13.0`` is met by the build ``2.13.0+cpu``.
    """
    return installed == locked or installed.partition("+")[0] == locked


def _locked(graph: TraceGraph) -> Iterator[Package]:
    lock = graph.evidence.config.sources.lock
    for name, version in sorted(graph.evidence.packages.items()):
        yield Package(normalised(name), "lock", version, lock)


def _used(graph: TraceGraph) -> Iterator[Package]:
    """Give the locked packages as the runs behind model and results had them."""
    for record in (graph.current.training, graph.current.evaluation):
        if record is None:
            continue
        environment = record.statement.origin.environment
        packages: Any = environment.get("packages")
        installed = packages if isinstance(packages, Mapping) else {}
        # regml may run from its sources; then it says its version itself
        own = {"regml": environment["regml"]} if "regml" in environment else {}
        known = {normalised(k): str(v) for k, v in {**own, **installed}.items()}
        for name in sorted(graph.evidence.packages):
            name = normalised(name)  # noqa: PLW2901 - the same name, comparable
            yield Package(name, f"run@{record.id}", known.get(name), record.path)


RULES = (
    is_listed_soup,
    has_its_needs,
    is_followed_up,
    is_as_approved,
    can_be_believed,
    is_explained,
)
