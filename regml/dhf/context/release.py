"""What the documents on releases, changes and problems say."""

from dataclasses import dataclass

from regml.dhf.context.common import artifacts, facts, steps, verdict
from regml.dhf.table import Table, all_well, table
from regml.digest import Artifact
from regml.items.data import DatasetSpecification
from regml.items.lifecycle import ChangeRequest, PccpModification, ProblemReport
from regml.items.recorded import Record, Release
from regml.items.requirements import Requirement
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.problems import ProblemState, problem_state, resolved_by
from regml.trace.results import Status, requirement_status
from regml.trace.rules.release import releases


@dataclass(frozen=True, slots=True)
class ReleaseNotes:
    """What a release says about itself, or would say.

    Attributes:
        state: Whether the present state was released, in a sentence.
        versions: What this state consists of.
        history: Every release, newest first.
        artifacts: Files of the latest release.
        changes: Change requests.
        anomalies: Problems that stay.
        problems: Every problem report.
        unmet: Requirements that are not passed.
        limitations: What the data cannot show.
        planned: Modifications that are planned in advance.
    """

    state: str
    versions: Table
    history: Table
    artifacts: Table
    changes: Table
    anomalies: Table
    problems: Table
    unmet: Table
    limitations: Table
    planned: Table


def release_notes(graph: TraceGraph) -> ReleaseNotes:
    """Return everything the release notes print."""
    known = releases(graph)
    return ReleaseNotes(
        state=_state_of_release(graph),
        versions=_versions(graph),
        history=_history(known),
        artifacts=artifacts(
            known[-1][1].artifacts if known else (), empty="Nothing was released yet."
        ),
        changes=change_table(graph),
        anomalies=_anomalies(graph),
        problems=_problems(graph),
        unmet=_unmet(graph),
        limitations=_limitations(graph),
        planned=_planned(graph),
    )


def release_facts(release: Release) -> tuple[tuple[str, object], ...]:
    """Return what a release names, without who signed it."""
    return (
        ("Version", release.version),
        ("Commit", release.commit),
        ("Model (SHA-256)", release.model or "none"),
        ("Dataset (SHA-256)", release.dataset or "none"),
        ("Heads of the record log", release.heads),
        ("Role", release.role),
        ("Signed list of the archive (SHA-256)", release.contents or ""),
        ("Rolls back to", f"release@{release.of}" if release.of else ""),
        ("Comment", release.comment),
    )


def release_tables(release: Release) -> tuple[tuple[str, Table], ...]:
    """Return the files and documents of a release by their headings."""
    documents = table(
        ("Document", "Fingerprint"),
        sorted(release.documents.items()),
        empty="The release names no document.",
    )
    files = artifacts(release.artifacts, empty="The release names no file.")
    return (("Files", files), ("Documents", documents))


def change_table(graph: TraceGraph) -> Table:
    """Return every change request in force."""
    return table(
        ("Change", "Title", "Raised", "Closed", "Reason", "Changes", "Impact"),
        [
            (
                c.id,
                c.title,
                c.raised,
                c.closed or "in work",
                c.reason,
                [*c.changes, *(f"resolves {name}" for name in c.resolves)],
                c.impact or verdict("not analysed"),
            )
            for c in graph.items(ChangeRequest)
        ],
        empty="0 change requests.",
    )


def _state_of_release(graph: TraceGraph) -> str:
    known, device = releases(graph), graph.evidence.config.device
    if not known:
        return (
            f"No signed release record exists for {device.name} {device.version}. "
            "This document becomes the notes of a release when the release is signed."
        )
    record, last = known[-1]
    who, when = last.origin.person.name, last.origin.finished_utc
    said = (
        f"{device.name} {last.version} was released by {who} ({last.role}) at {when}, "
        f"from commit {last.commit[:SHORT]} (release@{record.id})"
        f"{f', which goes back to release@{last.of}' if last.of else ''}."
    )
    differs = _differences(graph, last)
    if differs:
        return f"{said} This document is of a later state: {' and '.join(differs)}."
    return f"{said} This document is of that state."


