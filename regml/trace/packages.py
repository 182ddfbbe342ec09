"""Three lists of packages held against each other: installed, locked, SOUP."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from regml.files.git import files_below
from regml.files.imported import Imported
from regml.files.installed import InstalledPackage, spdx
from regml.files.lock import is_version, normalised
from regml.items.design import SoftwareItem, Soup
from regml.trace.model import TraceGraph
from regml.trace.page import NONE, Table
from regml.trace.rules.soup import PYTHON, is_release_of, soups

FAMILIES: Final[Mapping[str, str]] = {
    "Apache Software License": "Apache-",
    "BSD": "BSD-",
    "BSD License": "BSD-",
    "Python Software Foundation License": "PSF-",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0",
    "Apache": "Apache-",
}
"""How an SPDX id begins that words in metadata may mean; they do not say which one."""


class Kind(StrEnum):
    """How the three lists can differ."""

    MISSING = "missing"
    """In the lock file, without a SOUP item."""
    SUPERFLUOUS = "superfluous"
    """A SOUP item for what is not in the lock file."""
    NOT_INSTALLED = "not installed"
    NOT_LOCKED = "not locked"
    """A locked package or the device's code needs it; the lock file has it not."""
    OTHER_VERSION = "other version"
    OTHER_INSTALLED = "other version installed"
    OTHER_LICENCE = "other licence"
    OTHER_SUPPLIER = "changed supplier"


