"""What two states of a project say differently: not lines, but meaning."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regml.findings import Finding, RuleOutcome
from regml.items.base import Item
from regml.items.lifecycle import TestProtocol
from regml.items.requirements import Requirement, UserNeed
from regml.items.risk import Risk
from regml.trace.changes import FieldChange, field_changes
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, Edge, NodeType
from regml.trace.page import NONE, Page, Section, Table
from regml.trace.results import requirement_status

WRITTEN = frozenset({NodeType.ITEM, NodeType.TEST, NodeType.FILE})
"""Nodes whose links people write."""

Statuses = tuple[tuple[str, str, str], ...]
"""Id, status before and status after."""


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item that is in both states with different content."""

    id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a later state of a project differs from an earlier one.

    Attributes:
        before: How the earlier state is called.
        after: How the later one is called.
        added: Ids of items that are only in the later state.
        removed: Ids of items that are only in the earlier one.
        changed: Items with other content.
        links_added: Links that people wrote since.
        links_removed: Links that are gone.
        versions: Model, dataset and software where they are not the same.
        results: Needs, requirements, risks and protocols whose verification stands
            differently.
        appeared: Findings that are new.
        went: Findings that are gone.
        waived: Findings that are still there and that somebody waived since.
        unwaived: Findings whose waiver is gone.
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ItemChange, ...]
    links_added: tuple[Edge, ...]
    links_removed: tuple[Edge, ...]
    versions: Statuses
    results: Statuses
    appeared: tuple[Finding, ...]
    went: tuple[Finding, ...]
    waived: tuple[Finding, ...] = ()
    unwaived: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any difference."""
        return any(
            (
                self.added,
                self.removed,
                self.changed,
                self.links_added,
                self.links_removed,
                self.versions,
                self.results,
                self.appeared,
                self.went,
                self.waived,
                self.unwaived,
            )
        )


@dataclass(frozen=True, slots=True)
class State:
    """One side of a comparison.

    Attributes:
        name: How people call it, e.g. a tag.
        graph: Its evidence.
        outcomes: What the checks say of it.
    """

    name: str
    graph: TraceGraph
    outcomes: tuple[RuleOutcome, ...]


def difference(before: State, after: State) -> Difference:
    """Compare two states of one project."""
    old, new = _items(before.graph), _items(after.graph)
    old_links, new_links = _written(before.graph), _written(after.graph)
    old_findings, new_findings = _findings(before), _findings(after)
    still = sorted(old_findings.keys() & new_findings.keys())
    return Difference(
        before=before.name,
        after=after.name,
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(
            ItemChange(name, found)
            for name in sorted(old.keys() & new.keys())
            if (found := field_changes(old[name].normative(), new[name].normative()))
        ),
        links_added=tuple(sorted(new_links - old_links)),
        links_removed=tuple(sorted(old_links - new_links)),
        versions=_changed(_versions(before.graph), _versions(after.graph)),
        results=_changed(_results(before.graph), _results(after.graph)),
        appeared=_only(new_findings, old_findings),
        went=_only(old_findings, new_findings),
        waived=tuple(
            new_findings[key]
            for key in still
            if new_findings[key].waived_by and not old_findings[key].waived_by
        ),
        unwaived=tuple(
            new_findings[key]
            for key in still
            if old_findings[key].waived_by and not new_findings[key].waived_by
        ),
    )


def difference_page(graph: TraceGraph, found: Difference) -> Page:
    """Return a difference as a page of tables.

    Args:
        graph: The later state, for titles.
        found: The difference.
    """
    title = f"{found.before} -> {found.after}"
    if not found:
        return Page(title, "", (Section("", (("", "No difference in meaning."),)),))
    sections = (
        Section("Items added", table=_titled(graph, found.added)),
        Section("Items removed", table=Table(("id",), _rows(found.removed))),
        *(
            Section(
                f"Changed: {change.id}",
                tuple(("", line) for field in change.fields for line in field.lines()),
                node=change.id,
            )
            for change in found.changed
        ),
        Section("Links added", table=_links(found.links_added)),
        Section("Links removed", table=_links(found.links_removed)),
        Section("Versions", table=Table(("what", "before", "after"), found.versions)),
        Section(
            "Results that changed",
            table=Table(("item", "before", "after"), found.results),
        ),
        Section("Findings that appeared", table=_finding_table(found.appeared)),
        Section("Findings that went", table=_finding_table(found.went)),
        Section("Findings waived since", table=_finding_table(found.waived)),
        Section("Findings whose waiver is gone", table=_finding_table(found.unwaived)),
    )
    return Page(title, "", tuple(s for s in sections if s.facts or _has_rows(s)))


def _items(graph: TraceGraph) -> dict[str, Item]:
    return {located.item.id: located.item for located in graph.evidence.items}


def _written(graph: TraceGraph) -> set[Edge]:
    return {edge for edge in graph.edges if graph.nodes[edge.source].type in WRITTEN}


def _versions(graph: TraceGraph) -> dict[str, str]:
    current = graph.current
    digests = {
        "model": current.model and current.model.sha256,
        "dataset": current.manifest and current.manifest.sha256,
        "software and tests": graph.evidence.code,
        "evaluation": current.evaluation and current.evaluation.id,
    }
    return {what: digest[:SHORT] for what, digest in digests.items() if digest}


def _results(graph: TraceGraph) -> dict[str, str]:
    return {
        item.id: str(requirement_status(graph, item.id).status)
        for kind in (UserNeed, Requirement, Risk, TestProtocol)
        for item in graph.items(kind)
    }


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Statuses:
    return tuple(
        (name, before.get(name, NONE), after.get(name, NONE))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _findings(state: State) -> dict[tuple[str, str, str], Finding]:
    """Return the findings by what they say, not by the line on which."""
    return {
        (finding.rule, finding.subject, finding.message): finding
        for outcome in state.outcomes
        for finding in outcome.findings
    }


def _only(
    here: Mapping[tuple[str, str, str], Finding],
    there: Mapping[tuple[str, str, str], Finding],
) -> tuple[Finding, ...]:
    return tuple(here[key] for key in sorted(here.keys() - there.keys()))


def _rows(ids: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in ids)


def _titled(graph: TraceGraph, ids: Iterable[str]) -> Table:
    rows = tuple((name, graph.nodes[name].title) for name in ids)
    return Table(("id", "title"), rows)


def _links(edges: Iterable[Edge]) -> Table:
    rows = tuple((edge.source, str(edge.link), edge.target) for edge in edges)
    return Table(("from", "link", "to"), rows)


def _finding_table(findings: Iterable[Finding]) -> Table:
    rows = tuple((f.rule, f.subject, f.message) for f in findings)
    return Table(("check", "subject", "finding"), rows)


def _has_rows(section: Section) -> bool:
    return section.table is not None and bool(section.table.rows)
