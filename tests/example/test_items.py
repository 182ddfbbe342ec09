"""The worked example, as written: its items fit together and hold to its sources."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement as Needed

from regml.files.config import read_config, read_policy
from regml.files.lock import normalised, read_lock_file
from regml.files.markdown import read_items
from regml.files.python_tests import read_tests
from regml.files.source_comments import read_comments
from regml.items.base import Kind, SafetyClass
from regml.items.data import DatasetSpecification
from regml.items.design import SoftwareItem, Soup
from regml.items.links import AnyItem, references
from regml.items.requirements import Category, Requirement, VerificationMethod
from regml.items.risk import ControlOption, Risk, RiskControl

ROOT = Path(__file__).parents[2]
RUNTIME = (
    "torch",
    "monai",
    "numpy",
    "scipy",
    "nibabel",
    "pydicom",
    "safetensors",
    "joblib",
)
"""What device and pipeline stages import, besides regml and what that requires."""
PLACEHOLDER = re.compile(
    r"\b(TBD|TBC|TODO|FIXME|XXX|lorem|ipsum|placeholder)\b", re.IGNORECASE
)


@cache
def items() -> dict[str, AnyItem]:
    return {located.item.id: located.item for located in read_items(ROOT)}


def requirements() -> list[Requirement]:
    return [item for item in items().values() if isinstance(item, Requirement)]


def risks() -> list[Risk]:
    return [item for item in items().values() if isinstance(item, Risk)]


def software() -> list[SoftwareItem]:
    return [item for item in items().values() if isinstance(item, SoftwareItem)]


def soup() -> list[Soup]:
    return [item for item in items().values() if isinstance(item, Soup)]


def controls() -> Iterator[tuple[Risk, RiskControl]]:
    return ((risk, control) for risk in risks() for control in risk.controls)


def written_tests() -> dict[str, set[str]]:
    """Ids with the device tests that name them."""
    found: dict[str, set[str]] = {}
    for test in read_tests(ROOT, read_config(ROOT).sources.tests):
        for name in test.verifies:
            found.setdefault(name, set()).add(test.name)
    return found


def test_the_example_has_the_items_of_the_device() -> None:
    counts = Counter(item.kind for item in items().values())
    assert counts == {
        Kind.USER_NEED: 7,
        Kind.REQUIREMENT: 38,
        Kind.DATASET_SPECIFICATION: 4,
        Kind.ANNOTATION_PROTOCOL: 1,
        Kind.RISK: 25,
        Kind.SOFTWARE_ITEM: 11,
        Kind.SOUP: len(read_lock_file(ROOT, "requirements.txt")) + 1,  # and Python
        Kind.TEST_PROTOCOL: 3,
        Kind.CHANGE_REQUEST: 1,
        Kind.PROBLEM_REPORT: 2,
        Kind.PCCP_MODIFICATION: 3,
        Kind.EXCLUSION: 4,
    }


def test_every_link_leads_to_an_item_of_an_allowed_kind() -> None:
    wrong = [
        (link.source, link.field, link.target)
        for item in items().values()
        for link in references(item)
        if link.target not in items() or items()[link.target].kind not in link.allowed
    ]
    assert wrong == []


def test_every_requirement_refines_a_need_and_every_need_is_refined() -> None:
    refined = {need for item in requirements() for need in item.refines}
    assert refined == {name for name in items() if name.startswith("UN-")}
    assert [item.id for item in requirements() if not item.refines] == []


def test_every_requirement_is_one_sentence_with_one_shall_and_a_rationale() -> None:
    for item in requirements():
        sentence, _, rationale = item.text.partition("\n\n## Rationale\n")
        assert sentence.count("\n") == 0, item.id
        assert len(re.findall(r"\bshall\b", sentence)) == 1, item.id
        assert sentence.endswith("."), item.id
        assert rationale.strip(), item.id


def test_a_performance_requirement_has_criteria_or_a_device_test() -> None:
    performance = [i for i in requirements() if i.category is Category.PERFORMANCE]
    assert len(performance) == 10
    by_test = [item.id for item in performance if not item.acceptance]
    assert by_test == ["SRS-026", "SRS-028", "SRS-029"]
    others = [i for i in requirements() if i.category is not Category.PERFORMANCE]
    assert all(not item.acceptance for item in others)


def test_only_a_written_reason_allows_another_method_than_test() -> None:
    for item in requirements():
        if item.method is not VerificationMethod.TEST:
            assert item.method_rationale, item.id


def test_every_requirement_without_criteria_is_verified_by_a_test_or_protocol() -> None:
    protocols = {
        link.target
        for item in items().values()
        if item.kind is Kind.TEST_PROTOCOL
        for link in references(item)
    }
    tests = written_tests()
    for item in requirements():
        if item.method is VerificationMethod.TEST and not item.acceptance:
            assert item.id in tests, item.id
        elif not item.acceptance:
            assert item.id in protocols, item.id


def test_the_agreed_deidentification_is_the_one_in_params() -> None:
    from regml.imaging.deid.params import DeidentifyParams
    from regml.imaging.deid.profile import Profile
    from regml.imaging.params import load_params

    params = load_params("deidentify", DeidentifyParams, ROOT / "params.yaml")
    development = items()["DS-01"]
    assert isinstance(development, DatasetSpecification)
    agreed = Profile.of(params).configuration_sha256
    assert development.deidentification_sha256 == agreed


def test_every_device_test_names_an_item_that_exists() -> None:
    assert sorted(set(written_tests()) - set(items())) == []


def test_requirements_and_risks_name_each_other_as_control() -> None:
    stated = {(item.id, risk) for item in requirements() for risk in item.controls}
    implemented = {
        (name, risk.id)
        for risk, control in controls()
        for name in control.implemented_by
        if name.startswith("SRS-")
    }
    assert stated == implemented


def test_risk_levels_are_those_of_the_policy() -> None:
    policy = read_policy(ROOT)
    for risk in risks():
        assert risk.initial is not None, risk.id
        assert risk.residual is not None, risk.id
        assert policy.level(risk.initial) == risk.initial.level, risk.id
        assert policy.level(risk.residual) == risk.residual.level, risk.id
        assert risk.residual.level in policy.acceptable, risk.id
        assert risk.residual.severity == risk.initial.severity, risk.id


def test_every_risk_is_described_completely() -> None:
    for risk in risks():
        assert risk.hazard, risk.id
        assert len(risk.sequence) >= 3, risk.id
        assert risk.hazardous_situation, risk.id
        assert risk.harm, risk.id
        assert risk.affected, risk.id
        assert risk.software_items, risk.id
        assert risk.causes, risk.id
        assert risk.probability_basis, risk.id
        assert risk.residual_rationale, risk.id
        assert risk.signals, risk.id


def test_every_control_is_implemented_effective_and_reasoned() -> None:
    for risk, control in controls():
        place = f"{risk.id} {control.id}"
        assert control.implemented_by, place
        assert control.effectiveness, place
        assert control.new_risks or control.no_new_risks_because, place
        if control.option is not ControlOption.INHERENT_SAFE_DESIGN:
            assert control.not_higher_option, place


def test_a_risk_of_the_model_has_causes_in_data_and_in_model() -> None:
    for risk in risks():
        if "SW-04" in risk.software_items:
            categories = {cause.category for cause in risk.causes}
            assert {"data", "model"} <= categories, risk.id


def test_every_requirement_is_allocated_and_every_software_item_has_some() -> None:
    allocated = {name for item in software() for name in item.implements}
    assert allocated == {item.id for item in requirements()}
    assert [item.id for item in software() if not item.implements] == []


def test_an_item_that_controls_a_risk_has_at_least_its_class() -> None:
    policy = read_policy(ROOT)
    severity = {r.id: r.initial.severity for r in risks() if r.initial is not None}
    for item in software():
        controlled = {
            risk
            for name in item.implements
            for risk in next(i for i in requirements() if i.id == name).controls
        }
        needed = [policy.safety_class[severity[risk]] for risk in controlled]
        assert (item.safety_class or SafetyClass.C) >= max(needed, default="A")


def test_a_lower_class_than_the_system_has_a_reason() -> None:
    system = read_config(ROOT).device.safety_class
    for item in software():
        assert item.class_rationale, item.id
        if item.safety_class is not None and item.safety_class < system:
            assert item.segregation, item.id


def test_every_source_of_device_and_pipeline_belongs_to_one_software_item() -> None:
    claimed = Counter(source for item in software() for source in item.sources)
    assert [source for source, times in claimed.items() if times > 1] == []
    assert [source for source in claimed if not (ROOT / source).exists()] == []
    present = {
        path.relative_to(ROOT).as_posix()
        for folder in read_config(ROOT).sources.software
        for path in (ROOT / folder).rglob("*.py")
    }
    assert sorted(present - set(claimed)) == []


def test_source_code_implements_what_its_software_item_says() -> None:
    owner = {source: item for item in software() for source in item.sources}
    marks = read_comments(ROOT, sorted(owner)).marks
    strange = [
        (mark.path, mark.line, mark.id)
        for mark in marks
        if mark.id not in owner[mark.path].implements
    ]
    assert strange == []


def test_soup_items_have_the_versions_of_the_lock() -> None:
    lock = read_lock_file(ROOT, "requirements.txt")
    stated = {normalised(item.package): item.version for item in soup()}
    assert stated.pop("python") == "3.11"
    assert stated == lock


def test_the_lock_agrees_with_the_constraints() -> None:
    constraints = read_lock_file(ROOT, "constraints.txt")
    lock = read_lock_file(ROOT, "requirements.txt")
    del lock["regml"]  # what the constraints are for is not among them
    shared = lock.keys() & constraints.keys()
    assert {"torch", "monai", "numpy"} <= shared
    assert {name: constraints[name] for name in shared} == {
        name: lock[name] for name in shared
    }


def test_the_lock_holds_everything_that_its_packages_require() -> None:
    environment = {"extra": "", "sys_platform": "linux", "python_version": "3.11"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    waiting = [*RUNTIME, *(Needed(x).name for x in project["project"]["dependencies"])]
    found: set[str] = set()
    while waiting:
        name = normalised(waiting.pop())
        if name in found:
            continue
        try:
            stated = [Needed(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            stated = []  # importlib_resources after Python 3.11
        found.add(name)
        waiting += [
            need.name
            for need in stated
            if need.marker is None or need.marker.evaluate(environment)
        ]
    # a build of PyTorch for CUDA brings packages that the device does not use
    ours = {name for name in found if not name.startswith(("nvidia", "cuda", "triton"))}
    assert ours | {"regml"} == set(read_lock_file(ROOT, "requirements.txt"))


def test_every_soup_item_says_what_the_device_needs_and_nobody_claims_a_review() -> (
    None
):
    for item in soup():
        assert item.functional, item.id
        assert item.environment, item.id
        assert "://" not in item.anomaly_source, item.id
        assert item.review is None, item.id


def test_every_soup_item_of_the_device_is_used_or_required_by_another() -> None:
    used = {name for item in software() for name in item.uses}
    for item in soup():
        assert item.id in used or "Required by" in item.text or "regml" in item.text


@pytest.mark.parametrize("pattern", [PLACEHOLDER, re.compile(r"[a-z0-9)]\. +[A-Z]")])
def test_prose_has_no_placeholders_and_one_sentence_a_line(
    pattern: re.Pattern[str],
) -> None:
    strange = [
        (item.id, line)
        for item in items().values()
        for line in item.text.splitlines()
        if pattern.search(line)
    ]
    assert strange == []


def test_the_only_missing_data_are_those_not_collected() -> None:
    incomplete = [
        item.id
        for item in items().values()
        if isinstance(item, DatasetSpecification)
        and not (item.licence and item.ethics and item.source)
    ]
    assert incomplete == ["DS-02"]
