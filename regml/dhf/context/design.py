"""What the documents on device, architecture and SOUP say."""

from collections.abc import Iterator
from dataclasses import dataclass

from regml.dhf.context.common import ItemSection, facts, sources, targets, verdict
from regml.dhf.table import Table, all_well, table
from regml.items.config import Device
from regml.items.design import SoftwareItem, Soup
from regml.items.links import Link
from regml.items.risk import Risk
from regml.trace.model import TraceGraph


@dataclass(frozen=True, slots=True)
class DeviceSection:
    """The device and its classification."""

    facts: Table
    not_for: tuple[str, ...]
    misuse: Table
    signers: Table


def device(graph: TraceGraph) -> DeviceSection:
    """Return what the labelling says about the device."""
    told: Device = graph.evidence.config.device
    return DeviceSection(
        facts=facts(
            [
                ("Name", told.name),
                ("Version", told.version),
                ("Manufacturer", told.manufacturer),
                ("Intended use", told.intended_use),
                ("Users", told.users),
                ("Software safety class (IEC 62304 4.3)", told.safety_class),
                ("Class rationale", told.class_rationale),
                ("Documentation level (FDA)", told.documentation_level),
                ("Documentation level rationale", told.documentation_rationale),
            ],
            title="Device",
        ),
        not_for=told.not_for,
        misuse=table(
            ("Id", "What somebody may do", "Considered by"),
            [(row.id, row.text, _considering(graph, row.id)) for row in told.misuse],
            empty="regml.toml lists no foreseeable misuse.",
        ),
        signers=table(
            ("Name", "E-mail", "May sign as"),
            [(s.name, s.email, s.roles) for s in graph.evidence.config.signers],
            empty="regml.toml names no signer; no signature counts.",
        ),
    )


def _considering(graph: TraceGraph, misuse: str) -> str:
    names = [risk.id for risk in graph.items(Risk) if misuse in risk.misuse]
    return ", ".join(names) or verdict("no risk")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Software items with their classes, sources and links."""

    overview: Table
    items: tuple[ItemSection, ...]


def architecture(graph: TraceGraph) -> Architecture:
    """Return the software items, parents before their parts."""
    items = graph.items(SoftwareItem)
    return Architecture(
        overview=table(
            ("Item", "Title", "Class", "Part of", "In device", "Requirements"),
            [
                (
                    item.id,
                    f"{'· ' * depth}{item.title}",
                    item.safety_class or "C (not classified)",
                    item.part_of,
                    item.in_device,
                    len(graph.out(item.id, Link.IMPLEMENTS)),
                )
                for depth, item in _rows(items)
            ],
            empty="0 software items.",
        ),
        items=tuple(software_section(graph, item) for item in items),
    )


def _rows(items: tuple[SoftwareItem, ...]) -> list[tuple[int, SoftwareItem]]:
    """Return items below their parents; those that lie in a circle come last."""
    rows = list(_tree(items, None, 0))
    placed = {item.id for _, item in rows}
    return rows + [(0, item) for item in items if item.id not in placed]


def _tree(
    items: tuple[SoftwareItem, ...], parent: str | None, depth: int
) -> Iterator[tuple[int, SoftwareItem]]:
    """Give items below a parent; items whose parent is unknown count as roots."""
    known = {item.id for item in items}
    for item in items:
        above = item.part_of if item.part_of in known else None
        if above == parent and depth <= len(items):
            yield depth, item
            yield from _tree(items, item.id, depth + 1)


def software_section(graph: TraceGraph, item: SoftwareItem) -> ItemSection:
    """Return a software item with its fields and links."""
    rows = [
        ("Safety class", item.safety_class or "C, because it was not classified"),
        ("Class rationale", item.class_rationale),
        ("Segregation", item.segregation),
        ("Part of", item.part_of),
        ("Part of the device", item.in_device),
        ("Learned from data", item.machine_learning),
        ("Implements", targets(graph, item.id, Link.IMPLEMENTS)),
        ("No requirements, because", item.without_requirements),
        ("Uses SOUP", targets(graph, item.id, Link.USES)),
        ("Could contribute to risks", sources(graph, item.id, Link.CONTRIBUTED_BY)),
        ("Source files", item.sources),
        ("Interfaces", item.interfaces),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))


@dataclass(frozen=True, slots=True)
class SoupList:
    """Software of unknown provenance."""

    overview: Table
    unlisted: Table
    items: tuple[ItemSection, ...]


def soup(graph: TraceGraph) -> SoupList:
    """Return the SOUP items beside what the lock file installs."""
    items, packages = graph.items(Soup), graph.evidence.packages
    listed = {_normal(item.package) for item in items}
    return SoupList(
        overview=table(
            ("Id", "Package", "Version", "In the lock file", "Licence", "Reviewed"),
            [
                (
                    item.id,
                    item.package,
                    item.version,
                    packages.get(_normal(item.package), "not in it"),
                    item.licence,
                    item.review.date if item.review else "not reviewed",
                )
                for item in items
            ],
            empty="0 SOUP items.",
        ),
        unlisted=table(
            ("Package in the lock file", "Version"),
            [(n, v) for n, v in sorted(packages.items()) if n not in listed],
            empty=all_well(
                packages,
                "Every package of the lock file has a SOUP item.",
                "The lock file has 0 packages.",
            ),
        ),
        items=tuple(soup_section(graph, item) for item in items),
    )


def soup_section(graph: TraceGraph, item: Soup) -> ItemSection:
    """Return a SOUP item with its fields and links."""
    review = item.review
    rows = [
        ("Package", f"{item.package} {item.version}"),
        ("Supplier", item.supplier),
        ("Licence", item.licence),
        ("Functional and performance requirements (5.3.3)", item.functional),
        ("System hardware and software it needs (5.3.4)", item.environment),
        ("Used by", sources(graph, item.id, Link.USES)),
        ("Anomalies published at", item.anomaly_source),
        ("Anomalies reviewed", review.date if review else "not reviewed"),
        ("Reviewed for version", review.version if review else None),
        ("Read at", review.source if review else None),
        ("Conclusion", review.conclusion if review else None),
        ("Touches risks", review.risks if review else None),
        ("Support by its supplier", item.support or "not stated"),
        ("Read at", item.support_source),
        ("End of support", item.end_of_support or item.no_end_because),
        ("What happens then", item.after_support),
    ]
    tables = (("Anomalies looked at one by one", _anomalies(item)),) if review else ()
    if item.vulnerabilities:
        tables = (*tables, ("Known vulnerabilities", _vulnerabilities(item)))
    return ItemSection(item.id, item.title, item.text, facts(rows), tables)


def _anomalies(item: Soup) -> Table:
    return table(
        ("Anomaly", "Relevant", "Because", "Risks"),
        [
            (anomaly.id, anomaly.relevant, anomaly.because, anomaly.risks)
            for anomaly in (item.review.anomalies if item.review else ())
        ],
        empty="None was looked at on its own.",
    )


def _vulnerabilities(item: Soup) -> Table:
    return table(
        ("Entry", "Version", "Status", "Assessed", "Because", "Risks"),
        [
            (v.id, v.version, v.status.replace("_", " "), v.date, v.because, v.risks)
            for v in item.vulnerabilities
        ],
    )


def _normal(package: str) -> str:
    return package.lower().replace("_", "-").replace(".", "-")
