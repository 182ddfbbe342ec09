"""Where the rows of clause catalogues stand: decided from the graph alone."""

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regml.errors import BrokenFileError, UnknownIdError
from regml.files.catalogues import known_catalogues, parse_catalogue
from regml.files.documents import read_documents
from regml.items.base import Kind, SafetyClass
from regml.items.config import Config, Device
from regml.items.external import ExternalEvidence
from regml.items.links import AnyItem
from regml.items.recorded import (
    Approval,
    Outcome,
    Release,
    StageRun,
    StepOutcome,
    TestCase,
    TestRun,
)
from regml.items.requirements import Exclusion
from regml.project import open_project
from regml.standards.catalogue import Catalogue
from regml.trace.build import build_graph
from regml.trace.coverage import Coverage, RowCoverage, State, gap_table
from regml.trace.coverage_page import coverage_text
from regml.trace.evidence import Evidence
from regml.trace.ledger import Ledger
from regml.trace.rules import check
from tests.factories import (
    CONFIG,
    POLICY,
    Parts,
    evidence_of,
    execution,
    imported,
    located,
    manual_protocol,
    origin,
    record,
    risk,
    with_item,
)

ROOT = Path(__file__).parents[2]
PARTS = Parts()
KNOWN = known_catalogues(())
EVIDENCE = evidence_of(PARTS)


def ledger(evidence: Evidence, *own: Catalogue) -> Ledger:
    return Ledger(build_graph(evidence), known_catalogues(own))


def mine(rows: str, head: str = "") -> Catalogue:
    text = f"standard: S\nedition: E\nabout: A\nsources: [x]\n{head}\nrows:\n{rows}\n"
    return parse_catalogue("standards/mine.yaml", text)


def decide(evidence: Evidence, asked: str, more: str = "") -> RowCoverage:
    """Return where one row stands that asks for something."""
    catalogue = mine(f'- {{id: "1", title: T, {more} evidence: {{{asked}}}}}')
    return ledger(evidence, catalogue).coverage(catalogue).rows[0]


def states(coverage: Coverage) -> Mapping[str, State]:
    return {found.row.id: found.state for found in coverage.rows}


def signed(evidence: Evidence, *names: str, signer: str = "quinn") -> Evidence:
    """Return evidence in which someone approved items or documents as they are now."""
    graph = build_graph(evidence)
    statement = Approval(
        origin=origin(signer.title()),
        role={"quinn": "quality", "dora": "developer"}[signer],
        meaning="approval",
        fingerprints={name: graph.fingerprint(name) or "" for name in names},
        linked={},
    )
    number = 500 + len(evidence.records)
    more = record(statement, number=number, signer=signer)
    return replace(evidence, records=(*evidence.records, more))


def unsigned(evidence: Evidence) -> Evidence:
    """Return evidence in which nobody approved anything."""
    return replace(
        evidence,
        records=tuple(
            r for r in evidence.records if not isinstance(r.statement, Approval)
        ),
    )


def with_items(*items: AnyItem) -> Evidence:
    """Return the project with more items that nobody approved."""
    return unsigned(evidence_of(PARTS.plus(*items)))


def external(**fields: object) -> ExternalEvidence:
    base = {
        "id": "EXT-90",
        "title": "Certificate",
        "clauses": ("S 1",),
        "document": "QM-7 Certificate of the quality system",
        "version": "3",
        "location": "Safe of the quality department",
    }
    return ExternalEvidence(**{**base, **fields})


def exclusion(*names: str) -> Exclusion:
    return Exclusion(id="NA-90", title="Not here", excludes=names, text="None here.\n")


# -- an empty project -----------------------------------------------------------------


def empty() -> Evidence:
    """A project with configuration, risk policy and templates, and nothing else."""
    return Evidence(
        config=CONFIG,
        policy=POLICY,
        documents=read_documents(ROOT),
        tree=frozenset({"regml.toml", "risk/policy.yaml"}),
    )


EMPTY = ledger(empty())


@pytest.mark.parametrize("key", KNOWN)
@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_an_empty_project_covers_nothing(key: str, level: str) -> None:
    catalogue = KNOWN[key]
    by_class = catalogue.levels and catalogue.levels.follows == "safety_class"
    found = EMPTY.coverage(catalogue, level if by_class else None)
    covered = [row.row.id for row in found.rows if row.state is State.COVERED]
    assert covered == []


