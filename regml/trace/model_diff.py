"""What two versions of a model differ in: data, code, parameters, machine, results."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from regml.files.past import CodeChange
from regml.items.installed import PACKAGES, Installed, installed
from regml.items.recorded import Record, StageRun
from regml.trace.changes import FieldChange, field_changes
from regml.trace.dataset_diff import DatasetDifference
from regml.trace.model import TraceGraph
from regml.trace.nodes import (
    SHORT,
    AcceptanceRow,
    DatasetVersion,
    Evaluation,
    ModelVersion,
)
from regml.trace.page import NONE, Page, Section, Table, plain
from regml.trace.verdicts import verdicts_of, wordings_of

UNKNOWN: Final = "not recorded"

_OF_MODEL: Final = (
    *("architecture", "parameters", "seed", "hyperparameters", "initial_weights"),
    *("plan", "best_step", "preparation"),
)
"""What a training run noted and that is neither data nor a result."""


@dataclass(frozen=True, slots=True)
class ModelSide:
    """One side of a comparison of models.

    Attributes:
        name: Id of its node.
        model: The version.
        training: The run that made it last; ``None`` for one that nobody recorded.
        dataset: Node of the dataset version it was trained on; ``""`` without one.
        evaluation: The latest believed evaluation of it; ``None`` without one.
        verdicts: Worst believed outcome by requirement.
        wordings: Fingerprints of each requirement that outcomes were decided by.
    """

    name: str
    model: ModelVersion
    training: Record | None
    dataset: str
    evaluation: Evaluation | None
    verdicts: Mapping[str, str]
    wordings: Mapping[str, frozenset[str]]

    @property
    def run(self) -> StageRun | None:
        """What the training run said."""
        record = self.training
        if record is None or not isinstance(record.statement, StageRun):
            return None
        return record.statement

    @property
    def commit(self) -> str | None:
        """At which commit it was trained."""
        return self.run.origin.commit if self.run else None


def model_side(graph: TraceGraph, name: str, model: ModelVersion) -> ModelSide:
    """Collect what the graph knows about one model version."""
    believed = [r for r in model.runs if r.path not in graph.current.doubted]
    runs = believed or list(model.runs)
    training = runs[-1] if runs else None
    run = training.statement if training else None
    read = {a.sha256 for a in run.inputs} if isinstance(run, StageRun) else set()
    datasets = sorted(
        edge.target
        for edge in graph.out(name, "trained_on")
        if isinstance(found := graph.nodes[edge.target].value, DatasetVersion)
        and found.sha256 in read
    )
    evaluation = _evaluation(graph, name)
    return ModelSide(
        name,
        model,
        training,
        datasets[0] if datasets else "",
        evaluation,
        verdicts_of(graph, model.sha256, evaluation),
        wordings_of(graph, model.sha256, evaluation),
    )


def model_page(
    before: ModelSide,
    after: ModelSide,
    code: CodeChange | None,
    data: DatasetDifference | str,
) -> Page:
    """Return how two model versions differ, section by section.

    Args:
        before: The earlier one.
        after: The later one.
        code: What git knows; ``None`` where a commit was not recorded.
        data: How their datasets differ, or why nobody can tell.
    """
    sections = (
        _identity(before, after),
        _data(before, after, data),
        *_code(before, after, code),
        _fields("Parameters", _parameters(before), _parameters(after)),
        *_environment(before, after),
        _metrics(before, after),
        _verdict_section(before, after),
    )
    return Page(f"{before.name} -> {after.name}", "", sections)


def _evaluation(graph: TraceGraph, name: str) -> Evaluation | None:
    found = None
    for edge in graph.into(name, "evaluates"):
        value = graph.node(edge.source).value
        if (
            isinstance(value, Evaluation)
            and value.record.path not in graph.current.doubted
        ):
            found = value
    return found


def _identity(before: ModelSide, after: ModelSide) -> Section:
    rows = tuple(
        (what, *values)
        for what, values in (
            ("weights sha256", (before.model.sha256, after.model.sha256)),
            ("training run", (_run_name(before), _run_name(after))),
            ("trained", (_when(before), _when(after))),
            ("by", (_who(before), _who(after))),
        )
    )
    return Section("Versions", table=Table(("", "before", "after"), rows))


def _data(
    before: ModelSide, after: ModelSide, data: DatasetDifference | str
) -> Section:
    if isinstance(data, str):
        facts: tuple[tuple[str, str], ...] = (("", data),)
    else:
        facts = (
            *data.counts(),
            ("in full", f"regml diff {before.dataset} {after.dataset}"),
        )
    rows = (("dataset", before.dataset or NONE, after.dataset or NONE),)
    return Section("Data", facts, Table(("", "before", "after"), rows))


def _code(
    before: ModelSide, after: ModelSide, code: CodeChange | None
) -> Iterator[Section]:
    rows = tuple(
        (what, value(before), value(after))
        for what, value in (
            ("commit", lambda side: side.commit or NONE),
            ("uncommitted", _dirty),
            ("software and tests", _code_digest),
        )
    )
    yield Section("Code", tuple(_about(code)), Table(("", "before", "after"), rows))
    if code is None:
        return
    for title, commits in (
        ("Commits since", code.commits),
        ("Commits that only the earlier one has", code.left),
    ):
        if commits:
            listed = tuple((sha[:SHORT], subject) for sha, subject in commits)
            yield Section(title, table=Table(("commit", "subject"), listed))
    if code.files:
        lines = tuple((f.path, _count(f.added), _count(f.removed)) for f in code.files)
        table = Table(("file", "lines added", "lines removed"), lines)
        yield Section("Controlled files that differ", table=table)


def _about(code: CodeChange | None) -> Iterator[tuple[str, str]]:
    if code is None:
        yield "", "A run names no commit: nobody can tell how the code differs."
    elif code.unknown:
        names = ", ".join(sha[:SHORT] for sha in code.unknown)
        yield "", f"git has no commit {names} here. Fetch the whole history."
    elif not (code.commits or code.left):
        yield "", "Both were trained at the same commit."
    else:
        added = sum(change.added or 0 for change in code.files)
        removed = sum(change.removed or 0 for change in code.files)
        yield "commits", str(len(code.commits))
        yield "controlled files", str(len(code.files))
        yield "lines", f"+{added} -{removed}"


def _parameters(side: ModelSide) -> Mapping[str, Any]:
    run = side.run
    noted = {
        name.replace("_", " "): side.model.facts[name]
        for name in _OF_MODEL
        if side.model.facts.get(name) is not None
    }
    command = {"command": run.command} if run else {}
    return {**command, **(dict(run.parameters) if run else {}), **noted}


def _environment(before: ModelSide, after: ModelSide) -> Iterator[Section]:
    old, new = _machine(before), _machine(after)
    were, are = _packages(before), _packages(after)
    yield _fields("Environment", old, new)
    rows = tuple(
        (name, *_told(were.get(name), are.get(name)))
        for name in sorted(were.keys() | are.keys())
        if were.get(name) != are.get(name)
    )
    if rows:
        yield Section("Packages", table=Table(("package", "before", "after"), rows))


def _told(before: Installed | None, after: Installed | None) -> tuple[str, str]:
    """Name versions, and digests where they are all that differs."""
    same = before and after and before.version == after.version

    def told(package: Installed | None) -> str:
        if package is None:
            return NONE
        if not same:
            return package.version
        files = f"RECORD {package.sha256[:SHORT]}" if package.sha256 else "no RECORD"
        return f"{package.version} ({files})"

    return told(before), told(after)


def _machine(side: ModelSide) -> Mapping[str, Any]:
    run = side.run
    environment = dict(run.origin.environment) if run else {}
    return {k: v for k, v in environment.items() if k != PACKAGES}


def _packages(side: ModelSide) -> dict[str, Installed]:
    return installed(side.run.origin.environment) if side.run else {}


def _fields(title: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Section:
    changes = field_changes(before, after)
    if not changes:
        return Section(title, (("", "No difference." if before else UNKNOWN),))
    rows = tuple(_row(change) for change in changes)
    return Section(title, table=Table(("field", "before", "after"), rows))


def _row(change: FieldChange) -> tuple[str, str, str]:
    return change.field, change.before or NONE, change.after or NONE


def _metrics(before: ModelSide, after: ModelSide) -> Section:
    """Return every measured number of both, also those of training, side by side."""
    were, are = dict(_numbers(before)), dict(_numbers(after))
    nothing = NONE, ""
    rows = tuple(
        (
            *key,
            old,
            new,
            limit if limit == then else f"{then or NONE} -> {limit or NONE}",
        )
        for key in dict.fromkeys((*were, *are))
        for (old, then), (new, limit) in [
            (were.get(key, nothing), are.get(key, nothing))
        ]
    )
    columns = ("requirement", "measure", "group", "before", "after", "limit")
    facts = (
        ("evaluated", f"{_evaluated(before)} -> {_evaluated(after)}"),
        ("numbers", "value (95 % interval, cases)"),
    )
    return Section("Metrics", facts, Table(columns, rows))


def _numbers(side: ModelSide) -> Iterator[tuple[tuple[str, str, str], tuple[str, str]]]:
    """Give each number by requirement, measure and group, with its limit."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in side.evaluation.rows if side.evaluation else ():
        facts = row.facts
        words = (facts.get("metric"), facts.get("label"), facts.get("statistic"))
        measure = " ".join(str(word) for word in words if word)
        group = row.group or str(facts.get("condition") or "all")
        key = row.requirement, measure, group
        seen[key] += 1  # a requirement may ask the same of two numbers
        again = f" ({seen[key]})" if seen[key] > 1 else ""
        yield (row.requirement, f"{measure}{again}", group), (_number(row), row.limit)
    noted = side.model.facts.get("metrics")
    for name, value in sorted(noted.items()) if isinstance(noted, Mapping) else ():
        yield ("training", str(name), "all"), (_short(value), "")


