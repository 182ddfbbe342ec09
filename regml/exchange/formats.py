"""The formats, what has to be installed for them, and one way in and one way out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from regml.errors import ConfigError, MissingExtraError
from regml.exchange import (
    csv_file,
    doorstop,
    graphml,
    needs,
    rdm,
    reqif,
    reqif_write,
    strictdoc,
    table,
    xlsx,
)
from regml.exchange.foreign import Reading, Remark
from regml.exchange.mapping import Mapping
from regml.items.links import MODELS, AnyItem
from regml.trace.model import TraceGraph


class Source(StrEnum):
    """What can be imported."""

    DOORSTOP = "doorstop"
    SPHINX_NEEDS = "sphinx-needs"
    STRICTDOC = "strictdoc"
    RDM = "rdm"
    REQIF = "reqif"
    CSV = "csv"
    XLSX = "xlsx"


class Target(StrEnum):
    """What can be exported."""

    REQIF = "reqif"
    SPHINX_NEEDS = "sphinx-needs"
    CSV = "csv"
    XLSX = "xlsx"
    GRAPHML = "graphml"


MAPPINGS: Final[dict[Source, Mapping]] = {
    Source.DOORSTOP: doorstop.MAPPING,
    Source.SPHINX_NEEDS: needs.MAPPING,
    Source.STRICTDOC: strictdoc.MAPPING,
    Source.RDM: rdm.MAPPING,
    Source.REQIF: reqif.MAPPING,
    Source.CSV: table.MAPPING,
    Source.XLSX: table.MAPPING,
}
"""The mapping that each format brings."""

_READERS: Final[dict[Source, Callable[[Path, Mapping], Reading]]] = {
    Source.DOORSTOP: lambda path, _: doorstop.read(path),
    Source.SPHINX_NEEDS: lambda path, _: needs.read(path),
    Source.STRICTDOC: lambda path, _: strictdoc.read(path),
    Source.RDM: lambda path, _: rdm.read(path),
    Source.REQIF: reqif.read,
    Source.CSV: csv_file.read,
    Source.XLSX: xlsx.read,
}

_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "reqif": ("defusedxml",),
    "xlsx": ("defusedxml", "openpyxl"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """One file for another tool.

    Attributes:
        content: Its bytes.
        remarks: What the format cannot hold.
    """

    content: bytes
    remarks: tuple[Remark, ...] = ()


def read_source(form: Source, source: Path, mapping: Mapping) -> Reading:
    """Read a foreign source.

    Raises:
        BrokenFileError: It is not what the format says.
        ConfigError: It does not exist.
        MissingExtraError: A package for the format is not installed.
    """
    require_extra(form)
    if not source.exists():
        raise ConfigError(f"{source}: does not exist.")
    return _READERS[form](source, mapping)


def export(
    form: Target, items: Iterable[AnyItem], *, project: str, created: str
) -> Exported:
    """Return all items as one file of a format.

    Args:
        form: The format; not GraphML, which is about more than items.
        items: In any order.
        project: Name of the device.
        created: Time that stands in the file, RFC 3339.

    Raises:
        ConfigError: The format cannot hold a text.
        MissingExtraError: A package for the format is not installed.
    """
    require_extra(form)
    found = in_order(items)
    match form:
        case Target.REQIF:
            content = reqif_write.write(found, project=project, created=created)
            return Exported(content, _dangling(found))
        case Target.SPHINX_NEEDS:
            return Exported(needs.write(found, project=project, created=created))
        case Target.CSV:
            return Exported(csv_file.write(found))
        case Target.XLSX:
            return Exported(xlsx.write(found, created=created))
        case Target.GRAPHML:
            raise ConfigError("GraphML holds the graph, not a list of items.")


def export_graph(graph: TraceGraph) -> Exported:
    """Return the whole graph as GraphML."""
    return Exported(graphml.write(graph))


def in_order(items: Iterable[AnyItem]) -> list[AnyItem]:
    """Return items by kind, then by number."""
    kinds = list(MODELS)
    return sorted(
        items,
        key=lambda i: (kinds.index(i.kind), int(i.id.rpartition("-")[2]), i.id),
    )


def require_extra(form: str) -> None:
    """Make sure that the packages for a format are installed.

    Raises:
        MissingExtraError: One is not.
    """
    missing = [name for name in _NEEDS.get(form, ()) if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"The format {form} needs {', '.join(missing)}. "
            "Install them: pip install 'regml[exchange]'."
        )


def _dangling(items: list[AnyItem]) -> tuple[Remark, ...]:
    known = {item.id for item in items}
    return tuple(
        Remark(
            f"its link {role!r} to {target} is left out: ReqIF cannot hold a link to "
            "what does not exist.",
            "Mend the link; regml check names it too.",
            source,
        )
        for source, role, target in reqif_write.relations(items)
        if target not in known
    )
