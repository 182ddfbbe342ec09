"""T02, T05, T14: no need, test or content category was forgotten."""

from collections.abc import Iterator, Mapping
from typing import Final

from regml.findings import Severity
from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.requirements import Category, Requirement, UserNeed
from regml.trace.exclusions import exclusion_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import KnownTest, Node, NodeType
from regml.trace.rules.base import Gap, rule

CONTENT: Final[Mapping[str, tuple[str, tuple[Category, ...]]]] = {
    "a": ("functions and capabilities", (Category.FUNCTIONAL, Category.PERFORMANCE)),
    "b": ("inputs and outputs", (Category.INPUT_OUTPUT,)),
    "c": ("interfaces to other systems", (Category.INTERFACE,)),
    "d": ("alarms, warnings and messages", (Category.ALARM,)),
    "e": ("security", (Category.SECURITY,)),
    "f": ("the user interface", (Category.USABILITY,)),
    "g": ("data", (Category.DATA,)),
    "h": ("installation and acceptance", (Category.INSTALLATION,)),
    "i": ("operation and maintenance", (Category.OPERATION,)),
    "j": ("the IT network", (Category.NETWORK,)),
    "k": ("maintenance by the user", (Category.USER_MAINTENANCE,)),
    "l": ("regulation", (Category.REGULATORY,)),
}
"""Content that software requirements have to have (IEC 62304 5.2.2), by letter."""


# IEC 62304 5.1.1 c, ISO 13485 7.3.3
@rule(
    "T02",
    "Every user need is refined by a software requirement, or says why software cannot "
    "answer it.",
    lambda graph: graph.items(UserNeed),
    severity=Severity.MAJOR,
    clauses=("IEC 62304 5.1.1", "ISO 13485 7.3.3"),
)
def is_refined(graph: TraceGraph, need: UserNeed) -> Iterator[Gap]:
    """A retired requirement refines nothing any more."""
    by = [graph.item(edge.source) for edge in graph.into(need.id, Link.REFINES)]
    if need.not_software is None and not any(
        isinstance(item, Requirement) and item.retired is None for item in by
    ):
        yield Gap(
            need.id,
            "No software requirement refines the user need, and nothing says why "
            "software does not answer it.",
            f"Write a requirement with 'refines: [{need.id}]', or give the reason "
            "under 'not_software'.",
            graph.where(need.id),
        )


def _verifications(graph: TraceGraph) -> list[Node]:
    """Return the tests that there are now, also imported ones, and the protocols."""
    return [
        node
        for node in graph.nodes.values()
        if node.type is NodeType.TEST
        and isinstance(node.value, KnownTest)
        and (node.value.written or (node.value.imported and not node.value.gone))
    ] + [graph.node(item.id) for item in graph.items(TestProtocol)]


# IEC 62304 5.7.4 b
@rule(
    "T05",
    "Every test and every protocol verifies something.",
    _verifications,
    severity=Severity.MINOR,
    clauses=("IEC 62304 5.7.4",),
)
def verifies_something(graph: TraceGraph, node: Node) -> Iterator[Gap]:
    """A result that speaks for nothing counts for nothing."""
    if not graph.out(node.id, Link.VERIFIES):
        is_test = isinstance(node.value, KnownTest)
        record = node.value.record if isinstance(node.value, KnownTest) else None
        yield Gap(
            node.id.removeprefix("test:"),
            f"The {'test' if is_test else 'protocol'} verifies no requirement, so its "
            "result counts for nothing.",
            'Name what it verifies: @pytest.mark.verifies("SRS-..."), or a property '
            "'verifies' in the report of another runner."
            if is_test
            else "Name what it verifies under 'verifies'.",
            node.where or (record.path if record else ""),
        )


def _contents(graph: TraceGraph) -> tuple[tuple[str, str], ...]:
    """Return each letter with the first requirement of its categories, or ``""``."""
    items = graph.items(Requirement)
    first = {item.category: item.id for item in reversed(items)}
    return tuple(
        (letter, next((first[c] for c in categories if c in first), ""))
        for letter, (_, categories) in (CONTENT.items() if items else ())
    )


# IEC 62304 5.2.2
@rule(
    "T14",
    "Every content category of IEC 62304 5.2.2 has a requirement or an approved "
    "exclusion.",
    _contents,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 5.2.2",),
)
def has_every_content(graph: TraceGraph, content: tuple[str, str]) -> Iterator[Gap]:
    """An exclusion that contradicts an item is a gap as well."""
    letter, found = content
    what, categories = CONTENT[letter]
    key = f"IEC 62304 5.2.2 {letter}"
    excluded = exclusion_of(graph, key)
    if found and excluded:
        yield Gap(
            excluded.item.id,
            f"It excludes {key} ({what}), and {found} is a requirement of that kind.",
            f"Retire {excluded.item.id}, or correct the category of {found}.",
            graph.where(excluded.item.id),
        )
    elif excluded and (lacks := excluded.lacks):
        problem, remedy = lacks
        yield Gap(
            excluded.item.id,
            f"It excludes {key} ({what}), and {problem}.",
            remedy,
            graph.where(excluded.item.id),
        )
    elif not found and not excluded:
        words = " or ".join(f"'{category}'" for category in categories)
        yield Gap(
            key,
            f"No requirement is about {what}.",
            f"Write a requirement of category {words}, or an item NA-... with "
            f"'excludes: [{key}]' whose text says why there is none.",
            "requirements_srs/software",
        )


RULES = (is_refined, verifies_something, has_every_content)
