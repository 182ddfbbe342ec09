"""C: how long SOUP is supported, and its known vulnerabilities (FDA; IEC 81001-5-1)."""

from collections.abc import Iterator

from regml.files.vulnerabilities import FOLDER
from regml.findings import Severity
from regml.items.config import Config
from regml.items.design import Exploitability, Soup, SupportLevel
from regml.items.vulnerabilities import VulnerabilityExport, latest
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule
from regml.trace.rules.soup import soups
from regml.trace.vulnerabilities import (
    asked_version,
    assessment_of,
    known_of,
    strangers,
    too_old,
)


def _supported(graph: TraceGraph) -> tuple[Config | Soup, ...]:
    found = soups(graph)
    return (graph.evidence.config, *found) if found else ()


# FDA premarket cybersecurity: SBOM
@rule(
    "C04",
    "Every SOUP item says what its supplier still does for it and until when, and what "
    "happens when that ends before the support of the device.",
    _supported,
    severity=Severity.MAJOR,
    clauses=("FDA cybersecurity SBOM", "IEC 81001-5-1 6"),
)
def is_supported(graph: TraceGraph, subject: Config | Soup) -> Iterator[Gap]:
    """Support level, its end, and a plan where it does not suffice."""
    until = graph.evidence.config.maintenance.supported_until
    if isinstance(subject, Config):
        if until is None:
            yield Gap(
                "regml.toml",
                "Nothing says until when the device is supported, so that no end of "
                "support of a package can be judged.",
                "Set 'supported_until' in the table [maintenance].",
                "regml.toml",
            )
        return
    name, where = f"{subject.package} {subject.version}", graph.where(subject.id)
    missing = {
        "support": subject.support,
        "support_source": subject.support_source,
        "end_of_support": subject.end_of_support or subject.no_end_because,
    }
    lacks = [field for field, value in missing.items() if not value]
    if lacks:
        yield Gap(
            subject.id,
            f"{subject.id} does not say for {name}: {', '.join(lacks)}.",
            f"Fill in '{lacks[0]}' of {subject.id}; an unknown end needs "
            "'no_end_because'.",
            where,
        )
    if subject.after_support:
        return
    end = subject.end_of_support
    if subject.support in (SupportLevel.NOT_MAINTAINED, SupportLevel.ABANDONED):
        why = "Nobody maintains it any more"
    elif end and until and end < until:
        why = f"Its support ends on {end}, that of the device on {until}"
    else:
        return
    yield Gap(
        subject.id,
        f"{subject.id} does not say what happens with {name}: {why}.",
        f"Fill in 'after_support' of {subject.id}, or replace the package.",
        graph.where(subject.id, "end_of_support" if end else "support"),
    )


def _looked_up(graph: TraceGraph) -> tuple[VulnerabilityExport | Soup | None, ...]:
    export, found = latest(graph.evidence.vulnerabilities), soups(graph)
    return (export, *found) if found else ()


# FDA premarket cybersecurity: known vulnerabilities
@rule(
    "C05",
    "Every SOUP item was looked up in a recent export of known vulnerabilities, and "
    "every entry about its version is assessed.",
    _looked_up,
    severity=Severity.MAJOR,
    clauses=("FDA cybersecurity vulnerability assessment", "IEC 81001-5-1 9"),
)
def is_assessed(
    graph: TraceGraph, subject: VulnerabilityExport | Soup | None
) -> Iterator[Gap]:
    """Not looked up is never the same as nothing found."""
    export = latest(graph.evidence.vulnerabilities)
    if isinstance(subject, Soup):
        if export is not None:
            yield from _entries(graph, subject, export)
        return
    if subject is None:
        yield Gap(
            FOLDER,
            f"No export of known vulnerabilities is there: of {len(soups(graph))} "
            "packages, 0 are assessed.",
            f"Export them from a database such as OSV into {FOLDER}/<date>.json.",
            FOLDER,
        )
        return
    allowed = graph.evidence.config.maintenance.vulnerability_export_days
    if when := too_old(subject, graph.evidence.today, allowed):
        yield Gap(
            subject.path,
            f"The latest export of known vulnerabilities, of {subject.exported}, is "
            f"{when}.",
            f"Export them again into {FOLDER}.",
            subject.path,
        )
    yield from _about_nothing_asked(graph, subject)


def _about_nothing_asked(
    graph: TraceGraph, export: VulnerabilityExport
) -> Iterator[Gap]:
    """An answer that names no package of ours is about one all the same."""
    for entry in strangers(export, soups(graph)):
        yield Gap(
            entry.id,
            f"{entry.id} stands in the export of {export.exported} and names none of "
            "the packages that were asked about, so that nobody can tell what it "
            "concerns.",
            "Assess it under 'vulnerabilities' of the SOUP item that it was found for.",
            export.path,
        )


def _entries(
    graph: TraceGraph, soup: Soup, export: VulnerabilityExport
) -> Iterator[Gap]:
    name, asked = f"{soup.package} {soup.version}", asked_version(export, soup)
    if asked != soup.version:
        instead = f"; version {asked} was" if asked else ""
        yield Gap(
            soup.id,
            f"The vulnerabilities of {name} were not looked up in the export of "
            f"{export.exported}{instead}.",
            f"Export them again for the versions in use into {FOLDER}.",
            export.path,
        )
        return
    yield from _no_more_listed(graph, soup, export)
    for entry in known_of(export, soup):
        assessed = assessment_of(soup, entry)
        if assessed is None:
            problem, field = "nobody has assessed it", "vulnerabilities"
        elif assessed.status is Exploitability.UNDER_INVESTIGATION:
            problem, field = "it is still under investigation", entry.id
        elif assessed.status is Exploitability.AFFECTED and not assessed.risks:
            problem, field = "it affects the device and names no risk", entry.id
        else:
            continue
        yield Gap(
            soup.id,
            f"{entry.id} is known about {name}, and {problem}.",
            f"Write status, reason and risks under 'vulnerabilities' of {soup.id}.",
            graph.where(soup.id, field),
        )


def _no_more_listed(
    graph: TraceGraph, soup: Soup, export: VulnerabilityExport
) -> Iterator[Gap]:
    """Say what was assessed for the version in use and is not in the export any more.

    What is fixed in a version no database names for it.
    """
    listed = {name for entry in export.vulns for name in (entry.id, *entry.aliases)}
    for assessed in soup.vulnerabilities:
        stands = assessed.version == soup.version and (
            assessed.status is not Exploitability.FIXED
        )
        if stands and assessed.id not in listed:
            yield Gap(
                soup.id,
                f"{assessed.id} is assessed for {soup.package} {soup.version}, and the "
                f"export of {export.exported} does not list it: the export is not "
                "whole, or the entry was taken back.",
                "Export them again; if it was taken back, take the assessment out.",
                graph.where(soup.id, assessed.id),
            )


RULES = (is_supported, is_assessed)
