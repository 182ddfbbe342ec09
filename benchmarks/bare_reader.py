"""The floor of a check: read, validate, fingerprint and link items, and nothing else.

``python -m benchmarks.bare_reader PROJECT``: PyYAML's C loader, one pydantic model, a
sha256 per item and a networkx graph with a search for cycles. No rule, no git, no line.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import yaml
from pydantic import BaseModel, ConfigDict

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Item(BaseModel):
    """Whatever the front matter says."""

    model_config = ConfigDict(frozen=True, extra="allow")

    title: str
    text: str
    refines: tuple[str, ...] = ()
    verifies: tuple[str, ...] = ()


def main() -> None:
    """Print how many items and links there are."""
    graph: Any = nx.MultiDiGraph()
    for path in sorted(Path(sys.argv[1]).rglob("*-[0-9]*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
        item = Item(**yaml.load(front, LOADER), text=body)  # noqa: S506 - a SafeLoader
        content = json.dumps(item.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        graph.add_node(path.stem, item=item, fingerprint=digest)
        for target in item.refines + item.verifies:
            graph.add_edge(path.stem, target)
    assert nx.is_directed_acyclic_graph(graph)  # noqa: S101 - the benchmark's own claim
    print(len(graph), "items", graph.number_of_edges(), "links")


if __name__ == "__main__":
    main()