def _number(row: AcceptanceRow) -> str:
    if row.value is None:
        return row.outcome
    interval = ""
    if row.low is not None and row.high is not None:
        interval = f"{row.low:.4g} to {row.high:.4g}, "
    return f"{row.value:.4g} ({interval}n={row.cases}) {row.outcome}"


def _verdict_section(before: ModelSide, after: ModelSide) -> Section:
    rows = tuple(
        (
            name,
            before.verdicts.get(name, UNKNOWN),
            after.verdicts.get(name, UNKNOWN),
            _reworded(before.wordings.get(name), after.wordings.get(name)),
        )
        for name in sorted(before.verdicts.keys() | after.verdicts.keys())
        if before.verdicts.get(name) != after.verdicts.get(name)
    )
    title = "Requirements whose verdict changed"
    if not rows:
        return Section(title, (("", "None."),))
    columns = ("requirement", "before", "after", "the requirement itself")
    return Section(title, table=Table(columns, rows))


def _reworded(before: frozenset[str] | None, after: frozenset[str] | None) -> str:
    if not before or not after:
        return "only one is known"
    return "the same" if before == after else "changed as well"


def _run_name(side: ModelSide) -> str:
    return f"run@{side.training.id}" if side.training else NONE


def _when(side: ModelSide) -> str:
    return side.run.origin.started_utc if side.run else UNKNOWN


def _who(side: ModelSide) -> str:
    return side.run.origin.person.name if side.run else UNKNOWN


def _dirty(side: ModelSide) -> str:
    return ", ".join(side.run.origin.dirty) or "nothing" if side.run else UNKNOWN


def _code_digest(side: ModelSide) -> str:
    return side.run.origin.code[:SHORT] if side.run else UNKNOWN


def _evaluated(side: ModelSide) -> str:
    return f"evaluation@{side.evaluation.record.id}" if side.evaluation else NONE


def _count(lines: int | None) -> str:
    return "binary" if lines is None else str(lines)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else plain(value)
