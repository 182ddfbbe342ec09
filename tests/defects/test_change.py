"""C: changes, who may sign, and when."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from regml.findings import Severity
from regml.items.config import ChangeControl, Config, Role, Signer
from regml.items.recorded import (
    Approval,
    Outcome,
    Person,
    Release,
    TestRun,
    Waiver,
)
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from tests.defects.cases import CLEAN, PARTS, Defect, assert_fires, findings, name_of
from tests.factories import (
    CONFIG,
    amid,
    approval,
    change_request,
    changed,
    commit,
    evidence_of,
    manual_protocol,
    origin,
    pem,
    record,
    release,
    run_of_tests,
    with_item,
    with_records,
)

NAMELESS = replace(origin("Quinn"), person=Person("", "quinn@example.org"))
TIMELESS = origin("Quinn", finished_utc="2026-13-45T10:00:00Z")
KNOWN = {item.id: item for item in PARTS.items}
LATER = {
    "started_utc": "2026-01-25T10:00:00Z",
    "finished_utc": "2026-01-25T10:05:00Z",
}


def by(signer: str, evidence: Evidence, *statements: Any) -> Evidence:
    """Return evidence with signatures at the end of the log, under a person's key."""
    more = (
        record(said, number=200 + n, signer=signer) for n, said in enumerate(statements)
    )
    return replace(evidence, records=(*evidence.records, *more))


def signed(*names: str, person: str = "Quinn", **fields: Any) -> Approval:
    items = [KNOWN[name] for name in names]
    fields = {"origin": origin(person, **LATER), **fields}
    return approval(*items, known=KNOWN, **fields)


def waiver(*subjects: str, person: str = "Quinn", **fields: Any) -> Waiver:
    base = {
        "origin": origin(person, **LATER),
        "role": "quality",
        "rule": "T13",
        "subjects": {name: KNOWN[name].fingerprint() for name in subjects},
        "messages": dict.fromkeys(subjects, ("Something.",)),
        "until": dt.date(2026, 3, 1),
        "because": "It will be mended",
    }
    return Waiver(**{**base, **fields})


def with_history(*commits: Any) -> Evidence:
    return amid(CLEAN, history=(*commits, *CLEAN.surroundings.history))


def asking(**approvals: tuple[Role, ...]) -> Config:
    return CONFIG.model_copy(update={"approvals": approvals})


def authored_by(person: str, address: str = "") -> Evidence:
    wrote = commit(person=Person(person, address or f"{person.lower()}@example.org"))
    return amid(
        CLEAN,
        last_changes={**CLEAN.surroundings.last_changes, "items/SRS-001.md": wrote},
    )


def released_before_approval() -> Evidence:
    """Return a release that holds a document which was signed five days later."""
    name = CLEAN.documents[0].node_id
    fingerprint = build_graph(CLEAN).fingerprint(name) or ""
    late = signed(fingerprints={name: fingerprint}, linked={}, contents={})
    with_release = tuple(
        replace(r, statement=replace(r.statement, documents={name: fingerprint}))
        if isinstance(r.statement, Release)
        else r
        for r in CLEAN.records
    )
    wrote = commit(person=Person("Dora", "dora@example.org"))
    known = {**CLEAN.surroundings.last_changes, CLEAN.documents[0].path: wrote}
    evidence = amid(replace(CLEAN, records=with_release), last_changes=known)
    return by("quinn", evidence, late)


def failed_before() -> Evidence:
    """Return a project whose tests failed, and whose code changed since."""
    failed = run_of_tests(replace(PARTS, outcome=Outcome.FAILED))
    failed = replace(failed, origin=origin(code="old" * 20))
    return replace(
        CLEAN,
        records=tuple(
            replace(r, statement=failed) if isinstance(r.statement, TestRun) else r
            for r in CLEAN.records
        ),
    )


CLOSED_BARE = {
    "id": "CR-002",
    "impact": None,
    "class_check": None,
    "risk_check": None,
    "verification": None,
    "verified_by": (),
}