def _differences(graph: TraceGraph, release: Release) -> list[str]:
    """Return in what the present state differs from a release, in words."""
    current = graph.current
    now = {
        "another version": graph.evidence.config.device.version == release.version,
        "another model": (current.model and current.model.sha256) == release.model,
        "another dataset": (current.manifest and current.manifest.sha256)
        == release.dataset,
        "other documents": all(
            graph.fingerprint(name) == digest
            for name, digest in release.documents.items()
        ),
    }
    return [words for words, same in now.items() if not same]


def _versions(graph: TraceGraph) -> Table:
    current, device = graph.current, graph.evidence.config.device
    evaluation = current.evaluation
    return facts(
        [
            ("Device", f"{device.name} {device.version}"),
            ("Commit", graph.evidence.commit or "none"),
            ("Model", _version("model", current.model)),
            ("Dataset", _version("dataset", current.manifest)),
            ("Evaluation", f"evaluation@{evaluation.id}" if evaluation else "not run"),
        ]
    )


def _history(known: tuple[tuple[Record, Release], ...]) -> Table:
    return table(
        ("Release", "Version", "By", "Time (UTC)", "Commit", "Model", "Dataset"),
        [
            (
                f"release@{record.id}",
                f"{release.version}, back to release@{release.of}"
                if release.of
                else release.version,
                f"{release.origin.person.name} ({release.role})",
                release.origin.finished_utc,
                release.commit[:SHORT],
                f"model@{release.model[:SHORT]}" if release.model else "none",
                f"dataset@{release.dataset[:SHORT]}" if release.dataset else "none",
            )
            for record, release in reversed(known)
        ],
        empty="0 releases.",
    )


def _anomalies(graph: TraceGraph) -> Table:
    closed = (ProblemState.CLOSED, ProblemState.NO_PROBLEM)
    return table(
        (
            "Problem",
            "Title",
            "Criticality",
            "Safety impact",
            "Evaluation of the risk",
            "Why it may stay",
        ),
        [
            (
                r.id,
                r.title,
                r.criticality,
                r.safety_impact or verdict("not assessed"),
                r.risk_evaluation or verdict("not evaluated"),
                r.residual_rationale or verdict("no rationale"),
            )
            for r in graph.items(ProblemReport)
            if problem_state(graph, r) not in closed
        ],
        empty="0 known residual anomalies.",
    )


def _problems(graph: TraceGraph) -> Table:
    return table(
        ("Problem", "Title", "Reported", "Criticality", "Cause", "State", "Changes"),
        [
            (
                r.id,
                r.title,
                r.reported,
                r.criticality,
                r.cause or "not found yet",
                _state(graph, r),
                resolved_by(graph, r),
            )
            for r in graph.items(ProblemReport)
        ],
        empty="0 problem reports.",
    )


def _state(graph: TraceGraph, report: ProblemReport) -> str:
    state = problem_state(graph, report)
    if state in (ProblemState.CLOSED, ProblemState.NO_PROBLEM):
        return str(state)
    if report.residual:
        return f"{state}; stays as residual anomaly"
    return verdict(str(state))


def _unmet(graph: TraceGraph) -> Table:
    statuses = [requirement_status(graph, i.id) for i in graph.items(Requirement)]
    return table(
        ("Requirement", "Status"),
        [(s.id, verdict(s.status)) for s in statuses if s.status != Status.PASSED],
        empty=all_well(statuses, "Every requirement is passed.", "0 requirements."),
    )


def _limitations(graph: TraceGraph) -> Table:
    return table(
        ("Dataset", "Limitation", "What the data cannot show"),
        [
            (item.id, limit.id, limit.text)
            for item in graph.items(DatasetSpecification)
            for limit in item.limitations
        ],
        empty="No limitation is stated.",
    )


def _planned(graph: TraceGraph) -> Table:
    return table(
        ("Modification", "Title", "What may change", "What may not"),
        [
            (m.id, m.title, steps(m.changes), steps(m.outside))
            for m in graph.items(PccpModification)
        ],
        empty="0 planned modifications.",
    )


def _version(prefix: str, artifact: Artifact | None) -> str:
    if artifact is None:
        return "none that a believed run explains"
    return f"{prefix}@{artifact.sha256[:SHORT]}"
