"""Pages of records: what was run, tested, signed, waived and released."""

from regml.dhf.context.common import facts, targets
from regml.dhf.context.model import run_section
from regml.dhf.context.release import release_facts, release_tables
from regml.dhf.context.verification import executed_steps
from regml.dhf.pages.base import Content, origin
from regml.dhf.table import table
from regml.items.links import Link
from regml.items.recorded import (
    Approval,
    Execution,
    Outcome,
    Record,
    Release,
    StageRun,
    TestRun,
    Waiver,
)
from regml.trace.model import TraceGraph
from regml.trace.waivers import why_not


def record_page(graph: TraceGraph, record: Record) -> Content:
    """Return what the page of a record says."""
    match record.statement:
        case StageRun() as run:
            section = run_section(record, run)
            return Content(
                facts=section.facts,
                status=run.outcome,
                sections=(
                    ("Inputs", section.inputs),
                    ("Outputs", section.outputs),
                    ("Parameters", section.parameters),
                    ("Noted by the stage", section.notes),
                    ("Environment", section.environment),
                    ("Packages", section.packages),
                ),
            )
        case TestRun() as run:
            return _test_run(graph, record, run)
        case Approval() as approval:
            return _approval(graph, record, approval)
        case Waiver() as waiver:
            return _waiver(graph, record, waiver)
        case Execution() as done:
            return _execution(graph, record, done)
        case Release() as release:
            return Content(
                facts=facts([*release_facts(release), *origin(record)]),
                sections=release_tables(release),
            )


def _execution(graph: TraceGraph, record: Record, done: Execution) -> Content:
    return Content(
        facts=facts(
            [
                ("Protocol", done.protocol),
                ("Comment", done.comment),
                ("Models", targets(graph, f"execution@{record.id}", Link.USES)),
                *origin(record),
            ]
        ),
        status=done.verdict,
        sections=(("Steps", executed_steps(done)),),
    )


def _test_run(graph: TraceGraph, record: Record, run: TestRun) -> Content:
    failed = any(c.outcome in (Outcome.FAILED, Outcome.KILLED) for c in run.cases)
    return Content(
        facts=facts(
            [
                ("Command", run.command),
                ("Imported from", [f"{r.name} ({r.form})" for r in run.reports]),
                ("Models", targets(graph, f"tests@{record.id}", Link.USES)),
                *origin(record),
            ]
        ),
        status=Outcome.FAILED if failed else Outcome.PASSED,
        sections=(
            (
                "Tests",
                table(
                    ("Test", "Verifies", "Outcome", "Seconds", "Message"),
                    [
                        (c.name, c.verifies, c.outcome, f"{c.seconds:.3f}", c.message)
                        for c in run.cases
                    ],
                    empty="0 tests.",
                ),
            ),
        ),
    )


def _approval(graph: TraceGraph, record: Record, approval: Approval) -> Content:
    signed = [
        (item_id, print_, print_ == graph.fingerprint(item_id))
        for item_id, print_ in sorted(approval.fingerprints.items())
    ]
    return Content(
        facts=facts(
            [
                ("Role", approval.role),
                ("Meaning", approval.meaning),
                ("Comment", approval.comment),
                *origin(record),
            ]
        ),
        sections=(
            (
                "What was signed",
                table(("Item", "Fingerprint that was signed", "As it is now"), signed),
            ),
        ),
    )


def _waiver(graph: TraceGraph, record: Record, waiver: Waiver) -> Content:
    return Content(
        facts=facts(
            [
                ("Check", waiver.rule),
                ("Until", waiver.until),
                ("Because", waiver.because),
                ("Now", why_not(graph, record) or "holds"),
                ("Role", waiver.role),
                *origin(record),
            ]
        ),
        sections=(
            (
                "What is waived",
                table(
                    ("Subject", "Finding"),
                    [
                        (subject, message)
                        for subject, told in sorted(waiver.messages.items())
                        for message in told
                    ],
                ),
            ),
        ),
    )
