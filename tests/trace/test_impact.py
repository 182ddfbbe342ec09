"""What a change touches, and why."""

from dataclasses import replace

import pytest

from regml.errors import UnknownIdError
from regml.files.dvc import Out, Stage
from regml.items.base import Kind
from regml.trace import render
from regml.trace.build import build_graph
from regml.trace.differing import changed_between, changed_by_name
from regml.trace.evidence import Evidence
from regml.trace.impact import Impact, Rows, impact
from regml.trace.impact_page import impact_page
from tests.factories import (
    MANIFEST,
    WEIGHTS,
    Parts,
    document,
    evidence_of,
    located,
    requirement,
    with_item,
)

STAGES = (
    Stage(
        "preprocess",
        "make",
        ("data/deidentified", "pipelines/preprocess.py"),
        {"params.yaml": ("preprocess",)},
        (Out("data/dataset"), Out(MANIFEST, cache=False)),
    ),
    Stage(
        "train", "make", ("data/dataset",), {"params.yaml": ("train",)}, (Out(WEIGHTS),)
    ),
    Stage(
        "validate",
        "make",
        ("model", "items"),
        {},
        (Out("reports/evaluation", cache=False),),
    ),
)
TEST_FILE = "tests/device/test_volumes.py"
DOCUMENT = document("requirements", items=(Kind.REQUIREMENT,))
CLEAN = replace(
    evidence_of(Parts()),
    stages=STAGES,
    documents=(DOCUMENT,),
    tree=frozenset({"pipelines/preprocess.py", "params.yaml", "risk/policy.yaml"}),
)


def of(*names: str, evidence: Evidence = CLEAN) -> Impact:
    graph = build_graph(evidence)
    return impact(graph, changed_by_name(graph, names))


def ids(rows: Rows) -> list[str]:
    return [row[0] for row in rows]


def why(rows: Rows, name: str) -> str:
    return next(row[2] for row in rows if row[0] == name)


def test_a_requirement_touches_item_test_risk_document_signature_and_stage() -> None:
    found = of("SRS-004")
    assert "SW-01" in ids(found.items)
    assert ids(found.tests) == ["tests/device/test_volumes.py::test_spacing"]
    assert ids(found.risks) == ["RISK-001"]
    assert why(found.risks, "RISK-001") in {
        "SRS-004 controls RISK-001",
        "RISK-001 implemented by SRS-004",
    }
    assert ids(found.documents) == [DOCUMENT.node_id]
    assert why(found.documents, DOCUMENT.node_id) == "presents SRS-004"
    assert why(found.signatures, "RISK-001") == "approval by Quinn: its link to SRS-004"
    assert found.stages == (("validate", "", "reads items/SRS-004.md"),)


def test_a_need_touches_all_that_refines_it_with_the_way_there() -> None:
    child = located(requirement(id="SRS-020", refines=("SRS-001",)))
    evidence = replace(CLEAN, items=(*CLEAN.items, child))
    found = of("UN-01", evidence=evidence)
    assert {"SRS-001", "SRS-002", "SRS-020", "SW-01"} <= set(ids(found.items))
    assert (
        why(found.items, "SRS-020") == "SRS-001 refines UN-01; SRS-020 refines SRS-001"
    )
    name = "tests/device/test_volumes.py::test_volume"
    assert why(found.tests, name) == f"SRS-001 refines UN-01; {name} verifies SRS-001"


def test_a_source_file_touches_the_requirements_of_its_software_item() -> None:
    found = of("device/volume.py")
    assert {"SW-01", "SRS-001", "SRS-004"} <= set(ids(found.items))
    assert "UN-01" not in ids(found.items)
    assert len(found.tests) == 2
    assert ids(found.risks) == ["RISK-001"]
    assert found.stages == ()


def test_soup_touches_what_uses_it() -> None:
    found = of("SOUP-001")
    assert why(found.items, "SW-01") == "SW-01 uses SOUP-001"
    assert "SRS-001" in ids(found.items)
    assert found.tests


def test_a_risk_touches_its_controls() -> None:
    assert {"SRS-004", "SW-01"} <= set(ids(of("RISK-001").items))


def test_a_stage_passes_its_change_on_and_a_new_model_asks_for_its_tests() -> None:
    found = of("pipelines/preprocess.py")
    assert ids(found.stages) == ["preprocess", "train", "validate"]
    assert found.stages[1][2] == "reads data/dataset, which preprocess makes anew"
    assert len(found.tests) == 2
    assert found.tests[0][2] == "ran with the model that train makes anew"


def test_parameters_touch_the_stages_that_read_them() -> None:
    assert ids(of("params.yaml").stages) == ["preprocess", "train", "validate"]


