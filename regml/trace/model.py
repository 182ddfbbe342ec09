"""The graph: every piece of evidence, and the typed links to its reasons.

An edge points from the evidence to its reason (test -> requirement -> risk, model ->
dataset -> run -> commit): :meth:`TraceGraph.reasons` follows the arrows,
:meth:`TraceGraph.affected` goes against them.
"""

import difflib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from regml.digest import canonical_json, fingerprint
from regml.errors import UnknownIdError
from regml.files.markdown import LocatedItem
from regml.items.base import Item
from regml.items.documents import PREFIX, DocumentPlan
from regml.items.links import AnyItem
from regml.items.recorded import Record, Release, StageRun
from regml.trace.current import Current
from regml.trace.evidence import Evidence
from regml.trace.nodes import BACKWARD, SHORT, Edge, Node, NodeType

if TYPE_CHECKING:
    import networkx

I = TypeVar("I", bound=Item)  # noqa: E741 - stands for Item


class TraceGraph:
    """All evidence of a project with its links; it cannot be changed.

    Args:
        evidence: What it was built from.
        current: Which runs, data and model ``dvc.lock`` stands for.
        nodes: Every node.
        edges: Every link; both ends are nodes.
    """

    def __init__(
        self,
        evidence: Evidence,
        current: Current,
        nodes: Iterable[Node],
        edges: Iterable[Edge],
    ) -> None:
        self.evidence = evidence
        self.current = current
        self.nodes: Mapping[str, Node] = MappingProxyType({n.id: n for n in nodes})
        self.edges = tuple(edges)
        self._out: dict[str, list[Edge]] = {}
        self._into: dict[str, list[Edge]] = {}
        for edge in self.edges:
            self._out.setdefault(edge.source, []).append(edge)
            self._into.setdefault(edge.target, []).append(edge)
        self._fingerprints: dict[str, str] = {}
        self._by_type: dict[type[Item], tuple[Any, ...]] = {}

    def node(self, node_id: str) -> Node:
        """Return the node with exactly this id.

        Raises:
            UnknownIdError: There is none; the message names similar ones.
        """
        if node_id not in self.nodes:
            raise UnknownIdError(self._unknown(node_id))
        return self.nodes[node_id]

    def find(self, text: str) -> Node:
        """Return the node that a person means.

        Accepts ids in any case, ``model@current``, ``dataset@current``,
        ``evaluation@current``, released versions (``model@1.0.0``, ``release@1.0.0``),
        beginnings of digests (``model@3f9``), bare record ids,
        and tests, files and documents without ``test:``, ``file:`` and ``doc:``.

        Raises:
            UnknownIdError: Nothing or more than one thing fits.
        """
        prefixed = (f"test:{text}", f"file:{text}", f"{PREFIX}{text}")
        for name in (text, text.upper(), *prefixed):
            if name in self.nodes and self.nodes[name].type is not NodeType.MISSING:
                return self.nodes[name]
        prefix, _, digest = text.partition("@")
        if digest == "current":
            return self._current(prefix)
        if released := self._released(prefix, digest):
            return released
        wanted = f"{prefix}@{digest[:SHORT]}" if digest else f"@{text}"
        found = sorted(
            name
            for name in self.nodes
            if (name.startswith(wanted) if digest else wanted in name)
        )
        if len(found) != 1:
            raise UnknownIdError(self._unknown(text, candidates=found))
        return self.nodes[found[0]]

    def out(self, node_id: str, *links: str) -> tuple[Edge, ...]:
        """Return the links of a node to its reasons, all or only some kinds."""
        edges = self._out.get(node_id, ())
        return tuple(edge for edge in edges if not links or edge.link in links)

    def into(self, node_id: str, *links: str) -> tuple[Edge, ...]:
        """Return the links of evidence that a node is the reason of."""
        edges = self._into.get(node_id, ())
        return tuple(edge for edge in edges if not links or edge.link in links)

    def reasons(self, node_id: str) -> frozenset[str]:
        """Return everything a node rests on, directly or not."""
        return self._reach(node_id, self.rests_on)

    def affected(self, node_id: str) -> frozenset[str]:
        """Return everything that rests on a node, directly or not."""
        return self._reach(node_id, self.carries)

    def rests_on(self, node_id: str) -> tuple[tuple[str, str], ...]:
        """Return the direct reasons of a node with their links, sorted by id."""
        return self._beside(node_id, self._out, self._into)

    def carries(self, node_id: str) -> tuple[tuple[str, str], ...]:
        """Return what rests directly on a node with its links, sorted by id."""
        return self._beside(node_id, self._into, self._out)

    def item(self, item_id: str) -> AnyItem | None:
        """Return an item, or ``None`` when no item has this id."""
        node = self.nodes.get(item_id)
        if node is None or not isinstance(node.value, LocatedItem):
            return None
        return node.value.item

    def items(self, model: type[I], *, retired: bool = False) -> tuple[I, ...]:
        """Return the items of one kind in the order of the evidence.

        Args:
            model: Their type.
            retired: Also those that are no longer in force.
        """
        if model not in self._by_type:
            self._by_type[model] = tuple(
                found.item
                for found in self.evidence.items
                if isinstance(found.item, model)
            )
        items: tuple[I, ...] = self._by_type[model]
        return items if retired else tuple(i for i in items if i.retired is None)

    def fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of an item or document, ``None`` when there is none.

        That of a document follows from its template and from all that it presents.
        """
        if name not in self._fingerprints:
            node = self.nodes.get(name)
            if node is not None and isinstance(node.value, DocumentPlan):
                self._fingerprints[name] = fingerprint(self._content_of(node.value))
            elif (item := self.item(name)) is not None:
                self._fingerprints[name] = item.fingerprint()
            else:
                return None
        return self._fingerprints[name]

    def content(self, name: str) -> Mapping[str, Any] | None:
        """Return what the fingerprint of an item or document is taken of."""
        node = self.nodes.get(name)
        if node is not None and isinstance(node.value, DocumentPlan):
            return self._content_of(node.value)
        item = self.item(name)
        return None if item is None else item.normative()

    def signable(
        self, names: Iterable[str]
    ) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
        """Return what a signature under items or documents is for.

        Returns:
            Their fingerprints by id; those of the items they link to or present; and
            the content of the signed ones and of what items link to, as canonical JSON
            by fingerprint. What documents present is kept where it is signed itself.

        Raises:
            UnknownIdError: One is neither an item nor a document.
        """
        wanted = dict.fromkeys(names)
        if unknown := sorted(n for n in wanted if self.fingerprint(n) is None):
            raise UnknownIdError(
                f"{', '.join(unknown)}: no such item or document. "
                "'regml list' prints all."
            )
        signed = {name: self.fingerprint(name) or "" for name in wanted}
        reasons = {edge.target for name in wanted for edge in self.out(name)}
        contents = {
            self.fingerprint(name) or "": canonical_json(content).decode()
            for name in sorted(reasons | set(wanted))
            if (content := self.content(name)) is not None
        }
        for plan in self.evidence.documents:
            if plan.node_id in wanted:
                reasons |= self._presented(plan)
        linked = {
            name: self.fingerprint(name) or ""
            for name in sorted(reasons)
            if self.item(name) is not None
        }
        return signed, linked, contents

    def documents_of(self, item_id: str) -> tuple[DocumentPlan, ...]:
        """Return the documents that present an item, by number."""
        item = self.item(item_id)
        return tuple(
            plan
            for plan in self.evidence.documents
            if item is not None and item.kind in plan.items
        )

    def where(self, node_id: str, text: str = "") -> str:
        """Return ``path:line`` of a text in an item's file, or where the node lies."""
        node = self.nodes.get(node_id)
        if node is None:
            return ""
        if isinstance(node.value, LocatedItem):
            line = node.value.line_of(text) if text else 1
            return f"{node.value.path}:{line}"
        return node.where

    def believed(self) -> tuple[Record, ...]:
        """Return the records whose signature and place in the log are in order."""
        return self.current.believed

    def runs(self, stage: str) -> tuple[Record, ...]:
        """Return all runs of a stage, also failed ones, in the order of the log."""
        return tuple(
            record
            for record in self.evidence.records
            if isinstance(record.statement, StageRun)
            and record.statement.stage == stage
        )

    def to_networkx(self) -> "networkx.MultiDiGraph[str]":
        """Return a frozen copy for networkx's algorithms; the link is the key.

        The graph itself is plain dictionaries, because importing networkx alone costs
        a third of what a check of 5,000 items may take.
        """
        import networkx

        graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        graph.add_nodes_from(
            (name, {"node": self.nodes[name]}) for name in sorted(self.nodes)
        )
        for edge in sorted(self.edges):
            graph.add_edge(edge.source, edge.target, edge.link)
        networkx.freeze(graph)
        return graph

    def _beside(
        self,
        node_id: str,
        along: Mapping[str, list[Edge]],
        against: Mapping[str, list[Edge]],
    ) -> tuple[tuple[str, str], ...]:
        """Return the other ends of plain edges and of backward ones."""
        edges = [e for e in along.get(node_id, ()) if e.link not in BACKWARD]
        edges += [e for e in against.get(node_id, ()) if e.link in BACKWARD]
        other = {(e.target if e.source == node_id else e.source, e.link) for e in edges}
        return tuple(sorted(other))

    def _presented(self, plan: DocumentPlan) -> set[str]:
        return {
            found.item.id
            for found in self.evidence.items
            if found.item.kind in plan.items and found.item.retired is None
        }

    def _content_of(self, plan: DocumentPlan) -> dict[str, Any]:
        current, config = self.current, self.evidence.config.model_dump(mode="json")
        return plan.content(
            items={
                name: self.fingerprint(name) or "" for name in self._presented(plan)
            },
            versions={
                "dataset": current.manifest.sha256 if current.manifest else None,
                "model": current.model.sha256 if current.model else None,
                "evaluation": _made_by(current.evaluation),
            },
            settings={str(n): fingerprint({n: config[n]}) for n in plan.settings},
            device=fingerprint({n: config[n] for n in ("device", "maintenance")}),
            policy=fingerprint(self.evidence.policy.model_dump(mode="json")),
        )

    def _reach(
        self, start: str, neighbours: Callable[[str], Iterable[tuple[str, str]]]
    ) -> frozenset[str]:
        self.node(start)
        seen, todo = {start}, deque([start])
        while todo:
            for name, _ in neighbours(todo.popleft()):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return frozenset(seen - {start})

    def _current(self, prefix: str) -> Node:
        digests = {
            "model": self.current.model and self.current.model.sha256,
            "dataset": self.current.manifest and self.current.manifest.sha256,
            "evaluation": self.current.evaluation and self.current.evaluation.id,
        }
        digest = digests.get(prefix)
        if not digest:
            if any(self.current.explained.values()):
                raise UnknownIdError(
                    f"{prefix}@current: no run behind dvc.lock made one: none noted "
                    f"what its {prefix} is, or 'regml check --rule T15' says why its "
                    f"note does not count. A stage notes it with regml.note("
                    f'"{prefix}", ...) in its code.'
                )
            raise UnknownIdError(
                f"{prefix}@current: no believed run explains what dvc.lock holds. "
                "Run 'dvc repro', or name one by its digest."
            )
        return self.node(f"{prefix}@{digest[:SHORT]}")

    def _released(self, prefix: str, version: str) -> Node | None:
        """Return release, model or dataset of a released version; the last one wins."""
        found = None
        for record in self.current.believed:
            release = record.statement
            if isinstance(release, Release) and release.version == version:
                ids = {
                    "release": record.id,
                    "model": (release.model or "")[:SHORT],
                    "dataset": (release.dataset or "")[:SHORT],
                }
                found = self.nodes.get(f"{prefix}@{ids.get(prefix)}") or found
        return found

    def _unknown(self, text: str, candidates: Iterable[str] = ()) -> str:
        """Return a message with what could have been meant."""
        several = list(candidates)[:5]
        if several:
            return f"{text!r} may be any of {', '.join(several)}. Name one of them."
        near = difflib.get_close_matches(text, self.nodes, n=3, cutoff=0.5)
        if near:
            return f"{text!r} is unknown. Did you mean {', '.join(near)}?"
        return f"{text!r} is unknown. 'regml list' shows what there is."


def _made_by(record: Record | None) -> str | None:
    """Return the digest of all that a run wrote: equal for a run that is repeated."""
    if record is None or not isinstance(record.statement, StageRun):
        return None
    return fingerprint({out.path: out.sha256 for out in record.statement.outputs})
