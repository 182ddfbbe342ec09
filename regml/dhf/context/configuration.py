"""What the documents on plan, configuration, releases and signatures say."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regml.dhf.context.common import at_commit, facts, stage_runs, verdict
from regml.dhf.context.model import environment, packages
from regml.dhf.table import Table, table
from regml.findings import RuleOutcome, Severity
from regml.items.recorded import Approval
from regml.trace.model import TraceGraph
from regml.trace.signatures import (
    APPROVING,
    approved_as_it_is,
    approvers,
    may_approve,
    signatures,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is under configuration control, and what explains it."""

    items: Table
    stages: Table
    locked: Table
    code: Table
    records: Table
    problems: Table
    packages: Table
    environment: Table
    installed: Table


def configuration(graph: TraceGraph) -> Configuration:
    """Return everything the configuration and build record prints."""
    evidence = graph.evidence
    kinds = Counter(found.item.kind for found in evidence.items)
    statements = Counter(type(r.statement).__name__ for r in evidence.records)
    runs = stage_runs(graph)
    latest: Mapping[str, Any] = runs[-1][1].origin.environment if runs else {}
    return Configuration(
        items=table(
            ("Kind of item", "Number"),
            [
                (kind.name.replace("_", " ").lower(), n)
                for kind, n in sorted(kinds.items())
            ],
            empty="0 items.",
        ),
        stages=table(
            ("Stage", "Command", "Reads", "Parameters", "Writes"),
            [
                (
                    stage.name,
                    stage.command,
                    stage.deps,
                    [f"{f}: {', '.join(k)}" for f, k in sorted(stage.params.items())],
                    [out.path for out in stage.outs],
                )
                for stage in evidence.stages
            ],
            empty="0 stages in dvc.yaml.",
        ),
        locked=_locked(graph),
        code=facts(
            [
                ("Commit", evidence.commit or "none"),
                ("Digest of software sources and tests", evidence.code),
                ("Software sources", evidence.config.sources.software),
                ("Tests of the device", evidence.config.sources.tests),
                ("Lock file of runtime packages", evidence.config.sources.lock),
                ("Files under version control", len(evidence.tree)),
            ]
        ),
        records=facts(
            [
                *(
                    (f"Records of kind {name}", number)
                    for name, number in sorted(statements.items())
                ),
                ("Records", len(evidence.records)),
                ("Heads of the log", evidence.log_heads),
            ]
        ),
        problems=table(
            ("Problem", "Where", "What it means"),
            [(p.kind, p.path, p.message) for p in evidence.log_problems],
            empty="The log is complete and every signature in it is in order.",
        ),
        packages=table(
            ("Package", "Version"),
            sorted(evidence.packages.items()),
            empty="The lock file names no package.",
        ),
        environment=environment(latest),
        installed=packages(latest),
    )


def _locked(graph: TraceGraph) -> Table:
    return table(
        ("Stage", "Output", "MD5 in dvc.lock", "Explained by"),
        [
            (
                stage.name,
                path,
                md5,
                f"run@{record.id}" if record else verdict("nothing"),
            )
            for stage in graph.evidence.lock
            for record in [graph.current.explained.get(stage.name)]
            for path, md5 in sorted(stage.outs.items())
        ],
        empty="There is no dvc.lock: nothing was run yet.",
    )


@dataclass(frozen=True, slots=True)
class Approvals:
    """Signatures, and what each item still lacks."""

    signatures: Table
    items: Table
    counts: Table
    documents: Table


