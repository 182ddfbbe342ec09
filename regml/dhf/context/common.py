"""Small phrases that every document uses, made from graph and records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regml.dhf.markdown import Markdown
from regml.dhf.table import Table, cell_text, short, table
from regml.digest import Artifact
from regml.items.links import Link
from regml.items.recorded import Outcome, Record, StageRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, NodeType
from regml.trace.results import RequirementStatus, Result, Status

_NO_REASON = (Status.PASSED, Status.NOT_EVALUABLE)

GOOD = {Status.PASSED, Outcome.PASSED}
"""What needs no second look."""


@dataclass(frozen=True, slots=True)
class ItemSection:
    """One item as a document prints it.

    Attributes:
        id: Its id.
        title: Its title.
        text: Its prose.
        facts: Its fields and links.
        tables: Further tables by their headings.
    """

    id: str
    title: str
    text: str
    facts: Table
    tables: tuple[tuple[str, Table], ...] = ()


def shown(node_id: str) -> str:
    """Return a node's id as people read it: tests and files without their prefix."""
    return node_id.removeprefix("test:").removeprefix("file:")


def sources(graph: TraceGraph, node_id: str, *links: Link) -> str:
    """Return what points to a node by some links, as one text."""
    return ", ".join(sorted({shown(e.source) for e in graph.into(node_id, *links)}))


def targets(graph: TraceGraph, node_id: str, *links: Link) -> str:
    """Return what a node points to by some links, as one text."""
    return ", ".join(sorted({shown(e.target) for e in graph.out(node_id, *links)}))


def verdict(status: str) -> str:
    """Return a status as a cell: what is not good stands out."""
    return status if status in GOOD else Markdown(f"**{status}**")


def reasons(status: RequirementStatus) -> str:
    """Return why an item is not passed, with the tests; empty when it is."""
    bad = [r for r in status.results if r.status not in _NO_REASON]
    said: dict[str, list[str]] = {}
    for result in bad:
        where = f"{result.source}: " if result.below else ""
        name = "" if result.below else result.source.rpartition("::")[2]
        said.setdefault(f"{where}{result.detail}", []).append(name)
    return "; ".join(_with_tests(detail, said[detail]) for detail in sorted(said))


def _with_tests(detail: str, names: list[str]) -> str:
    tests = [name for name in names if name.startswith("test")]
    if tests:
        return f"{detail} ({', '.join(tests)})"
    return f"{detail} ({len(names)} times)" if len(names) > 1 else detail


def evidence_of(results: Iterable[Result]) -> str:
    """Return the sources of some results, each once."""
    return ", ".join(dict.fromkeys(shown(result.source) for result in results))


def facts(rows: Iterable[tuple[str, object]], *, title: str = "Fact") -> Table:
    """Return a table of names and values without the empty ones."""
    kept = [row for row in rows if cell_text(row[1])]
    return table((title, "Value"), kept)


def flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Give every leaf of nested facts with its dotted name, sorted by name."""
    for key in sorted(value):
        name, part = f"{prefix}{key}", value[key]
        if isinstance(part, Mapping):
            yield from flatten(part, f"{name}.")
        elif isinstance(part, list) and any(isinstance(p, Mapping) for p in part):
            yield name, f"{len(part)} entries"
        else:
            yield name, part


def artifacts(found: Iterable[Artifact], *, empty: str) -> Table:
    """Return files or folders with size and digest."""
    return table(
        ("Path", "Files", "Bytes", "SHA-256"),
        [(a.path, a.files, a.size_bytes, a.sha256) for a in found],
        empty=empty,
    )


def steps(texts: Iterable[str]) -> str:
    """Return texts that follow each other, numbered."""
    return " ".join(f"({number}) {text}" for number, text in enumerate(texts, 1))


def limit(at_least: float | None, at_most: float | None) -> str:
    """Return the limits of a criterion as a phrase."""
    low = [] if at_least is None else [f"at least {at_least:g}"]
    high = [] if at_most is None else [f"at most {at_most:g}"]
    return " and ".join(low + high)


def number(value: float | None) -> str:
    """Return a number with four digits, or "none"."""
    return "none" if value is None else short(value)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval, or "none"."""
    return "none" if low is None or high is None else f"{short(low)} to {short(high)}"


def at_commit(record: Record) -> str:
    """Return the commit of a record in twelve digits, with a word when dirty."""
    origin = record.statement.origin
    commit = (origin.commit or "no commit")[:SHORT]
    return f"{commit}, changed: {len(origin.dirty)}" if origin.dirty else commit


def stage_runs(graph: TraceGraph) -> tuple[tuple[Record, StageRun], ...]:
    """Return every stage run in the order of the log."""
    return tuple(
        (record, record.statement)
        for record in graph.evidence.records
        if isinstance(record.statement, StageRun)
    )


def ids_of(graph: TraceGraph, kind: NodeType) -> list[str]:
    """Return the ids of all nodes of a type, sorted."""
    return sorted(name for name, node in graph.nodes.items() if node.type is kind)