def test_a_template_in_the_folder_is_no_document() -> None:
    found = decide(empty(), "documents: [software-development-plan]")
    assert found.state is State.MANUAL
    assert "not approved as it is now by quality and developer" in found.missing[0]
    assert "regml approve doc:03-software-development-plan" in found.steps[0]


# -- each sort of evidence ------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("rules: [T01]", "no finding for check T01 on "),
        ("items: [SRS]", " items SRS"),
        ("filled: [SOUP.functional]", "'functional' of "),
        ("requirements: [performance]", " of category performance"),
        ("verified: [performance]", "requirements of category performance passed"),
        ("hazards: [MLH-06]", " of hazard category MLH-06"),
        ("records: [stage runs]", " stage runs recorded"),
        ("records: [passed test runs]", " recorded"),
        ("records: [approvals]", "approvals recorded"),
    ],
)
def test_what_is_there_covers_a_row(asked: str, words: str) -> None:
    found = decide(EVIDENCE, asked)
    assert found.state is State.COVERED
    assert words in found.evidence[0]
    assert found.missing == found.steps == ()


@pytest.mark.parametrize(
    ("asked", "words", "step"),
    [
        ("items: [EXT]", "0 items EXT", "regml new ext"),
        ("filled: [SW.segregation]", "say nothing of 'segregation'", "of SW-01"),
        ("filled: [EXT.location]", "0 items EXT", "regml new ext"),
        ("requirements: [network]", "0 requirements", "category network"),
        ("verified: [network]", "0 requirements", "category network"),
        ("hazards: [MLH-99]", "0 risks", "hazard_category MLH-99"),
        ("records: [releases]", "0 releases recorded", "signed release record"),
        ("documents: [poem]", "no document 'poem'", "NN-poem.md.j2"),
        ("rules: [M14]", "check M14", "regml check --rule M14"),
    ],
)
def test_what_is_missing_is_a_gap_and_says_what_to_do(
    asked: str, words: str, step: str
) -> None:
    bare = replace(EVIDENCE, records=(), documents=())
    found = decide(bare, asked)
    assert found.state is State.GAP
    assert words in found.missing[0]
    assert step in found.steps[0]


def telling(statement: type, **fields: Any) -> Evidence:
    """Return the evidence with all records of a sort telling something else."""
    return replace(
        EVIDENCE,
        records=tuple(
            replace(r, statement=replace(r.statement, **fields))
            if isinstance(r.statement, statement)
            else r
            for r in EVIDENCE.records
        ),
    )


def test_a_release_of_an_earlier_version_is_none_of_the_present_one() -> None:
    asked = "records: [releases]"
    present = telling(Release, version=EVIDENCE.config.device.version)
    assert decide(present, asked).state is State.COVERED
    earlier = decide(telling(Release, version="0.9.0"), asked)
    assert earlier.missing == ("0 releases recorded of the present version",)


def test_tests_that_passed_on_other_code_or_failed_since_do_not_count() -> None:
    asked = "records: [passed test runs]"
    other = decide(telling(TestRun, origin=origin(code="0" * 64)), asked)
    assert other.missing == ("0 passed test runs recorded on the present source code",)
    case = TestCase("Volume::adds", (), Outcome.FAILED, 0.1)
    failed = record(imported(case), number=90)
    now = decide(replace(EVIDENCE, records=(*EVIDENCE.records, failed)), asked)
    assert now.state is State.GAP
    assert now.missing == ("the latest run of Volume::adds failed",)
    again = record(imported(replace(case, outcome=Outcome.PASSED)), number=91)
    mended = replace(EVIDENCE, records=(*EVIDENCE.records, failed, again))
    assert decide(mended, asked).state is State.COVERED


def test_a_protocol_counts_as_carried_out_when_it_passed_as_it_is_now() -> None:
    asked = "records: [executions]"
    plan = manual_protocol()
    planned = replace(EVIDENCE, items=(*EVIDENCE.items, located(plan)))
    done = record(execution(of=plan), number=90, signer="quinn")
    seen = record(execution(StepOutcome.FAILED, of=plan), number=91, signer="quinn")
    for records, found in (
        ((), ("0 of 1 protocols carried out and passed for what there is now",)),
        ((done,), ()),
        (
            (done, seen),
            ("0 of 1 protocols carried out and passed for what there is now",),
        ),
    ):
        row = decide(replace(planned, records=(*EVIDENCE.records, *records)), asked)
        assert row.missing == found
        assert row.steps == (("regml test execute VP-01",) if found else ())
    other = replace(planned, records=(*EVIDENCE.records, done))
    assert decide(with_item(other, plan.id, title="Other"), asked).state is State.GAP
    assert decide(EVIDENCE, asked).steps == ("regml test execute PROTOCOL",)


