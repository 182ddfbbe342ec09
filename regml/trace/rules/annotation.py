"""D: labels are whole, and drawn by people who can, who agree."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from regml.findings import Severity
from regml.items.data import Annotator, ManifestCase
from regml.items.recorded import Record
from regml.trace.current import facts_of
from regml.trace.datasets import (
    Dataset,
    cases_are,
    datasets,
    few,
    runs_behind,
    stated_by,
)
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Gap, rule

SHORT = 12
"""Hex digits of a digest in a message."""


# IEC 62304 5.1.12
@rule(
    "D08",
    "Every label holds only values of the protocol, is not empty, and lies on the grid "
    "of its image.",
    datasets,
    clauses=("IEC 62304 5.1.12",),
)
def has_whole_labels(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Decides from what the stage read back from the files it had written."""
    cases = dataset.manifest.cases
    labels = dataset.protocol.labels if dataset.protocol else ()
    known = {label.value for label in labels}
    unread = [c.case for c in cases if c.label_values is None or c.same_grid is None]
    strange = [c.case for c in cases if labels and set(c.label_values or ()) - known]
    empty = [c.case for c in cases if c.label_values == ()]
    elsewhere = [c.case for c in cases if c.same_grid is False]
    for names, problem in (
        (unread, "the manifest does not say what the label holds"),
        (strange, "the label holds values that the annotation protocol does not have"),
        (empty, "the label is empty"),
        (elsewhere, "label and image do not lie on the same grid"),
    ):
        if names:
            yield Gap(
                dataset.path,
                f"In {cases_are(len(names))} of {dataset.path} {problem} "
                f"({few(names)}).",
                "Mend the outlines or leave the cases out, and run 'dvc repro'.",
                dataset.path,
            )


def _readers(graph: TraceGraph) -> Iterator[tuple[Dataset, str]]:
    """Give each reader of a dataset, and ``""`` for its protocol."""
    for dataset in datasets(graph):
        yield dataset, ""
        drew = {reader for case in dataset.manifest.cases for reader in case.annotators}
        for reader in sorted(drew):
            yield dataset, reader


# GMLP principle 5
@rule(
    "D09",
    "It is known who outlined every case; every reader is qualified and trained, on "
    "the protocol that is in force.",
    _readers,
    severity=Severity.MAJOR,
    clauses=("GMLP 5", "ISO 13485 6.2"),
)
def is_qualified(graph: TraceGraph, subject: tuple[Dataset, str]) -> Iterator[Gap]:
    """Readers are known by pseudonym; ``readers.csv`` of the export knows the rest."""
    dataset, name = subject
    if not name:
        yield from _of_dataset(graph, dataset)
        return
    known = {reader.reader: reader for reader in dataset.manifest.annotators}
    missing = list(_missing(known.get(name), dataset))
    if missing:
        drew = sum(name in case.annotators for case in dataset.manifest.cases)
        yield Gap(
            name,
            f"Reader {name} outlined {cases_are(drew)} of {dataset.path}, and "
            f"{' and '.join(missing)}.",
            "Complete readers.csv in the export (qualification, years_experience, "
            "trained_on) and run 'dvc repro', or leave the reader's outlines out.",
            dataset.path,
        )


def _missing(reader: Annotator | None, dataset: Dataset) -> Iterator[str]:
    if reader is None:
        yield "nothing is recorded about them"
        return
    if reader.qualification is None:
        yield "no qualification is recorded"
    if reader.trained_on is None:
        yield "no training on the protocol is recorded"
    needed = dataset.protocol.minimum_years_experience if dataset.protocol else None
    if needed is not None and (
        reader.years_experience is None or reader.years_experience < needed
    ):
        years = reader.years_experience
        has = "no experience" if years is None else f"an experience of {years:g} years"
        yield f"{has} is recorded where {needed:g} years are asked for"


