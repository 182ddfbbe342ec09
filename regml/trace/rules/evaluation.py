"""M: what was measured is honest: intervals, denominators, subgroups."""

from collections.abc import Iterator, Mapping

from regml.findings import Severity
from regml.items.data import DatasetSpecification, Subgroup, group_of
from regml.items.recorded import Outcome
from regml.items.requirements import Requirement
from regml.trace.datasets import Dataset, cases_are, datasets, few, stated_by
from regml.trace.model import TraceGraph
from regml.trace.nodes import AcceptanceRow, Evaluation
from regml.trace.rules.base import Gap, rule
from regml.trace.rules.population import planned_groups


def _evaluation(graph: TraceGraph) -> Evaluation | None:
    """Return the evaluation that dvc.lock stands for."""
    record = graph.current.evaluation
    value = graph.nodes[f"evaluation@{record.id}"].value if record else None
    return value if isinstance(value, Evaluation) else None


def _claims(
    graph: TraceGraph,
) -> Iterator[tuple[Evaluation, AcceptanceRow | None]]:
    """Give every acceptance result, and ``None`` for how intervals were made."""
    evaluation = _evaluation(graph)
    if evaluation:
        yield evaluation, None
        for row in evaluation.rows:
            yield evaluation, row


# FDA guidance on AI-enabled device software functions, performance validation
@rule(
    "M05",
    "Every number that a requirement claims has an interval, drawn by patient.",
    _claims,
    severity=Severity.MAJOR,
    clauses=("FDA AI 2025 VIII",),
)
def has_an_interval(
    graph: TraceGraph, subject: tuple[Evaluation, AcceptanceRow | None]
) -> Iterator[Gap]:
    """Several images of one patient are no several patients."""
    evaluation, row = subject
    if row is None:
        yield from _not_by_patient(graph, evaluation)
    elif row.value is not None and (row.low is None or row.high is None):
        yield Gap(
            row.requirement,
            f"The result of criterion {row.criterion} of {row.requirement} has no "
            f"confidence interval ({row.value:.4g}).",
            "Measure it on enough patients for an interval, or leave the claim out.",
            evaluation.record.path,
        )


def _not_by_patient(graph: TraceGraph, evaluation: Evaluation) -> Iterator[Gap]:
    interval = evaluation.facts.get("interval")
    unit = interval.get("unit") if isinstance(interval, Mapping) else None
    path = str(evaluation.facts.get("per_case", ""))
    scores = graph.evidence.scores.get(path, ())
    without = sorted({score.case for score in scores if not score.patient})
    known = _patients(graph)
    others = sorted(
        {
            s.case
            for s in scores
            if s.patient and known.get(s.case, s.patient) != s.patient
        }
    )
    if unit == "patient" and not without and not others:
        return
    if without:
        which = f"{cases_are(len(without))} of {path} ({few(without)})"
        why = f"no patient is known for {which}"
    elif others:
        which = f"{cases_are(len(others))} of {path} ({few(others)})"
        why = f"the manifest has other patients for {which}"
    else:
        why = f"it was drawn by {unit or 'nobody knows what'}"
    yield Gap(
        f"evaluation@{evaluation.record.id}",
        f"The confidence intervals are not by patient: {why}.",
        "Get the patient keys and run 'dvc repro'; until then report that intervals "
        "may be too narrow.",
        evaluation.record.path,
    )


def _patients(graph: TraceGraph) -> dict[str, str]:
    """Return the patient of each case by the manifest of the present dataset."""
    current = graph.current.manifest
    manifest = graph.evidence.manifests.get(current.path) if current else None
    cases = manifest.cases if manifest else ()
    return {case.case: case.patient for case in cases if case.patient}


def _test_cases(graph: TraceGraph) -> Iterator[tuple[Evaluation, Dataset, str]]:
    """Give every split that was measured, with the dataset it belongs to."""
    evaluation = _evaluation(graph)
    current = graph.current.manifest
    if evaluation is None or current is None:
        return
    path = str(evaluation.facts.get("per_case", ""))
    splits = {score.split for score in graph.evidence.scores.get(path, ())}
    present = graph.evidence.workspace.get(current.path)
    for dataset in datasets(graph):
        if dataset.path == current.path and present == current:
            for split in sorted(splits | {"test"}):
                yield evaluation, dataset, split


