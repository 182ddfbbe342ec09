"""What the page of each piece of evidence says."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from regml.dhf.context import Figure
from regml.dhf.context.common import (
    at_commit,
    evidence_of,
    facts,
    flatten,
    shown,
    targets,
)
from regml.dhf.context.data import split_table
from regml.dhf.context.items import item_section
from regml.dhf.context.model import run_section, run_table
from regml.dhf.context.release import release_facts, release_tables
from regml.dhf.context.verification import criteria, executed_steps
from regml.dhf.table import Table, table
from regml.digest import sha256_of
from regml.files.markdown import LocatedItem
from regml.items.base import Kind
from regml.items.data import DatasetManifest
from regml.items.documents import DocumentPlan
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
from regml.trace.lineage import lineage
from regml.trace.model import TraceGraph
from regml.trace.nodes import (
    DatasetVersion,
    Evaluation,
    KnownTest,
    ModelVersion,
    Node,
    NodeType,
)
from regml.trace.results import requirement_status
from regml.trace.waivers import why_not

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@-]*")
_WITH_STATUS = {
    Kind.USER_NEED,
    Kind.REQUIREMENT,
    Kind.RISK,
    Kind.TEST_PROTOCOL,
    Kind.DATASET_SPECIFICATION,
    Kind.ANNOTATION_PROTOCOL,
    Kind.PCCP_MODIFICATION,
    Kind.EXCLUSION,
    Kind.EXTERNAL_EVIDENCE,
}


@dataclass(frozen=True, slots=True)
class Content:
    """What is special about one page.

    Attributes:
        facts: Names and values.
        status: One word about it; empty where none fits.
        reasons: Why the status is what it is.
        prose: Markdown that its author wrote.
        sections: Tables by their headings.
        figures: Paths relative to ``html/``, and captions.
    """

    facts: Table
    status: str = ""
    reasons: tuple[str, ...] = ()
    prose: str = ""
    sections: tuple[tuple[str, Table], ...] = ()
    figures: tuple[tuple[str, str], ...] = ()


def page_name(node: Node) -> str:
    """Return the file name of a node's page."""
    if _SAFE_NAME.fullmatch(node.id):
        return f"{node.id}.html"
    prefix = node.id.partition(":")[0]
    return f"{prefix}-{sha256_of(node.id.encode())[:12]}.html"


def kind_of(node: Node) -> str:
    """Return what a node is in words."""
    if isinstance(node.value, LocatedItem):
        return node.value.item.kind.name.replace("_", " ").lower()
    return str(node.type)


def case_anchor(case: str) -> str:
    """Return the anchor of an image on the page of its dataset."""
    return f"case-{re.sub(r'[^A-Za-z0-9_.-]', '_', case)}"


def content(graph: TraceGraph, node: Node, figures: Iterable[Figure]) -> Content:
    """Return what the page of a node says."""
    match node.value:
        case LocatedItem():
            return _item(graph, node.value)
        case Record():
            return _record(graph, node.value)
        case DatasetVersion():
            return _dataset(graph, node.id, node.value)
        case ModelVersion():
            return _model(graph, node.id, node.value)
        case Evaluation():
            return _evaluation(graph, node.value, figures)
        case KnownTest():
            return _test(graph, node.id, node.value)
        case DocumentPlan() | None:
            return Content(facts([("Where", node.where), ("Name", node.title)]))


def _item(graph: TraceGraph, found: LocatedItem) -> Content:
    item = found.item
    section = item_section(graph, item)
    status = requirement_status(graph, item.id) if item.kind in _WITH_STATUS else None
    return Content(
        facts=section.facts,
        status="retired" if item.retired else str(status.status) if status else "",
        reasons=tuple(shown(reason) for reason in status.reasons) if status else (),
        prose=item.text,
        sections=(
            *section.tables,
            (
                "File",
                facts(
                    [
                        ("Path", found.path),
                        ("Fingerprint of its content", item.fingerprint()),
                        ("Retired, because", item.retired),
                    ]
                ),
            ),
        ),
    )


def _record(graph: TraceGraph, record: Record) -> Content:
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
                facts=facts([*release_facts(release), *_origin(record)]),
                sections=release_tables(release),
            )


def _origin(record: Record) -> list[tuple[str, object]]:
    origin = record.statement.origin
    return [
        ("By", f"{origin.person.name} ({origin.person.email})"),
        ("Started (UTC)", origin.started_utc),
        ("Finished (UTC)", origin.finished_utc),
        ("Commit", at_commit(record)),
        ("Changed since the commit", origin.dirty),
        ("Record", record.path),
        ("SHA-256 of the record", record.sha256),
        ("Signed with key", record.key_id),
    ]


