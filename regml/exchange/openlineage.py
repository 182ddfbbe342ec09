"""OpenLineage: one event per line, as its file transport writes them.

Every stage run gives a START and then a COMPLETE, FAIL or ABORT event. Run ids follow
from the digest of the record, so the same records give the same events. Datasets are
named by namespace and path; which content it was stands in their version facet.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from regml.digest import Artifact
from regml.items.recorded import Outcome, Record, StageRun
from regml.trace.model import TraceGraph
from regml.version import __version__

PRODUCER: Final = f"urn:regml:{__version__}"
_SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
_FACETS: Final = "https://openlineage.io/spec/facets"
_ENDS: Final = {
    Outcome.PASSED: "COMPLETE",
    Outcome.FAILED: "FAIL",
    Outcome.KILLED: "ABORT",
    Outcome.SKIPPED: "ABORT",
}

Json = dict[str, Any]


def write(graph: TraceGraph, *, namespace: str) -> bytes:
    """Return the events of all believed stage runs as NDJSON.

    Args:
        graph: The evidence.
        namespace: Of jobs and datasets, e.g. the name of the device.
    """
    events = (
        event
        for record in graph.current.believed
        if isinstance(record.statement, StageRun)
        for event in _events(record, record.statement, namespace)
    )
    return b"".join(
        json.dumps(event, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        for event in events
    )


def _events(record: Record, run: StageRun, namespace: str) -> Iterator[Json]:
    def event(kind: str, time: str, run_facets: Json, outputs: Iterable[Json]) -> Json:
        return {
            "eventType": kind,
            "eventTime": time,
            "producer": PRODUCER,
            "schemaURL": f"{_SPEC}#/$defs/RunEvent",
            "run": {"runId": run_id(record), "facets": run_facets},
            "job": {
                "namespace": namespace,
                "name": run.stage,
                "facets": _job(run),
            },
            "inputs": [_dataset(a, namespace) for a in run.inputs],
            "outputs": list(outputs),
        }

    passed = run.outcome is Outcome.PASSED
    yield event("START", run.origin.started_utc, {}, ())
    yield event(
        _ENDS[run.outcome],
        run.origin.finished_utc,
        _run(record, run),
        (_dataset(a, namespace) for a in run.outputs if passed),
    )


def run_id(record: Record) -> str:
    """Return the UUID of a run: it follows from the digest of its record."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:regml:record:{record.sha256}"))


def _run(record: Record, run: StageRun) -> Json:
    told = _facet(
        "regmlRecord",
        record=record.path,
        sha256=record.sha256,
        environment=record.environment,
        outcome=run.outcome.value,
        exitStatus=run.exit_status,
        parameters=dict(run.parameters),
    )
    facets = {"regml_record": told}
    if run.outcome is not Outcome.PASSED:
        facets["errorMessage"] = _standard(
            "1-0-1/ErrorMessageRunFacet",
            message=f"{run.stage} {run.outcome} with exit status {run.exit_status}",
            programmingLanguage="python",
        )
    return facets


def _job(run: StageRun) -> Json:
    facets = {
        "jobType": _standard(
            "2-0-4/JobTypeJobFacet",
            processingType="BATCH",
            integration="REGML",
            jobType="TASK",
        )
    }
    if run.origin.commit:
        facets["sourceCodeLocation"] = _standard(
            "1-1-0/SourceCodeLocationJobFacet",
            type="git",
            url="urn:regml:repository",
            version=run.origin.commit,
        )
    return facets


def _dataset(artifact: Artifact, namespace: str) -> Json:
    return {
        "namespace": namespace,
        "name": artifact.path,
        "facets": {
            "version": _standard(
                "1-0-1/DatasetVersionDatasetFacet",
                datasetVersion=f"sha256:{artifact.sha256}",
            ),
            "regml_content": _facet(
                "regmlContent",
                sha256=artifact.sha256,
                md5=artifact.md5,
                bytes=artifact.size_bytes,
                files=artifact.files,
            ),
        },
    }


def _standard(name: str, **facts: Any) -> Json:
    """Return a facet of OpenLineage; ``name`` is version and name of its schema."""
    kind = name.partition("/")[2]
    url = f"{_FACETS}/{name}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **facts}


def _facet(name: str, **facts: Any) -> Json:
    """Return a facet of our own."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"urn:regml:facet:{name}:1",
        **facts,
    }
