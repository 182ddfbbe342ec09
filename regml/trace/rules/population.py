"""D: the test cases are the ones that were planned, and were not used up."""

from collections.abc import Iterator
from dataclasses import dataclass

from regml.findings import Severity
from regml.items.config import AgeBand, Population, Role
from regml.items.data import DatasetSpecification, ManifestCase, Subgroup, group_of
from regml.items.links import Link
from regml.items.recorded import Approval, Record, StageRun
from regml.trace.current import signer_may
from regml.trace.datasets import Dataset, cases_are, datasets, few
from regml.trace.model import TraceGraph
from regml.trace.nodes import Evaluation, NodeType
from regml.trace.rules.base import Gap, rule
from regml.trace.signatures import approvals_of

CONFIG = "regml.toml"

NOMINAL_T = 0.2
"""Scanners sold as 3 T write 2.89 and the like."""


def planned_groups(graph: TraceGraph) -> Iterator[tuple[Dataset, Subgroup, str]]:
    """Give every group that the specification of a dataset plans to report on."""
    for dataset in datasets(graph):
        for planned in dataset.specification.subgroups if dataset.specification else ():
            cases = dataset.manifest.cases
            for group in sorted({group_of(case, planned.column) for case in cases}):
                yield dataset, planned, group


# FDA guidance on AI-enabled device software functions, AI Act Article 10 (3)
@rule(
    "D11",
    "Every planned subgroup has as many test cases as planned.",
    planned_groups,
    severity=Severity.MAJOR,
    clauses=("FDA AI 2025 VIII", "AI Act 10 (3)"),
)
def is_large_enough(
    graph: TraceGraph, subject: tuple[Dataset, Subgroup, str]
) -> Iterator[Gap]:
    """Groups are those of the whole dataset, so that one without test cases shows."""
    dataset, planned, group = subject
    specification = dataset.manifest.specification
    count = sum(group_of(c, planned.column) == group for c in dataset.test_cases)
    if count < planned.minimum_cases:
        yield Gap(
            f"{planned.column}={group}",
            f"The test split of {dataset.path} has {cases_are(count)} with "
            f"{planned.column} {group}; {specification} plans at least "
            f"{planned.minimum_cases}.",
            "Collect more cases of this group, or state the limitation in the dataset "
            "specification and report the group as not evaluable.",
            graph.where(specification, "subgroups"),
        )


@dataclass(frozen=True, slots=True)
class Declared:
    """One value of the population that the device is declared for.

    Attributes:
        what: In words, e.g. ``vendor SIEMENS``.
        column: Which images say it.
        value: The text, or the least and the largest number, the latter not inclusive.
    """

    what: str
    column: str
    value: str | tuple[float, float]

    def covers(self, case: ManifestCase) -> bool:
        """Tell whether a case is of it; one that does not say is not."""
        found = getattr(case, self.column)
        if isinstance(self.value, str):
            return str(found or "").casefold() == self.value.casefold()
        low, high = self.value
        return found is not None and low <= found < high


def _declared(graph: TraceGraph) -> Iterator[tuple[Dataset, Declared | None]]:
    """Give every declared value per dataset, and ``None`` for the declaration."""
    population = graph.evidence.config.device.population
    found = datasets(graph)
    tested = any(dataset.test_cases for dataset in found)
    for dataset in found:
        if dataset.test_cases or not tested:
            yield dataset, None
            for value in _values(population) if population else ():
                yield dataset, value


def _values(population: Population) -> Iterator[Declared]:
    yield from map(_age, population.ages)
    for tesla in population.field_strengths_t:
        around = (tesla - NOMINAL_T, tesla + NOMINAL_T)
        yield Declared(f"field strength {tesla:g} T", "field_strength_t", around)
    for column, texts in (("sex", population.sexes), ("vendor", population.vendors)):
        for text in texts:
            yield Declared(f"{column} {text}", column, text)


def _age(band: AgeBand) -> Declared:
    """Return an age band; whoever is 64 is so until the 65th birthday."""
    what = f"age {band.from_years:g} to {band.to_years:g} years"
    return Declared(what, "age_years", (band.from_years, band.to_years + 1))


# GMLP principles 3 and 8
@rule(
    "D14",
    "Test cases cover the population that the device is declared for.",
    _declared,
    severity=Severity.MAJOR,
    clauses=("GMLP 3", "GMLP 8"),
)
def is_covered(
    graph: TraceGraph, subject: tuple[Dataset, Declared | None]
) -> Iterator[Gap]:
    """What images do not say covers nothing."""
    dataset, value = subject
    population = graph.evidence.config.device.population
    if value is None:
        yield from _outside(dataset, population)
        return
    if any(value.covers(case) for case in dataset.test_cases):
        return
    silent = sum(
        getattr(c, value.column) in (None, "unknown") for c in dataset.test_cases
    )
    note = f" ({cases_are(silent)} do not say)" if silent else ""
    yield Gap(
        value.what,
        f"The device is declared for {value.what}, and no test case of {dataset.path} "
        f"covers that{note}.",
        f"Collect such test cases, or narrow [device.population] in {CONFIG} and the "
        "labelling.",
        CONFIG,
    )