DEFECTS = (
    Defect(
        "C06",
        "a commit that names no change request",
        with_history(commit(sha="1" * 40, body="")),
        "Dora changed device/volume.py on 2026-01-05 ('Read spacing from the header') "
        "without naming a change request",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "a commit that names a change request which does not exist",
        with_history(commit(sha="1" * 40, body="Change: CR-999")),
        "CR-999 does not exist",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "a commit for a change request that nobody approved",
        amid(
            evidence_of(PARTS.plus(change_request(id="CR-002", closed=None))),
            history=(commit(paths=("params.yaml",), body="CR-002"),),
        ),
        "CR-002 is not approved as it is",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "a commit for a change request that was closed long before",
        with_history(commit(sha="1" * 40, time_utc="2026-01-07T00:10:00Z")),
        "CR-001 was closed before, on 2026-01-05",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "other data and another check of one's own without a change request",
        with_history(
            commit(sha="1" * 40, body="", paths=("checks/own.py", "data/export.dvc"))
        ),
        "Dora changed checks/own.py, data/export.dvc on 2026-01-05",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "a misspelt folder under change control",
        replace(
            CLEAN,
            config=CONFIG.model_copy(
                update={"change_control": ChangeControl(since="v0", paths=("deplyo",))}
            ),
        ),
        "[change_control] names deplyo, and no file of the project is there",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C06",
        "a beginning of change control that git does not know",
        amid(CLEAN, controlled_since=None, history=()),
        "begin with v0, which is no tag and no commit that git knows here",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C07",
        "a change request closed with nothing filled in",
        by(
            "quinn",
            evidence_of(PARTS.plus(change_request(**CLOSED_BARE))),
            approval(change_request(**CLOSED_BARE), known=KNOWN),
        ),
        "no impact analysis, no check of the safety class, no check of the risks, no "
        "word on its verification, no requirement or protocol",
    ),
    Defect(
        "C07",
        "a change request closed before its protocol was carried out",
        by(
            "quinn",
            evidence_of(
                PARTS.plus(
                    manual_protocol(verifies=("UN-01",)),
                    change_request(id="CR-002", verified_by=("VP-01",)),
                )
            ),
            approval(
                change_request(id="CR-002", verified_by=("VP-01",)),
                known={**KNOWN, "VP-01": manual_protocol(verifies=("UN-01",))},
            ),
        ),
        "VP-01, which is to show that it is done, is not run",
    ),
    Defect(
        "C07",
        "a change request closed without approval",
        evidence_of(PARTS.plus(change_request(id="CR-002"))),
        "quality has not approved it as it is",
    ),
    Defect(
        "C07",
        "a change request closed on a test that failed on older code",
        failed_before(),
        "SRS-001, which is to show that it is done, did not pass when it was tried",
        also=frozenset({"C08", "R06", "T04"}),
    ),
    Defect(
        "C12",
        "an approval by a developer",
        by("dora", CLEAN, signed("SRS-002", person="Dora", role="developer")),
        "Dora signed it as developer, but quality has to approve it",
    ),
    Defect(
        "C12",
        "an approval in a role that the owner of the key has not got",
        by("dora", CLEAN, signed("SRS-002", person="Dora", role="quality")),
        "Dora signed it as quality, but with the key of Dora (developer), ",
    ),
    Defect(
        "C12",
        "a waiver by a developer",
        by("dora", CLEAN, waiver("SRS-001", person="Dora", role="developer")),
        "Dora waived T13 as developer; only quality may waive",
    ),
    Defect(
        "C12",
        "a release by a developer",
        by("dora", CLEAN, release(origin=origin("Dora", **LATER), role="developer")),
        "Dora released 1.0.0 as developer; only quality may release",
    ),
    Defect(
        "C12",
        "a release as quality with the key of a developer",
        by("dora", CLEAN, release(origin=origin("Dora", **LATER))),
        "Dora released 1.0.0 as quality, but with the key of Dora (developer), ",
    ),
    Defect(
        "C12",
        "an author who is the only approver",
        authored_by("Quinn"),
        "Quinn is the author of SRS-001 (commit abcdef012345) and its only approver",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C12",
        "an author who commits under the same address in capitals",
        authored_by("Quinn", "Quinn@Example.org"),
        "Quinn is the author of SRS-001 (commit abcdef012345) and its only approver",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C12",
        "an approved item that was never committed",
        amid(
            CLEAN,
            last_changes={
                path: found
                for path, found in CLEAN.surroundings.last_changes.items()
                if path != "items/SRS-001.md"
            },
        ),
        "items/SRS-001.md as it is was never committed",
        severity=Severity.MAJOR,
    ),
    Defect(
        "C12",
        "an approval that one of two roles has not given",
        replace(CLEAN, config=asking(RISK=(Role.QUALITY, Role.CLINICAL))),
        "is approved by Quinn (quality), but not yet by clinical",
        also=frozenset({"R15"}),
        severity=Severity.MAJOR,
    ),
    Defect(
        "C12",
        "what does not apply, and one of two roles has not agreed to",
        replace(CLEAN, config=asking(NA=(Role.QUALITY, Role.CLINICAL))),
        "is approved by Quinn (quality), but not yet by clinical",
        also=frozenset({"T14", "R13"}),
        severity=Severity.MAJOR,
    ),
    Defect(
        "C12",
        "an analysis that one of two roles has not signed",
        replace(CLEAN, config=asking(SRS=(Role.QUALITY, Role.CLINICAL))),
        "SRS-003 is approved by Quinn (quality), but not yet by clinical",
        also=frozenset({"T04"}),
        severity=Severity.MAJOR,
    ),
    Defect(
        "C13",
        "a signature without name",
        by(
            "quinn",
            CLEAN,
            signed("SRS-001", origin=NAMELESS),
        ),
        "states no name",
    ),
    Defect(
        "C13",
        "a signature of an unknown meaning",
        by("quinn", CLEAN, signed("SRS-002", meaning="applause")),
        "has the meaning 'applause'",
    ),
    Defect(
        "C13",
        "a signature of tomorrow",
        by(
            "quinn",
            CLEAN,
            signed(
                "SRS-001", origin=origin("Quinn", finished_utc="2026-02-03T09:00:00Z")
            ),
        ),
        "which is to come",
        also=frozenset({"C20"}),
    ),
    Defect(
        "C13",
        "a signature without time",
        by("quinn", CLEAN, signed("SRS-001", origin=TIMELESS)),
        "states the time '2026-13-45T10:00:00Z', which is none in UTC",
        also=frozenset({"C20"}),
    ),
    Defect(
        "C13",
        "a signature before the commit it was made on",
        amid(CLEAN, commit_times={origin().commit or "": "2026-01-05T10:08:00Z"}),
        "before the commit it was made on",
        also=frozenset({"C20"}),
    ),
    Defect(
        "C13",
        "a document approved only after its release",
        released_before_approval(),
        "Quinn approved doc:05-index on 2026-01-25T10:05:00Z, after it was "
        "released with 1.0.0 on 2026-01-20T10:05:00Z",
    ),
    Defect(
        "C13",
        "a waiver without reason",
        by("quinn", CLEAN, waiver("SRS-001", because=" ")),
        "states no reason",
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)


def test_a_later_approval_with_the_right_role_heals_a_wrong_one() -> None:
    wrong = by("dora", CLEAN, signed("SRS-002", person="Dora", role="developer"))
    healed = replace(
        wrong,
        records=(*wrong.records, record(signed("SRS-002"), number=300, signer="quinn")),
    )
    assert findings(healed) == []


def test_who_signed_as_author_goes_before_git() -> None:
    authorship = signed(
        "SRS-001", person="Dora", role="developer", meaning="authorship"
    )
    assert findings(by("dora", authored_by("Quinn"), authorship)) == []


def test_an_author_may_approve_beside_somebody_else() -> None:
    both = (Role.QUALITY, Role.DEVELOPER)
    config = asking(SRS=both)
    evidence = by(
        "dora",
        replace(CLEAN, config=config),
        *(
            signed(name, person="Dora", role="developer")
            for name in ("SRS-001", "SRS-003")
        ),
    )
    assert findings(evidence) == []


def test_a_review_after_a_change_is_no_approval_of_it() -> None:
    changed_after = with_item(CLEAN, "SRS-003", title="Another bill")
    new = changed(KNOWN["SRS-003"], title="Another bill")
    review = approval(
        new,
        known=KNOWN,
        meaning="review",
        origin=origin("Dora", **LATER),
        role="developer",
    )
    found = findings(by("dora", changed_after, review))
    assert "C11" in {finding.rule for finding in found}


def test_the_writing_of_a_request_and_results_need_no_change_request() -> None:
    paths = (
        "maintenance/changes/CR-009.md",
        "dvc.lock",
        "records/log.jsonl",
        "README.md",
    )
    assert findings(with_history(commit(sha="1" * 40, body="", paths=paths))) == []


def test_a_commit_of_the_day_after_may_be_of_the_day_its_request_was_closed() -> None:
    """The day of a commit is one in UTC."""
    late = commit(sha="1" * 40, time_utc="2026-01-06T23:50:00Z")
    assert findings(with_history(late)) == []


@pytest.mark.parametrize(
    ("evidence", "remedy"),
    [
        (with_item(CLEAN, "CR-001", reason="Another one"), "Have quality sign it: "),
        (
            with_history(commit(sha="1" * 40, time_utc="2026-01-07T00:10:00Z")),
            "Write a change request and name it in the message",
        ),
    ],
)
def test_only_an_open_request_is_worth_a_signature(
    evidence: Evidence, remedy: str
) -> None:
    [finding] = [f for f in findings(evidence) if f.rule == "C06"]
    assert finding.remedy.startswith(remedy)


def test_one_of_several_named_requests_is_enough() -> None:
    body = "After CR-999, for CR-001."
    assert findings(with_history(commit(sha="1" * 40, body=body))) == []


def test_what_changed_is_told_field_by_field() -> None:
    [finding] = [
        f
        for f in findings(with_item(CLEAN, "UN-01", title="Quick volume"))
        if f.rule == "T12" and f.subject == "SRS-001"
    ]
    assert finding.details == ('UN-01 title: "Fast volume" -> "Quick volume"',)


def test_a_changed_text_is_told_as_a_difference_of_lines() -> None:
    text = "The software shall compute volumes in ml.\n\nAlways.\n"
    found = findings(with_item(CLEAN, "SRS-001", text=text))
    [finding] = [f for f in found if f.rule == "C11"]
    assert finding.details == (
        "text:",
        "  -The software shall compute volumes in mm3.",
        "  +The software shall compute volumes in ml.",
        "  +",
        "  +Always.",
    )


def test_a_link_stays_suspect_until_every_role_that_has_to_looked_at_it() -> None:
    """Quinn, who signed before SRS-004 changed, has not seen what Clara signed."""
    clara = Signer(
        name="Clara",
        email="clara@example.org",
        roles=(Role.CLINICAL,),
        public_key=pem("clara"),
    )
    config = asking(RISK=(Role.QUALITY, Role.CLINICAL))
    config = config.model_copy(update={"signers": (*config.signers, clara)})
    evidence = replace(with_item(CLEAN, "SRS-004", title="Voxel size"), config=config)
    new = {**KNOWN, "SRS-004": changed(KNOWN["SRS-004"], title="Voxel size")}

    def again(person: str, role: str) -> Approval:
        said = origin(person, **LATER)
        return approval(KNOWN["RISK-001"], known=new, origin=said, role=role)

    def suspect(evidence: Evidence) -> list[str]:
        return [f.message for f in findings(evidence) if f.rule == "T12"]

    by_clara = by("clara", evidence, again("Clara", "clinical"))
    [message] = suspect(by_clara)
    assert "SRS-004 changed since Quinn signed RISK-001" in message
    both = record(again("Quinn", "quality"), number=300, signer="quinn")
    assert suspect(replace(by_clara, records=(*by_clara.records, both))) == []


def test_a_link_that_was_added_after_the_signature_is_suspect() -> None:
    linked = with_item(CLEAN, "SRS-003", controls=("RISK-001",))
    found = [f for f in findings(linked) if f.rule == "T12"]
    assert [f.subject for f in found] == ["SRS-003"]
    assert "was not there, or led nowhere, when Quinn signed" in found[0].message


def test_a_link_that_led_nowhere_when_it_was_signed_is_suspect() -> None:
    blind = replace(signed("SRS-001"), linked={})
    [finding] = findings(by("quinn", CLEAN, blind))
    assert (finding.rule, finding.subject) == ("T12", "SRS-001")


def test_without_kept_content_it_is_said_that_it_is_not_kept() -> None:
    bare = by("quinn", CLEAN, replace(signed("SRS-002"), contents={}))
    found = findings(with_item(bare, "SRS-002", title="Exactness"))
    [finding] = [f for f in found if f.rule == "C11"]
    assert finding.details == ("What it said then is not kept in any approval.",)


def test_a_change_of_a_change_request_lets_its_approval_lapse() -> None:
    evidence = with_item(CLEAN, "CR-001", reason="Another one")
    assert {"C06", "C07", "C11"} == {f.rule for f in findings(evidence)}


def test_signatures_of_records_that_nobody_believes_are_none() -> None:
    evidence = with_records(CLEAN, signed("SRS-002"))
    assert [f.rule for f in findings(evidence)] == ["C12"]  # signed with Dora's key


def test_a_quality_engineer_who_signed_as_developer_verified_nothing() -> None:
    quinn = CONFIG.signers[1].model_copy(
        update={"roles": (Role.QUALITY, Role.DEVELOPER)}
    )
    both = CONFIG.model_copy(update={"signers": (CONFIG.signers[0], quinn)})
    spoken = tuple(
        replace(r, statement=replace(r.statement, role="developer"))
        if isinstance(r.statement, Approval) and "SRS-003" in r.statement.fingerprints
        else r
        for r in CLEAN.records
    )
    found = findings(replace(CLEAN, config=both, records=spoken))
    assert "SRS-003" in {f.subject for f in found if f.rule == "T04"}


def test_what_another_item_of_the_same_signature_linked_to_is_not_confirmed() -> None:
    both = by("quinn", CLEAN, signed("SRS-003", "SRS-004"))
    assert findings(both) == []
    found = findings(with_item(both, "SRS-003", controls=("RISK-001",)))
    assert [f.subject for f in found if f.rule == "T12"] == ["SRS-003"]