# CLAIM checklist
@rule(
    "M08",
    "Every case of a measured split is in the denominator, failed ones as well.",
    _test_cases,
    clauses=("CLAIM", "FDA AI 2025 VIII"),
)
def counts_every_case(
    graph: TraceGraph, subject: tuple[Evaluation, Dataset, str]
) -> Iterator[Gap]:
    """A case on which the model failed has a row with its status and a Dice of 0."""
    evaluation, dataset, split = subject
    path = str(evaluation.facts.get("per_case", ""))
    cases = {c.case for c in dataset.manifest.cases if c.split == split}
    rows = [s for s in graph.evidence.scores.get(path, ()) if s.split == split]
    asked = {(row.condition, row.label) for row in rows}
    there: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        there.setdefault(row.case, set()).add((row.condition, row.label))
    missing = sorted(case for case in cases if asked - there.get(case, set()))
    if path in graph.evidence.scores and (missing or not rows):
        yield Gap(
            f"evaluation@{evaluation.record.id}",
            f"{len(missing)} of {len(cases)} cases of the split '{split}' are not (or "
            f"not for every label and condition) in {path} ({few(missing)}): they were "
            "left out of the denominator.",
            "Run 'dvc repro'; a case on which inference fails has to stay, as failed.",
            path,
        )
    for result in evaluation.rows:
        population = result.facts.get("population", "test")
        if result.group is None and population == split and result.cases != len(cases):
            yield Gap(
                result.requirement,
                f"Criterion {result.criterion} of {result.requirement} was decided on "
                f"{cases_are(result.cases)}; the split '{split}' has {len(cases)}.",
                "Run 'dvc repro'; no case may be left out of a decision.",
                evaluation.record.path,
            )


def _groups(
    graph: TraceGraph,
) -> Iterator[tuple[Evaluation, Subgroup | AcceptanceRow, str]]:
    """Give the groups that were planned, and those that a criterion decided on."""
    evaluation = _evaluation(graph)
    if evaluation is None:
        return
    for dataset, planned, group in planned_groups(graph):
        if any(group_of(c, planned.column) == group for c in dataset.test_cases):
            yield evaluation, planned, group
    for row in evaluation.rows:
        if row.group is not None:
            yield evaluation, row, row.group


# FDA guidance on AI-enabled device software functions, subgroup analysis
@rule(
    "M09",
    "Every planned subgroup is reported, and one that missed its limit is disclosed.",
    _groups,
    severity=Severity.MAJOR,
    clauses=("FDA AI 2025 VIII", "AI Act 13 (3) b"),
)
def reports_subgroups(
    graph: TraceGraph, subject: tuple[Evaluation, Subgroup | AcceptanceRow, str]
) -> Iterator[Gap]:
    """What is disclosed stands as a limitation of a dataset specification."""
    evaluation, asked, group = subject
    if isinstance(asked, Subgroup):
        if (asked.column, group) not in _reported(graph, evaluation):
            yield Gap(
                f"{asked.column}={group}",
                f"The evaluation does not report on test cases with {asked.column} "
                f"{group}, which was planned.",
                stated_by(graph, "evaluation", "under 'subgroups' what it is there"),
                evaluation.record.path,
            )
        return
    column = _column(graph, asked)
    name = f"{column}={group}"
    if asked.outcome == Outcome.FAILED and name not in _disclosed(graph):
        yield Gap(
            name,
            f"Test cases with {column} {group} missed criterion {asked.criterion} of "
            f"{asked.requirement}, and no limitation says so to who uses the device.",
            f"Improve the model, or add a limitation with groups: ['{name}'] to the "
            "dataset specification and to the labelling.",
            evaluation.record.path,
        )


def _reported(graph: TraceGraph, evaluation: Evaluation) -> set[tuple[str, str]]:
    noted = evaluation.facts.get("subgroups")
    rows = noted if isinstance(noted, list | tuple) else ()
    found = {
        (str(row.get("column")), str(row.get("group")))
        for row in rows
        if isinstance(row, Mapping) and row.get("mean") is not None
    }
    return found | {
        (_column(graph, row), row.group)
        for row in evaluation.rows
        if row.group is not None
    }


def _column(graph: TraceGraph, row: AcceptanceRow) -> str:
    """Return what a criterion groups by, as recorded or as it is written now."""
    if row.facts.get("subgroup"):
        return str(row.facts["subgroup"])
    item = graph.item(row.requirement)
    criteria = item.acceptance if isinstance(item, Requirement) else ()
    if row.criterion < len(criteria):
        return str(criteria[row.criterion].subgroup or "")
    return ""


def _disclosed(graph: TraceGraph) -> set[str]:
    return {
        name
        for specification in graph.items(DatasetSpecification)
        for limitation in specification.limitations
        for name in limitation.groups
    }


RULES = (has_an_interval, counts_every_case, reports_subgroups)
