"""What recorded runs of stages say of themselves: parts of a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from regml.files.lock import normalised
from regml.items.installed import PACKAGES, installed
from regml.items.links import Link
from regml.items.recorded import Record, StageRun
from regml.trace.changes import field_changes
from regml.trace.current import facts_of
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT, NodeType
from regml.trace.page import NONE, Section, Table, plain


def run_section(graph: TraceGraph, title: str, record: Record) -> Section:
    """Return who ran what, when, on which commit and files, and whether it counts."""
    run = record.statement
    if not isinstance(run, StageRun):
        return Section(title)
    origin = run.origin
    believed = record.path not in graph.current.doubted
    facts = [
        ("record", f"run@{record.id}"),
        ("believed", "yes" if believed else "no"),
        ("outcome", f"{run.outcome} (exit status {run.exit_status})"),
        ("by", f"{origin.person.name} <{origin.person.email}>"),
        ("started", origin.started_utc),
        ("finished", origin.finished_utc),
        ("commit", origin.commit or NONE),
        ("uncommitted", ", ".join(origin.dirty) or "nothing"),
        ("command", run.command),
        ("parameters", plain(_inner(run.parameters))),
    ]
    noted = facts_of(record, "model")
    told = (
        *("seed", "hyperparameters", "plan", "initial_weights"),
        *("best_step", "metrics", "mlflow_run"),
    )
    facts += [
        (key.replace("_", " "), plain(noted[key]))
        for key in told
        if noted.get(key) is not None
    ]
    facts += [
        (name.replace("_", " "), _amount(value))
        for name, value in sorted(run.resources.items())
    ]
    return Section(title, tuple(facts), _artifacts(run), f"run@{record.id}")


def environment_section(graph: TraceGraph, record: Record) -> Section:
    """Return the machine and the runtime packages; the record has the others too."""
    environment = record.statement.origin.environment
    facts, packages = [], installed(environment)
    for key, value in sorted(environment.items()):
        if key == PACKAGES:
            told = f"{len(packages)} installed, all in {record.environment}"
            facts.append((key, told))
        elif value not in (None, "", {}, []):
            facts.append((key, plain(value)))
    rows = tuple(
        (name, package.version, (package.sha256 or NONE)[:SHORT])
        for name, package in packages.items()
        if normalised(name) in graph.evidence.packages
    )
    table = Table(("runtime package", "version", "sha256 of RECORD"), rows)
    return Section("Environment", tuple(facts), table)


def upstream(graph: TraceGraph, record: Record) -> Iterator[Section]:
    """Give the runs a run was derived from, nearest first, with what they noted."""
    names, todo = [f"run@{record.id}"], [f"run@{record.id}"]
    while todo:
        for edge in graph.out(todo.pop(0), Link.DERIVED_FROM):
            if edge.target not in names:
                names.append(edge.target)
                todo.append(edge.target)
    rows = []
    for name in names:
        value = graph.node(name).value
        if isinstance(value, Record) and isinstance(value.statement, StageRun):
            run = value.statement
            noted = "; ".join(
                f"{topic}: {plain(_short(facts))}"
                for topic, facts in sorted(run.notes.items())
                if topic not in ("model", "evaluation")
            )
            rows.append((run.stage, name, *_who(graph, value), noted))
    columns = ("stage", "run", "started", "by", "commit", "outcome", "noted")
    yield Section("How the data came here", table=Table(columns, tuple(rows)))


def siblings(graph: TraceGraph, shown: Record) -> Iterator[Section]:
    """Give all other runs of the same stage, also failed ones and repetitions."""
    run = shown.statement
    if not isinstance(run, StageRun):
        return
    rows = []
    for record in graph.runs(run.stage):
        if record.id != shown.id and isinstance(other := record.statement, StageRun):
            made = sorted(
                edge.source
                for edge in graph.into(f"run@{record.id}", Link.PRODUCED_BY)
                if graph.nodes[edge.source].type is not NodeType.TEST
            )
            differs = "; ".join(
                line
                for change in field_changes(
                    _inner(run.parameters), _inner(other.parameters)
                )
                for line in change.lines()
            )
            rows.append(
                (f"run@{record.id}", *_who(graph, record), ", ".join(made), differs)
            )
    columns = ("run", "started", "by", "commit", "outcome", "made", "other parameters")
    facts = (("other runs", str(len(rows))),)
    yield Section(f"Other runs of {run.stage}", facts, Table(columns, tuple(rows)))


def _artifacts(run: StageRun) -> Table:
    rows = [("in", a.path, a.sha256, str(a.size_bytes)) for a in run.inputs]
    rows += [("out", a.path, a.sha256, str(a.size_bytes)) for a in run.outputs]
    return Table(("", "path", "sha256", "bytes"), tuple(rows))


def _who(graph: TraceGraph, record: Record) -> tuple[str, str, str, str]:
    run = record.statement
    origin = run.origin
    commit = (origin.commit or NONE)[:SHORT] + ("+dirty" if origin.dirty else "")
    outcome = str(run.outcome) if isinstance(run, StageRun) else NONE
    if record.path in graph.current.doubted:
        outcome += ", not believed"
    return origin.started_utc, origin.person.name, commit, outcome


def _inner(parameters: Mapping[str, Any]) -> Any:
    """Return the values without the name of their file where there is only one."""
    return next(iter(parameters.values())) if len(parameters) == 1 else dict(parameters)


def _short(facts: Any) -> Any:
    """Return facts without nested lists, which belong on their own pages."""
    if not isinstance(facts, Mapping):
        return facts
    return {k: v for k, v in facts.items() if not isinstance(v, list) or len(v) < 9}


def _amount(value: float) -> str:
    """Return seconds or bytes; no digit of a whole number is lost."""
    return f"{value:.0f}" if value == int(value) else f"{value:g}"
