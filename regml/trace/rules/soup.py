"""C: software of unknown provenance (IEC 62304 5.3.3, 7.1.3, 8.1.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from regml.files.lock import is_version, normalised
from regml.findings import Severity
from regml.items.design import Soup
from regml.items.installed import installed
from regml.items.recorded import Record
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule

PYTHON = "python"
"""The SOUP package that no lock file lists: the interpreter."""

MACHINE = ("python", "system", "cpu", "container", "container_image")
"""Parts of an environment that tell machines apart."""


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
        files: Stages behind the present state that had it in this version on the same
            machine, by the sha256 of its list of files; more than one list tells that
            its files were replaced in between.
    """

    name: str
    place: str
    version: str | None
    path: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def packages(graph: TraceGraph) -> tuple[Package | Soup, ...]:
    """Return what lock file, runs and SOUP list say about packages."""
    return (*_locked(graph), *_used(graph), *soups(graph))


# IEC 62304 8.1.2
@rule(
    "C01",
    "Lock file, SOUP list and the environment of the runs name the same packages in "
    "the same versions; runs on one machine had the same files of them.",
    packages,
    clauses=("IEC 62304 8.1.2",),
)
def is_listed_soup(graph: TraceGraph, subject: Package | Soup) -> Iterator[Gap]:
    """Three places, one truth: what is installed in the device."""
    if isinstance(subject, Soup):
        yield from _still_used(graph, subject)
    elif subject.place == "lock":
        yield from _described(graph, subject)
    elif subject.name == PYTHON:
        yield from _interpreted(graph, subject)
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
    if package.version is None or not is_version(package.version, locked or ""):
        has = f"had {package.version}" if package.version else "did not have it"
        yield Gap(
            package.place,
            f"The lock file has {package.name} {locked}; the run behind the current "
            f"model or results {has}.",
            "Install the versions of the lock file and run 'dvc repro -f'.",
            package.path,
        )
    if len(package.files) > 1:
        told = ", ".join(
            f"{sha256[:SHORT]} in {' and '.join(stages)}"
            for stages, sha256 in sorted((s, d) for d, s in package.files.items())
        )
        yield Gap(
            package.place,
            f"Runs on the same machine had {package.name} {package.version} with "
            f"different files (sha256 of RECORD: {told}): it was installed anew or its "
            "files were replaced in between.",
            "Install the packages of the lock file anew and run 'dvc repro -f'.",
            package.path,
            Severity.MINOR,
        )


