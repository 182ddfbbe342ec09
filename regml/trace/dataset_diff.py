"""What two versions of a dataset hold differently: images, patients, labels, splits."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from regml.items.data import DatasetManifest, ManifestCase
from regml.trace.changes import FieldChange, field_changes
from regml.trace.page import NONE, Page, Section, Table

OWN_LIST: Final = frozenset(
    {
        *("case", "image_sha256", "image_size_bytes", "voxels_sha256"),
        *("label_sha256", "label_size_bytes", "label_values"),
        *("split", "annotators", "patient", "sources"),
    }
)
"""What of a case has a list of its own, or follows from what has one."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Something that was one thing and is another; both as text."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DatasetDifference:
    """How a later version of a dataset differs from an earlier one.

    Attributes:
        cases: How many cases before and after.
        added: Cases that are only in the later version.
        removed: Cases that are only in the earlier one.
        patients_added: Patients of whom only the later version has a case.
        patients_removed: Patients of whom only the earlier one has a case.
        images: Cases whose image is another, by digest.
        relabelled: Cases whose label is another, by digest.
        splits: Cases in another split.
        annotators: Cases outlined by other readers.
        patients: Cases that are of another patient than before.
        fields: Cases of which anything else differs, with what.
        rest: Fields of the manifest itself that differ.
        excluded: Cases left out in one of the two, or for another reason.
        readers: Readers whose qualification differs, or who came or went.
    """

    cases: tuple[int, int]
    added: tuple[ManifestCase, ...]
    removed: tuple[ManifestCase, ...]
    patients_added: tuple[str, ...]
    patients_removed: tuple[str, ...]
    images: tuple[Moved, ...]
    relabelled: tuple[Moved, ...]
    splits: tuple[Moved, ...]
    annotators: tuple[Moved, ...]
    patients: tuple[Moved, ...]
    fields: tuple[tuple[str, tuple[FieldChange, ...]], ...]
    rest: tuple[FieldChange, ...]
    excluded: tuple[Moved, ...]
    readers: tuple[Moved, ...]

    def counts(self) -> tuple[tuple[str, str], ...]:
        """Return in a few numbers what differs."""
        before, after = self.cases
        numbers = (
            ("images added", len(self.added)),
            ("images removed", len(self.removed)),
            ("images with other content", len(self.images)),
            ("re-labelled", len(self.relabelled)),
            ("moved between splits", len(self.splits)),
            ("outlined by other readers", len(self.annotators)),
            ("of another patient", len(self.patients)),
            ("patients added", len(self.patients_added)),
            ("patients removed", len(self.patients_removed)),
        )
        return (
            ("cases", f"{before} -> {after}"),
            *((name, str(number)) for name, number in numbers),
        )


def dataset_difference(
    before: DatasetManifest, after: DatasetManifest
) -> DatasetDifference:
    """Compare two versions of a dataset, case by case."""
    old = {case.case: case for case in before.cases}
    new = {case.case: case for case in after.cases}
    changed = [
        (was, case)
        for name, case in new.items()
        if (was := old.get(name)) is not None and was != case
    ]
    were, are = _patients(before.cases), _patients(after.cases)
    return DatasetDifference(
        cases=(len(before.cases), len(after.cases)),
        added=tuple(new[name] for name in sorted(new.keys() - old.keys())),
        removed=tuple(old[name] for name in sorted(old.keys() - new.keys())),
        patients_added=tuple(sorted(are - were)),
        patients_removed=tuple(sorted(were - are)),
        images=_moved(changed, lambda case: case.image_sha256),
        relabelled=_moved(changed, lambda case: case.label_sha256),
        splits=_moved(changed, lambda case: case.split),
        annotators=_moved(changed, lambda case: ", ".join(sorted(case.annotators))),
        patients=_moved(changed, lambda case: case.patient or "unknown"),
        fields=tuple(_other_fields(changed)),
        rest=field_changes(_head(before), _head(after)),
        excluded=_by_name(
            {case.case: case.reason for case in before.excluded},
            {case.case: case.reason for case in after.excluded},
        ),
        readers=_by_name(_readers(before), _readers(after)),
    )


