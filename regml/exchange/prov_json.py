"""W3C PROV as PROV-JSON: what was made from what, by which run, and who did it.

An entity is a content, named by its digest: the same bytes are one entity wherever
they lie. The first run that made it counts as its generation; later ones that made the
same bytes are named at it. Runs, test runs, executions, signatures and releases are
activities; people are agents, and so is the program that recorded.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from regml.digest import Artifact, sha256_of
from regml.items.recorded import (
    Approval,
    Execution,
    Outcome,
    Person,
    Record,
    Release,
    StageRun,
    TestRun,
    Waiver,
)
from regml.trace.model import TraceGraph

NAMESPACE: Final = "urn:regml:"
_PREFIX: Final = {
    "regml": NAMESPACE,
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def write(graph: TraceGraph) -> bytes:
    """Return all believed records as one PROV-JSON document."""
    document = _Document()
    for record in graph.current.believed:
        document.add(record)
    for name, node in sorted(graph.nodes.items()):
        kind = node.type.value
        if name.startswith(("model@", "dataset@")) and node.value is not None:
            sha256 = getattr(node.value, "sha256", "")
            document.name(sha256, kind)
    return document.as_bytes()


class _Document:
    """A document that grows record by record; relations are numbered as they come."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, Any]] = {
            "entity": {},
            "activity": {},
            "agent": {},
        }
        self._made: dict[str, str] = {}
        self._relations = 0

    def add(self, record: Record) -> None:
        said = record.statement
        match said:
            case StageRun():
                self._run(record, said)
            case TestRun():
                activity = self._activity(record, "TestRun", "regml test")
                self._uses_models(activity, said.models)
            case Execution():
                activity = self._activity(record, "Execution", said.protocol)
                self._uses_items(activity, said.fingerprints)
                self._uses_models(activity, said.models)
            case Approval():
                activity = self._activity(record, "Approval", said.meaning, said.role)
                self._uses_items(activity, said.fingerprints)
            case Waiver():
                self._activity(record, "Waiver", said.rule, said.role)
            case Release():
                self._release(record, said)

    def name(self, sha256: str, kind: str) -> None:
        """Say that a content is a dataset or model version."""
        entity = self._parts["entity"].get(_content(sha256))
        if entity is not None:
            entity["prov:type"] = _qname("".join(w.capitalize() for w in kind.split()))

    def as_bytes(self) -> bytes:
        parts = {name: part for name, part in self._parts.items() if part}
        document = {"prefix": _PREFIX, **parts}
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        return text.encode() + b"\n"

    def _run(self, record: Record, run: StageRun) -> None:
        activity = self._activity(record, "StageRun", run.stage)
        self._parts["activity"][activity] |= {
            "regml:outcome": run.outcome.value,
            "regml:exitStatus": _typed(run.exit_status, "xsd:int"),
            "regml:command": run.command,
            "regml:parameters": json.dumps(
                run.parameters, sort_keys=True, ensure_ascii=False
            ),
        }
        for artifact in run.inputs:
            self._relate("used", activity, self._artifact(artifact))
        for artifact in run.outputs if run.outcome is Outcome.PASSED else ():
            self._generated(activity, artifact, run.inputs)

    def _generated(
        self, activity: str, artifact: Artifact, inputs: Iterable[Artifact]
    ) -> None:
        entity = self._artifact(artifact)
        first = self._made.setdefault(entity, activity)
        if first != activity:
            again = self._parts["entity"][entity].setdefault("regml:madeAgainBy", [])
            again.append(_reference(activity))
            return
        self._add("wasGeneratedBy", {"prov:entity": entity, "prov:activity": activity})
        for source in inputs:
            if source.sha256 != artifact.sha256:
                self._add(
                    "wasDerivedFrom",
                    {
                        "prov:generatedEntity": entity,
                        "prov:usedEntity": self._artifact(source),
                        "prov:activity": activity,
                    },
                )

    def _release(self, record: Record, said: Release) -> None:
        activity = self._activity(record, "Release", said.version, said.role)
        entity = f"regml:release-{record.id}"
        self._parts["entity"][entity] = {
            "prov:label": f"release {said.version}",
            "prov:type": _qname("ReleasedVersion"),
            "regml:version": said.version,
        }
        self._add("wasGeneratedBy", {"prov:entity": entity, "prov:activity": activity})
        for artifact in said.artifacts:
            self._relate("used", activity, self._artifact(artifact))
        for sha256 in filter(None, (said.model, said.dataset)):
            self._bare(sha256)
            self._relate("used", activity, _content(sha256))

    def _activity(self, record: Record, kind: str, label: str, role: str = "") -> str:
        origin = record.statement.origin
        name = f"regml:{kind.lower()}-{record.id}"
        commit = {"regml:commit": origin.commit} if origin.commit else {}
        self._parts["activity"][name] = {
            "prov:label": label,
            "prov:type": _qname(kind),
            "prov:startTime": origin.started_utc,
            "prov:endTime": origin.finished_utc,
            "regml:record": record.path,
            "regml:recordSha256": record.sha256,
            "regml:environment": record.environment,
            "regml:code": origin.code,
            **commit,
        }
        who = self._person(origin.person)
        as_role = {"prov:role": role} if role else {}
        self._add(
            "wasAssociatedWith",
            {"prov:activity": name, "prov:agent": who, **as_role},
        )
        return name

    def _person(self, person: Person) -> str:
        name = f"regml:person-{sha256_of(person.email.encode())[:12]}"
        self._parts["agent"][name] = {
            "prov:type": {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"},
            "prov:label": person.name,
            "regml:email": person.email,
        }
        return name

    def _artifact(self, artifact: Artifact) -> str:
        name = _content(artifact.sha256)
        self._parts["entity"].setdefault(name, {}).update(
            {
                "prov:label": artifact.path,
                "regml:path": artifact.path,
                "regml:sha256": artifact.sha256,
                "regml:md5": artifact.md5,
                "regml:bytes": _typed(artifact.size_bytes, "xsd:long"),
                "regml:files": _typed(artifact.files, "xsd:long"),
            }
        )
        return name

    def _bare(self, sha256: str, label: str = "") -> str:
        name = _content(sha256)
        told = {"prov:label": label} if label else {}
        self._parts["entity"].setdefault(name, {"regml:sha256": sha256, **told})
        return name

    def _uses_models(self, activity: str, models: Any) -> None:
        for path, sha256 in sorted(models.items()):
            self._relate("used", activity, self._bare(sha256, path))

    def _uses_items(self, activity: str, fingerprints: Any) -> None:
        for item, sha256 in sorted(fingerprints.items()):
            name = f"regml:item-{sha256_of(f'{item} {sha256}'.encode())[:24]}"
            self._parts["entity"][name] = {
                "prov:label": item,
                "prov:type": _qname("Item"),
                "regml:fingerprint": sha256,
            }
            self._relate("used", activity, name)

    def _relate(self, relation: str, activity: str, entity: str) -> None:
        self._add(relation, {"prov:activity": activity, "prov:entity": entity})

    def _add(self, relation: str, ends: dict[str, str]) -> None:
        self._relations += 1
        self._parts.setdefault(relation, {})[f"_:r{self._relations}"] = ends


def _content(sha256: str) -> str:
    return f"regml:content-{sha256}"


def _qname(local: str) -> dict[str, str]:
    return {"$": f"regml:{local}", "type": "prov:QUALIFIED_NAME"}


def _reference(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _typed(value: int, kind: str) -> dict[str, str]:
    return {"$": str(value), "type": kind}