def _interpreted(graph: TraceGraph, package: Package) -> Iterator[Gap]:
    known = [s.version for s in soups(graph) if normalised(s.package) == PYTHON]
    if any(is_release_of(package.version or "", version) for version in known):
        return
    listed = f"the SOUP list has {', '.join(known)}" if known else "no SOUP item has it"
    yield Gap(
        package.place,
        f"The run behind the current model or results had Python {package.version}; "
        f"{listed}.",
        "Run 'dvc repro -f' with the listed interpreter, or write the SOUP item.",
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


# IEC 62304 7.1.3
@rule(
    "C03",
    "The published anomalies of every SOUP item were reviewed lately, for the version "
    "in use, and a relevant one names the risks it touches.",
    soups,
    clauses=("IEC 62304 7.1.3",),
    classes=CLASS_B_AND_C,
)
def has_a_current_review(graph: TraceGraph, soup: Soup) -> Iterator[Gap]:
    """How old a review may be stands in regml.toml."""
    review, name = soup.review, f"{soup.package} {soup.version}"
    if review is None:
        yield Gap(
            soup.id,
            f"Nobody has reviewed the published anomalies of {name}.",
            f"Read {soup.anomaly_source}, and write 'review' into {soup.id}.",
            graph.where(soup.id),
        )
        return
    where = graph.where(soup.id, "review")
    again = f"Review the anomalies of {name} and write it under 'review' of {soup.id}."
    age = (graph.evidence.today - review.date).days
    allowed = graph.evidence.config.maintenance.anomaly_review_days
    if review.version != soup.version:
        said = f"were reviewed for {review.version}, not for {soup.version} in use"
        yield Gap(soup.id, f"The anomalies of {soup.package} {said}.", again, where)
    elif not 0 <= age <= allowed:
        when = f"more than {allowed} days ago" if age > 0 else "in the future"
        said = f"The anomalies of {name} were reviewed on {review.date}, {when}."
        yield Gap(soup.id, said, again, where)
    for anomaly in review.anomalies:
        if anomaly.relevant and not anomaly.risks:
            yield Gap(
                soup.id,
                f"The anomaly {anomaly.id} of {name} is relevant, but names no risk.",
                f"Name the risks it touches under 'anomalies' of {soup.id}.",
                graph.where(soup.id, anomaly.id),
            )


def is_release_of(version: str, wanted: str) -> bool:
    """Tell whether a version is the wanted one or one below it.

    >>> is_release_of("3.11.7", "3.11"), is_release_of("3.110.0", "3.11")
    (True, False)
    """
    return version == wanted or version.startswith(f"{wanted}.")


def versions_in(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of interpreter, packages and regml as a run recorded them.

    regml may have run from its sources; then it says its version itself.
    """
    own = {"regml": environment["regml"]} if "regml" in environment else {}
    found = {name: had.version for name, had in installed(environment).items()}
    found = {**own, **found}
    if version := _part(environment, "python").get("version"):
        found[PYTHON] = version
    return {name: str(version) for name, version in found.items()}


def _part(environment: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = environment.get(name)
    return part if isinstance(part, Mapping) else {}


def _is_needed(marker: str, environment: Mapping[str, Any]) -> bool:
    """Tell whether a package with a marker (PEP 508) is needed where something ran."""
    from packaging.markers import Marker, UndefinedEnvironmentName

    python, system = _part(environment, "python"), _part(environment, "system")
    full = str(python.get("version", ""))
    kernel = str(system.get("kernel", "Linux")).partition(" ")[0]
    ran_on = {
        "python_version": ".".join(full.split(".")[:2]),
        "python_full_version": full,
        "implementation_name": str(python.get("implementation", "cpython")),
        "sys_platform": kernel.lower(),
        "platform_system": kernel,
        "platform_machine": str(system.get("machine", "x86_64")),
        "os_name": "posix",
    }
    try:
        return not full or Marker(marker).evaluate(ran_on)
    except (ValueError, UndefinedEnvironmentName):
        return True


def _locked(graph: TraceGraph) -> Iterator[Package]:
    lock = graph.evidence.config.sources.lock
    for name, version in sorted(graph.evidence.packages.items()):
        yield Package(normalised(name), "lock", version, lock)


def _used(graph: TraceGraph) -> Iterator[Package]:
    """Give interpreter and packages as the runs behind model and results had them.

    A package whose marker says that it is not needed there may be absent.
    """
    current = graph.current
    runs = [r for r in (current.training, current.evaluation) if r is not None]
    for record in runs:
        # what differs between runs is said of the last one
        files = _lists_of_files(graph, record) if record is runs[-1] else {}
        place, environment = f"run@{record.id}", record.statement.origin.environment
        known = {normalised(k): v for k, v in versions_in(environment).items()}
        if PYTHON in known:
            yield Package(PYTHON, place, known[PYTHON], record.path)
        for listed in sorted(graph.evidence.packages):
            name = normalised(listed)
            marker = graph.evidence.markers.get(listed)
            if name in known or not marker or _is_needed(marker, environment):
                lists = files.get(name, {})
                yield Package(name, place, known.get(name), record.path, lists)


def _lists_of_files(
    graph: TraceGraph, record: Record
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return which stages had which list of files of a package, by name and sha256.

    Counted are runs behind the present state on the machine of a record, and the
    version that this record has: on another machine an equal version may lie there
    with other scripts and compiled files.
    """
    here = record.statement.origin.environment
    versions = {normalised(k): had.version for k, had in installed(here).items()}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for stage, run in sorted(graph.current.explained.items()):
        there = run.statement.origin.environment if run else {}
        if any(there.get(part) != here.get(part) for part in MACHINE):
            continue
        for listed, had in installed(there).items():
            name = normalised(listed)
            if had.sha256 and versions.get(name) == had.version:
                stages = found.setdefault(name, {})
                stages[had.sha256] = (*stages.get(had.sha256, ()), stage)
    return found


RULES = (
    is_listed_soup,
    has_its_needs,
    has_a_current_review,
)
