"""T: every requirement has a reason, a place and a result (IEC 62304 5.2, 5.3, 5.7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from regml.findings import Severity
from regml.items.base import Item, Kind
from regml.items.design import SoftwareItem
from regml.items.links import Link, references
from regml.items.recorded import Record
from regml.items.requirements import Requirement, VerificationMethod
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest
from regml.trace.own_links import link_types
from regml.trace.results import (
    RequirementStatus,
    Status,
    requirement_status,
)
from regml.trace.rules.base import CLASS_B_AND_C, Gap, rule

HISTORY = frozenset({Link.CHANGES, Link.AFFECTS, Link.RESOLVES})
"""Links by which changes and problems tell of the past: they may name what is retired.

SOUP and planned modifications affect what there is now.
"""

PAST = frozenset({Kind.CHANGE_REQUEST, Kind.PROBLEM_REPORT})
"""Kinds that tell of the past."""

VERIFIABLE = frozenset({Kind.REQUIREMENT, Kind.USER_NEED, Kind.RISK})
"""Kinds that a test may verify."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A link as it stands in an item, a test or a source file.

    Attributes:
        source: Id of the node that states it.
        link: What it says.
        target: Id it names.
        field: Front matter field, marker or comment.
        allowed: Kinds the target may be of.
        where: ``path:line``; empty for items, whose line is looked up when needed.
    """

    source: str
    link: str
    target: str
    field: str
    allowed: frozenset[Kind]
    where: str = ""

    def place(self, graph: TraceGraph) -> str:
        """Return where it is stated."""
        return self.where or graph.where(self.source, self.target)


@lru_cache(maxsize=1)
def stated_links(graph: TraceGraph) -> tuple[Stated, ...]:
    """Return every link that somebody wrote: items, tests, comments, manifests."""
    return tuple(_stated(graph))


def _stated(graph: TraceGraph) -> Iterator[Stated]:
    for located in graph.evidence.items:
        for ref in references(located.item):
            yield Stated(ref.source, ref.link, ref.target, ref.field, ref.allowed)
    for test in graph.evidence.tests:
        for target in test.verifies:
            where = f"{test.path}:{test.line}"
            name = f"test:{test.name}"
            yield Stated(name, Link.VERIFIES, target, "verifies", VERIFIABLE, where)
    yield from _of_results(graph)
    yield from _of_manifests(graph)
    only = frozenset({Kind.REQUIREMENT})
    for mark in graph.evidence.implements:
        where, name = f"{mark.path}:{mark.line}", f"file:{mark.path}"
        yield Stated(name, Link.IMPLEMENTS, mark.id, "regml: implements", only, where)


def _of_results(graph: TraceGraph) -> Iterator[Stated]:
    """Give what tests name that only their results tell: other runners, parameters."""
    for name, node in graph.nodes.items():
        test = node.value
        if isinstance(test, KnownTest) and not test.gone:
            known = test.written.verifies if test.written else ()
            told = test.written or test.imported
            place = test.record.path if test.record else ""
            for target in sorted(set(test.verifies) - set(known)) if told else ():
                yield Stated(name, Link.VERIFIES, target, "verifies", VERIFIABLE, place)


def _of_manifests(graph: TraceGraph) -> Iterator[Stated]:
    """Give what dataset versions are said to fulfil; a stage wrote it, nobody else."""
    only = frozenset({Kind.DATASET_SPECIFICATION})
    for path, manifest in sorted(graph.evidence.manifests.items()):
        planned = manifest.specification
        yield Stated(path, Link.FULFILS, planned, "specification", only, path)


def requirements(graph: TraceGraph) -> tuple[Requirement, ...]:
    """Return the software requirements in force."""
    return graph.items(Requirement)


# IEC 62304 5.2.1, 5.2.6 f
@rule(
    "T01",
    "Every software requirement has a user need or a risk as its reason.",
    requirements,
    clauses=("IEC 62304 5.2.1", "IEC 62304 5.2.6"),
)
def has_a_reason(graph: TraceGraph, item: Requirement) -> Iterator[Gap]:
    """A requirement without a reason cannot be validated."""
    is_control = _in_force(graph, item.id, Link.IMPLEMENTED_BY)
    if not item.refines and not item.controls and not is_control:
        yield Gap(
            item.id,
            "The requirement refines no user need and controls no risk.",
            "Name its user need under 'refines' or its risk under 'controls'.",
            graph.where(item.id),
        )


def _in_force(graph: TraceGraph, target: str, link: Link) -> list[Item]:
    """Return the items in force that state a link to another one."""
    stating = (graph.item(edge.source) for edge in graph.into(target, link))
    return [item for item in stating if item is not None and item.retired is None]


# IEC 62304 5.7.1, 5.7.4 a
@rule(
    "T03",
    "Every software requirement has a test, an acceptance criterion, a protocol, or a "
    "rationale for inspection or analysis.",
    requirements,
    clauses=("IEC 62304 5.7.1", "IEC 62304 5.7.4"),
)
def has_a_verification(graph: TraceGraph, item: Requirement) -> Iterator[Gap]:
    """Verification has to be planned before it can be missing."""
    planned = item.acceptance or any(
        _is_planned(graph, edge.source) for edge in graph.into(item.id, Link.VERIFIES)
    )
    if item.method is VerificationMethod.TEST:
        if not planned:
            yield Gap(
                item.id,
                "No test, acceptance criterion or protocol verifies the requirement.",
                f'Mark a test with @pytest.mark.verifies("{item.id}"), or write a '
                "protocol that verifies it.",
                graph.where(item.id),
            )
    elif item.method_rationale is None:
        yield Gap(
            item.id,
            f"The requirement is verified by {item.method}, and nothing says why that "
            "suffices.",
            "Give the reason under 'method_rationale'.",
            graph.where(item.id, "method"),
        )


def _is_planned(graph: TraceGraph, source: str) -> bool:
    """Tell whether a test is still written, or a protocol still in force."""
    value = graph.nodes[source].value
    if isinstance(value, KnownTest):
        return value.written is not None or (
            not value.gone
            and isinstance(value.record, Record)
            and (
                value.imported
                or value.record.statement.origin.code == graph.evidence.code
            )
        )
    item = graph.item(source)
    return item is not None and item.retired is None


def _planned(graph: TraceGraph) -> tuple[Requirement, ...]:
    """Return the requirements that something is to verify; the others are for T03."""
    return tuple(
        item
        for item in requirements(graph)
        if requirement_status(graph, item.id).status is not Status.NO_TEST
    )


# IEC 62304 5.7.4 c, 5.8.1
@rule(
    "T04",
    "Every software requirement has passed results for the present code, wording and "
    "model.",
    _planned,
    clauses=("IEC 62304 5.7.4", "IEC 62304 5.8.1"),
)
def is_verified(graph: TraceGraph, item: Requirement) -> Iterator[Gap]:
    """Stale is no pass; neither is what never ran."""
    found = requirement_status(graph, item.id)
    if found.status is Status.PASSED:
        return
    yield Gap(
        item.id,
        f"The requirement is {_IN_WORDS[found.status]}: {_why(found)}.",
        _NEXT[found.status],
        graph.where(item.id),
    )


def _why(found: RequirementStatus) -> str:
    """Return the reasons in few words: the same reason once, with an example."""
    sources: dict[str, list[str]] = {}
    for result in found.results:
        if result.status not in (Status.PASSED, Status.NOT_EVALUABLE):
            sources.setdefault(result.detail, []).append(result.source)
    return "; ".join(
        f"{detail} ({names[0].rpartition('::')[2]}"
        + (f" and {len(names) - 1} more)" if len(names) > 1 else ")")
        for detail, names in sources.items()
    )


_IN_WORDS = {
    Status.FAILED: "not met",
    Status.STALE: "verified only for an older state (stale)",
    Status.NOT_RUN: "not verified (not run)",
}
_NEXT = {
    Status.FAILED: "Mend the cause and run again, or write a problem report.",
    Status.STALE: "Run 'dvc repro' and 'regml test' again, import new results, carry "
    "the protocol out again, or sign again.",
    Status.NOT_RUN: "Run 'dvc repro' and 'regml test'; carry a protocol out with "
    "'regml test execute'; sign an inspection or analysis with 'regml approve'.",
}


# IEC 62304 5.3.1
@rule(
    "T06",
    "Every software requirement is allocated to a software item, and every leaf item "
    "carries a requirement or says why not.",
    lambda graph: graph.items(Requirement) + graph.items(SoftwareItem),
    severity=Severity.MAJOR,
    clauses=("IEC 62304 5.3.1",),
    classes=CLASS_B_AND_C,
)
def is_allocated(graph: TraceGraph, item: Item) -> Iterator[Gap]:
    """Both directions of the allocation."""
    if isinstance(item, Requirement):
        if not _in_force(graph, item.id, Link.IMPLEMENTS):
            yield Gap(
                item.id,
                "No software item implements the requirement.",
                f"Add {item.id} to 'implements' of the software item that does.",
                graph.where(item.id),
            )
    elif isinstance(item, SoftwareItem):
        is_leaf = not _in_force(graph, item.id, Link.PART_OF)
        if is_leaf and not item.implements and item.without_requirements is None:
            yield Gap(
                item.id,
                "The software item implements no requirement and does not say why.",
                "Allocate requirements under 'implements', or give the reason under "
                "'without_requirements'.",
                graph.where(item.id),
            )


# IEC 62304 8.2.2
@rule(
    "T09",
    "No retired item is a reason for anything in force.",
    lambda graph: [s for s in stated_links(graph) if not _tells_of_the_past(graph, s)],
    clauses=("IEC 62304 8.2.2",),
)
def is_in_force(graph: TraceGraph, stated: Stated) -> Iterator[Gap]:
    """Changes and problem reports may name retired items: they tell of the past."""
    source, target = graph.item(stated.source), graph.item(stated.target)
    if target is None or target.retired is None or (source and source.retired):
        return
    yield Gap(
        stated.source,
        f"'{stated.field}' names {stated.target}, which is retired: {target.retired}.",
        f"Name what took the place of {stated.target}, or remove the link.",
        stated.place(graph),
    )


def _tells_of_the_past(graph: TraceGraph, stated: Stated) -> bool:
    source = graph.item(stated.source)
    return stated.link in HISTORY and source is not None and source.kind in PAST


# ISO 13485 7.3.3
@rule(
    "T11",
    "Every link leads to an item of a kind that it may lead to.",
    stated_links,
    clauses=("ISO 13485 7.3.3", "IEC 62304 5.2.6"),
)
def is_of_the_right_kind(graph: TraceGraph, stated: Stated) -> Iterator[Gap]:
    """A link to something that does not exist is left to T08."""
    if stated.field.startswith("links."):
        yield from own_link_gaps(graph, stated)
        return
    target = graph.item(stated.target)
    if target is None or target.kind in stated.allowed:
        return
    kinds = ", ".join(sorted(kind.value for kind in stated.allowed))
    yield Gap(
        stated.source,
        f"'{stated.field}' names {stated.target}; only {kinds} may stand there.",
        "Name an item of that kind, or move the link to the field it belongs to.",
        stated.place(graph),
    )


def own_link_gaps(graph: TraceGraph, stated: Stated) -> Iterator[Gap]:
    """Say where a link of an own type is not as ``regml.toml`` declares it."""
    declared = link_types(graph).get(stated.link)
    if declared is None:
        known = ", ".join(sorted(link_types(graph))) or "none"
        yield Gap(
            stated.source,
            f"'{stated.field}' is no link type of regml.toml, which has {known}.",
            f"Write '{ours}' as a field of its own, not under 'links'."
            if (ours := stated.link.removeprefix("links.")) != stated.link
            else f"Declare {stated.link} under [[link_types]], or correct the name.",
            stated.place(graph),
        )
        return
    for end, name, kinds in (
        ("come from", stated.source, declared.from_),
        ("lead to", stated.target, declared.to),
    ):
        item = graph.item(name)
        if item is not None and item.kind not in kinds:
            yield Gap(
                stated.source,
                f"'{stated.field}' may {end} {', '.join(kinds)}, and {name} is none.",
                "Name an item of that kind, or change the link type in regml.toml.",
                stated.place(graph),
            )


RULES = (
    has_a_reason,
    has_a_verification,
    is_verified,
    is_allocated,
    is_in_force,
    is_of_the_right_kind,
)
