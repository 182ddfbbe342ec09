"""Documents, activities and releases in the graph."""

from dataclasses import replace
from typing import Any

import pytest

from regml.errors import UnknownIdError
from regml.items.base import Kind
from regml.items.config import LinkType, Role
from regml.items.documents import DocumentPlan, Setting, Version
from regml.trace.activities import what_is_missing
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.model import TraceGraph
from regml.trace.nodes import NodeType
from regml.trace.query import item_page
from tests.factories import (
    WEIGHTS,
    Parts,
    approval,
    artifact,
    document,
    evidence_of,
    origin,
    record,
    with_item,
)

CLEAN = evidence_of(Parts())
NAME = "doc:05-srs"


def planned(*, evidence: Evidence = CLEAN, **fields: Any) -> TraceGraph:
    plan: DocumentPlan = document("srs", **{"items": (Kind.REQUIREMENT,), **fields})
    return build_graph(replace(evidence, documents=(plan,)))


def test_a_document_is_a_node_that_people_can_name() -> None:
    graph = planned()
    assert graph.find(NAME).type is NodeType.DOCUMENT
    assert graph.find("05-srs").id == NAME
    assert [plan.node_id for plan in graph.documents_of("SRS-001")] == [NAME]
    assert graph.documents_of("RISK-001") == ()


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (planned(sha256="other"), False),
        (planned(title="Other title"), True),  # the template's digest tells it
        (planned(evidence=with_item(CLEAN, "SRS-002", title="Other")), False),
        (planned(evidence=with_item(CLEAN, "SRS-002", retired="Gone")), False),
        (planned(evidence=with_item(CLEAN, "RISK-001", title="Other")), True),
        (planned(evidence=replace(CLEAN, lock=())), True),
    ],
)
def test_a_document_changes_with_what_it_presents(
    changed: TraceGraph, same: bool
) -> None:
    assert (changed.fingerprint(NAME) == planned().fingerprint(NAME)) is same


def test_versions_and_the_risk_policy_count_where_they_are_presented() -> None:
    versions = tuple(Version)
    unlocked = replace(CLEAN, lock=())
    now = planned(versions=versions).fingerprint(NAME)
    assert planned(versions=versions, evidence=unlocked).fingerprint(NAME) != now
    policy = CLEAN.policy.model_copy(update={"acceptable": ("L", "M")})
    stricter = replace(CLEAN, policy=policy)
    assert planned(evidence=stricter).fingerprint(NAME) == planned().fingerprint(NAME)
    risks = planned(items=(Kind.RISK,), evidence=stricter).fingerprint(NAME)
    assert risks != planned(items=(Kind.RISK,)).fingerprint(NAME)


@pytest.mark.parametrize("setting", Setting)
def test_a_document_changes_with_the_settings_it_answers_for(setting: Setting) -> None:
    changed: Any = {
        Setting.ACTIVITIES: (),
        Setting.APPROVALS: {"RISK": (Role.DEVELOPER,)},
        Setting.CHANGE_CONTROL: None,
        Setting.LINK_TYPES: (
            LinkType.model_validate(
                {"name": "seen_by", "from": ["SRS"], "to": ["VP"], "inverse": "sees"}
            ),
        ),
        Setting.QUALIFIED: {"python": ("3.9",)},
        Setting.SIGNERS: (),
        Setting.SOURCES: CLEAN.config.sources.model_copy(update={"tests": ("other",)}),
    }[setting]
    config = CLEAN.config.model_copy(update={setting.value: changed})
    assert config != CLEAN.config
    looser = replace(CLEAN, config=config)
    assert planned(evidence=looser).fingerprint(NAME) == planned().fingerprint(NAME)
    then = planned(settings=(setting,)).fingerprint(NAME)
    assert planned(evidence=looser, settings=(setting,)).fingerprint(NAME) != then


def test_what_a_signature_is_for_names_items_and_documents() -> None:
    graph = planned()
    signed, linked = graph.signable([NAME])[:2]
    assert dict(signed) == {NAME: graph.fingerprint(NAME)}
    assert {"SRS-001", "SRS-002", "SRS-003", "SRS-004"} <= set(linked)
    with pytest.raises(UnknownIdError, match="doc:05-sr: no such"):
        graph.signable([NAME, "doc:05-sr"])


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("train", ""),
        ("SRS-001", ""),
        ("SRS-009", "there is no item, document or stage SRS-009"),
        ("UN-01", "not approved by quality as it is: UN-01"),
        (NAME, f"not approved by quality as it is: {NAME}"),
    ],
)
def test_an_activity_is_done_when_its_evidence_says_so(name: str, missing: str) -> None:
    assert what_is_missing(planned(), name) == missing


def test_a_signed_document_is_done_until_it_changes() -> None:
    graph = planned()
    signed = approval(
        known={},
        fingerprints={NAME: graph.fingerprint(NAME)},
        origin=origin("Quinn"),
    )
    record_ = record(signed, number=200, signer="quinn")
    evidence = replace(graph.evidence, records=(*CLEAN.records, record_))
    assert what_is_missing(build_graph(evidence), NAME) == ""
    later = with_item(evidence, "SRS-002", title="Other")
    assert NAME in what_is_missing(build_graph(later), NAME)


def test_released_versions_have_names() -> None:
    graph = build_graph(CLEAN)
    assert graph.find("release@1.0.0").type is NodeType.RELEASE
    weights = artifact(WEIGHTS).sha256
    assert graph.find("model@1.0.0").id == f"model@{weights[:12]}"
    with pytest.raises(UnknownIdError):
        graph.find("model@2.0.0")


def test_the_page_of_a_document_says_what_it_presents() -> None:
    page = item_page(planned(versions=(Version.MODEL,)), NAME)
    facts = dict(fact for section in page.sections for fact in section.facts)
    assert facts["presents"] == "SRS-001, SRS-002, SRS-003, SRS-004, model@current"
    assert facts["approved"] == "not by quality"
