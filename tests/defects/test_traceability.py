"""T: requirements without reason, place or result, and links that break."""

from dataclasses import replace

import pytest

from regml.files.former_items import FormerItem
from regml.files.python_tests import WrittenTest
from regml.files.source_comments import SourceMark
from regml.files.used_code import UsedCode
from regml.findings import Severity
from regml.items.external import ExternalEvidence
from regml.items.notes import readable
from regml.items.recorded import Outcome, TestCase
from regml.items.requirements import Acceptance, Category, VerificationMethod
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.rules import check
from tests.defects.cases import (
    CLEAN,
    PARTS,
    Defect,
    assert_fires,
    findings,
    name_of,
    retired,
)
from tests.factories import (
    MANIFEST,
    WEIGHTS,
    amid,
    approval,
    artifact,
    changed,
    control,
    document,
    evidence_of,
    exclusion,
    imported,
    located,
    manual_protocol,
    need,
    origin,
    problem_report,
    record,
    release,
    requirement,
    risk,
    software,
    soup,
    specification,
    with_item,
    with_records,
    with_run,
)

FAILED_TEST = replace(PARTS, outcome=Outcome.FAILED)
UNKNOWN_TEST = WrittenTest("tests/device/test_x.py::test_x", ("SRS-999",), "tests/x", 4)
TO_A_CONTROL = WrittenTest("tests/device/test_x.py::test_x", ("SW-01",), "tests/x", 4)
MINOR, MAJOR = Severity.MINOR, Severity.MAJOR
NA = exclusion()
SOURCES = CLEAN.config.model_copy(
    update={
        "sources": CLEAN.config.sources.model_copy(
            update={"software": ("device", "device2")}
        )
    }
)
NOT_ALARM = tuple(key for key in NA.excludes if not key.endswith(" d"))


def _evaluated_on_nothing() -> Evidence:
    """The evaluation read a manifest that no run made, and dvc.lock says so too."""
    inputs = (
        artifact("data/dataset"),
        artifact(MANIFEST, "another"),
        artifact(WEIGHTS),
    )
    evidence = with_run(CLEAN, "validate", inputs=inputs)
    lock = tuple(
        replace(s, deps={a.path: a.md5 for a in inputs}) if s.name == "validate" else s
        for s in evidence.lock
    )
    return replace(evidence, lock=lock)


def device(**fields: object) -> Evidence:
    told = CLEAN.config.device.model_copy(update=fields)
    return replace(CLEAN, config=CLEAN.config.model_copy(update={"device": told}))


def retired_before(name: str, **fields: object) -> Evidence:
    """Return a project in which an item was signed as a retired one first."""
    known = {item.id: item for item in PARTS.items}
    was = changed(known[name], retired="Given up", **fields)
    signed = record(approval(was, known=known), number=1, signer="quinn")
    return replace(CLEAN, records=(signed, *CLEAN.records))