def _execution(graph: TraceGraph, record: Record, done: Execution) -> Content:
    return Content(
        facts=facts(
            [
                ("Protocol", done.protocol),
                ("Comment", done.comment),
                ("Models", targets(graph, f"execution@{record.id}", Link.USES)),
                *_origin(record),
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
                *_origin(record),
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
                *_origin(record),
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
                *_origin(record),
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


def _dataset(graph: TraceGraph, name: str, dataset: DatasetVersion) -> Content:
    current = graph.current.manifest
    manifest = dataset.manifest
    sections = (
        [
            ("Splits", split_table(manifest)),
            ("Images", _images(manifest)),
            ("Excluded cases", _excluded(manifest)),
        ]
        if manifest
        else []
    )
    return Content(
        facts=facts(
            [
                ("SHA-256 of the manifest", dataset.sha256),
                ("Manifest", dataset.path),
                ("Fulfils", targets(graph, name, Link.FULFILS)),
                ("Split by", manifest.split_unit if manifest else None),
                ("Accepted because", manifest.limitation if manifest else None),
                (
                    "Content",
                    None if manifest else "the manifest is not in the work tree",
                ),
                *((key, value) for key, value in flatten(dataset.facts)),
            ]
        ),
        status=_age(current.sha256 if current else None, dataset.sha256),
        sections=(*sections, ("How it was made", _lineage(graph, name))),
    )


def _images(manifest: DatasetManifest) -> Table:
    return table(
        (
            *("Case", "Split", "Patient", "Site", "Vendor", "Readers"),
            *("Image", "SHA-256 of the image", "SHA-256 of the label", "Made from"),
        ),
        [
            (
                Markup('<a id="{}" class="case">{}</a>').format(
                    case_anchor(case.case), case.case
                ),
                case.split,
                case.patient or "unknown",
                case.site,
                case.vendor,
                case.annotators,
                case.image,
                case.image_sha256,
                case.label_sha256,
                _folded(f"{len(case.sources)} files", case.sources),
            )
            for case in manifest.cases
        ],
        empty="0 images.",
    )


def _folded(words: str, lines: Iterable[str]) -> Markup:
    """Return words that show more lines when one clicks on them."""
    return Markup("<details><summary>{}</summary>{}</details>").format(
        words, Markup("<br>").join(lines)
    )


def _excluded(manifest: DatasetManifest) -> Table:
    return table(
        ("Case", "Reason"),
        [(case.case, case.reason) for case in manifest.excluded],
        empty="0 cases were excluded.",
    )


def _lineage(graph: TraceGraph, name: str) -> Table:
    """Return the stage runs a node rests on, oldest first."""
    reached = graph.reasons(name)
    runs = [
        (record, record.statement)
        for record in graph.evidence.records
        if f"run@{record.id}" in reached and isinstance(record.statement, StageRun)
    ]
    return run_table(runs, empty="No recorded run made it.")


def _model(graph: TraceGraph, name: str, model: ModelVersion) -> Content:
    current = graph.current.model
    datasets = [edge.target for edge in graph.out(name, Link.TRAINED_ON)]
    evaluations = {edge.source for edge in graph.into(name, Link.EVALUATES)}
    return Content(
        facts=facts(
            [
                ("SHA-256 of the weights", model.sha256),
                ("Weights", model.path),
                ("Trained on", tuple(datasets)),
                ("Evaluated by", tuple(sorted(evaluations))),
                (
                    "Used by test runs",
                    tuple(e.source for e in graph.into(name, Link.USES)),
                ),
            ]
        ),
        status=_age(current.sha256 if current else None, model.sha256),
        sections=(
            *_lineage_sections(graph, name),
            *((f"Images of {d}", _image_links(graph, d)) for d in datasets),
            ("What training noted", facts(flatten(model.facts))),
        ),
    )


def _lineage_sections(graph: TraceGraph, name: str) -> Iterator[tuple[str, Table]]:
    """Give the lineage as one readable page: headed facts and tables."""
    for section in lineage(graph, name).sections:
        if section.facts:
            yield section.title, facts(section.facts)
        if section.table and section.table.rows:
            heading = "" if section.facts else section.title
            yield heading, table(section.table.columns, section.table.rows)


def _image_links(graph: TraceGraph, dataset: str) -> Table:
    value = graph.nodes[dataset].value
    manifest = value.manifest if isinstance(value, DatasetVersion) else None
    return table(
        ("Image", "Split", "Patient", "Site", "Vendor", "Readers"),
        [
            (
                case_link(graph.nodes[dataset], case.case),
                case.split,
                case.patient or "unknown",
                case.site,
                case.vendor,
                case.annotators,
            )
            for case in (manifest.cases if manifest else ())
        ],
        empty="The manifest is not in the work tree.",
    )


def case_link(dataset: Node, case: str) -> Markup:
    """Return a link to an image on the page of its dataset."""
    href = f"{page_name(dataset)}#{case_anchor(case)}"
    return Markup('<a href="{}">{}</a>').format(href, case)


def _evaluation(
    graph: TraceGraph, found: Evaluation, figures: Iterable[Figure]
) -> Content:
    name, current = f"evaluation@{found.record.id}", graph.current.evaluation
    is_current = current is not None and current.id == found.record.id
    noted = [row for row in flatten(found.facts) if row[0] != "acceptance"]
    return Content(
        facts=facts(
            [
                ("Model", targets(graph, name, Link.EVALUATES)),
                ("Dataset", targets(graph, name, Link.EVALUATED_ON)),
                *noted,
                *_origin(found.record),
            ]
        ),
        status="current" if is_current else "older",
        sections=(
            ("Acceptance criteria", criteria(graph, found.record)),
            *([("Cases", _case_scores(graph, found))] if is_current else []),
        ),
        figures=tuple((f.path, f.caption) for f in figures) if is_current else (),
    )


def _case_scores(graph: TraceGraph, found: Evaluation) -> Table:
    scores = graph.evidence.scores.get(str(found.facts.get("per_case")), ())
    name = f"evaluation@{found.record.id}"
    datasets = [graph.nodes[e.target] for e in graph.out(name, Link.EVALUATED_ON)]
    metrics = sorted({metric for score in scores for metric in score.metrics})
    return table(
        ("Image", "Label", "Condition", *metrics, "Status"),
        [
            (
                case_link(datasets[0], score.case) if datasets else score.case,
                score.label,
                score.condition or "as acquired",
                *(score.metrics.get(metric) for metric in metrics),
                score.status,
            )
            for score in scores
        ],
        empty="The scores per case are not in the work tree.",
    )


def _test(graph: TraceGraph, node_id: str, test: KnownTest) -> Content:
    runs = [edge.target for edge in graph.out(node_id, Link.PRODUCED_BY)]
    models = {m.target for run in runs for m in graph.out(run, Link.USES)}
    results = {
        item_id: [
            r for r in requirement_status(graph, item_id).results if r.source == node_id
        ]
        for item_id in test.verifies
        if item_id in graph.nodes
    }
    return Content(
        facts=facts(
            [
                ("Test", test.name),
                ("Written in", graph.nodes[node_id].where),
                ("Verifies", test.verifies),
                ("Latest recorded run", tuple(runs)),
                ("Model it ran with", tuple(sorted(models))),
            ]
        ),
        status=str(test.outcome or "not run"),
        sections=(
            (
                "What it says about each item",
                table(
                    ("Item", "Result", "Because", "Evidence"),
                    [
                        (item_id, r.status, r.detail, evidence_of([r]))
                        for item_id, found in results.items()
                        for r in found
                    ],
                    empty="It verifies nothing that exists.",
                ),
            ),
            (
                "Cases of the latest run",
                table(
                    ("Case", "Outcome", "Seconds", "Message"),
                    [
                        (c.name, c.outcome, f"{c.seconds:.3f}", c.message)
                        for c in test.cases
                    ],
                    empty="Not run.",
                ),
            ),
        ),
    )


def _age(current: str | None, sha256: str) -> str:
    return "current" if current == sha256 else "older"


def linked(text: str, hrefs: dict[str, str], pattern: re.Pattern[str]) -> Markup:
    """Return HTML of a text in which known ids are links.

    Args:
        text: Any text; it is escaped.
        hrefs: Page of each id.
        pattern: Finds what may be an id.
    """
    parts, end = [], 0
    for match in pattern.finditer(text):
        href = hrefs.get(match[0]) or hrefs.get(f"test:{match[0]}")
        if href is not None:
            parts.append(escape(text[end : match.start()]))
            parts.append(Markup('<a href="{}">{}</a>').format(href, match[0]))
            end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def is_paged(node: Node) -> bool:
    """Tell whether a node has a page; what does not exist has none."""
    return node.type not in (NodeType.MISSING, NodeType.DOCUMENT)