def test_the_policy_touches_every_risk() -> None:
    assert ids(of("risk/policy.yaml").risks) == ["RISK-001"]


def test_change_requests_and_approvals_are_no_consequence() -> None:
    found = of("SRS-001")
    assert "CR-001" not in ids(found.items)
    assert not any("@" in name for name in ids(found.items))


def test_what_is_unknown_or_cannot_change_is_refused() -> None:
    with pytest.raises(UnknownIdError, match="SRS-999"):
        of("SRS-999")
    with pytest.raises(UnknownIdError, match="new ones come"):
        of("model@current")


def test_between_two_states_only_what_differs_is_changed() -> None:
    old = build_graph(CLEAN)
    gone = [found for found in CLEAN.items if found.item.id != "SRS-003"]
    changed = replace(with_item(CLEAN, "SRS-004", title="Voxel size"))
    changed = replace(
        changed, items=tuple(i for i in changed.items if i.item.id != "SRS-003")
    )
    assert len(changed.items) == len(gone)
    new = build_graph(changed)
    found = impact(
        new,
        changed_between(
            old,
            new,
            paths=["items/SRS-004.md"],
            stages={"train": "has other parameters"},
        ),
        old,
    )
    assert [(row[0], row[2]) for row in found.changed] == [
        ("SRS-003", "removed"),
        ("SRS-004", "changed"),
    ]
    assert ids(found.stages) == ["train", "validate"]
    assert found.stages[0][2] == "has other parameters"
    assert ("SRS-003", "approval by Quinn: SRS-003 itself") in [
        (row[0], row[2]) for row in found.signatures
    ]
    assert "SW-01" in ids(found.items)


def between(old: Evidence, new: Evidence, *paths: str) -> Impact:
    before, after = build_graph(old), build_graph(new)
    changed = changed_between(before, after, paths=paths, stages={})
    return impact(after, changed, before)


WITH_FILES = replace(
    CLEAN,
    tree=CLEAN.tree
    | {TEST_FILE, "tests/device/conftest.py", "requirements.txt", "data/raw.dvc"},
    stages=(replace(STAGES[0], deps=("data/raw",)), *STAGES[1:]),
)


def test_a_removed_test_file_touches_what_its_tests_verified() -> None:
    gone = replace(WITH_FILES, tests=(), tree=WITH_FILES.tree - {TEST_FILE})
    found = between(WITH_FILES, gone, TEST_FILE)
    assert why(found.changed, f"{TEST_FILE}::test_volume") == f"{TEST_FILE} removed"
    assert ids(found.items) == ["SRS-001", "SRS-004"]


def test_what_tests_share_touches_them_all() -> None:
    path = "tests/device/conftest.py"
    found = between(WITH_FILES, WITH_FILES, path)
    assert [row[2] for row in found.changed] == [f"{path} changed"] * 2
    assert ids(of(path, evidence=WITH_FILES).items) == ["SRS-001", "SRS-004"]


def test_another_package_in_the_lock_file_touches_its_soup() -> None:
    newer = replace(WITH_FILES, packages={"numpy": "2.2.0"})
    found = between(WITH_FILES, newer, "requirements.txt")
    assert [(row[0], row[2]) for row in found.changed] == [
        ("SOUP-001", "requirements.txt has 2.2.0, had 2.1.0"),
        ("requirements.txt", "changed"),
    ]
    assert "SW-01" in ids(found.items)
    assert ids(of("requirements.txt", evidence=WITH_FILES).changed) == ["SOUP-001"]


def test_other_data_touch_the_stages_that_read_them() -> None:
    stages = ["preprocess", "train", "validate"]
    found = between(WITH_FILES, WITH_FILES, "data/raw.dvc")
    assert ids(found.stages) == stages
    assert ids(found.changed) == ["data/raw.dvc"]
    assert ids(of("data/raw.dvc", evidence=WITH_FILES).stages) == stages


def test_what_is_under_control_and_touches_nothing_is_said_to_have_changed() -> None:
    assert ids(between(CLEAN, CLEAN, "checks/own.py", "README.md").changed) == [
        "checks/own.py"
    ]


def test_nothing_differs_between_equal_states() -> None:
    graph = build_graph(CLEAN)
    found = impact(graph, changed_between(graph, graph, paths=[], stages={}), graph)
    assert all(
        not rows for rows in (found.changed, found.items, found.tests, found.stages)
    )


def test_the_page_says_nothing_where_nothing_is_touched() -> None:
    text = render.page_text(impact_page(of("SOUP-002"), "SOUP-002"))
    assert "Impact of SOUP-002" in text
    assert "nothing" in text
