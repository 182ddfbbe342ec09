"""One import, from the foreign source to the files it would write."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from regml.exchange.convert import convert
from regml.exchange.foreign import Reading, Remark
from regml.exchange.formats import Source, read_source
from regml.exchange.mapping import Mapping
from regml.exchange.place import Action, Placed, place, write_all
from regml.files.markdown import LocatedItem


@dataclass(frozen=True, slots=True)
class Import:
    """What an import finds and would write.

    Attributes:
        reading: What the source holds.
        placed: The files.
        remarks: What was not carried over.
    """

    reading: Reading
    placed: tuple[Placed, ...]
    remarks: tuple[Remark, ...]

    @property
    def changed(self) -> tuple[Placed, ...]:
        """Files that are there with other content."""
        return tuple(one for one in self.placed if one.action is Action.CHANGED)


def plan_import(
    form: Source,
    source: Path,
    mapping: Mapping,
    existing: Iterable[LocatedItem],
    *,
    into: str | None = None,
    given: Iterable[str] = (),
) -> Import:
    """Read a source and say which files it becomes; writes nothing.

    Args:
        form: Of the source.
        source: File or folder.
        mapping: What becomes what.
        existing: Items of the project.
        into: Folder for new items, relative to the project; else one per kind.
        given: Ids that removed items had; no other item gets one of them.

    Raises:
        BrokenFileError: The source is not what the format says.
        ConfigError: The source cannot be used.
        MissingExtraError: A package for the format is not installed.
    """
    there = tuple(existing)
    reading = read_source(form, source, mapping)
    conversion = convert(reading, mapping, (one.item for one in there), given)
    placed, unwritten = place(conversion.items, there, into)
    remarks = (*conversion.remarks, *unwritten)
    if not reading.items:
        nothing = Remark("holds no items; nothing was imported.", where=str(source))
        remarks = (*remarks, nothing)
    return Import(reading, placed, remarks)


def write_import(root: Path, plan: Import) -> None:
    """Write every new and changed file, or none.

    Raises:
        ConfigError: A file cannot be written; nothing was changed.
    """
    write_all(
        root,
        {p.path: p.text for p in plan.placed if p.action is not Action.UNCHANGED},
    )
