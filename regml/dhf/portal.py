"""A folder of pages: one per document, item, run, test, dataset, model and result.

The pages need no server and no network, hold no script of their own, and a content
security policy forbids what text of a user could try. Search reads ``items/index.js``
and inserts what it finds as text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markupsafe import Markup

from regml.dhf.context import Figure
from regml.dhf.context.common import shown
from regml.dhf.context.verification import ORDER
from regml.dhf.document_pages import DocumentPage, document_page
from regml.dhf.formats import ASSETS
from regml.dhf.markdown import IDS, parser, printable
from regml.dhf.neighbourhood import Drawing, neighbourhood
from regml.dhf.pages import content
from regml.dhf.pages.base import Content
from regml.dhf.pages.names import case_anchor, is_paged, kind_of, linked, page_name
from regml.dhf.render import Build, Document, state_of
from regml.dhf.table import Table, table
from regml.items.lifecycle import TestProtocol
from regml.items.links import Link
from regml.items.requirements import Requirement, UserNeed
from regml.items.risk import Risk
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion, Edge, Node, NodeType
from regml.trace.own_links import from_the_other_side
from regml.trace.results import requirement_status

MIRRORED: Mapping[str, str] = {
    Link.REFINES: "refined by",
    Link.IMPLEMENTS: "implemented by",
    Link.CONTROLS: "controlled by",
    Link.VERIFIES: "verified by",
    Link.PART_OF: "has part",
    Link.USES: "used by",
    Link.CHANGES: "changed by",
    Link.RESOLVES: "resolved by",
    Link.AFFECTS: "affected by",
    Link.ANNOTATED_BY: "protocol of",
    Link.IMPLEMENTED_BY: "implements a control of",
    Link.EFFECTIVE_BY: "shows that a control works of",
    Link.CONTRIBUTED_BY: "could contribute to",
    Link.LEADS_TO: "brought by a control of",
    Link.DERIVED_FROM: "source of",
    Link.TRAINED_ON: "trained",
    Link.EVALUATED_ON: "evaluated",
    Link.EVALUATES: "evaluated by",
    Link.PRODUCED_BY: "produced",
    Link.AT_COMMIT: "state of",
    Link.APPROVES: "approved by",
    Link.FULFILS: "fulfilled by",
    Link.SOLVED_BY: "shows that it is solved:",
    Link.RELEASES: "released in",
}
"""How a link reads from its reason's side."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One link as a line of a page; ``href`` is empty where there is no page."""

    phrase: str
    name: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything one page shows."""

    id: str
    kind: str
    title: str
    content: Content
    rests_on: tuple[Neighbour, ...]
    supports: tuple[Neighbour, ...]
    documents: tuple[tuple[str, str], ...]
    drawing: Drawing | None


def page_names(graph: TraceGraph) -> dict[str, str]:
    """Return the file name of every page by the id of its node."""
    return {
        name: page_name(node) for name, node in graph.nodes.items() if is_paged(node)
    }


def portal_pages(
    graph: TraceGraph,
    *,
    build: Build,
    documents: Sequence[Document],
    figures: Sequence[Figure],
) -> dict[str, str]:
    """Return every page by path below ``html/``.

    Raises:
        BrokenFileError: A document shows a figure that is not there.
    """
    names = page_names(graph)
    env = _environment(names, build)
    mentions = _mentions(documents)
    shown_figures = {figure.path for figure in figures}
    written = [document_page(one, figures=shown_figures) for one in documents]
    page_template = env.get_template("page.html.j2")
    pages = {
        f"items/{names[name]}": page_template.render(
            page=_page(graph, graph.nodes[name], names, mentions, figures), up="../"
        )
        for name in names
    }
    document_template = env.get_template("document.html.j2")
    pages |= {
        page.path: document_template.render(page=page, pages=written, up="../")
        for page in written
    }
    return {
        **pages,
        "index.html": _start(env, graph, names, written),
        "items/index.html": _list(env, graph, names),
        "items/index.js": _index(graph, names, written),
        "items/search.js": (ASSETS / "search.js").read_text(encoding="utf-8"),
        "items/portal.css": (ASSETS / "portal.css").read_text(encoding="utf-8"),
    }


def _environment(names: Mapping[str, str], build: Build) -> Environment:
    env = Environment(
        loader=FileSystemLoader(ASSETS),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals |= {"build": build, "state": state_of(build)}
    env.filters |= {"cell": _Cells(dict(names)), "prose": _Prose(dict(names))}
    return env


class _Cells:
    """Turns the text of a cell into HTML with links."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def __call__(self, text: str, up: str = "") -> Markup:
        if isinstance(text, Markup):
            return text
        hrefs = self._names
        if up:
            hrefs = {name: f"{up}{page}" for name, page in self._names.items()}
        return linked(printable(_unmarked(text)), hrefs, IDS)


class _Prose:
    """Turns Markdown of a user into HTML: no raw HTML, no images, ids become links."""

    def __init__(self, names: dict[str, str]) -> None:
        def text(
            _: RendererHTML, tokens: Sequence[object], index: int, *_rest: object
        ) -> str:
            words = getattr(tokens[index], "content", "")
            return str(linked(words, names, IDS))

        self._parser: MarkdownIt = parser()
        self._parser.add_render_rule("text", text)

    def __call__(self, text: str) -> Markup:
        return Markup(self._parser.render(printable(text)))  # noqa: S704 - html is off