def dataset_page(before: str, after: str, found: DatasetDifference) -> Page:
    """Return a difference between dataset versions as a page of tables.

    Args:
        before: Node of the earlier version.
        after: Node of the later one.
        found: The difference.
    """
    sections = (
        Section("Cases", found.counts()),
        Section("Images added", table=_cases(found.added)),
        Section("Images removed", table=_cases(found.removed)),
        Section("Patients added", table=_names("patient", found.patients_added)),
        Section("Patients removed", table=_names("patient", found.patients_removed)),
        Section("Images with other content", table=_pairs("case", found.images)),
        Section("Re-labelled", table=_pairs("case", found.relabelled)),
        Section("Moved between splits", table=_pairs("case", found.splits)),
        Section("Outlined by other readers", table=_pairs("case", found.annotators)),
        Section("Of another patient", table=_pairs("case", found.patients)),
        Section("Other facts of cases", table=_field_table(found.fields)),
        Section("Readers", table=_pairs("reader", found.readers)),
        Section("Excluded cases", table=_pairs("case", found.excluded)),
        Section("The dataset as a whole", table=_changes(found.rest)),
    )
    shown = (s for s in sections if s.facts or (s.table and s.table.rows))
    return Page(f"{before} -> {after}", "", tuple(shown))


def _patients(cases: Iterable[ManifestCase]) -> set[str]:
    return {case.patient for case in cases if case.patient}


def _moved(
    changed: Iterable[tuple[ManifestCase, ManifestCase]],
    fact: Callable[[ManifestCase], str],
) -> tuple[Moved, ...]:
    return tuple(
        Moved(case.case, fact(was) or NONE, fact(case) or NONE)
        for was, case in sorted(changed, key=lambda pair: pair[1].case)
        if fact(was) != fact(case)
    )


def _other_fields(
    changed: Iterable[tuple[ManifestCase, ManifestCase]],
) -> Iterator[tuple[str, tuple[FieldChange, ...]]]:
    names = sorted(
        {field.name for field in dataclasses.fields(ManifestCase)} - OWN_LIST
    )
    for was, case in sorted(changed, key=lambda pair: pair[1].case):
        differing = [n for n in names if getattr(was, n) != getattr(case, n)]
        found = field_changes(
            {name: getattr(was, name) for name in differing},
            {name: getattr(case, name) for name in differing},
        )
        if was.sources != case.sources and was.image_sha256 == case.image_sha256:
            found += (FieldChange("sources", *_files(was.sources, case.sources)),)
        if found:
            yield case.case, found


def _files(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    """Return how many files a case was made from, and how many of them are others."""
    came, went = set(after) - set(before), set(before) - set(after)
    others = f"{len(came)} that were not there before, {len(went)} that are gone"
    return f"{len(before)} files", f"{len(after)} files, of them {others}"


def _head(manifest: DatasetManifest) -> Mapping[str, object]:
    left_out = {"cases", "excluded", "annotators"}
    return manifest.model_dump(mode="json", exclude=left_out)


def _readers(manifest: DatasetManifest) -> dict[str, str]:
    return {
        reader.reader: ", ".join(
            f"{name.replace('_', ' ')}: {value}"
            for name, value in reader.model_dump(
                mode="json", exclude={"reader"}, exclude_none=True
            ).items()
        )
        or "listed"
        for reader in manifest.annotators
    }


def _by_name(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Moved, ...]:
    return tuple(
        Moved(name, before.get(name, NONE), after.get(name, NONE))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _cases(cases: Iterable[ManifestCase]) -> Table:
    columns = ("case", "patient", "site", "split", "annotators", "image sha256")
    return Table(
        columns,
        tuple(
            (
                case.case,
                case.patient or "unknown",
                case.site,
                case.split,
                ", ".join(case.annotators) or NONE,
                case.image_sha256,
            )
            for case in cases
        ),
    )


def _names(column: str, names: Iterable[str]) -> Table:
    return Table((column,), tuple((name,) for name in names))


def _pairs(column: str, moved: Iterable[Moved]) -> Table:
    rows = tuple((one.name, one.before, one.after) for one in moved)
    return Table((column, "before", "after"), rows)


def _changes(changes: Iterable[FieldChange]) -> Table:
    rows = tuple((c.field, c.before or NONE, c.after or NONE) for c in changes)
    return Table(("field", "before", "after"), rows)


def _field_table(fields: Iterable[tuple[str, tuple[FieldChange, ...]]]) -> Table:
    rows: dict[str, list[str]] = defaultdict(list)
    for name, changes in fields:
        for change in changes:
            rows[name] += change.lines()
    return Table(
        ("case", "what differs"),
        tuple((name, line) for name, lines in rows.items() for line in lines),
    )