def test_changes_count_as_verified_only_by_results_for_what_there_is_now() -> None:
    failed = evidence_of(replace(PARTS, outcome=Outcome.FAILED))
    for evidence, state in ((EVIDENCE, State.COVERED), (failed, State.GAP)):
        book = ledger(evidence)
        assert states(book.coverage(KNOWN["62304"]))["8.2.3"] is state
        assert states(book.coverage(KNOWN["fda-software"]))["VH difference"] is state


def test_data_whose_making_nobody_recorded_cover_nothing() -> None:
    runs = tuple(r for r in EVIDENCE.records if not isinstance(r.statement, StageRun))
    for records, state in ((EVIDENCE.records, State.COVERED), (runs, State.GAP)):
        book = ledger(replace(EVIDENCE, records=records))
        found = states(book.coverage(KNOWN["fda-ai"]))
        for row in ("cleaning", "annotation", "storage", "use", "independence"):
            assert found[f"data {row}"] is state, row


def test_a_check_that_may_be_quiet_is_no_evidence_and_no_gap() -> None:
    closed = replace(EVIDENCE, records=(), lock=(), items=EVIDENCE.items[:2])
    alone = decide(closed, "quiet: [M14]")
    assert alone.state is State.MANUAL
    assert alone.evidence[0].startswith("(check M14 has nothing to look at")
    assert decide(closed, "quiet: [M14], items: [UN]").state is State.COVERED
    broken = with_item(EVIDENCE, "SRS-001", refines=("UN-77",))
    assert decide(broken, "quiet: [T08], items: [SRS]").state is State.GAP


def test_a_finding_is_a_gap() -> None:
    found = decide(with_item(EVIDENCE, "SRS-001", refines=("UN-77",)), "rules: [T08]")
    assert found.state is State.GAP
    assert found.missing[0].startswith("check T08: 1 finding (")


def test_a_finding_about_a_clause_is_a_gap_of_its_row() -> None:
    item = '- {id: "5.7.4", title: T, evidence: {items: [SRS]}}'
    catalogue = mine(item).model_copy(update={"standard": "IEC 62304"})
    book = Ledger(build_graph(EVIDENCE), {"mine": catalogue})
    assert book.coverage(catalogue).rows[0].state is State.COVERED
    failed = evidence_of(replace(PARTS, outcome=Outcome.FAILED))
    book = Ledger(build_graph(failed), {"mine": catalogue})
    found = book.coverage(catalogue).rows[0]
    assert found.state is State.GAP
    assert found.missing[0].startswith("check T04: ")


def test_a_requirement_whose_test_failed_is_not_verified() -> None:
    evidence = evidence_of(replace(PARTS, outcome=Outcome.FAILED))
    found = decide(evidence, "verified: [functional]")
    assert found.state is State.GAP
    assert found.steps[0].startswith("regml show SRS-")


def test_an_approval_covers_only_what_was_approved() -> None:
    never = unsigned(EVIDENCE)
    before = decide(never, "approved: [RISK]")
    assert before.state is State.MANUAL
    assert before.missing == ("0 of 1 items RISK approved as they are now",)
    evidence = signed(never, "RISK-001")
    assert decide(evidence, "approved: [RISK]").state is State.COVERED
    after = with_item(evidence, "RISK-001", harm="Other")
    assert decide(after, "approved: [RISK]").state is State.MANUAL


def test_an_approval_by_someone_without_the_role_does_not_count() -> None:
    never = unsigned(EVIDENCE)
    evidence = signed(never, "RISK-001", signer="dora")
    assert decide(evidence, "approved: [RISK]").state is State.MANUAL


def test_a_document_is_covered_when_all_who_have_to_sign_it_did() -> None:
    name, asked = (
        "doc:03-software-development-plan",
        ("documents: [software-development-plan]"),
    )
    once = signed(replace(EVIDENCE, documents=read_documents(ROOT)), name)
    assert "by quality and developer" in decide(once, asked).missing[0]
    twice = signed(once, name, signer="dora")
    found = decide(twice, asked)
    assert found.state is State.COVERED
    assert found.evidence == ("03-software-development-plan approved as it is now",)


