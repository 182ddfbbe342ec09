"""RO-Crate 1.1: the project folder as a research object that describes itself.

The file is called ``ro-crate-metadata.json`` and belongs into the project folder. What
git holds is named by its path. Data and weights that only DVC holds are named by their
sha256 (RFC 6920), because they are not in the folder that somebody gets.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from regml.digest import Artifact, sha256_of
from regml.items.recorded import Outcome, Person, Record, Release, StageRun
from regml.project import Project

METADATA: Final = "ro-crate-metadata.json"
CONTEXT: Final = "https://w3id.org/ro/crate/1.1/context"
PROFILE: Final = "https://w3id.org/ro/crate/1.1"
_REGML: Final = "#regml"

Node = dict[str, Any]


def write(project: Project, *, created: str) -> bytes:
    """Return the metadata file of a project.

    Args:
        project: That becomes the crate.
        created: When, RFC 3339.
    """
    tree = project.evidence.tree - {METADATA}
    nodes: dict[str, Node] = {}
    for record in project.graph.current.believed:
        for node in _of_record(record):
            nodes[node["@id"]] = node
    for path in sorted(tree):
        nodes.setdefault(_place(path), {"@id": _place(path), "@type": "File"})
        nodes[_place(path)].setdefault("name", path)
    if "dvc.yaml" in tree:
        nodes["dvc.yaml"]["@type"] = ["File", "SoftwareSourceCode"]
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": PROFILE},
        },
        _root(project, nodes, created),
        *sorted(nodes.values(), key=lambda node: node["@id"]),
    ]
    text = json.dumps(
        {"@context": CONTEXT, "@graph": graph},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    return text.encode() + b"\n"


def _root(project: Project, nodes: dict[str, Node], created: str) -> Node:
    device = project.evidence.config.device
    held = sorted(name for name, node in nodes.items() if _is_file(node))
    actions = sorted(
        name for name, node in nodes.items() if node["@type"] == "CreateAction"
    )
    licence = project.evidence.tree & {"LICENSE", "LICENCE"}
    terms = (
        {"@id": _place(min(licence))}
        if licence
        else f"Not stated; ask {device.manufacturer}."
    )
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{device.name} {device.version}",
        "description": device.intended_use,
        "datePublished": created,
        "license": terms,
        "creator": device.manufacturer,
        "version": project.evidence.commit or "not committed",
        "hasPart": [{"@id": name} for name in held],
        "mentions": [{"@id": name} for name in actions],
    }


def _of_record(record: Record) -> Iterator[Node]:
    said = record.statement
    yield _person(said.origin.person)
    yield {
        "@id": _place(record.path),
        "@type": "File",
        "name": record.path,
        "encodingFormat": "application/vnd.in-toto+json",
        "sha256": record.sha256,
        "author": {"@id": _who(said.origin.person)},
        "dateCreated": said.origin.finished_utc,
        "mentions": {"@id": _place(record.environment)},
    }
    yield {
        "@id": _place(record.environment),
        "@type": "File",
        "name": record.environment,
        "description": "Machine, interpreter and packages that records name.",
        "encodingFormat": "application/json",
        "sha256": PurePosixPath(record.environment).stem,
    }
    if isinstance(said, StageRun):
        yield {
            "@id": _REGML,
            "@type": "SoftwareApplication",
            "name": "regml",
            "description": "Recorded the runs from outside of them.",
        }
        yield from (_held(a) for a in (*said.inputs, *said.outputs))
        yield _action(record, said)
    elif isinstance(said, Release):
        yield from (_held(a) for a in said.artifacts)


def _action(record: Record, run: StageRun) -> Node:
    passed = run.outcome is Outcome.PASSED
    status = "CompletedActionStatus" if passed else "FailedActionStatus"
    commit = f", commit {run.origin.commit}" if run.origin.commit else ""
    failed = {} if passed else {"error": f"exit status {run.exit_status}"}
    return {
        "@id": f"#run-{record.id}",
        "@type": "CreateAction",
        "name": f"{run.stage} {run.outcome}",
        "description": f"{run.command}{commit}",
        "agent": {"@id": _who(run.origin.person)},
        "instrument": {"@id": _REGML},
        "startTime": run.origin.started_utc,
        "endTime": run.origin.finished_utc,
        "actionStatus": f"http://schema.org/{status}",
        "object": [{"@id": _id_of(a)} for a in run.inputs],
        "result": [{"@id": _id_of(a)} for a in run.outputs if passed],
        "subjectOf": {"@id": _place(record.path)},
        **failed,
    }


def _held(artifact: Artifact) -> Node:
    """Return a content that a run read or wrote, which may be elsewhere or gone."""
    return {
        "@id": _id_of(artifact),
        "@type": "CreativeWork",
        "name": artifact.path,
        "sha256": artifact.sha256,
        "contentSize": str(artifact.size_bytes),
    }


def _id_of(artifact: Artifact) -> str:
    """Return the name of a content (RFC 6920): files change, contents do not."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(artifact.sha256)).decode()
    return f"ni:///sha-256;{digest.rstrip('=')}"


def _person(person: Person) -> Node:
    return {
        "@id": _who(person),
        "@type": "Person",
        "name": person.name,
        "email": person.email,
    }


def _who(person: Person) -> str:
    return f"#person-{sha256_of(person.email.encode())[:12]}"


def _place(path: str) -> str:
    """Return a path as a crate names it: percent-encoded where a URI needs that."""
    return quote(path, errors="surrogateescape")


def _is_file(node: Node) -> bool:
    kinds = node["@type"]
    return "File" in (kinds if isinstance(kinds, list) else [kinds])
