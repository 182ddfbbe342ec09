"""What the requirements document and the traceability matrix say."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regml.dhf.context.common import (
    ItemSection,
    facts,
    limit,
    reasons,
    shown,
    sources,
    targets,
    verdict,
)
from regml.dhf.markdown import Markdown, escape
from regml.dhf.table import Table, table
from regml.items.config import Role
from regml.items.links import Link
from regml.items.requirements import (
    Acceptance,
    Category,
    Exclusion,
    Requirement,
    UserNeed,
)
from regml.trace.matrix import matrix
from regml.trace.model import TraceGraph
from regml.trace.results import (
    RequirementStatus,
    approved_now,
    requirement_status,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Items under one heading."""

    title: str
    items: tuple[ItemSection, ...]


@dataclass(frozen=True, slots=True)
class Requirements:
    """Needs and requirements.

    Attributes:
        needs: Every user need.
        groups: Requirements by content category, those that have any.
        absent: Content categories without a requirement.
        exclusions: What does not apply, why, and whether quality approved that.
        retired: Requirements that are no longer in force.
        counts: Requirements per category.
    """

    needs: tuple[ItemSection, ...]
    groups: tuple[Group, ...]
    absent: tuple[str, ...]
    exclusions: Table
    retired: Table
    counts: Table


def requirements(graph: TraceGraph) -> Requirements:
    """Return everything the requirements document prints."""
    items = graph.items(Requirement)
    by_category = {
        category: [item for item in items if item.category is category]
        for category in Category
    }
    retired = [i for i in graph.items(Requirement, retired=True) if i.retired]
    return Requirements(
        needs=tuple(need_section(graph, need) for need in graph.items(UserNeed)),
        groups=tuple(
            Group(_words(category), tuple(requirement_section(graph, i) for i in found))
            for category, found in by_category.items()
            if found
        ),
        absent=tuple(_words(c) for c, found in by_category.items() if not found),
        exclusions=table(
            ("Id", "Excludes", "Because", "Approval"),
            [
                (
                    item.id,
                    item.excludes,
                    item.text,
                    "approved"
                    if approved_now(graph, item.id, (Role.QUALITY,))
                    else verdict("not approved"),
                )
                for item in graph.items(Exclusion)
            ],
            empty="Nothing is excluded.",
        ),
        retired=table(
            ("Id", "Title", "Why"),
            [(i.id, i.title, i.retired) for i in retired],
            empty="No requirement was retired.",
        ),
        counts=table(
            ("Content category (IEC 62304 5.2.2)", "Requirements"),
            [(_words(c), len(found)) for c, found in by_category.items()],
        ),
    )


def criterion_text(criterion: Acceptance) -> str:
    """Return an acceptance criterion as a phrase."""
    bound = {
        "value": "value",
        "ci95_lower": "lower bound of the 95 % interval",
        "ci95_upper": "upper bound of the 95 % interval",
    }[criterion.bound]
    phrase = f"{_words(criterion.statistic)} of {criterion.metric}, {criterion.label}"
    group = f", in each {criterion.subgroup}" if criterion.subgroup else ""
    condition = f", with {criterion.condition}" if criterion.condition else ""
    allowed = limit(criterion.at_least, criterion.at_most)
    return f"{phrase}{group}{condition}: {bound} {allowed} ({criterion.population})"


def need_section(graph: TraceGraph, need: UserNeed) -> ItemSection:
    """Return a user need with its links."""
    refined = sources(graph, need.id, Link.REFINES)
    status = requirement_status(graph, need.id)
    rows = [
        ("Users", need.users),
        ("Refined by", refined or "nothing"),
        ("Not software, because", need.not_software),
        ("Status of all that refines it", verdict(status.status)),
        ("Because", reasons(status)),
    ]
    return ItemSection(need.id, need.title, need.text, facts(rows))


def requirement_section(graph: TraceGraph, item: Requirement) -> ItemSection:
    """Return a requirement with its links, criteria and status."""
    status = requirement_status(graph, item.id)
    rows = [
        ("Refines", targets(graph, item.id, Link.REFINES)),
        ("Controls risks", _controlled(graph, item)),
        ("Allocated to", sources(graph, item.id, Link.IMPLEMENTS)),
        ("Verification method", f"{item.method}"),
        ("Method rationale", item.method_rationale),
        (
            "Evidence",
            f"{_count(status)}, see document 16",
        ),
        ("Status", verdict(status.status)),
        ("Because", reasons(status)),
    ]
    criteria = table(
        ("Nr.", "Acceptance criterion"),
        [(n, criterion_text(c)) for n, c in enumerate(item.acceptance)],
    )
    tables = (("Acceptance criteria", criteria),) if item.acceptance else ()
    return ItemSection(item.id, item.title, item.text, facts(rows), tables)


def _count(status: RequirementStatus) -> str:
    count = len(status.results)
    return "1 result" if count == 1 else f"{count} results"


def _controlled(graph: TraceGraph, item: Requirement) -> str:
    stated = {edge.target for edge in graph.out(item.id, Link.CONTROLS)}
    named = {edge.source for edge in graph.into(item.id, Link.IMPLEMENTED_BY)}
    return ", ".join(sorted(stated | named))


@dataclass(frozen=True, slots=True)
class Matrix:
    """The two ways through the evidence: from needs and from risks to results."""

    needs: Table
    risks: Table


def traceability(graph: TraceGraph) -> Matrix:
    """Return the traceability matrix in both directions."""
    return Matrix(
        needs=_matrix(
            graph,
            {
                "need": "User need",
                "srs": "Requirement",
                "sw": "Software items",
                "test": "Verified by",
                "result": "Result",
            },
        ),
        risks=_matrix(
            graph,
            {
                "risk": "Risk",
                "control": "Control",
                "srs": "Implemented by",
                "test": "Verified by",
                "result": "Result",
            },
        ),
    )


def _matrix(graph: TraceGraph, columns: Mapping[str, str]) -> Table:
    """Return the matrix: one row per path up to the tests, which share a cell."""
    paths: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for *path, test, result in matrix(graph, tuple(columns)).rows:
        paths.setdefault(tuple(path), []).append((shown(test), result))
    rows = [
        (*path, ", ".join(dict.fromkeys(test for test, _ in ends)), _results(ends))
        for path, ends in paths.items()
    ]
    return table(columns.values(), rows, empty="0 rows: there is nothing to trace.")


def _results(ends: Iterable[tuple[str, str]]) -> str:
    """Return the results at the end of a path, equal ones counted."""
    counts = Counter(result for _, result in ends)
    found = []
    for result, count in sorted(counts.items()):
        status, colon, detail = result.partition(": ")
        times = f" ({count} times)" if count > 1 else ""
        found.append(f"{verdict(status)}{colon}{escape(detail)}{times}")
    return Markdown("; ".join(found))


def _words(value: str) -> str:
    return str(value).replace("_", " ")