def test_only_what_a_person_has_to_do_is_left_is_manual() -> None:
    assert decide(EVIDENCE, "items: [SRS], outside: [x]").state is State.MANUAL
    assert decide(EVIDENCE, "items: [EXT], outside: [x]").state is State.GAP


# -- evidence kept elsewhere, and what does not apply ---------------------------------


def test_outside_evidence_counts_once_quality_approved_it() -> None:
    asked = "outside: [certificate]"
    none = decide(EVIDENCE, asked)
    assert none.state is State.MANUAL
    assert "EXT item for 'S 1'" in none.steps[0]
    written = with_items(external())
    found = decide(written, asked)
    assert found.state is State.MANUAL
    assert found.missing == (
        "EXT-90 is not approved by quality as it is now: certificate",
    )
    approved = signed(written, "EXT-90")
    assert decide(approved, asked).evidence == (
        "EXT-90 QM-7 Certificate of the quality system, 3: certificate",
    )
    assert decide(signed(written, "EXT-90", signer="dora"), asked).state is (
        State.MANUAL
    )


def test_outside_evidence_that_ran_out_does_not_count() -> None:
    item = external(valid_until=dt.date(2026, 1, 31))
    evidence = signed(with_items(item), "EXT-90")
    on = {d: replace(evidence, today=dt.date(2026, *d)) for d in ((1, 31), (2, 1))}
    assert decide(on[1, 31], "outside: [x]").state is State.COVERED
    assert decide(on[2, 1], "outside: [x]").missing == (
        "EXT-90 ran out on 2026-01-31: x",
    )


def test_a_document_may_be_kept_elsewhere() -> None:
    item = external(clauses=("IEC 62366-1 5",), document="UE-1 Usability file")
    written = replace(with_items(item), documents=())
    asked = "documents: [usability-summary]"
    assert decide(written, asked).state is State.MANUAL
    assert decide(signed(written, "EXT-90"), asked).evidence == (
        "EXT-90 UE-1 Usability file, 3: usability-summary",
    )
    assert ledger(written).strangers() == ()


def test_a_condition_is_decided_by_evidence_or_by_an_approved_exclusion() -> None:
    asked, condition = "outside: [x]", "applies_if: it is old,"
    nobody = decide(EVIDENCE, asked, condition)
    assert nobody.state is State.MANUAL
    assert "nobody has decided whether it is old" in nobody.missing
    written = with_items(exclusion("S 1"))
    waiting = decide(written, asked, condition)
    assert waiting.state is State.MANUAL
    assert "quality has not approved NA-90, which excludes it" in waiting.missing
    found = decide(signed(written, "NA-90"), asked, condition)
    assert found.state is State.NOT_APPLICABLE
    assert found.why == "excluded by NA-90, approved by quality"


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("MLH-20", "hazards: [MLH-06, MLH-20]"),
        ("IEC 62304 5.2.2 j", "requirements: [functional, network]"),
        ("IEC 62304 5.2.2 j", "verified: [functional, network]"),
    ],
)
def test_what_quality_excluded_is_not_missed(key: str, asked: str) -> None:
    parts = replace(
        PARTS, items=tuple(i for i in PARTS.items if i.kind is not Kind.EXCLUSION)
    )
    evidence = evidence_of(parts.plus(exclusion(key)))
    found = decide(signed(evidence, "NA-90"), asked)
    assert found.state is State.COVERED
    assert found.evidence[1] == f"({key} is excluded by NA-90)"
    without = evidence_of(parts)
    assert decide(without, asked).state is State.GAP


@pytest.mark.parametrize(
    ("asked", "change", "missing"),
    [
        ("rules: [T08]", {"refines": ("UN-77",)}, "check T08: "),
        ("approved: [SRS]", {"title": "Other"}, "items SRS approved as they are now"),
        ("filled: [SW.segregation]", {}, "say nothing of 'segregation'"),
    ],
)
def test_an_exclusion_hides_no_flaw_of_what_is_there(
    asked: str, change: dict[str, Any], missing: str
) -> None:
    evidence = signed(with_items(exclusion("S 1")), "NA-90")
    evidence = with_item(evidence, "SRS-001", **change)
    found = decide(evidence, asked, "applies_if: it is old,")
    assert found.state is State.GAP
    assert missing in found.missing[0]
    assert found.missing[1] == "NA-90 excludes it, and what it is about is there"
    assert "or take the row out of NA-90" in found.steps[1]


