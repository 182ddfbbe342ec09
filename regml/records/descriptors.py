"""Parts that all statements share: where they come from, and what they are about."""

from collections.abc import Mapping
from typing import Any

from regml.digest import Artifact
from regml.items.recorded import Origin, Person
from regml.records.environment_files import environment_row

Json = dict[str, Any]


def origin_row(origin: Origin) -> Json:
    """Return where a record comes from, as JSON."""
    return {
        "person": {"name": origin.person.name, "email": origin.person.email},
        "started": origin.started_utc,
        "finished": origin.finished_utc,
        "commit": origin.commit,
        "dirty": list(origin.dirty),
        "diff_sha256": origin.diff_sha256,
        "code_sha256": origin.code,
        "environment": environment_row(origin.environment),
    }


def read_origin(row: Json, environment: Mapping[str, Any]) -> Origin:
    """Return the origin that :func:`origin_row` wrote, in the environment it names."""
    return Origin(
        person=Person(row["person"]["name"], row["person"]["email"]),
        started_utc=row["started"],
        finished_utc=row["finished"],
        commit=row["commit"],
        dirty=tuple(row["dirty"]),
        diff_sha256=row["diff_sha256"],
        code=row["code_sha256"],
        environment=environment,
    )


def descriptor(artifact: Artifact) -> Json:
    """Return an in-toto resource descriptor.

    A folder has no md5 of its own, only that of DVC's listing: it is an annotation.
    """
    digest = {"sha256": artifact.sha256}
    annotations: Json = {
        "regml_size_bytes": artifact.size_bytes,
        "regml_files": artifact.files,
    }
    if artifact.md5.endswith(".dir"):
        annotations["regml_dvc_md5"] = artifact.md5
    else:
        digest["md5"] = artifact.md5
    return {"name": artifact.path, "digest": digest, "annotations": annotations}


def artifact(row: Json) -> Artifact:
    """Return the artifact that :func:`descriptor` wrote."""
    digest, annotations = row["digest"], row["annotations"]
    return Artifact(
        path=row["name"],
        sha256=digest["sha256"],
        md5=annotations.get("regml_dvc_md5") or digest["md5"],
        size_bytes=annotations["regml_size_bytes"],
        files=annotations["regml_files"],
    )


def digests(named: Mapping[str, str]) -> list[Json]:
    """Return descriptors of named digests, sorted by name."""
    return [
        {"name": name, "digest": {"sha256": digest}}
        for name, digest in sorted(named.items())
    ]


def by_name(rows: list[Json]) -> dict[str, str]:
    """Return the digests that :func:`digests` wrote."""
    return {row["name"]: row["digest"]["sha256"] for row in rows}
