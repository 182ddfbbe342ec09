"""Rows of catalogues that items name: those that exist, and those that do not."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regml.items.external import ExternalEvidence
from regml.items.requirements import Exclusion
from regml.standards.citation import plain, without_letter
from regml.standards.hazards import ml_hazards
from regml.standards.outline import outline
from regml.trace.model import TraceGraph

if TYPE_CHECKING:
    from regml.standards.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Citation:
    """One row as an item names it.

    Attributes:
        source: Id of the item.
        field: Field of the front matter that names it.
        name: As it is written, e.g. ``IEC 62304 4.1``.
    """

    source: str
    field: str
    name: str


def citations(graph: TraceGraph) -> tuple[Citation, ...]:
    """Return every row that outside evidence or an exclusion names."""
    outside = [
        Citation(item.id, "clauses", name)
        for item in graph.items(ExternalEvidence)
        for name in item.clauses
    ]
    excluded = [
        Citation(item.id, "excludes", name)
        for item in graph.items(Exclusion)
        for name in item.excludes
    ]
    return (*outside, *excluded)


def unknown_citations(
    graph: TraceGraph, catalogues: "Collection[Catalogue]"
) -> tuple[Citation, ...]:
    """Return the rows that items name and that stand in no list.

    Lists are the catalogues, the outline of documents and the ML hazard checklist.
    """
    known = {plain(c.cite(row)) for c in catalogues for row in c.rows}
    known |= {plain(clause) for planned in outline() for clause in planned.clauses}
    known |= {plain(hazard.id) for hazard in ml_hazards()}
    return tuple(found for found in citations(graph) if not _stands(found.name, known))


def _stands(name: str, known: Collection[str]) -> bool:
    """Tell whether a name is a row, a part of one, or a number with rows below it."""
    if plain(name) in known or plain(without_letter(name)) in known:
        return True
    return any(row.startswith(f"{plain(name)}.") for row in known)
