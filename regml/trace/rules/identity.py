"""T08: an id means one thing, is where it is looked for, and can be followed."""

from collections.abc import Iterator
from dataclasses import dataclass

from regml.files.former_items import FormerItem
from regml.files.source_comments import UnreadSource
from regml.findings import Severity
from regml.trace.citations import Citation, citations, unknown_citations
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule
from regml.trace.rules.traceability import Stated, stated_links
from regml.trace.signatures import signed_when_retired


@dataclass(frozen=True, slots=True)
class Cited:
    """A row of a list that an item names, and whether there is such a row."""

    citation: Citation
    unknown: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is written like an item and lies where none is read."""

    path: str


@dataclass(frozen=True, slots=True)
class Unshared:
    """A file with an item that git ignores."""

    path: str


Subject = (
    tuple[str, ...] | Stated | UnreadSource | Cited | Unread | Unshared | FormerItem
)


def ids_and_links(graph: TraceGraph) -> tuple[Subject, ...]:
    """Return items by id, every link, every unread comment, every row an item names."""
    return (
        *_groups_of_ids(graph),
        *map(Unread, graph.evidence.surroundings.misplaced),
        *map(Unshared, graph.evidence.surroundings.ignored),
        *graph.evidence.surroundings.former,
        *_retired_when_signed(graph),
        *stated_links(graph),
        *graph.evidence.unread_sources,
        *_cited(graph),
    )


def _groups_of_ids(graph: TraceGraph) -> Iterator[tuple[str, ...]]:
    """Give the paths of the items that share an id: one path where all is well."""
    groups: dict[str, list[str]] = {}
    for located in graph.evidence.items:
        groups.setdefault(located.item.id.upper(), []).append(located.path)
    yield from (tuple(paths) for paths in groups.values())


def _retired_when_signed(graph: TraceGraph) -> Iterator[FormerItem]:
    """Give what is in force and was signed as retired, by another title."""
    for located in graph.evidence.items:
        item = located.item
        if item.retired is None:
            for content in signed_when_retired(graph, item.id):
                title, retired = content.get("title"), content.get("retired")
                if retired and title != item.title:
                    why = f"retired when it was signed ({retired})"
                    yield FormerItem(item.id, str(title), why)


def _cited(graph: TraceGraph) -> Iterator[Cited]:
    found = citations(graph)
    if found:
        # most projects name no row, and then need no catalogue
        from regml.files.catalogues import known_catalogues

        catalogues = known_catalogues(graph.evidence.catalogues).values()
        unknown = set(unknown_citations(graph, catalogues))
        yield from (Cited(citation, citation in unknown) for citation in found)


# IEC 62304 8.1.1, 5.2.6 e
@rule(
    "T08",
    "Every item lies where items are read, every id is unique and means what it always "
    "did, and every link can be read and leads to something that exists.",
    ids_and_links,
    clauses=("IEC 62304 8.1.1", "IEC 62304 5.2.6"),
)
def exists_once(graph: TraceGraph, subject: Subject) -> Iterator[Gap]:
    """Ids that differ only by case are the same file on some machines."""
    match subject:
        case tuple():
            yield from _used_twice(subject)
        case Unread():
            yield from _not_read(subject)
        case Unshared():
            yield from _not_shared(subject)
        case FormerItem():
            yield from _used_again(graph, subject)
        case UnreadSource():
            yield from _not_understood(subject)
        case Cited():
            yield from _no_such_row(graph, subject)
        case Stated():
            yield from _dangling(graph, subject)


def _used_twice(paths: tuple[str, ...]) -> Iterator[Gap]:
    first, *others = paths
    for path in others:
        yield Gap(
            _id_of(path),
            f"The id is used twice: {first} has it as well.",
            "Give one of the two files the next free id.",
            f"{path}:1",
        )


def _not_read(file: Unread) -> Iterator[Gap]:
    yield Gap(
        _id_of(file.path),
        f"{file.path} is written like an item and lies where no items are read, so "
        "that no check and no document knows of it.",
        "Move it into the folder of its kind, for example 'requirements_srs' or "
        "'risk', or name it otherwise if it is no item of this project.",
        f"{file.path}:1",
    )


def _not_shared(file: Unshared) -> Iterator[Gap]:
    yield Gap(
        _id_of(file.path),
        f"{file.path} is here, but git leaves it out: whoever clones the project lacks "
        "this item, and may find what is not found here.",
        "Take the pattern out of the ignore files ('git check-ignore -v' names it), "
        "add the file and commit it, or move it out of the project.",
        f"{file.path}:1",
    )


def _used_again(graph: TraceGraph, former: FormerItem) -> Iterator[Gap]:
    item = graph.item(former.id)
    now = item.title if item else ""
    yield Gap(
        former.id,
        f"The id is used again: it was '{former.title}', {former.why}, and is "
        f"'{now}' now. Whoever finds it in an older record or document is misled.",
        "Give the new item the next free id, and leave the old one retired.",
        graph.where(former.id),
    )


def _not_understood(source: UnreadSource) -> Iterator[Gap]:
    yield Gap(
        f"file:{source.path}",
        f"What this source says about items cannot be read: {source.why}.",
        "Write a comment of its own line, 'regml: implements SRS-001', in a text "
        "file in UTF-8; several ids are separated by commas.",
        f"{source.path}:{source.line}",
        severity=Severity.MAJOR,
    )


def _no_such_row(graph: TraceGraph, cited: Cited) -> Iterator[Gap]:
    citation = cited.citation
    if cited.unknown:
        yield Gap(
            citation.source,
            f"'{citation.field}' names '{citation.name}', a row that no list has.",
            "Correct it: 'regml gaps --all' prints the rows; a catalogue of your "
            "own goes into standards/.",
            graph.where(citation.source, citation.name),
            severity=Severity.MAJOR,
        )


def _dangling(graph: TraceGraph, stated: Stated) -> Iterator[Gap]:
    if graph.item(stated.target) is None:
        yield Gap(
            stated.source,
            f"'{stated.field}' names {stated.target}, which does not exist.",
            f"Correct the id, or write {stated.target}.",
            stated.place(graph),
        )


def _id_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")


RULES = (exists_once,)
