"""How pages are called, and how texts lead to them."""

import re

from markupsafe import Markup, escape

from regml.digest import sha256_of
from regml.files.markdown import LocatedItem
from regml.trace.nodes import Node, NodeType

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@-]*")


def page_name(node: Node) -> str:
    """Return the file name of a node's page."""
    if _SAFE_NAME.fullmatch(node.id):
        return f"{node.id}.html"
    prefix = node.id.partition(":")[0]
    return f"{prefix}-{sha256_of(node.id.encode())[:12]}.html"


def kind_of(node: Node) -> str:
    """Return what a node is in words."""
    if isinstance(node.value, LocatedItem):
        words = node.value.item.kind.name.replace("_", " ").lower()
        return words.replace("soup", "SOUP").replace("pccp", "PCCP")
    return str(node.type)


def is_paged(node: Node) -> bool:
    """Tell whether a node has a page; what does not exist has none."""
    return node.type not in (NodeType.MISSING, NodeType.DOCUMENT)


def case_anchor(case: str) -> str:
    """Return the anchor of an image on the page of its dataset."""
    return f"case-{re.sub(r'[^A-Za-z0-9_.-]', '_', case)}"


def case_link(dataset: Node, case: str) -> Markup:
    """Return a link to an image on the page of its dataset."""
    href = f"{page_name(dataset)}#{case_anchor(case)}"
    return Markup('<a href="{}">{}</a>').format(href, case)


def linked(text: str, hrefs: dict[str, str], pattern: re.Pattern[str]) -> Markup:
    """Return HTML of a text in which known ids are links.

    Args:
        text: Any text; it is escaped.
        hrefs: Page of each id.
        pattern: Finds what may be an id.
    """
    parts, end = [], 0
    for match in pattern.finditer(text):
        href = hrefs.get(match[0]) or hrefs.get(f"test:{match[0]}")
        if href is not None:
            parts.append(escape(text[end : match.start()]))
            parts.append(Markup('<a href="{}">{}</a>').format(href, match[0]))
            end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