def test_what_is_always_asked_for_cannot_be_excluded() -> None:
    evidence = signed(with_items(exclusion("S 1")), "NA-90")
    found = decide(evidence, "items: [SRS]")
    assert found.state is State.GAP
    assert found.missing == ("NA-90 excludes it, and it is always asked for",)


def test_an_exclusion_of_a_clause_excludes_what_is_below_it() -> None:
    evidence = signed(with_items(exclusion("IEC 62304 4.4")), "NA-90")
    found = states(ledger(evidence).coverage(KNOWN["62304"]))
    assert {found[f"4.4.{n}"] for n in range(1, 6)} == {State.NOT_APPLICABLE}


def test_a_row_that_no_catalogue_has_is_named() -> None:
    items = (
        external(clauses=("IEC 62304 4.1", "IEC 62304 4.11", "ISO 9001 4")),
        exclusion("IEC  62304 5.2.2 d", "MLH-07", "ISO 14971 7.44"),
    )
    assert ledger(with_items(*items)).strangers() == (
        "EXT-90 names 'IEC 62304 4.11' under 'clauses', a row that no list has",
        "EXT-90 names 'ISO 9001 4' under 'clauses', a row that no list has",
        "NA-90 names 'ISO 14971 7.44' under 'excludes', a row that no list has",
    )


# -- classes, levels, editions --------------------------------------------------------


def test_another_class_asks_for_other_clauses() -> None:
    book = ledger(EVIDENCE)
    in_a = states(book.coverage(KNOWN["62304"], "A"))
    in_c = states(book.coverage(KNOWN["62304"], "C"))
    assert in_a["5.3.1"] is State.NOT_APPLICABLE
    assert in_c["5.3.1"] is State.COVERED
    assert in_a["7.1.5"] is in_c["7.1.5"] is State.WITHDRAWN


@pytest.mark.parametrize("safety_class", SafetyClass)
def test_rules_say_the_same_as_if_all_were_asked_for_the_class(
    safety_class: SafetyClass,
) -> None:
    book = ledger(EVIDENCE)
    book.coverage(KNOWN["62304"], safety_class)
    (facts,) = book._facts.values()
    expected = check(book.graph, safety_class=safety_class)
    assert tuple(facts.outcomes.values()) == expected


def test_a_check_that_is_off_for_the_class_covers_nothing() -> None:
    catalogue = mine('- {id: "1", title: T, evidence: {rules: [T06]}}')
    book = ledger(EVIDENCE, catalogue)
    evidence = replace(EVIDENCE, config=_with(safety_class="A"))
    assert book.coverage(catalogue).rows[0].state is State.COVERED
    found = ledger(evidence, catalogue).coverage(catalogue).rows[0]
    assert found.state is State.MANUAL
    assert "check T06 is off" in found.evidence[0]


def _with(**fields: str) -> Config:
    device = Device(**{**dict(CONFIG.device), **fields})
    return CONFIG.model_copy(update={"device": device})


@pytest.mark.parametrize(
    ("level", "state"),
    [("Basic", State.NOT_APPLICABLE), ("Enhanced", State.GAP)],
)
def test_the_documentation_level_decides_for_fda_software(
    level: str, state: State
) -> None:
    found = ledger(empty()).coverage(KNOWN["fda-software"], level)
    assert states(found)["SDS"] is state
    assert found.level == level


EDITION_2 = """
- {id: "5.1", title: All, evidence: {rules: [T01]}}
- {id: "5.9", title: Learning software, levels: [II], evidence: {items: [AP, DS]}}
- {id: "5.10", title: Old, withdrawn: true}
"""
LEVELS = "levels: {name: level, follows: safety_class, of: {A: I, B: II, C: II}}"


@pytest.mark.parametrize(
    ("asked", "level", "state"),
    [
        (None, "II", State.COVERED),
        ("A", "I", State.NOT_APPLICABLE),
        ("I", "I", State.NOT_APPLICABLE),
        ("II", "II", State.COVERED),
    ],
)
def test_another_edition_with_other_levels_is_data(
    asked: str | None, level: str, state: State
) -> None:
    catalogue = mine(EDITION_2, LEVELS)
    found = ledger(EVIDENCE, catalogue).coverage(catalogue, asked)
    assert found.level == level
    assert states(found)["5.9"] is state
    assert states(found)["5.1"] is State.COVERED