def _outside(dataset: Dataset, population: Population | None) -> Iterator[Gap]:
    if population is None or not any(True for _ in _values(population)):
        yield Gap(
            CONFIG,
            f"{CONFIG} does not declare the population, so that nobody can tell "
            f"whether the test cases of {dataset.path} cover it.",
            "Write [device.population] with ages, sexes, field_strengths_t, vendors.",
            CONFIG,
        )
        return
    strange = [
        case.case
        for case in dataset.test_cases
        if case.age_years is not None
        and population.ages
        and not any(_age(band).covers(case) for band in population.ages)
    ]
    if strange:
        yield Gap(
            dataset.path,
            f"{cases_are(len(strange))} of the test split are of an age that the "
            f"device is not declared for ({few(strange)}).",
            "Leave them out with their reason; they say nothing about the population.",
            dataset.path,
        )


def _measured(graph: TraceGraph) -> Iterator[tuple[str, tuple[Evaluation, ...]]]:
    """Give every dataset version with the believed evaluations of its test split."""
    doubted = graph.current.doubted
    for name, node in sorted(graph.nodes.items()):
        if node.type is not NodeType.DATASET:
            continue
        values = (
            graph.nodes[edge.source].value
            for edge in graph.into(name, Link.EVALUATED_ON)
        )
        found = tuple(
            value
            for value in values
            if isinstance(value, Evaluation)
            and value.record.path not in doubted
            and value.facts.get("split", "test") == "test"
        )
        if found:
            yield name, found


# GMLP principle 4
@rule(
    "D15",
    "The test split is measured after its plan was approved, and for few models only.",
    _measured,
    severity=Severity.MAJOR,
    clauses=("GMLP 4",),
)
def is_kept_for_the_end(
    graph: TraceGraph, subject: tuple[str, tuple[Evaluation, ...]]
) -> Iterator[Gap]:
    """Counts models: measuring one again teaches nothing new about the test split."""
    name, evaluations = subject
    fulfilled = [edge.target for edge in graph.out(name, Link.FULFILS)]
    specification = graph.item(fulfilled[0]) if fulfilled else None
    if not isinstance(specification, DatasetSpecification):
        return
    models = {m for evaluation in evaluations for m in _models(graph, evaluation)}
    yield from _too_often(graph, name, specification, len(models))
    yield from _too_early(graph, name, specification, evaluations[0].record)


def _models(graph: TraceGraph, evaluation: Evaluation) -> set[str]:
    """Return the models that were measured; one that nobody recorded is one more."""
    name = f"evaluation@{evaluation.record.id}"
    recorded = {edge.target for edge in graph.out(name, Link.EVALUATES)}
    if recorded:
        return recorded
    run, weights = evaluation.record.statement, evaluation.facts.get("weights")
    inputs = run.inputs if isinstance(run, StageRun) else ()
    read = {artifact.sha256 for artifact in inputs if artifact.path == weights}
    return read or {name}


def _too_often(
    graph: TraceGraph, name: str, specification: DatasetSpecification, models: int
) -> Iterator[Gap]:
    planned = specification.test_models
    if planned is not None and models <= planned:
        return
    plan = (
        f"{specification.id} allows {planned}"
        if planned is not None
        else f"{specification.id} does not say how many may be"
    )
    yield Gap(
        name,
        f"{models} models were measured on the test split of {name}; {plan}.",
        "Write test_models into the dataset specification and have it approved."
        if planned is None
        else "Treat this test split as a tuning split from now on and collect another, "
        "or justify the further use in a change request.",
        graph.where(specification.id, "test_models"),
    )


def _too_early(
    graph: TraceGraph, name: str, specification: DatasetSpecification, first: Record
) -> Iterator[Gap]:
    measured = first.statement.origin.started_utc
    signed = [
        record.statement.origin.started_utc
        for record in approvals_of(graph, specification.id)
        if isinstance(record.statement, Approval)
        and record.statement.meaning == "approval"
        and signer_may(record, (Role.QUALITY, Role.CLINICAL), graph.evidence.config)
    ]
    if any(time <= measured for time in signed):
        return
    when = f"only on {min(signed)}" if signed else "by nobody yet"
    yield Gap(
        name,
        f"The test split of {name} was measured on {measured}, before its plan "
        f"{specification.id} was approved ({when}).",
        f"Approve {specification.id} before the next model is measured, and say in the "
        "evaluation report that this one was measured before.",
        first.path,
    )


RULES = (is_large_enough, is_covered, is_kept_for_the_end)