def _unmarked(text: str) -> str:
    """Return a cell without the emphasis that documents give a bad status."""
    return text.strip("*") if text.startswith("**") and text.endswith("**") else text


def _mentions(documents: Iterable[Document]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for document in documents:
        plan = document.plan
        href = f"../documents/{plan.name}.html"
        for name in document.mentions:
            found.setdefault(name, []).append((f"{plan.number} {plan.title}", href))
    return found


def _page(
    graph: TraceGraph,
    node: Node,
    names: dict[str, str],
    mentions: Mapping[str, Sequence[tuple[str, str]]],
    figures: Sequence[Figure],
) -> Page:
    return Page(
        id=shown(node.id),
        kind=kind_of(node),
        title=node.title,
        content=content(graph, node, figures),
        rests_on=_neighbours(graph, graph.out(node.id), names, forward=True),
        supports=_neighbours(graph, graph.into(node.id), names, forward=False),
        documents=tuple(mentions.get(shown(node.id), ())),
        drawing=neighbourhood(graph, node.id, names),
    )


def _neighbours(
    graph: TraceGraph, edges: Iterable[Edge], names: Mapping[str, str], *, forward: bool
) -> tuple[Neighbour, ...]:
    found = []
    for edge in edges:
        other = edge.target if forward else edge.source
        mirrored = MIRRORED.get(edge.link) or from_the_other_side(graph, edge.link)
        phrase = edge.link.replace("_", " ") if forward else mirrored
        title = graph.nodes[other].title
        found.append((phrase, shown(other), title, names.get(other, "")))
    return tuple(Neighbour(*row) for row in sorted(set(found)))


def _start(
    env: Environment,
    graph: TraceGraph,
    names: Mapping[str, str],
    documents: Iterable[DocumentPage],
) -> str:
    statuses = [
        requirement_status(graph, item.id).status for item in graph.items(Requirement)
    ]
    return env.get_template("start.html.j2").render(
        up="",
        device=graph.evidence.config.device,
        documents=documents,
        statuses=[(status, statuses.count(status)) for status in ORDER],
        current=_current(graph, names),
    )


def _current(graph: TraceGraph, names: Mapping[str, str]) -> list[Neighbour]:
    """Return model, data and results of now, as far as believed runs explain them."""
    current = graph.current
    ids = [
        ("Model", "model", current.model and current.model.sha256),
        ("Dataset", "dataset", current.manifest and current.manifest.sha256),
        ("Evaluation", "evaluation", current.evaluation and current.evaluation.id),
    ]
    found = []
    for phrase, prefix, digest in ids:
        name = f"{prefix}@{digest[:12]}" if digest else ""
        title = graph.nodes[name].title if name else "none that a recorded run explains"
        found.append(Neighbour(phrase, name, title, names.get(name, "")))
    return found


def _list(env: Environment, graph: TraceGraph, names: Mapping[str, str]) -> str:
    kinds: dict[str, list[Node]] = {}
    for name in names:
        node = graph.nodes[name]
        kinds.setdefault(kind_of(node), []).append(node)
    groups = [
        (kind, _listing(graph, nodes, names))
        for kind, nodes in kinds.items()
        if nodes[0].type not in (NodeType.COMMIT, NodeType.FILE)
    ]
    return env.get_template("list.html.j2").render(up="../", groups=groups)


def _listing(
    graph: TraceGraph, nodes: Iterable[Node], names: Mapping[str, str]
) -> Table:
    listed = sorted(nodes, key=lambda node: node.id)
    statuses = [_status(graph, node) for node in listed]
    with_status = any(statuses)
    rows = [
        (
            Markup('<a href="{}">{}</a>').format(names[node.id], shown(node.id)),
            node.title,
            *((status,) if with_status else ()),
        )
        for node, status in zip(listed, statuses, strict=True)
    ]
    return table(("Id", "Title", *(("Status",) if with_status else ())), rows)


def _status(graph: TraceGraph, node: Node) -> str:
    """Return where what can be verified stands."""
    item = graph.item(node.id)
    if isinstance(item, Requirement | UserNeed | Risk | TestProtocol):
        return "retired" if item.retired else requirement_status(graph, item.id).status
    return ""


def _index(
    graph: TraceGraph, names: Mapping[str, str], documents: Iterable[DocumentPage]
) -> str:
    """Return the search index: id, title, kind and page of everything.

    Everything is also an image, a document and a section of one.
    """
    rows = [
        (shown(name), graph.nodes[name].title, kind_of(graph.nodes[name]), page)
        for name, page in sorted(names.items())
    ]
    for name, page in sorted(names.items()):
        value = graph.nodes[name].value
        if isinstance(value, DatasetVersion) and value.manifest:
            rows += [
                (c.case, f"{c.split} image of {name}", "image", f"{page}#{anchor}")
                for c in value.manifest.cases
                for anchor in [case_anchor(c.case)]
            ]
    for one in documents:
        rows.append(
            (one.title, one.document.plan.purpose, "document", f"../{one.path}")
        )
        rows += [
            (heading.title, one.title, "section", f"../{one.path}#{heading.anchor}")
            for heading in one.headings
        ]
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    # "<" cannot end a script, and no line is longer than an editor likes
    safe = text.replace("<", "\\u003c").replace("],[", "],\n[")
    return f"window.REGML_INDEX = {safe};\n"
