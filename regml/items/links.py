"""All kinds of item, and the typed links from a piece of evidence to its reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regml.items.base import Kind
from regml.items.data import AnnotationProtocol, DatasetSpecification
from regml.items.design import SoftwareItem, Soup
from regml.items.external import ExternalEvidence
from regml.items.lifecycle import (
    ChangeRequest,
    PccpModification,
    ProblemReport,
    TestProtocol,
)
from regml.items.requirements import Exclusion, Requirement, UserNeed
from regml.items.risk import Risk

AnyItem = (
    UserNeed
    | Requirement
    | DatasetSpecification
    | AnnotationProtocol
    | Risk
    | SoftwareItem
    | Soup
    | TestProtocol
    | ChangeRequest
    | ProblemReport
    | PccpModification
    | Exclusion
    | ExternalEvidence
)

MODELS: Final[dict[Kind, type[AnyItem]]] = {
    model.kind: model for model in AnyItem.__args__
}
"""The model of each kind."""


class Link(StrEnum):
    """What a link says; it points from the evidence to its reason."""

    REFINES = "refines"
    IMPLEMENTS = "implements"
    CONTROLS = "controls"
    VERIFIES = "verifies"
    PART_OF = "part_of"
    USES = "uses"
    CHANGES = "changes"
    RESOLVES = "resolves"
    AFFECTS = "affects"
    SOLVED_BY = "solved_by"
    """From a problem report to what shows that it is solved."""
    RELEASES = "releases"
    """From a release to what it consists of."""
    ANNOTATED_BY = "annotated_by"
    IMPLEMENTED_BY = "implemented_by"
    """From a risk to what implements one of its controls."""
    EFFECTIVE_BY = "effective_by"
    """From a risk to what shows that one of its controls works."""
    CONTRIBUTED_BY = "contributed_by"
    """From a risk to a software item that could cause it."""
    LEADS_TO = "leads_to"
    """From a risk to a new risk that one of its controls brings."""
    DERIVED_FROM = "derived_from"
    TRAINED_ON = "trained_on"
    EVALUATED_ON = "evaluated_on"
    EVALUATES = "evaluates"
    PRODUCED_BY = "produced_by"
    AT_COMMIT = "at_commit"
    APPROVES = "approves"
    WAIVES = "waives"
    EXECUTES = "executes"
    """From an execution to the protocol that was carried out."""
    FULFILS = "fulfils"
    """From a dataset version to its specification."""


_OURS: Final = frozenset(Link)


@dataclass(frozen=True, slots=True)
class Reference:
    """One link as an item states it.

    Attributes:
        source: Id of the item that states it.
        link: What it says: a :class:`Link`, or the name of an own type.
        target: Id it points to; it may not exist.
        field: Field of the front matter that states it.
        allowed: Kinds the target may be of.
    """

    source: str
    link: str
    target: str
    field: str
    allowed: frozenset[Kind]


def references(item: AnyItem) -> Iterator[Reference]:
    """Give every link an item states, in the order of its fields.

    What a link of the project's own type may lead to stands in ``regml.toml``. One by
    the name of ours is no type at all, and must not count as ours.
    """
    for field, link, targets, *kinds in _stated(item):
        for target in targets:
            yield Reference(item.id, link, target, field, frozenset(kinds))
    for name, targets in item.links.items():
        for target in targets:
            field = f"links.{name}"
            link = field if name in _OURS else name
            yield Reference(item.id, link, target, field, frozenset(Kind))


def _stated(item: AnyItem) -> Iterator[tuple]:  # type: ignore[type-arg]  # rows below
    k = Kind
    match item:
        case UserNeed() | AnnotationProtocol() | Exclusion() | ExternalEvidence():
            return
        case Requirement():
            yield "refines", Link.REFINES, item.refines, k.USER_NEED, k.REQUIREMENT
            yield "controls", Link.CONTROLS, item.controls, k.RISK
        case DatasetSpecification():
            yield "refines", Link.REFINES, item.refines, k.USER_NEED, k.REQUIREMENT
            protocols = (item.annotation_protocol,) if item.annotation_protocol else ()
            yield (
                "annotation_protocol",
                Link.ANNOTATED_BY,
                protocols,
                k.ANNOTATION_PROTOCOL,
            )
        case Risk():
            yield (
                "software_items",
                Link.CONTRIBUTED_BY,
                item.software_items,
                k.SOFTWARE_ITEM,
            )
            evidence = (
                k.REQUIREMENT,
                k.TEST_PROTOCOL,
                k.DATASET_SPECIFICATION,
                k.ANNOTATION_PROTOCOL,
                k.PCCP_MODIFICATION,
            )
            located = tuple(name for cause in item.causes for name in cause.items)
            yield "causes", Link.CONTRIBUTED_BY, located, k.SOFTWARE_ITEM
            for control in item.controls:
                implemented, shown = control.implemented_by, control.effectiveness
                yield "controls", Link.IMPLEMENTED_BY, implemented, *evidence
                yield "controls", Link.EFFECTIVE_BY, shown, *evidence
                yield "controls", Link.LEADS_TO, control.new_risks, k.RISK
        case SoftwareItem():
            parents = (item.part_of,) if item.part_of else ()
            yield "part_of", Link.PART_OF, parents, k.SOFTWARE_ITEM
            yield "implements", Link.IMPLEMENTS, item.implements, k.REQUIREMENT
            yield "uses", Link.USES, item.uses, k.SOUP
        case Soup():
            yield "review", Link.AFFECTS, _risks_of(item), k.RISK
        case TestProtocol():
            yield (
                "verifies",
                Link.VERIFIES,
                item.verifies,
                k.REQUIREMENT,
                k.USER_NEED,
                k.RISK,
            )
        case ChangeRequest():
            yield "changes", Link.CHANGES, item.changes, *Kind
            yield "resolves", Link.RESOLVES, item.resolves, k.PROBLEM_REPORT
            results = (k.REQUIREMENT, k.TEST_PROTOCOL)
            yield "verified_by", Link.SOLVED_BY, item.verified_by, *results
        case ProblemReport():
            yield "affects", Link.AFFECTS, item.affects, *Kind
            shown = (k.REQUIREMENT, k.TEST_PROTOCOL)
            yield "verified_by", Link.SOLVED_BY, item.verified_by, *shown
        case PccpModification():
            yield "affects", Link.AFFECTS, item.affects, *Kind


def _risks_of(soup: Soup) -> tuple[str, ...]:
    """Return the risks that published anomalies and vulnerabilities touch."""
    found = [*soup.review.risks] if soup.review else []
    for anomaly in soup.review.anomalies if soup.review else ():
        found += anomaly.risks
    for assessed in soup.vulnerabilities:
        found += assessed.risks
    return tuple(dict.fromkeys(found))