@dataclass(frozen=True, slots=True)
class Difference:
    """One package about which two of the lists disagree.

    Attributes:
        kind: How.
        package: As the list that has it writes it.
        item: Id of the SOUP item; ``""`` when there is none.
        said: What the SOUP item or lock file says.
        found: What the lock file or the installed package says.
        remedy: What to do.
    """

    kind: Kind
    package: str
    item: str
    said: str
    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was compared.

    Attributes:
        compared: How many packages.
        differences: By package.
        not_compared: What could not be held against anything, in sentences.
    """

    compared: int
    differences: tuple[Difference, ...]
    not_compared: tuple[str, ...]

    def table(self) -> Table:
        """Return the differences, one per row."""
        columns = ("package", "SOUP", "difference", "said", "found", "what to do")
        return Table(
            columns,
            tuple(
                (d.package, d.item or NONE, str(d.kind), d.said, d.found, d.remedy)
                for d in self.differences
            ),
        )


def wanted_packages(graph: TraceGraph) -> tuple[str, ...]:
    """Return the packages that lock file and SOUP items name, normalised and sorted."""
    listed = {normalised(soup.package) for soup in soups(graph)} - {PYTHON}
    return tuple(sorted(listed | set(graph.evidence.packages)))


def device_files(graph: TraceGraph) -> tuple[str, ...]:
    """Return the sources of the device itself, without those of tools that make it."""
    evidence = graph.evidence
    tools = [
        source
        for item in graph.items(SoftwareItem)
        if not item.in_device
        for source in item.sources
    ]
    made_by = set(files_below(evidence.tree, tools))
    sources = files_below(evidence.tree, evidence.config.sources.software)
    return tuple(name for name in sources if name not in made_by)


def not_locked(graph: TraceGraph, imports: Iterable[Imported]) -> Iterator[Imported]:
    """Give what is imported from packages that the lock file does not have."""
    locked = graph.evidence.packages
    for one in imports:
        if not any(normalised(name) in locked for name in (*one.packages, one.module)):
            yield one


def compare(
    graph: TraceGraph,
    installed: Mapping[str, InstalledPackage],
    *,
    python: str,
    imports: Iterable[Imported] = (),
) -> Comparison:
    """Hold what is installed against the lock file and the SOUP items.

    Args:
        graph: The evidence.
        installed: By normalised name; those of :func:`wanted_packages` at least.
        python: Full version of the interpreter.
        imports: What the device's own code imports.
    """
    found = [*_of_lock(graph, installed), *_of_soup(graph, installed, python)]
    lock = graph.evidence.config.sources.lock
    for one in not_locked(graph, imports):
        names = " or ".join(one.packages)
        remedy = f"Put it into {lock} with its exact version, or import it no more."
        said = f"imported by {one.by}"
        found.append(Difference(Kind.NOT_LOCKED, names, "", said, NONE, remedy))
    found.sort(key=lambda d: (normalised(d.package), list(Kind).index(d.kind), d.item))
    return Comparison(
        compared=len(wanted_packages(graph)) + 1,
        differences=tuple(found),
        not_compared=tuple(_not_compared(graph, installed)),
    )


def items_of(graph: TraceGraph, package: str) -> tuple[Soup, ...]:
    """Return the SOUP items in force of a package."""
    name = normalised(package)
    return tuple(soup for soup in soups(graph) if normalised(soup.package) == name)


def package_url(package: str, version: str) -> str:
    """Return the package URL of a Python package, or of the interpreter.

    >>> package_url("pydantic_core", "2.50.4"), package_url("python", "3.11")
    ('pkg:pypi/pydantic-core@2.50.4', 'pkg:generic/python@3.11')
    >>> package_url("torch", "2.7+cpu")
    'pkg:pypi/torch@2.7%2Bcpu'
    """
    name = normalised(package)
    kind = "generic" if name == PYTHON else "pypi"
    return f"pkg:{kind}/{quote(name, safe='')}@{quote(version, safe=':')}"


def needed_here(marker: str | None) -> bool:
    """Tell whether a package with a marker (PEP 508) is needed by this interpreter."""
    from packaging.markers import InvalidMarker, Marker

    try:
        return not marker or Marker(marker).evaluate()
    except InvalidMarker:
        return True


def _of_lock(
    graph: TraceGraph, installed: Mapping[str, InstalledPackage]
) -> Iterator[Difference]:
    evidence = graph.evidence
    lock = evidence.config.sources.lock
    for name, version in sorted(evidence.packages.items()):
        here = installed.get(name)
        if not items_of(graph, name):
            told = here.name if here else name
            remedy = "Write a SOUP item; --write begins it."
            yield Difference(Kind.MISSING, told, "", NONE, version, remedy)
        if here is None:
            if needed_here(evidence.markers.get(name)):
                remedy = f"Install the versions of {lock}."
                yield Difference(Kind.NOT_INSTALLED, name, "", version, NONE, remedy)
            continue
        if not is_version(here.version, version):
            remedy = f"Install the versions of {lock}, or lock what is installed."
            kind = Kind.OTHER_INSTALLED
            yield Difference(kind, here.name, "", version, here.version, remedy)
        for needed in here.requires:
            if needed not in evidence.packages:
                remedy = f"Put it into {lock} with its exact version."
                said = f"needed by {here.name}"
                yield Difference(Kind.NOT_LOCKED, needed, "", said, NONE, remedy)


def _of_soup(
    graph: TraceGraph, installed: Mapping[str, InstalledPackage], python: str
) -> Iterator[Difference]:
    for soup in soups(graph):
        name = normalised(soup.package)
        if name == PYTHON:
            if not is_release_of(python, soup.version):
                remedy = "Use the listed interpreter, or correct 'version' by hand."
                kind = Kind.OTHER_INSTALLED
                yield Difference(kind, PYTHON, soup.id, soup.version, python, remedy)
            continue
        locked = graph.evidence.packages.get(name)
        if locked is None:
            remedy = f"Retire {soup.id} by hand, or lock the package."
            kind = Kind.SUPERFLUOUS
            yield Difference(kind, soup.package, soup.id, soup.version, NONE, remedy)
        elif locked != soup.version:
            remedy = "Review its anomalies; --write sets 'version'."
            kind = Kind.OTHER_VERSION
            yield Difference(kind, soup.package, soup.id, soup.version, locked, remedy)
        if (here := installed.get(name)) and is_version(here.version, locked or ""):
            yield from _of_metadata(soup, here)


def _of_metadata(soup: Soup, here: InstalledPackage) -> Iterator[Difference]:
    if fits_licence(soup.licence, here) is False:
        remedy = "Read the licence of this version and correct 'licence' by hand."
        found = here.licence or here.licence_words
        kind = Kind.OTHER_LICENCE
        yield Difference(kind, soup.package, soup.id, soup.licence, found, remedy)
    known = soup.published_by
    if known and " ".join(known.split()) != here.published_by:
        remedy = "Find out who answers for it now; correct 'supplier' and "
        remedy += "'published_by' by hand."
        found = here.published_by or NONE
        kind = Kind.OTHER_SUPPLIER
        yield Difference(kind, soup.package, soup.id, known, found, remedy)


def fits_licence(said: str, here: InstalledPackage) -> bool | None:
    """Tell whether a licence is what a package states, ``None`` where it is not exact.

    Words such as "BSD License" only rule out another family of licences.
    """
    if here.licence is not None:
        return (spdx(said) or said) == (spdx(here.licence) or here.licence)
    begins = FAMILIES.get(here.licence_words)
    if begins is None or begins in said:
        return None
    return False


def _not_compared(
    graph: TraceGraph, installed: Mapping[str, InstalledPackage]
) -> Iterator[str]:
    pairs = [
        (soup, installed[normalised(soup.package)])
        for soup in soups(graph)
        if normalised(soup.package) in installed
    ]
    vague = [soup.package for soup, here in pairs if here.licence is None]
    if vague:
        yield (
            f"Licence not compared exactly, because the package gives no SPDX "
            f"expression: {', '.join(sorted(vague, key=normalised))}."
        )
    silent = [soup.package for soup, _ in pairs if not soup.published_by]
    if silent:
        yield (
            f"Supplier not compared, because the SOUP item has no 'published_by': "
            f"{', '.join(sorted(silent, key=normalised))}."
        )
