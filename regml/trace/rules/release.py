"""C: releases, the built file, planned documents and tools (IEC 62304 5.8, 5.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regml.digest import Artifact
from regml.findings import Severity
from regml.items.base import Kind
from regml.items.documents import PREFIX, BuiltFile
from regml.items.external import ExternalEvidence
from regml.items.plan import Activity
from regml.items.recorded import Record, Release
from regml.standards.outline import RequiredDocument, outline
from regml.trace.activities import what_is_missing
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT
from regml.trace.rules.base import Gap, rule
from regml.trace.rules.runs import runs_that_count
from regml.trace.rules.soup import is_release_of, versions_in
from regml.trace.signatures import approved_as_it_is

CONFIG: Final = "regml.toml"
TOOLS: Final = ("regml", "python", "dvc", "mlflow")
"""Tools whose results a project relies on, where a run had them."""


def releases(graph: TraceGraph) -> tuple[tuple[Record, Release], ...]:
    """Return every believed release in the order of the log."""
    return tuple(
        (record, record.statement)
        for record in graph.current.believed
        if isinstance(record.statement, Release)
    )


def _artifacts(graph: TraceGraph) -> Iterator[tuple[Record, Release, Artifact]]:
    for record, release in releases(graph):
        for artifact in release.artifacts:
            yield record, release, artifact


# IEC 62304 5.8.7
@rule(
    "C15",
    "Every artifact of a release can still be had, from git or from the cache of DVC.",
    _artifacts,
    clauses=("IEC 62304 5.8.7",),
)
def can_be_had(
    graph: TraceGraph, subject: tuple[Record, Release, Artifact]
) -> Iterator[Gap]:
    """Looks for the digest the release names, not for the name."""
    record, release, artifact = subject
    if artifact.sha256 not in graph.evidence.surroundings.kept:
        yield Gap(
            f"release@{record.id}",
            f"{artifact.path} of release {release.version} "
            f"(sha256 {artifact.sha256[:SHORT]}) is neither in commit "
            f"{release.commit[:SHORT]} nor in the cache of DVC.",
            "Bring it back with 'git fetch' or 'dvc pull'; weights and reports "
            "also lie in the archive of the release.",
            record.path,
        )


# 21 CFR 11.10 (a)
@rule(
    "C16",
    "The built Design History File is as it was built, and says what is true now.",
    lambda graph: [graph.evidence.built] if graph.evidence.built else [],
    clauses=("21 CFR 11.10 (a)", "ISO 13485 4.2.4"),
)
def is_as_built(graph: TraceGraph, built: BuiltFile) -> Iterator[Gap]:
    """Tampered with is a blocker, outdated has to be built again."""
    sums = f"{built.folder}/SHA256SUMS"
    yield from _tampered(built, sums)
    lost = sorted(set(built.heads) - {r.sha256 for r in graph.evidence.records})
    if lost:
        yield Gap(
            sums,
            f"The file was built when record {lost[0][:SHORT]} was in the log; the log "
            "does not have it any more: it was cut off or rewritten.",
            "Get records/ back from git ('git log -- records').",
            "records/log.jsonl",
        )
    old = _outdated(graph, built)
    if old and built.documents:
        more = f" and {len(old) - 3} more" if old[3:] else ""
        several = len(old) > 1
        few = f"{len(old)} document{'s' * several} of {built.folder} "
        few += "were" if several else "was"
        yield Gap(
            built.folder,
            f"{few} built from another state "
            f"(commit {(built.commit or 'unknown')[:SHORT]}): "
            f"{', '.join(old[:3])}{more}.",
            f"Build it again: regml dhf build --out {built.folder}",
            sums,
            Severity.MAJOR,
        )


def _tampered(built: BuiltFile, sums: str) -> Iterator[Gap]:
    changes = {
        "was changed after the file was built": built.changed,
        "is not there, and belongs to the Design History File": built.absent,
        "was not built with the file": built.added,
    }
    for what, files in changes.items():
        if files:
            more = f" ({len(files) - 1} more)" if files[1:] else ""
            yield Gap(
                f"{built.folder}/{files[0]}",
                f"{files[0]} {what}{more}.",
                f"Build it again: 'regml dhf build --out {built.folder}', and find "
                "out who did it.",
                sums,
            )


def _outdated(graph: TraceGraph, built: BuiltFile) -> list[str]:
    """Return the documents that are not what would be built now, sorted."""
    now = {
        plan.node_id: graph.fingerprint(plan.node_id)
        for plan in graph.evidence.documents
    }
    names = now.keys() | built.documents.keys()
    return sorted(n for n in names if now.get(n) != built.documents.get(n))


def _planned(graph: TraceGraph) -> Iterator[RequiredDocument | Activity | str]:
    """Give the documents that are needed or named in [approvals], and activities."""
    device = graph.evidence.config.device
    kinds = {f.item.kind for f in graph.evidence.items if f.item.retired is None}
    if not kinds and not graph.evidence.documents:
        return  # a project in which nothing is planned yet
    for document in outline():
        needed = document.is_needed(
            safety_class=device.safety_class, level=device.documentation_level
        )
        applies = not document.with_items or Kind(document.with_items) in kinds
        if needed and applies:
            yield document
    yield from graph.evidence.config.activities
    approvals = graph.evidence.config.approvals
    yield from (name for name in approvals if name.startswith(PREFIX))


# IEC 62304 5.8.6
@rule(
    "C17",
    "Every document that class and documentation level need, or that [approvals] "
    "names, is planned, and every planned activity that is due is done.",
    _planned,
    clauses=("IEC 62304 5.8.6", "IEC 62304 5.1.1"),
)
def is_planned_and_done(
    graph: TraceGraph, subject: RequiredDocument | Activity | str
) -> Iterator[Gap]:
    """A document is planned by its template, an activity is done by its evidence."""
    if isinstance(subject, Activity):
        yield from _not_done(graph, subject)
    elif isinstance(subject, str):
        if subject not in graph.nodes:
            yield Gap(
                subject,
                f"[approvals] says who has to sign {subject}, and no template plans "
                "such a document.",
                "Correct the name in regml.toml: 'regml list documents' prints those "
                "there are.",
                CONFIG,
            )
    else:
        yield from _not_planned(graph, subject)


def _not_planned(graph: TraceGraph, subject: RequiredDocument) -> Iterator[Gap]:
    device = graph.evidence.config.device
    plans = [plan for plan in graph.evidence.documents if plan.id == subject.id]
    outside = [
        evidence.id
        for evidence in graph.items(ExternalEvidence)
        if set(subject.clauses) & set(evidence.clauses)
    ]
    if any(approved_as_it_is(graph, name) for name in outside):
        return
    who = f"it is asked for by {', '.join(subject.clauses)}"
    if not plans and outside:
        yield Gap(
            outside[0],
            f"{outside[0]} names the document '{subject.title}', which is kept "
            f"elsewhere, and nobody has approved that as it is; {who}.",
            f"regml approve {outside[0]} --meaning approval",
            graph.where(outside[0]),
        )
    elif not plans:
        yield Gap(
            subject.id,
            f"No template plans the document '{subject.title}'; {who}.",
            f"Write dhf_templates/NN-{subject.id}.md.j2 with 'id: {subject.id}', or "
            "name the document kept elsewhere in an item EXT.",
            "dhf_templates",
        )
    elif device.safety_class not in plans[0].classes:
        yield Gap(
            plans[0].node_id,
            f"The document '{plans[0].title}' is not planned for class "
            f"{device.safety_class}; {who}.",
            f"Add the class under 'classes' in {plans[0].path}.",
            f"{plans[0].path}:1",
        )


def _not_done(graph: TraceGraph, activity: Activity) -> Iterator[Gap]:
    if activity.due and activity.due >= graph.evidence.today:
        return
    missing = [
        (why, name)
        for name in activity.shown_by
        if (why := what_is_missing(graph, name))
    ]
    if missing:
        why, name = missing[0]
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        due = f" by {activity.due}" if activity.due else ""
        yield Gap(
            activity.name,
            f"The planned activity '{activity.name}' ({activity.clause}) is not "
            f"done{due}: {why}{more}.",
            _how(graph, name),
            CONFIG,
        )


def _how(graph: TraceGraph, name: str) -> str:
    """Return what to do so that a document, an item or a stage counts as done."""
    if name not in graph.nodes:
        known = any(stage.name == name for stage in graph.evidence.stages)
        return "Run 'dvc repro'." if known else "Correct its entry in [[activities]]."
    if name.startswith(PREFIX):
        return f"Read it and sign: regml approve {name} --meaning approval."
    return f"See what it needs: regml show {name}."


@dataclass(frozen=True, slots=True)
class Tool:
    """One version of a tool in the runs that stand behind the present state.

    Attributes:
        name: As in ``[qualified]``.
        version: As the runs recorded it.
        records: Paths of those records.
    """

    name: str
    version: str
    records: tuple[str, ...]


def _tools(graph: TraceGraph) -> tuple[Tool, ...]:
    used: dict[tuple[str, str], list[str]] = {}
    names = {*TOOLS, *graph.evidence.config.qualified}
    for record in runs_that_count(graph):
        had = versions_in(record.statement.origin.environment)
        for name in names & had.keys():
            used.setdefault((name, had[name]), []).append(record.path)
    return tuple(Tool(*key, tuple(paths)) for key, paths in sorted(used.items()))


# ISO 13485 4.1.6
@rule(
    "C18",
    "The tools behind the present state were used in a qualified version.",
    _tools,
    severity=Severity.MAJOR,
    clauses=("ISO 13485 4.1.6",),
)
def is_qualified(graph: TraceGraph, tool: Tool) -> Iterator[Gap]:
    """Compares runs behind dvc.lock and the latest results with regml.toml."""
    qualified = graph.evidence.config.qualified.get(tool.name, ())
    if any(is_release_of(tool.version, version) for version in qualified):
        return
    count = len(tool.records)
    runs = f"{count} run{'s' if count > 1 else ''} behind the present state"
    known = f"qualified is {', '.join(qualified)}" if qualified else "none is qualified"
    yield Gap(
        tool.name,
        f"{runs} used {tool.name} {tool.version}; {known}.",
        f"Qualify {tool.version} and enter it in the table [qualified], or reproduce "
        "with the qualified one.",
        tool.records[0],
    )


RULES = (can_be_had, is_as_built, is_planned_and_done, is_qualified)
