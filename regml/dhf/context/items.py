"""Any item as a section: what its page in the portal prints."""

from regml.dhf.context.common import (
    ItemSection,
    evidence_of,
    facts,
    reasons,
    steps,
    verdict,
)
from regml.dhf.context.data import annotation_section, specification_section
from regml.dhf.context.design import software_section, soup_section
from regml.dhf.context.requirements import need_section, requirement_section
from regml.dhf.context.risk import risk_section
from regml.dhf.table import table
from regml.items.data import AnnotationProtocol, DatasetSpecification
from regml.items.design import SoftwareItem, Soup
from regml.items.external import ExternalEvidence
from regml.items.lifecycle import (
    ChangeRequest,
    ParameterRange,
    PccpModification,
    ProblemReport,
    TestProtocol,
)
from regml.items.links import AnyItem
from regml.items.requirements import Exclusion, Requirement, UserNeed
from regml.items.risk import Risk
from regml.trace.model import TraceGraph
from regml.trace.problems import problem_state, resolved_by
from regml.trace.results import requirement_status


def item_section(graph: TraceGraph, item: AnyItem) -> ItemSection:
    """Return an item of any kind with its fields and links."""
    match item:
        case UserNeed():
            return need_section(graph, item)
        case Requirement():
            return requirement_section(graph, item)
        case DatasetSpecification():
            return specification_section(graph, item)
        case AnnotationProtocol():
            return annotation_section(item)
        case Risk():
            return risk_section(graph, item)
        case SoftwareItem():
            return software_section(graph, item)
        case Soup():
            return soup_section(graph, item)
        case TestProtocol():
            return _test_protocol(graph, item)
        case ChangeRequest():
            return _change_request(item)
        case ProblemReport():
            return _problem_report(graph, item)
        case PccpModification():
            return _modification(item)
        case Exclusion():
            return _exclusion(graph, item)
        case ExternalEvidence():
            return _external(graph, item)


def _test_protocol(graph: TraceGraph, item: TestProtocol) -> ItemSection:
    status = requirement_status(graph, item.id)
    rows = [
        ("Verifies", item.verifies),
        ("Preparation", item.preparation),
        ("Status", verdict(status.status)),
        ("Evidence", evidence_of(status.results)),
        ("Because", reasons(status)),
    ]
    steps = table(
        ("Step", "Do", "Expect"),
        [(n, step.do, step.expect) for n, step in enumerate(item.steps, 1)],
    )
    return ItemSection(item.id, item.title, item.text, facts(rows), (("Steps", steps),))


def _change_request(item: ChangeRequest) -> ItemSection:
    rows = [
        ("Raised", item.raised),
        ("Reason", item.reason),
        ("Changes", item.changes),
        ("Resolves", item.resolves),
        ("Impact", item.impact),
        ("Safety class", item.class_check),
        ("Risks", item.risk_check),
        ("Verification", item.verification),
        ("Verified by", item.verified_by),
        ("Closed", item.closed or "open"),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))


def _problem_report(graph: TraceGraph, item: ProblemReport) -> ItemSection:
    rows = [
        ("State", problem_state(graph, item)),
        ("Resolved by", resolved_by(graph, item)),
        ("Verified by", item.verified_by),
        ("No problem, because", item.no_problem),
        ("Reported", item.reported),
        ("Reported by", item.reported_by),
        ("Criticality", item.criticality),
        ("Affects", item.affects),
        ("Cause", item.cause or "not found yet"),
        ("Safety impact", item.safety_impact or "not assessed"),
        ("Evaluation of the risks it touches", item.risk_evaluation),
        ("Stays as residual anomaly", item.residual),
        ("Why it may stay", item.residual_rationale),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))


def _range(limit: ParameterRange) -> str:
    """Return within what a parameter may change, e.g. ``train.steps: 1 to 9``."""
    if limit.one_of:
        return f"{limit.parameter}: {' or '.join(limit.one_of)}"
    low, high = limit.at_least, limit.at_most
    if low is None and high is None:
        return f"{limit.parameter}: any value"
    if low is None or high is None:
        side = f"at most {high:g}" if low is None else f"at least {low:g}"
        return f"{limit.parameter}: {side}"
    return f"{limit.parameter}: {low:g} to {high:g}"


def _modification(item: PccpModification) -> ItemSection:
    rows = [
        ("What may change", steps(item.changes)),
        ("Ranges that are checked", [_range(limit) for limit in item.ranges]),
        ("What may not", steps(item.outside)),
        ("Protocol", steps(item.protocol)),
        ("Acceptance", steps(item.acceptance)),
        ("Affects", item.affects),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))


def _exclusion(graph: TraceGraph, item: Exclusion) -> ItemSection:
    status = requirement_status(graph, item.id)
    rows = [
        ("Excludes", item.excludes),
        ("Status", verdict(status.status)),
        ("Because", reasons(status)),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))


def _external(graph: TraceGraph, item: ExternalEvidence) -> ItemSection:
    status = requirement_status(graph, item.id)
    rows = [
        ("Clauses", item.clauses),
        ("Document", item.document),
        ("Version", item.version),
        ("Kept in", item.location),
        ("sha256", item.sha256),
        ("Valid until", item.valid_until),
        ("Status", verdict(status.status)),
        ("Because", reasons(status)),
    ]
    return ItemSection(item.id, item.title, item.text, facts(rows))
