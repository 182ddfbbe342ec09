"""What MLflow says of a run, read without MLflow; here from its database in a file.

MLflow is a view for people. Its tables can be edited by whoever may write the file, so
they are read here as they lie, to be held against what a signed record noted.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from regml.digest import fingerprint
from regml.errors import BrokenFileError, RegmlError

STORE = "mlflow.db"
"""MLflow's embedded database in the project folder."""

LONGEST_TEXT = 6000
"""How much of a parameter MLflow keeps, in characters."""

LARGEST = 1.7976931348623157e308
"""What MLflow stores for infinity."""

Point = tuple[int, float | None]
"""Step and value; ``None`` where it is not a number."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as MLflow's database has it.

    Attributes:
        deleted: Whether somebody deleted it in MLflow.
        metrics: Its logged points by name.
        latest: What MLflow shows for each metric.
        params: By name.
        tags: By name, MLflow's own among them.
    """

    deleted: bool
    metrics: Mapping[str, tuple[Point, ...]]
    latest: Mapping[str, float | None]
    params: Mapping[str, str]
    tags: Mapping[str, str]


RELEASED = "released"
"""Alias of the registered version that was released last."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a model as MLflow's registry has it.

    Attributes:
        name: Of the registered model.
        version: Its number there.
        source: Where the registry says that it is.
        tags: By name.
        released: Whether the alias ``released`` points to it.
    """

    name: str
    version: int
    source: str
    tags: Mapping[str, str]
    released: bool


class UnseenStoreError(RegmlError):
    """MLflow cannot be asked here and now; the message says why, in half a sentence."""


_DELETED = "Deleted_Internal"
"""Stage of a version that somebody deleted."""

OF_RUN = "WHERE run_uuid = :run"
"""What every query of :func:`run_of` ends with."""

Rows = Callable[[str], Iterable[Any]]
"""Gives the rows of a query; one of :func:`run_of` is to be ended with ``OF_RUN``."""


def read_tracked_run(store: Path, run: str) -> TrackedRun | None:
    """Return a run of a database; ``None`` where it has no such run.

    Args:
        store: An SQLite file; it is opened for reading only.
        run: MLflow's id.

    Raises:
        BrokenFileError: It is no database of MLflow.
    """
    with _opened(store) as database:
        asked = {"run": run}
        return run_of(lambda query: database.execute(f"{query} {OF_RUN}", asked))


def read_registered(store: Path) -> tuple[RegisteredVersion, ...]:
    """Return every version that the registry of a database has.

    Args:
        store: An SQLite file; it is opened for reading only.

    Raises:
        BrokenFileError: It is no database of MLflow.
    """
    with _opened(store) as database:
        return registered_of(database.execute)


@contextmanager
def _opened(store: Path) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(store.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        raise BrokenFileError(
            store.name,
            f"cannot be read as MLflow's database ({error}).",
            remedy="Name the right file with --mlflow, or move it away.",
        ) from error


def metric_facts(points: Iterable[Point]) -> dict[str, Any]:
    """Return what a record says about a metric: how many points, last one, digest."""
    known = sorted(points, key=lambda point: (point[0], point[1] or 0.0))
    return {
        "points": len(known),
        "last": known[-1][1] if known else None,
        "sha256": fingerprint({"points": [list(point) for point in known]}),
    }


def stored_value(value: float) -> float | None:
    """Return a number as MLflow stores it, ``None`` for what is none."""
    if math.isnan(value):
        return None
    return math.copysign(LARGEST, value) if math.isinf(value) else float(value)


def run_of(rows: Rows) -> TrackedRun | None:
    """Return the run that queries of MLflow's tables are about."""
    stages = [row[0] for row in rows("SELECT lifecycle_stage FROM runs")]
    if not stages:
        return None
    points: dict[str, list[Point]] = {}
    for key, step, value, is_nan in rows(
        "SELECT key, step, value, is_nan FROM metrics"
    ):
        points.setdefault(key, []).append((step, None if is_nan else value))
    return TrackedRun(
        deleted=stages[0] != "active",
        metrics={key: tuple(value) for key, value in points.items()},
        latest={
            key: None if is_nan else value
            for key, value, is_nan in rows(
                "SELECT key, value, is_nan FROM latest_metrics"
            )
        },
        params=_texts(rows("SELECT key, value FROM params")),
        tags=_texts(rows("SELECT key, value FROM tags")),
    )


def registered_of(rows: Rows) -> tuple[RegisteredVersion, ...]:
    """Return the registered versions that queries of MLflow's tables tell of."""
    shown = {
        (name, version)
        for name, version, alias in rows(
            "SELECT name, version, alias FROM registered_model_aliases"
        )
        if alias == RELEASED
    }
    tags: dict[tuple[str, int], dict[str, str]] = {}
    for name, version, key, value in rows(
        "SELECT name, version, key, value FROM model_version_tags"
    ):
        tags.setdefault((name, version), {})[key] = value
    return tuple(
        RegisteredVersion(
            name,
            version,
            source or "",
            tags.get((name, version), {}),
            (name, version) in shown,
        )
        for name, version, source, stage in rows(
            "SELECT name, version, source, current_stage FROM model_versions "
            "ORDER BY name, version"
        )
        if stage != _DELETED
    )


def _texts(rows: Iterable[Any]) -> dict[str, str]:
    return {row[0]: row[1] for row in rows}
