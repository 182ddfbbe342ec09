"""What the documents on plans, SOUP over time, tools and labelling say."""

from collections.abc import Iterator
from dataclasses import dataclass

from regml.dhf.context.common import ItemSection, verdict
from regml.dhf.context.items import item_section
from regml.dhf.table import Table, table
from regml.items.config import ChangeControl, Signer
from regml.items.design import SoftwareItem, Soup
from regml.items.lifecycle import (
    ChangeRequest,
    PccpModification,
    ProblemReport,
    TestProtocol,
)
from regml.items.links import AnyItem, Link
from regml.items.requirements import Requirement
from regml.items.risk import ControlOption, Risk
from regml.items.vulnerabilities import latest
from regml.trace.activities import what_is_missing
from regml.trace.model import TraceGraph
from regml.trace.packages import package_url
from regml.trace.rules.soup import is_release_of, versions_in
from regml.trace.vulnerabilities import (
    asked_version,
    assessment_of,
    known_of,
    strangers,
)


@dataclass(frozen=True, slots=True)
class Sections:
    """Items in full, for documents that print one after the other."""

    protocols: tuple[ItemSection, ...]
    problems: tuple[ItemSection, ...]
    changes: tuple[ItemSection, ...]
    modifications: tuple[ItemSection, ...]