def _of_dataset(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """Say where nobody can tell by whom and by which rules the labels were drawn."""
    nobody = [case.case for case in dataset.manifest.cases if not case.annotators]
    if nobody:
        yield Gap(
            dataset.path,
            f"{dataset.path} does not say who outlined {cases_are(len(nobody))} "
            f"({few(nobody)}).",
            stated_by(graph, "dataset", "'annotators' of each case"),
            dataset.path,
        )
    planned = dataset.specification
    if planned and planned.annotation_protocol is None:
        yield Gap(
            dataset.path,
            f"{planned.id} names no annotation protocol, so that nobody can tell what "
            f"the labels of {dataset.path} should hold and who may draw them.",
            f"Write one ('regml new ap TITLE') and name it under 'annotation_protocol' "
            f"of {planned.id}.",
            graph.where(planned.id),
        )
    runs = runs_behind(graph, dataset.path, "annotations")
    for record in runs or (None,):
        yield from _one_protocol(graph, dataset, record)


def _one_protocol(
    graph: TraceGraph, dataset: Dataset, record: Record | None
) -> Iterator[Gap]:
    if dataset.protocol is None:
        return
    facts = facts_of(record, "annotations")
    used, version = facts.get("protocol"), str(facts.get("protocol_fingerprint") or "")
    now = graph.fingerprint(dataset.protocol.id) or ""
    if (used, version) == (dataset.protocol.id, now):
        return
    what = (
        f"under {used} in the version {version[:SHORT] or 'nobody noted'}"
        if used
        else "under a protocol that no believed run behind dvc.lock names"
    )
    yield Gap(
        dataset.path,
        f"The outlines of {dataset.path} were imported {what}; in force is "
        f"{dataset.protocol.id} in the version {now[:SHORT]}.",
        "Have readers confirm their outlines under the new version. "
        + stated_by(
            graph, "annotations", "'protocol' and 'protocol_fingerprint' in its note"
        ),
        dataset.path,
    )


# GMLP principle 5
@rule(
    "D10",
    "Readers of the test cases agree as well as the protocol asks.",
    lambda graph: [
        dataset
        for dataset in datasets(graph)
        if dataset.protocol and dataset.test_cases
    ],
    severity=Severity.MAJOR,
    clauses=("GMLP 5",),
)
def agrees_with_itself(graph: TraceGraph, dataset: Dataset) -> Iterator[Gap]:
    """A case below the floor needs one reader more before it may be a test case."""
    protocol, cases = dataset.protocol, dataset.test_cases
    if protocol is None:
        return
    floor = protocol.agreement_floor_dice
    alone = [c.case for c in cases if c.agreement_dice is None]
    if alone:
        yield Gap(
            dataset.path,
            f"Agreement between readers is not known for {len(alone)} of "
            f"{cases_are(len(cases))} of the test split ({few(alone)}).",
            f"Have them outlined by at least {protocol.readers_per_case} readers, or "
            "leave them out of the test split.",
            dataset.path,
        )
    few_readers = [
        c.case
        for c in cases
        if c.agreement_dice is not None
        and len(set(c.annotators)) < protocol.readers_per_case
    ]
    if few_readers:
        yield Gap(
            dataset.path,
            f"Fewer readers than the {protocol.readers_per_case} of {protocol.id} "
            f"outlined {cases_are(len(few_readers))} of the test split "
            f"({few(few_readers)}), whatever agreement is stated.",
            f"Have them outlined by at least {protocol.readers_per_case} readers, or "
            "leave them out of the test split.",
            dataset.path,
        )
    low = [
        c for c in cases if c.agreement_dice is not None and c.agreement_dice < floor
    ]
    disputed = [c for c in low if len(set(c.annotators)) <= protocol.readers_per_case]
    if disputed:
        yield Gap(
            dataset.path,
            f"Readers of {cases_are(len(disputed))} of the test split agree less than "
            f"the floor of {protocol.id}, Dice {floor:g} ({_dices(disputed)}), and no "
            "further reader looked at them.",
            "Have a further reader outline them, or leave them out of the dataset, and "
            "run 'dvc repro'.",
            dataset.path,
        )
    values = [c.agreement_dice for c in cases if c.agreement_dice is not None]
    if values and fmean(values) < floor:
        yield Gap(
            dataset.path,
            f"The mean agreement of readers on the test split of {dataset.path} is "
            f"Dice {fmean(values):.3f}, below the floor of {protocol.id}, {floor:g}.",
            "Train the readers again on the protocol and have the cases outlined anew.",
            dataset.path,
        )


def _dices(cases: Sequence[ManifestCase]) -> str:
    return few(f"{case.case}: {case.agreement_dice:.3f}" for case in cases)


RULES = (has_whole_labels, is_qualified, agrees_with_itself)