DEFECTS = (
    Defect(
        "T01",
        "a requirement without reason",
        evidence_of(PARTS.but("SRS-001", refines=())),
        "refines no user need",
    ),
    Defect(
        "T01",
        "a requirement whose only reason is a retired risk",
        evidence_of(
            PARTS.but("SRS-001", refines=()).plus(
                risk(
                    id="RISK-002",
                    retired="Does not apply",
                    controls=(control(implemented_by=("SRS-001",)),),
                )
            )
        ),
        "refines no user need",
    ),
    Defect(
        "T02",
        "a need that nothing refines",
        evidence_of(PARTS.plus(need(id="UN-02"))),
        "nothing says why software does not answer it",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T02",
        "a need that only a retired requirement refines",
        evidence_of(
            PARTS.plus(
                need(id="UN-02"),
                requirement(id="SRS-005", refines=("UN-02",), retired="Given up"),
            )
        ),
        "No software requirement refines the user need",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T03",
        "a requirement without test",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "SRS-009"),
            ).plus(requirement(id="SRS-009"))
        ),
        "No test",
    ),
    Defect(
        "T03",
        "an analysis without rationale",
        evidence_of(PARTS.but("SRS-003", method_rationale=None)),
        "verified by analysis",
    ),
    Defect(
        "T04",
        "a test that never ran",
        replace(
            CLEAN,
            tests=(*CLEAN.tests, replace(UNKNOWN_TEST, verifies=("SRS-001",))),
        ),
        "not run",
        also=frozenset({"C07"}),
    ),
    Defect(
        "T04",
        "wording changed after the test",
        with_item(CLEAN, "SRS-004", text="The software shall do more.\n"),
        "stale",
        also=frozenset({"R06", "T12"}),
    ),
    Defect(
        "T04",
        "a failed test with a problem report",
        evidence_of(
            FAILED_TEST.plus(
                problem_report(id="PR-009", affects=("SRS-001", "SRS-004"))
            )
        ),
        "not met",
        also=frozenset({"R06", "C07"}),
    ),
    Defect(
        "T04",
        "a failed acceptance criterion with a problem report",
        evidence_of(
            PARTS.but(
                "SRS-002", acceptance=(Acceptance(metric="dice", at_least=0.99),)
            ).plus(problem_report(id="PR-009", affects=("SRS-002",)))
        ),
        "below 0.99",
    ),
    Defect(
        "T04",
        "an analysis nobody signed",
        evidence_of(
            PARTS.but(
                "SW-01",
                implements=("SRS-001", "SRS-002", "SRS-003", "SRS-004", "SRS-009"),
            ).plus(
                requirement(
                    id="SRS-009",
                    method=VerificationMethod.INSPECTION,
                    method_rationale="To be seen",
                )
            )
        ),
        "no signed inspection by quality",
    ),
    Defect(
        "T04",
        "a protocol nobody executed",
        evidence_of(PARTS.plus(manual_protocol())),
        "was executed",
        also=frozenset({"C07"}),
    ),
    Defect(
        "T05",
        "a test that verifies nothing",
        replace(CLEAN, tests=(*CLEAN.tests, replace(UNKNOWN_TEST, verifies=()))),
        "The test verifies no requirement",
        severity=Severity.MINOR,
    ),
    Defect(
        "T05",
        "a test of another runner that verifies nothing",
        with_records(
            CLEAN, imported(TestCase("gtest.Spacing", (), Outcome.PASSED, 0.1))
        ),
        "The test verifies no requirement",
        severity=Severity.MINOR,
    ),
    Defect(
        "T05",
        "a protocol that verifies nothing",
        evidence_of(PARTS.plus(manual_protocol(verifies=()))),
        "The protocol verifies no requirement",
        severity=Severity.MINOR,
    ),
    Defect(
        "T06",
        "a requirement without place",
        evidence_of(PARTS.but("SW-01", implements=("SRS-001", "SRS-002", "SRS-004"))),
        "No software item",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T06",
        "an idle software item",
        evidence_of(PARTS.plus(software(id="SW-02", implements=()))),
        "does not say why",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T06",
        "a requirement whose only place is retired",
        evidence_of(
            PARTS.but("SW-01", implements=("SRS-001", "SRS-002", "SRS-003")).plus(
                software(id="SW-02", implements=("SRS-004",), retired="Merged")
            )
        ),
        "No software item implements the requirement",
        severity=MAJOR,
    ),
    Defect(
        "T06",
        "an idle software item whose only part is retired",
        evidence_of(
            PARTS.plus(
                software(id="SW-02", implements=(), sources=(), part_of="SW-01"),
                software(
                    id="SW-03", implements=(), part_of="SW-02", retired="Given up"
                ),
            )
        ),
        "The software item implements no requirement",
        severity=MAJOR,
    ),
    Defect(
        "T07",
        "a folder with tests that is misspelt in regml.toml",
        replace(CLEAN, tree=frozenset({"regml.toml", "device/volume.py"})),
        "[sources] names tests/device, and no file of the project is there",
        severity=MAJOR,
    ),
    Defect(
        "T07",
        "a conftest.py above the tests",
        amid(CLEAN, used_code=(UsedCode("tests/conftest.py", "pytest"),)),
        "pytest uses this code, and it is not under control",
        severity=MAJOR,
    ),
    Defect(
        "T07",
        "the device imports code that is not under control",
        amid(CLEAN, used_code=(UsedCode("extra/alg.py", "device/volume.py"),)),
        "device/volume.py uses this code, and it is not under control",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T07",
        "code of a software item that is not under control",
        replace(
            evidence_of(PARTS.but("SW-01", sources=("device", "extra"))),
            tree=CLEAN.tree | {"extra/deep/alg.c", "extra/readme.md"},
        ),
        "Software item SW-01 uses this code, and it is not under control",
        severity=MAJOR,
    ),
    Defect(
        "T07",
        "a source file in another language that belongs to no software item",
        replace(CLEAN, tree=CLEAN.tree | {"device2/solve.F90"}, config=SOURCES),
        "The source file belongs to no software item",
        severity=MAJOR,
    ),
    Defect(
        "T07",
        "a source path that is gone",
        evidence_of(PARTS.but("SW-01", sources=("device", "device/old.c"))),
        "device/old.c, which does not exist",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T07",
        "a source file of no software item",
        with_item(CLEAN, "SW-01", sources=()),
        "belongs to no software item",
        severity=Severity.MAJOR,
        also=frozenset({"T12"}),
    ),
    Defect(
        "T08",
        "an item where none is read",
        amid(CLEAN, misplaced=("risks/RISK-099.md",)),
        "risks/RISK-099.md is written like an item and lies where no items are read",
    ),
    Defect(
        "T08",
        "an item that git ignores",
        amid(CLEAN, ignored=("items/SRS-001.md",)),
        "items/SRS-001.md is here, but git leaves it out",
    ),
    Defect(
        "T08",
        "an id of an item that was removed",
        amid(CLEAN, former=(FormerItem("SRS-001", "Beep", "removed in commit 1"),)),
        "it was 'Beep', removed in commit 1, and is 'Volumes' now",
    ),
    Defect(
        "T08",
        "an id of an item that was retired",
        retired_before("SRS-001", title="Beep"),
        "it was 'Beep', retired when it was signed (Given up), and is 'Volumes' now",
    ),
    Defect(
        "T08",
        "a link to nothing",
        evidence_of(PARTS.but("SRS-002", refines=("UN-01", "UN-77"))),
        "UN-77",
    ),
    Defect(
        "T08",
        "a test of nothing",
        replace(CLEAN, tests=(*CLEAN.tests, UNKNOWN_TEST)),
        "SRS-999",
    ),
    Defect(
        "T08",
        "a comment about nothing",
        replace(CLEAN, implements=(SourceMark("device/a.py", 7, "SRS-999"),)),
        "SRS-999",
    ),
    Defect(
        "T08",
        "outside evidence for a clause that does not exist",
        evidence_of(
            PARTS.plus(
                ExternalEvidence(
                    id="EXT-01",
                    title="Certificate",
                    clauses=("IEC 62304 4.1", "IEC 62304 4.11"),
                    document="QM-7",
                    version="3",
                    location="Safe",
                )
            )
        ),
        "'clauses' names 'IEC 62304 4.11', a row that no list has",
        severity=MAJOR,
    ),
    Defect(
        "T08",
        "an id used twice",
        replace(
            CLEAN, items=(*CLEAN.items, located(CLEAN.items[1].item, "x/SRS-001.md"))
        ),
        "used twice",
    ),
    Defect(
        "T09",
        "a retired reason",
        retired("AP-01"),
        "retired: Replaced",
        also=frozenset({"D09", "T12"}),
    ),
    Defect(
        "T10",
        "requirements that refine each other",
        evidence_of(
            PARTS.but("SRS-001", refines=("SRS-004",)).but(
                "SRS-004", refines=("UN-01", "SRS-001")
            )
        ),
        "SRS-001 -> SRS-004 -> SRS-001",
    ),
    Defect(
        "T10",
        "a software item that is a part of itself",
        evidence_of(PARTS.but("SW-01", part_of="SW-01")),
        "SW-01 -> SW-01",
    ),
    Defect(
        "T11",
        "a link of the wrong kind",
        evidence_of(PARTS.but("SRS-002", refines=("UN-01", "SW-01"))),
        "only SRS, UN may stand there",
    ),
    Defect(
        "T11",
        "a test of a software item",
        replace(CLEAN, tests=(*CLEAN.tests, TO_A_CONTROL)),
        "only RISK, SRS, UN",
    ),
    Defect(
        "T12",
        "a need changed after approval",
        with_item(CLEAN, "UN-01", title="Very fast volume"),
        "suspect",
        severity=Severity.MAJOR,
    ),
    *(
        Defect(
            "T13",
            what,
            evidence_of(PARTS.but("SRS-001", text=text)),
            says,
            severity=severity,
        )
        for what, text, says, severity in (
            ("no shall", "The software computes volumes.\n", "no 'shall'", MINOR),
            (
                "a shall that is only in the rationale",
                "It does.\n\n## Rationale\nIt shall.\n",
                "no 'shall'",
                MINOR,
            ),
            (
                "two shall in one requirement",
                "It shall measure. It shall print.\n",
                "'shall' 2 times",
                MINOR,
            ),
            (
                "and/or",
                "It shall print mm3 and/or ml.\n",
                "leaves open which of the two",
                MINOR,
            ),
            ("TBD", "It shall take TBD seconds.\n", "'TBD' is still to be", MAJOR),
            (
                "template text",
                "It shall <describe what the software does>.\n",
                "'<describe what the software does>'",
                MAJOR,
            ),
        )
    ),
    Defect(
        "T13",
        "a placeholder in a field",
        evidence_of(PARTS.but("DS-01", ethics="to be confirmed")),
        "'to be confirmed' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a placeholder in regml.toml",
        device(users="TBD"),
        "'TBD' in 'users' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a placeholder on the second line of a list in regml.toml",
        device(not_for=("Children\nTBD",)),
        "'TBD' in 'not_for' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a placeholder in a planned activity",
        replace(
            CLEAN,
            config=CLEAN.config.model_copy(
                update={
                    "activities": (
                        CLEAN.config.activities[0].model_copy(
                            update={"name": "<describe the activity>"}
                        ),
                    )
                }
            ),
        ),
        "'<describe the activity>' in 'activities' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a placeholder in what a document says",
        replace(
            CLEAN,
            documents=(
                *CLEAN.documents,
                document(
                    "post-market-plan",
                    body="{# TODO: shorter #}\n{{ device.facts | table }}\nAsk TBD.\n",
                ),
            ),
        ),
        "'TBD' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a placeholder in the risk policy",
        replace(
            CLEAN,
            policy=CLEAN.policy.model_copy(
                update={"levels": {**CLEAN.policy.levels, "L": "TBD"}}
            ),
        ),
        "'TBD' in 'levels' is still to be filled in",
        severity=MAJOR,
    ),
    Defect(
        "T13",
        "a limit that is another one in the sentence",
        evidence_of(
            PARTS.but(
                "SRS-002",
                text="The software shall reach a mean Dice of at least 50 %, with its "
                "95 % interval from 0.7 on (DS-01).\n",
            )
        ),
        "Criterion 0 has the limit 0.8, and the sentence names other numbers (50, 95, ",
        severity=MINOR,
    ),
    Defect(
        "T13",
        "a performance requirement without limit",
        evidence_of(
            PARTS.but(
                "SRS-001",
                category=Category.PERFORMANCE,
                text="The software shall be as fast as SRS-002 needs.\n",
            )
        ),
        "no measurable limit",
        severity=MINOR,
    ),
    Defect(
        "T14",
        "a category without requirement",
        evidence_of(PARTS.but("NA-01", excludes=NOT_ALARM)),
        "No requirement is about alarms",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T14",
        "an exclusion that was changed after its approval",
        with_item(CLEAN, "NA-01", text="No.\n"),
        "quality has not approved it as it is now",
        severity=Severity.MAJOR,
        also=frozenset({"C11"}),
    ),
    Defect(
        "T14",
        "an approved exclusion that gives no reason",
        evidence_of(PARTS.but("NA-01", text="## Reason\n\n")),
        "and does not say why",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T14",
        "an exclusion of what there is",
        evidence_of(
            PARTS.but("NA-01", excludes=(*NA.excludes, "IEC  62304 5.2.2 A")),
        ),
        "SRS-001 is a requirement of that kind",
        severity=Severity.MAJOR,
    ),
    Defect(
        "T15",
        "a model whose note names no output of its stage",
        with_run(CLEAN, "train", notes={"model": {"weights": "model/other"}}),
        "its note 'model' names 'model/other' as 'weights', which is no output",
        also=frozenset({"M01", "M03", "M10", "M11", "M12", "M13"}),
    ),
    Defect(
        "T15",
        "a dataset whose note cannot be read",
        with_run(
            CLEAN,
            "preprocess",
            notes=readable({"dataset": {"manifest": ["reports/dataset.json"]}}),
        ),
        "its note 'dataset' cannot be read: 'manifest' is ['reports/dataset.json']",
    ),
    Defect(
        "T15",
        "an evaluation on data that nobody recorded",
        _evaluated_on_nothing(),
        "no dataset version it was made on",
        also=frozenset({"M02", "T04"}),
    ),
    Defect(
        "T15",
        "a dataset made before the first commit",
        with_run(CLEAN, "preprocess", origin=origin(commit=None)),
        "no commit of the code that made it",
        also=frozenset({"M04"}),
    ),
    Defect(
        "T15",
        "a release of data that no run made",
        replace(
            CLEAN,
            records=(
                *CLEAN.records,
                record(release(dataset="f" * 64), number=100, signer="quinn"),
            ),
        ),
        "no recorded dataset that it names",
    ),
    Defect(
        "T15",
        "a dataset that nobody specified",
        replace(
            CLEAN,
            manifests={
                name: manifest.model_copy(update={"specification": "DS-09"})
                for name, manifest in CLEAN.manifests.items()
            },
        ),
        "no dataset specification it fulfils",
        also=frozenset({"T08"}),
    ),
    Defect(
        "T09",
        "a dataset whose specification is retired",
        evidence_of(PARTS.but("DS-01", retired="Given up")),
        "'specification' names DS-01, which is retired: Given up",
    ),
    Defect(
        "T09",
        "a published anomaly that touches a retired risk only",
        evidence_of(
            PARTS.but(
                "SOUP-001",
                review=soup().review.model_copy(  # type: ignore[union-attr]  # is there
                    update={"risks": ("RISK-009",)}
                ),
            ).plus(risk(id="RISK-009", retired="Does not apply"))
        ),
        "'review' names RISK-009, which is retired: Does not apply",
    ),
    Defect(
        "T11",
        "a dataset that fulfils an annotation protocol",
        replace(
            CLEAN,
            manifests={
                name: manifest.model_copy(update={"specification": "AP-01"})
                for name, manifest in CLEAN.manifests.items()
            },
        ),
        "'specification' names AP-01; only DS may stand there",
    ),
    Defect(
        "T11",
        "a link of ours under the links of the project",
        evidence_of(
            PARTS.plus(need(id="UN-02")).but("SW-01", links={"refines": ("UN-02",)})
        ),
        "'links.refines' is no link type of regml.toml",
        also=frozenset({"T02"}),
    ),
    Defect(
        "T15",
        "a control without any record",
        evidence_of(
            PARTS.but(
                "RISK-001",
                controls=(
                    control(),
                    control(id="RC-02", implemented_by=("DS-02",), effectiveness=()),
                ),
            ).plus(specification(id="DS-02"))
        ),
        "the walk from RISK-001 ends at DS-02",
        also=frozenset({"R06"}),
    ),
)


def test_a_requirement_that_nothing_is_to_verify_is_no_subject_of_its_results() -> None:
    before, after = (
        {outcome.rule: outcome.subjects for outcome in check(build_graph(evidence))}
        for evidence in (CLEAN, evidence_of(PARTS.plus(requirement(id="SRS-009"))))
    )
    assert after["T03"] == before["T03"] + 1
    assert after["T04"] == before["T04"]


def test_an_item_that_is_in_force_again_by_its_title_is_the_same_one() -> None:
    assert findings(retired_before("SRS-001")) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_a_seeded_defect_makes_its_rule_fire_and_no_other(defect: Defect) -> None:
    assert_fires(defect)
