"""MLflow held against the records: the records are the evidence, MLflow is a view."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regml.files.mlflow_places import VARIABLE, TrackingStore, open_store
from regml.files.mlflow_store import (
    LONGEST_TEXT,
    TrackedRun,
    UnseenStoreError,
    metric_facts,
)
from regml.items.recorded import Record, StageRun

TOPIC = "mlflow"
"""Topic of the note that says what a stage logged."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was compared with MLflow.

    Attributes:
        compared: How many recorded runs were held against MLflow.
        unseen: Why others were not, one sentence each.
        problems: Record path, stage and sentence of what differs.
    """

    compared: int
    unseen: tuple[str, ...]
    problems: tuple[tuple[str, str, str], ...]


def compare_tracked(
    root: Path, records: Iterable[Record], store: Path | None = None
) -> Tracked:
    """Hold MLflow against what the recorded runs logged.

    Args:
        root: The project.
        records: Those that are believed.
        store: MLflow's database in a file; where none is named, the server, database
            or file that a training of this project would log to.

    Raises:
        BrokenFileError: The file is no database of MLflow.
    """
    runs = [r for r in records if _noted(r)]
    blind = [r for r in records if not _noted(r) and _run_named(r)]
    unseen = [
        f"record {r.id} names an MLflow run but noted none of its numbers: there is "
        "nothing to compare MLflow with"
        for r in blind
    ]
    if not runs:
        return Tracked(0, tuple(unseen), ())
    problems: list[tuple[str, str, str]] = []
    asked = compared = 0
    try:
        place = open_store(root, store)
        for record in runs:
            found = _read(record, place)
            asked += 1
            if found is None and (elsewhere := _elsewhere(record, place, store)):
                unseen.append(elsewhere)
                continue
            compared += 1
            problems += [
                (record.path, _stage(record), message)
                for message in _differences(record, found, place.name)
            ]
    except UnseenStoreError as error:
        unseen.append(
            f"{error}: what MLflow shows of {len(runs) - asked} recorded runs was not "
            "compared; the records themselves do not need it"
        )
    return Tracked(compared, tuple(unseen), tuple(problems))


def _read(record: Record, place: TrackingStore) -> TrackedRun | None:
    noted = _noted(record)
    return place.read(str(noted.get("run")), tuple(noted.get("metrics") or ()))


def _elsewhere(record: Record, place: TrackingStore, store: Path | None) -> str | None:
    """Say that a run was logged to another place than the one that was asked."""
    logged = _noted(record).get("store", place.place)
    if store is not None or logged == place.place:
        return None
    return (
        f"record {record.id} says that its run was logged to {logged}; asked was "
        f"{place.name}, which has no such run. Name the place with {VARIABLE}"
    )


def _differences(record: Record, found: TrackedRun | None, where: str) -> Iterator[str]:
    noted = _noted(record)
    run = str(noted.get("run"))
    name = f"run {run[:12]} in {where}"
    if found is None or found.deleted:
        yield (
            f"{name} is {'deleted' if found else 'not there'}, though record "
            f"{record.id} says it was logged: somebody removed it from MLflow"
        )
    if found is None:
        return
    for what in (*_metrics(noted, found), *_texts(noted, found)):
        yield (
            f"{name}: {what}: MLflow was edited after the run; record {record.id} holds"
        )


def _metrics(noted: Mapping[str, Any], found: TrackedRun) -> Iterator[str]:
    metrics: Mapping[str, Any] = noted.get("metrics") or {}
    for name, facts in sorted(metrics.items()):
        now = metric_facts(found.metrics.get(name, ()))
        if now["points"] != facts["points"]:
            yield (
                f"metric {name} has {now['points']} points, the recorded run logged "
                f"{facts['points']}"
            )
        elif now["sha256"] != facts["sha256"]:
            yield (
                f"metric {name} is {now['last']} at its end, the recorded run logged "
                f"{facts['last']}"
                if now["last"] != facts["last"]
                else f"metric {name} differs before its end from what was logged"
            )
        if found.latest.get(name) != facts["last"]:
            yield (
                f"metric {name} is shown as {found.latest.get(name)}, the recorded run "
                f"logged {facts['last']}"
            )
    for name in sorted({*found.metrics, *found.latest} - metrics.keys()):
        yield f"metric {name} was added, the recorded run did not log it"


def _texts(noted: Mapping[str, Any], found: TrackedRun) -> Iterator[str]:
    for kind, key, now in (
        ("parameter", "params", found.params),
        ("tag", "tags", found.tags),
    ):
        logged: Mapping[str, str] = noted.get(key) or {}
        for name, text in sorted(logged.items()):
            if name not in now:
                yield f"{kind} {name} was removed, the recorded run logged {text!r}"
            elif now[name] != text[: len(now[name])] or (
                len(now[name]) < min(len(text), LONGEST_TEXT)
            ):
                yield (
                    f"{kind} {name} is {now[name]!r}, the recorded run logged {text!r}"
                )
    for name in sorted(found.params.keys() - (noted.get("params") or {}).keys()):
        yield f"parameter {name} was added, the recorded run did not log it"


def _noted(record: Record) -> Mapping[str, Any]:
    if not isinstance(record.statement, StageRun):
        return {}
    facts = record.statement.notes.get(TOPIC)
    return facts if isinstance(facts, Mapping) else {}


def _run_named(record: Record) -> str | None:
    if not isinstance(record.statement, StageRun):
        return None
    facts = record.statement.notes.get("model")
    named = facts.get("mlflow_run") if isinstance(facts, Mapping) else None
    return str(named) if named else None


def _stage(record: Record) -> str:
    assert isinstance(record.statement, StageRun)  # noqa: S101 - only they are asked
    return record.statement.stage