@pytest.mark.parametrize(
    ("key", "asked", "message"),
    [
        ("62304", "D", "IEC 62304 has no class 'D'; it has A, B, C"),
        ("14971", "B", "ISO 14971 has no classes or levels"),
    ],
)
def test_an_unknown_level_is_refused(key: str, asked: str, message: str) -> None:
    with pytest.raises(UnknownIdError, match=message):
        ledger(empty()).coverage(KNOWN[key], asked)


def test_a_level_that_nothing_follows_from_is_refused() -> None:
    levels = "levels: {name: level, follows: safety_class, of: {A: I, C: II}}"
    catalogue = mine(EDITION_2.replace("[II]", "[I]"), levels)
    book = ledger(EVIDENCE, catalogue)
    with pytest.raises(UnknownIdError, match="safety_class is 'B'"):
        book.coverage(catalogue)


def test_every_catalogue_is_asked_at_the_level_it_knows() -> None:
    levels = {c.catalogue.key: c.level for c in ledger(empty()).every("C")}
    assert levels["62304"] == "C"
    assert levels["fda-software"] == "Basic"
    assert levels["14971"] is None
    with pytest.raises(UnknownIdError, match="no catalogue has a class or level 'X'"):
        ledger(empty()).every("X")


def test_an_unknown_check_in_a_catalogue_is_refused() -> None:
    with pytest.raises(BrokenFileError, match="row 1: rules names 'X01'"):
        decide(EVIDENCE, "rules: [X01]")


def test_own_checks_that_shall_not_run_are_a_gap_and_no_error() -> None:
    catalogue = mine('- {id: "1", title: T, evidence: {rules: [X01]}}')
    evidence = replace(
        EVIDENCE, catalogues=(catalogue,), tree=EVIDENCE.tree | {"checks/mine.py"}
    )
    found = ledger(evidence, catalogue).coverage(catalogue).rows[0]
    assert found.state is State.GAP
    assert found.missing == ("check X01 was not run",)


def test_rows_can_lean_on_another_catalogue() -> None:
    whole = decide(EVIDENCE, 'catalogues: ["62304"]')
    assert whole.state is State.GAP
    assert whole.missing[0].endswith("of IEC 62304 still open")
    assert whole.steps == ("regml gaps 62304 --open",)
    one = decide(EVIDENCE, 'catalogues: ["62304 5.2.1"]')
    assert one.evidence == ("1 row of IEC 62304 covered, none open",)


# -- forms ----------------------------------------------------------------------------


def test_text_is_for_reading_from_top_to_bottom() -> None:
    catalogue = mine(
        '- {id: "1", title: One, evidence: {items: [SRS]}}\n'
        '- {id: "2.1", title: Two, verified: false, evidence: {items: [EXT]}}\n'
        '- {id: "3", title: Three, withdrawn: true}'
    )
    found = ledger(EVIDENCE, catalogue).coverage(catalogue)
    count = sum(item.id.startswith("SRS-") for item in PARTS.items)
    assert coverage_text([found]) == (
        "S (E)\n"
        "3 rows: 1 covered, 1 gap, 1 withdrawn\n"
        "\n"
        "covered         1    One\n"
        f"                evidence  {count} items SRS\n"
        "gap             2.1  Two (wording not verified)\n"
        "                missing   0 items EXT\n"
        '                next      regml new ext "..."\n'
        "withdrawn       3    Three\n"
        "                because   this edition has it no more\n"
    )
    assert gap_table(found, only_open=True).rows == (
        (
            "2.1",
            "Two (wording not verified)",
            "gap",
            "",
            "0 items EXT",
            'regml new ext "..."',
        ),
    )


def test_all_catalogues_of_the_example_take_less_than_a_third_of_a_second() -> None:
    project = open_project(ROOT)
    outcomes = project.check()
    start = time.process_time()
    found = Ledger(project.graph, KNOWN, outcomes).every()
    assert time.process_time() - start < 0.3
    assert len(found) == 8


def test_a_hazard_category_may_have_a_word_behind_it() -> None:
    item = risk(id="RISK-002", hazard_category="MLH-19 drift")
    found = decide(with_items(item), "hazards: [MLH-19]")
    assert found.evidence == ("1 risk of hazard category MLH-19",)
