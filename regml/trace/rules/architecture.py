"""T07, R08: software items hold their sources, and have the class they need."""

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from regml.files.used_code import UsedCode
from regml.findings import Severity
from regml.items.base import SafetyClass
from regml.items.design import SoftwareItem
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule

CODE: Final = frozenset(
    {
        *(".py", ".pyx", ".r", ".jl", ".m", ".sh", ".bash", ".ps1", ".rs", ".go"),
        *(".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".cu", ".cuh", ".mm"),
        *(".f", ".for", ".f90", ".f95", ".f03", ".f08", ".hxx", ".inl", ".ipp", ".s"),
        *(".cl", ".hip", ".metal", ".wgsl", ".glsl", ".hlsl", ".comp", ".asm"),
        *(".java", ".kt", ".kts", ".scala", ".groovy", ".cs", ".fs", ".vb"),
        *(".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".vue", ".svelte", ".php"),
        *(".swift", ".dart", ".lua", ".pl", ".rb", ".zig", ".pas", ".hs", ".ml"),
        *(".bat", ".cmd", ".psm1", ".sql", ".ipynb", ".pxd", ".pxi"),
    }
)
"""Suffixes of files that are source code."""

CONFIG: Final = "regml.toml"

Place = tuple[str, str | None, bool]
"""A path, the software item or configuration that claims it, and whether it exists."""


def _places(graph: TraceGraph) -> Iterator[Place | UsedCode]:
    """Give every claimed path, every unclaimed source, and what is used besides."""
    yield from graph.evidence.surroundings.used_code
    claims = [
        (source.rstrip("/"), item.id)
        for item in graph.items(SoftwareItem)
        for source in item.sources
    ]
    tree, pointers = graph.evidence.tree, graph.evidence.pointers
    folders = {name.rpartition("/")[0] for name in tree}
    folders = {up for folder in folders for up in _around(folder)}
    there = tree | folders | pointers
    for path, at in claims:
        # what lies in a submodule is known to the submodule only
        yield path, at, path in there or not pointers.isdisjoint(_around(path))
    claimed = {path for path, _ in claims}
    sources = graph.evidence.config.sources
    yield from _uncontrolled(graph, claims)
    named = (*sources.software, *sources.tests) if tree else ()
    for path in dict.fromkeys(named):
        place = path.rstrip("/")
        inside = place in there or not pointers.isdisjoint(_around(place))
        yield path, CONFIG, inside
    scope = {path.rstrip("/") for path in sources.software}
    for name in sorted(tree | pointers):
        suffix = posixpath.splitext(name)[1].lower()
        if suffix not in CODE and (suffix or name not in pointers):
            continue
        around = set(_around(name))
        if scope & around and not claimed & around:
            yield name, None, True


def _uncontrolled(
    graph: TraceGraph, claims: Iterable[tuple[str, str]]
) -> Iterator[UsedCode]:
    """Give the code of software items that lies outside of ``[sources]``."""
    sources = graph.evidence.config.sources
    inside = {path.rstrip("/") for path in (*sources.software, *sources.tests)}
    owners = {path: owner for path, owner in claims if inside.isdisjoint(_around(path))}
    for name in sorted(graph.evidence.tree) if owners else ():
        if posixpath.splitext(name)[1].lower() in CODE and inside.isdisjoint(
            around := tuple(_around(name))
        ):
            owner = next((owners[path] for path in around if path in owners), None)
            if owner:
                yield UsedCode(name, f"Software item {owner}")


def _around(path: str) -> Iterator[str]:
    """Give a path and the folders it lies in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


_AND_TO_AN_ITEM: Final = " and to 'sources' of a software item."


# IEC 62304 5.4.1, 5.5.1
@rule(
    "T07",
    "Every source path of a software item and of regml.toml exists, every source file "
    "under control belongs to a software item, and no other code of the project is "
    "used.",
    _places,
    severity=Severity.MAJOR,
    clauses=("IEC 62304 5.4.1", "IEC 62304 5.5.1"),
)
def is_where_the_design_says(
    graph: TraceGraph, place: Place | UsedCode
) -> Iterator[Gap]:
    """The design names the files, and the files are the design's."""
    if isinstance(place, UsedCode):
        hidden = place.path not in graph.evidence.tree
        yield Gap(
            place.path,
            f"{place.by} uses this code, and it is not under control: a change of it "
            "would leave all results as they are.",
            f"Add {place.path} to 'tests' in [sources] of regml.toml, or move it into "
            "a folder that stands there."
            if place.by == "pytest"
            else f"{'Have git track it, and add' if hidden else 'Add'} "
            f"{place.path} to 'software' in [sources] of regml.toml"
            + ("." if place.by.startswith("Software item") else _AND_TO_AN_ITEM),
            place.path,
        )
        return
    path, owner, exists = place
    if owner is None:
        yield Gap(
            path,
            "The source file belongs to no software item.",
            f"Add {path} to 'sources' of the software item it is a part of.",
            path,
        )
    elif not exists and owner == CONFIG:
        yield Gap(
            CONFIG,
            f"[sources] names {path}, and no file of the project is there: what was "
            "meant is not under control.",
            "Correct the path in regml.toml, or take it out.",
            CONFIG,
        )
    elif not exists:
        yield Gap(
            owner,
            f"'sources' names {path}, which does not exist.",
            "Correct the path, or remove it if the file is gone.",
            graph.where(owner, path),
        )


# IEC 62304 4.3 d, e, f, g
@rule(
    "R08",
    "Every software item has a class; a lower one than its parent's has a reason, and "
    "none is higher than its parent's or the system's.",
    lambda graph: graph.items(SoftwareItem),
    clauses=("IEC 62304 4.3",),
)
def has_a_justified_class(graph: TraceGraph, item: SoftwareItem) -> Iterator[Gap]:
    """An item without a class counts as C (4.3 g); a whole is no better than a part."""
    own = item.safety_class or SafetyClass.C
    system = graph.evidence.config.device.safety_class
    parent = graph.item(item.part_of) if item.part_of else None
    if isinstance(parent, SoftwareItem):
        above, name = parent.safety_class or SafetyClass.C, parent.id
    else:
        above, name = system, "the software system"
    given = f"class {own}" if item.safety_class else "without a class and counts as C"
    if item.in_device and own > system:
        yield Gap(
            item.id,
            f"The software item is {given}, and the software system is class {system}.",
            "Classify the item and give the reason, or raise 'safety_class' of the "
            "device in regml.toml.",
            graph.where(item.id, "safety_class"),
        )
    elif item.in_device and own > above:
        yield Gap(
            item.id,
            f"The software item is {given} and a part of {name}, which is class "
            f"{above}.",
            f"Raise 'safety_class' of {name} to {own}, or take {item.id} out of it.",
            graph.where(item.id, "safety_class"),
        )
    elif own < above and (item.in_device or item.part_of) and not item.segregation:
        yield Gap(
            item.id,
            f"The software item is {given}, {name} is class {above}, and nothing says "
            "how the two are segregated.",
            f"Say under 'segregation' why {item.id} cannot affect the rest, or raise "
            f"its class to {above}.",
            graph.where(item.id, "safety_class"),
        )


RULES = (is_where_the_design_says, has_a_justified_class)
