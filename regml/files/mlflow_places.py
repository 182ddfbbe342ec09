"""Where a project's runs are tracked: MLflow's file here, a database, or a server."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regml.files.mlflow_store import (
    OF_RUN,
    STORE,
    RegisteredVersion,
    TrackedRun,
    UnseenStoreError,
    read_registered,
    read_tracked_run,
    registered_of,
    run_of,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

VARIABLE: Final = "MLFLOW_TRACKING_URI"
"""Names another place than the file in the project, for the training and for us."""

REGISTRY: Final = "MLFLOW_REGISTRY_URI"
"""Names another place for the registry alone."""

SECONDS: Final = 20
"""How long a database may take to let us in."""

_FILE: Final = "sqlite:///"

Read = Callable[[str, Collection[str]], TrackedRun | None]
"""Returns a run by its id and the names of its metrics, if it is there."""

Registry = Callable[[], tuple[RegisteredVersion, ...]]
"""Returns the versions that are registered."""


@dataclass(frozen=True, slots=True)
class TrackingStore:
    """What can be asked for runs.

    Attributes:
        name: How people know it, without credentials.
        place: As :func:`place_of` gives it.
        read: Returns a run.
        registered: Returns the versions in its registry.
    """

    name: str
    place: str
    read: Read
    registered: Registry


def open_store(
    root: Path, store: Path | None = None, *, registry: bool = False
) -> TrackingStore:
    """Return where the runs of a project are tracked, or its models registered.

    Args:
        root: The project.
        store: MLflow's database in a file; where none is named, the environment says.
        registry: The registry is asked for, which may be at another place.

    Raises:
        UnseenStoreError: It is of a kind that cannot be asked, or a package is missing.
    """
    uri = os.environ.get(VARIABLE, "").strip()
    if registry:
        uri = os.environ.get(REGISTRY, "").strip() or uri
    if store is not None or not uri:
        return _file(store or root / STORE)
    if uri.startswith(_FILE):
        return _file(root / uri.removeprefix(_FILE).partition("?")[0])
    place = place_of(uri)
    try:
        read, registered = _reader(uri)
    except UnseenStoreError as error:
        raise UnseenStoreError(f"{place}: {error}") from error

    def named(run: str, metrics: Collection[str]) -> TrackedRun | None:
        try:
            return read(run, metrics)
        except UnseenStoreError as error:
            raise UnseenStoreError(f"{place}: {error}") from error

    def named_registry() -> tuple[RegisteredVersion, ...]:
        try:
            return registered()
        except UnseenStoreError as error:
            raise UnseenStoreError(f"{place}: {error}") from error

    return TrackingStore(place, place, named, named_registry)


def place_of(uri: str) -> str:
    """Return an address without user, password and settings; ``file`` for SQLite."""
    scheme, _, rest = uri.partition("://")
    if scheme == "sqlite" or not rest:
        return "file"
    return f"{scheme.lower()}://{rest.partition('?')[0].rpartition('@')[2].rstrip('/')}"


def _reader(uri: str) -> tuple[Read, Registry]:
    scheme = uri.partition(":")[0].lower()
    if scheme in ("http", "https"):
        from regml.files.mlflow_rest import Server

        server = Server(uri)
        return server.read, server.registered
    if scheme.partition("+")[0] in ("postgresql", "mysql", "mssql"):
        return _database(uri)
    raise UnseenStoreError("this is no server or database that regml can ask")


def _file(path: Path) -> TrackingStore:
    if not path.is_file():
        raise UnseenStoreError(f"{path.name} is not here")
    return TrackingStore(
        path.name,
        "file",
        lambda run, _: read_tracked_run(path, run),
        lambda: read_registered(path),
    )


def _database(uri: str) -> tuple[Read, Registry]:
    if find_spec("sqlalchemy") is None:
        raise UnseenStoreError(
            "it is asked through SQLAlchemy, which is not installed (pip install "
            "'regml[pipeline,server]')"
        )
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    def read(run: str, _: Collection[str]) -> TrackedRun | None:
        try:
            with engine.connect() as database:
                return run_of(
                    lambda query: database.execute(
                        text(f"{query} {OF_RUN}"), {"run": run}
                    )
                )
        except SQLAlchemyError as error:
            raise UnseenStoreError(_told(error, url)) from error

    def registered() -> tuple[RegisteredVersion, ...]:
        try:
            with engine.connect() as database:
                return registered_of(lambda query: database.execute(text(query)))
        except SQLAlchemyError as error:
            raise UnseenStoreError(_told(error, url)) from error

    try:
        url = make_url(uri)
        limit = (
            {} if url.drivername.startswith("mssql") else {"connect_timeout": SECONDS}
        )
        engine = create_engine(url, poolclass=NullPool, connect_args=limit)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise UnseenStoreError(
            f"it cannot be opened ({type(error).__name__}), because its driver is not "
            "installed or its address is none"
        ) from error
    return read, registered


def _told(error: Exception, url: "URL") -> str:
    """Return what a database says, in one line and without the password."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    line = said[0] if said else type(error).__name__
    secret = str(url.password or "")
    return f"it cannot be read ({line.replace(secret, '***') if secret else line})"