def sections(graph: TraceGraph) -> Sections:
    """Return the items of some kinds in full."""

    def all_of(model: type[AnyItem]) -> tuple[ItemSection, ...]:
        return tuple(item_section(graph, item) for item in graph.items(model))

    return Sections(
        protocols=all_of(TestProtocol),
        problems=all_of(ProblemReport),
        changes=all_of(ChangeRequest),
        modifications=all_of(PccpModification),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``regml.toml`` plans, and how far it is done.

    Attributes:
        activities: Planned activities with what is missing.
        approvals: Which roles have to approve what.
        controlled: What change control covers, and since when.
        roles: Who may sign in which role.
        signals: What is watched after release, by risk.
        intervals: How often something is looked at.
        labelling: What the labelling has to tell about residual risks.
        informed: Controls that work by information only.
        units: Software units with their source files and requirements.
    """

    activities: Table
    approvals: Table
    controlled: Table
    roles: Table
    signals: Table
    intervals: Table
    labelling: Table
    informed: Table
    units: Table


def plan(graph: TraceGraph) -> Plan:
    """Return everything the plans print."""
    risks, config = graph.items(Risk), graph.evidence.config
    return Plan(
        activities=_activities(graph),
        approvals=table(
            ("What", "Has to be approved by"),
            [(kind, roles) for kind, roles in sorted(config.approvals.items())],
            empty="regml.toml asks for no approval of items.",
        ),
        controlled=_controlled(config.change_control),
        roles=_roles(config.signers),
        signals=table(
            ("Risk", "Title", "What is watched after release"),
            [(r.id, r.title, r.signals or verdict("nothing")) for r in risks],
            empty="0 risks.",
        ),
        intervals=table(
            ("What", "Limit"),
            [
                (
                    "The device is supported until",
                    config.maintenance.supported_until or verdict("not stated"),
                ),
                (
                    "A review of published anomalies of SOUP is at most so old, days",
                    config.maintenance.anomaly_review_days,
                ),
                (
                    "The export of known vulnerabilities is at most so old, days",
                    config.maintenance.vulnerability_export_days,
                ),
            ],
        ),
        labelling=table(
            ("Risk", "Title", "What the labelling says", "Not disclosed, because"),
            [
                (r.id, r.title, r.disclosure or "", r.no_disclosure_because or "")
                for r in risks
            ],
            empty="0 risks.",
        ),
        informed=_informed(risks),
        units=_units(graph),
    )


def _activities(graph: TraceGraph) -> Table:
    rows = []
    for activity in graph.evidence.config.activities:
        missing = [w for n in activity.shown_by if (w := what_is_missing(graph, n))]
        state = verdict("; ".join(missing)) if missing else "done"
        due = activity.due or "before the release"
        rows.append((activity.name, activity.clause, activity.shown_by, due, state))
    return table(
        ("Activity", "Asked for by", "Shown by", "Due", "State"),
        rows,
        empty="regml.toml names no activity.",
    )


def _controlled(control: ChangeControl | None) -> Table:
    rows = [] if control is None else [(control.since, control.paths or "nothing")]
    return table(
        ("Change control begins with", "Under control besides what always is"),
        rows,
        empty="regml.toml has no [change_control]: commits need no change request.",
    )


def _roles(signers: tuple[Signer, ...]) -> Table:
    roles = sorted({str(role) for signer in signers for role in signer.roles})
    return table(
        ("Role", "Held by"),
        [
            (role, [s.name for s in signers if role in {str(r) for r in s.roles}])
            for role in roles
        ],
        empty="regml.toml names no signer; no signature counts.",
    )


def _informed(risks: tuple[Risk, ...]) -> Table:
    return table(
        ("Risk", "Control", "Information", "Why no option of higher priority"),
        [
            (risk.id, control.id, control.text, control.not_higher_option or "")
            for risk in risks
            for control in risk.controls
            if control.option is ControlOption.INFORMATION_FOR_SAFETY
        ],
        empty="No control works by information alone.",
    )


def _units(graph: TraceGraph) -> Table:
    """Return the software items that have source files, with what implements what."""
    marks: dict[str, set[str]] = {}
    for mark in graph.evidence.implements:
        marks.setdefault(mark.path, set()).add(mark.id)
    rows = []
    for item in graph.items(SoftwareItem):
        for source in item.sources:
            place = source.rstrip("/")
            named = {
                requirement
                for path, ids in marks.items()
                if path == place or path.startswith(f"{place}/")
                for requirement in ids
            }
            own = {edge.target for edge in graph.out(item.id, Link.IMPLEMENTS)}
            rows.append(
                (item.id, item.title, source, sorted(own), sorted(named) or "none")
            )
    return table(
        ("Unit", "Title", "Source", "Allocated requirements", "Named in the source"),
        rows,
        empty="No software item names a source file.",
    )


@dataclass(frozen=True, slots=True)
class BillOfMaterials:
    """Every package of the device over its life.

    Attributes:
        components: Packages with supplier, licence and support.
        export: What is known about vulnerabilities, in a sentence.
        vulnerabilities: Entries that concern a version in use, and assessed ones.
        open: Requirements on security with their texts.
    """

    components: Table
    export: str
    vulnerabilities: Table
    open: Table


def bill_of_materials(graph: TraceGraph) -> BillOfMaterials:
    """Return everything the software bill of materials prints."""
    soups = graph.items(Soup)
    return BillOfMaterials(
        components=table(
            (
                "Id",
                "Component",
                "Version",
                "Package URL",
                "Supplier",
                "Licence",
                "Support",
                "End of support",
                "What happens then",
            ),
            [_component(item) for item in soups],
            empty="0 SOUP items.",
        ),
        export=_export(graph, soups),
        vulnerabilities=table(
            ("Entry", "Component", "Status", "Assessed", "Because", "Risks"),
            sorted(_entries(graph, soups)),
            empty="No entry concerns a package that was looked up.",
        ),
        open=table(
            ("Requirement", "Title"),
            [
                (r.id, r.title)
                for r in graph.items(Requirement)
                if "security" in r.category
            ],
            empty="No requirement has the category security.",
        ),
    )


def _component(item: Soup) -> tuple[object, ...]:
    return (
        item.id,
        item.package,
        item.version,
        package_url(item.package, item.version),
        item.supplier,
        item.licence,
        item.support.replace("_", " ") if item.support else verdict("not stated"),
        item.end_of_support or item.no_end_because or verdict("not stated"),
        item.after_support or "",
    )


def _export(graph: TraceGraph, soups: tuple[Soup, ...]) -> str:
    export = latest(graph.evidence.vulnerabilities)
    if export is None:
        return f"No export is there: 0 of {len(soups)} packages were looked up."
    asked = sum(asked_version(export, item) == item.version for item in soups)
    return (
        f"{asked} of {len(soups)} packages were looked up in their version, in the "
        f"export of {export.exported}. Its source: {export.source}"
    )


def _entries(
    graph: TraceGraph, soups: tuple[Soup, ...]
) -> Iterator[tuple[object, ...]]:
    """Give what concerns a version in use, and what was assessed though it may not."""
    export = latest(graph.evidence.vulnerabilities)
    for item in soups:
        name = f"{item.package} {item.version}"
        for assessed in item.vulnerabilities:
            yield (
                assessed.id,
                name,
                assessed.status.replace("_", " "),
                str(assessed.date),
                assessed.because,
                ", ".join(assessed.risks),
            )
        for entry in known_of(export, item) if export else ():
            if assessment_of(item, entry) is None:
                yield (entry.id, name, verdict("not assessed"), "", entry.summary, "")
    for entry in strangers(export, soups) if export else ():
        name = "none that was asked about"
        yield (entry.id, name, verdict("not assessed"), "", entry.summary, "")


def tools(graph: TraceGraph) -> Table:
    """Return each tool with its qualified versions and those that were used."""
    used: dict[str, set[str]] = {}
    for record in graph.current.explained.values():
        if record is not None:
            for name, version in versions_in(
                record.statement.origin.environment
            ).items():
                used.setdefault(name, set()).add(version)
    rows = []
    for name, qualified in sorted(graph.evidence.config.qualified.items()):
        versions = sorted(used.get(name, ()))
        fits = all(any(is_release_of(v, q) for q in qualified) for v in versions)
        state = "qualified" if fits else verdict("not qualified")
        rows.append((name, qualified, versions or "no run", state if versions else ""))
    return table(
        ("Tool", "Qualified versions", "Used behind the present state", "State"),
        rows,
        empty="regml.toml qualifies no tool.",
    )
