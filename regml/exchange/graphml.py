"""GraphML: the whole graph, for programs that draw or search graphs."""

import io

from regml.errors import ConfigError
from regml.exchange.xml_file import illegal_character
from regml.trace.model import TraceGraph


def write(graph: TraceGraph) -> bytes:
    """Return every node with type, title and place, and every link.

    Raises:
        ConfigError: A title holds a character that XML cannot.
    """
    import networkx
    from networkx.readwrite.graphml import write_graphml_xml

    plain: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    for name in sorted(graph.nodes):
        node = graph.nodes[name]
        facts = {"type": node.type.value, "title": node.title, "where": node.where}
        item = graph.item(name)
        if item is not None:
            facts |= {"kind": item.kind.value, "fingerprint": item.fingerprint()}
        for text in (name, *facts.values()):
            if (character := illegal_character(text)) is not None:
                raise ConfigError(
                    f"{name}: holds the character U+{ord(character):04X}, which XML "
                    "cannot. Remove it."
                )
        plain.add_node(name, **facts)
    for edge in sorted(set(graph.edges)):
        link = str(edge.link)
        plain.add_edge(edge.source, edge.target, key=link, link=link)
    out = io.BytesIO()
    write_graphml_xml(plain, out)
    return out.getvalue()
