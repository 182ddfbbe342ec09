"""MLflow's registry of models held against the releases that are recorded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.files.mlflow_places import open_store
from regml.files.mlflow_store import RELEASED, RegisteredVersion, UnseenStoreError
from regml.items.recorded import Record, Release


@dataclass(frozen=True, slots=True)
class Registered:
    """What was compared with the registry.

    Attributes:
        compared: How many registered versions were held against releases.
        unseen: Why others were not, one sentence each.
        problems: Record path and sentence of what differs.
    """

    compared: int = 0
    unseen: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def compare_registry(
    root: Path, records: Iterable[Record], store: Path | None = None
) -> Registered:
    """Hold what the registry hands out as released against the release records.

    Args:
        root: The project.
        records: Those that are believed, in the order of the log.
        store: MLflow's database in a file; where none is named, the registry that a
            release of this project would go to.

    Raises:
        BrokenFileError: The file is no database of MLflow.
    """
    releases = {r.sha256: r for r in records if isinstance(r.statement, Release)}
    if not releases:
        return Registered()
    try:
        place = open_store(root, store, registry=True)
        versions = place.registered()
    except UnseenStoreError as error:
        said = f"{error}: whether it hands out what was released was not compared"
        return Registered(unseen=(said,))
    ours = {v.name for v in versions if v.tags.get("record") in releases}
    found = [
        problem
        for name in sorted(ours)
        for problem in _problems(
            [version for version in versions if version.name == name],
            releases,
            f"registered model {name!r} in {place.name}",
        )
    ]
    compared = sum(v.tags.get("record") in releases for v in versions)
    return Registered(compared, (), tuple(found))


def _problems(
    versions: Sequence[RegisteredVersion], releases: Mapping[str, Record], where: str
) -> Iterator[tuple[str, str]]:
    by_record = {v.tags["record"]: v for v in versions if "record" in v.tags}
    order = [digest for digest in releases if digest in by_record]
    last = releases[order[-1]]
    for digest in order:
        version, record = by_record[digest], releases[digest]
        if told := "; ".join(_edited(version, record.statement)):
            yield (
                record.path,
                f"{where}: version {version.version} names this release, but {told}: "
                f"MLflow was edited after the release; record {record.id} holds",
            )
    due = by_record[last.sha256]
    shown = [version.version for version in versions if version.released]
    if shown != [due.version]:
        now = f"points to version {shown[0]}" if shown else "is gone"
        yield (
            last.path,
            f"{where}: the alias {RELEASED} {now}; the latest release there is "
            f"{_name(last)}, version {due.version}: whoever asks for what is released "
            "gets something else; set the alias back",
        )


def _edited(version: RegisteredVersion, release: object) -> Iterator[str]:
    assert isinstance(release, Release)  # noqa: S101 - only they are asked
    for tag, wanted in (("sha256", release.model), ("version", release.version)):
        if version.tags.get(tag) != wanted:
            yield f"its tag {tag} is {version.tags.get(tag)!r}, released was {wanted!r}"
    if version.source != model_source(release.model or ""):
        yield f"its source is {version.source!r}"


def model_source(model: str) -> str:
    """Return what the registry is told of where released weights are: a digest.

    A server takes no source whose path is not absolute.
    """
    return f"regml:/model/sha256/{model}"


def _name(record: Record) -> str:
    assert isinstance(record.statement, Release)  # noqa: S101 - only they are asked
    return record.statement.version