def approvals(graph: TraceGraph) -> Approvals:
    """Return every signature and the state of every item."""
    states = [(f.item, _signed_state(graph, f.item.id)) for f in graph.evidence.items]
    counts = Counter(state for _, (state, _) in states)
    return Approvals(
        signatures=table(
            ("Approval", "By", "Role", "Meaning", "Time (UTC)", "Commit", "Items"),
            [
                (
                    f"approval@{record.id}",
                    said.origin.person.name,
                    said.role,
                    said.meaning,
                    said.origin.finished_utc,
                    at_commit(record),
                    len(said.fingerprints),
                )
                for record in graph.evidence.records
                if isinstance(said := record.statement, Approval)
            ],
            empty="0 signatures: nobody has approved anything.",
        ),
        items=table(
            ("Item", "Title", "State", "Signed by"),
            [
                (item.id, item.title, verdict(state) if state != SIGNED else state, by)
                for item, (state, by) in states
            ],
            empty="0 items.",
        ),
        counts=table(
            ("State", "Items"),
            [
                (state, counts[state])
                for state in (SIGNED, PARTLY, OUTDATED, UNSIGNED)
                if counts[state] or state is not PARTLY
            ],
        ),
        documents=table(
            ("Document", "Title", "To be approved by", "State", "Signed by"),
            [
                (
                    plan.node_id,
                    plan.title,
                    [str(role) for role in approvers(graph, plan.node_id)],
                    state if state == SIGNED else verdict(state),
                    by,
                )
                for plan in graph.evidence.documents
                for state, by in [_signed_state(graph, plan.node_id)]
            ],
            empty="0 documents.",
        ),
    )


SIGNED, OUTDATED, UNSIGNED = "approved as it is", "changed since", "never approved"
PARTLY = "not approved by every role that has to"
"""What signatures say about an item; derived from its fingerprint."""


def _signed_state(graph: TraceGraph, name: str) -> tuple[str, str]:
    """Return the state of an item or document, and who signed it so."""
    approving = [
        s
        for s in signatures(graph, name)
        if s.said.meaning in APPROVING and may_approve(graph, s)
    ]
    if not approving:
        return UNSIGNED, ""
    now = [s for s in approving if s.fingerprint == graph.fingerprint(name)]
    by = ", ".join(
        f"{s.person.name} as {s.said.role} (approval@{s.record.id})"
        for s in now or approving[-1:]
    )
    if not now:
        return OUTDATED, by
    return (SIGNED if approved_as_it_is(graph, name) else PARTLY), by


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks found, and what they looked at."""

    counts: Table
    open: Table
    waived: Table
    details: Table
    rules: Table
    total: int


def findings(outcomes: tuple[RuleOutcome, ...]) -> Findings:
    """Return the outcome of every rule."""
    ranks = list(Severity)
    found = sorted(
        (finding for outcome in outcomes for finding in outcome.open),
        key=lambda finding: (ranks.index(finding.severity), finding),
    )
    waived = sorted(finding for outcome in outcomes for finding in outcome.waived)
    counts = Counter(finding.severity for finding in found)
    return Findings(
        counts=table(("Severity", "Findings"), [(s, counts[s]) for s in Severity]),
        open=table(
            ("Rule", "Severity", "Subject", "Finding", "Where", "What to do"),
            [
                (f.rule, f.severity, f.subject, f.message, f.where, f.remedy)
                for f in found
            ],
            empty="0 findings.",
        ),
        waived=table(
            ("Rule", "Severity", "Subject", "Finding", "Until", "Waived by", "Record"),
            [
                (
                    f.rule,
                    f.severity,
                    f.subject,
                    f.message,
                    f.waived_until or "",
                    f.waived_because or "",
                    f"waiver@{f.waived_by}",
                )
                for f in waived
            ],
            empty="0 findings are waived.",
        ),
        details=table(
            ("Rule", "Subject", "What changed"),
            [
                (f.rule, f.subject, line)
                for f in (*found, *waived)
                for line in f.details
            ],
            empty="0 findings are about a change.",
        ),
        rules=table(
            ("Rule", "Asks", "Subjects", "Findings", "Waived", "Note"),
            [
                (
                    outcome.rule,
                    outcome.title,
                    outcome.subjects,
                    len(outcome.open),
                    len(outcome.waived),
                    outcome.off or ("0 subjects" if not outcome.subjects else ""),
                )
                for outcome in outcomes
            ],
            empty="0 rules were run.",
        ),
        total=len(found),
    )
