"""Bills of materials, held against the schema by CycloneDX's own library."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from regml.errors import BrokenFileError, UnknownIdError
from regml.exchange.cyclonedx import Json, as_bytes, licence, validate
from regml.exchange.mlbom import ml_bom
from regml.exchange.sbom import Installation, sbom
from regml.files.installed import Files, InstalledPackage
from regml.items.design import Soup
from regml.items.links import AnyItem
from regml.items.vulnerabilities import Affected, AffectedPackage, Vulnerability
from regml.project import Project
from tests.factories import (
    ITEMS,
    WEIGHTS,
    Parts,
    artifact,
    evidence_of,
    export,
    located,
    soup,
    stage_runs,
    with_item,
)
from tests.trace.test_looked_up import ENTRY, judged

NUMPY = "pkg:pypi/numpy@2.1.0"
HERE = {
    "numpy": InstalledPackage("numpy", "2.1.0", "Arrays", requires=("cffi", "gone")),
    "cffi": InstalledPackage("cffi", "1.0", licence="MIT", published_by="Armin"),
}
FILES = {"numpy": Files("a" * 64), "cffi": Files("b" * 64)}


def project_of(*soups: AnyItem, **evidence: Any) -> Project:
    items = [item for item in ITEMS if not (soups and isinstance(item, Soup))]
    found = evidence_of(Parts())
    base = {
        "commit": None,  # the folder is no repository
        "items": tuple(located(item) for item in (*items, *soups)),
        "packages": {"numpy": "2.1.0", "cffi": "1.0"},
        **evidence,
    }
    return Project(Path(), Path(), replace(found, **base))


def written(project: Project, **installation: Any) -> tuple[Json, tuple[str, ...]]:
    base = {"packages": HERE, "files": FILES, "archives": {}}
    return sbom(project, Installation(**{**base, **installation}))


def problem_of(document: Json) -> object:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    return validator.validate_str(as_bytes(document).decode())


def part(document: Json, ref: str) -> Json:
    [found] = [c for c in document["components"] if c["bom-ref"] == ref]
    return dict(found)


def properties(component: Json) -> dict[str, str]:
    return {row["name"]: row["value"] for row in component["properties"]}


def test_the_bill_of_materials_fits_the_schema() -> None:
    built, still_open = written(project_of())
    assert problem_of(built) is None
    assert still_open == (
        "No SOUP item: cffi.",
        "No digest: python.",
        "Vulnerabilities not looked up: cffi.",
    )


def test_the_device_is_what_the_bill_is_about() -> None:
    built, _ = written(project_of())
    device = built["metadata"]["component"]
    assert properties(device)["regml:safety-class"] == "B"
    [needs] = [
        row["dependsOn"]
        for row in built["dependencies"]
        if row["ref"] == device["bom-ref"]
    ]
    assert needs == ["pkg:generic/python@3.11.9", "pkg:pypi/cffi@1.0", NUMPY]


def test_a_package_has_what_its_soup_item_and_installation_say() -> None:
    built, _ = written(project_of())
    numpy = part(built, NUMPY)
    assert numpy["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert numpy["supplier"] == {"name": "NumPy developers"}
    assert numpy["licenses"][0]["expression"] == "BSD-3-Clause"
    told = properties(numpy)
    assert told["regml:soup"] == "SOUP-001"
    assert told["regml:support-level"] == "maintained"
    assert told["regml:end-of-support"] == "2031-01-01"
    assert told["regml:vulnerabilities"] == "looked up on 2026-01-20"
    needs = {row["ref"]: row["dependsOn"] for row in built["dependencies"]}
    assert needs[NUMPY] == ["pkg:pypi/cffi@1.0"]


def test_a_package_without_an_item_has_what_it_says_itself() -> None:
    built, _ = written(project_of())
    cffi = part(built, "pkg:pypi/cffi@1.0")
    assert cffi["supplier"] == {"name": "Armin"}
    assert properties(cffi)["regml:support-level"] == "not stated"
    assert properties(cffi)["regml:vulnerabilities"] == "not looked up"


def test_digests_of_the_lock_file_go_first() -> None:
    built, _ = written(project_of(), archives={"numpy": ("c" * 64, "d" * 64)})
    numpy = part(built, NUMPY)
    assert [row["content"] for row in numpy["hashes"]] == ["c" * 64, "d" * 64]
    assert properties(numpy)["regml:hash-of"].startswith("the archives")


def test_what_is_not_installed_has_no_digest_and_unknown_needs() -> None:
    other = {"numpy": InstalledPackage("numpy", "2.2.0")}
    built, still_open = written(project_of(), packages=other)
    assert problem_of(built) is None
    assert "hashes" not in part(built, NUMPY)
    [unknown] = built["compositions"]
    assert unknown["aggregate"] == "unknown"
    assert NUMPY in unknown["dependencies"]
    assert "No digest: cffi, numpy, python." in still_open


def test_files_that_were_changed_after_installation_are_named() -> None:
    edited = {**FILES, "numpy": Files("a" * 64, ("numpy/core.py",))}
    _, still_open = written(project_of(), files=edited)
    assert "Installed files differ from what was installed: numpy." in still_open


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("affected", "exploitable"),
        ("not_affected", "not_affected"),
        ("fixed", "resolved"),
        ("under_investigation", "in_triage"),
    ],
)
def test_an_assessment_becomes_its_state(status: str, state: str) -> None:
    item = judged(status)
    feed = export([item], vulns=(ENTRY,))
    built, _ = written(project_of(item, vulnerabilities=(feed,)))
    [found] = built["vulnerabilities"]
    assert problem_of(built) is None
    assert found["id"] == "CVE-1"
    assert found["analysis"]["state"] == state
    assert found["affects"] == [{"ref": NUMPY}]


@pytest.mark.parametrize("item", [soup(), judged("not_affected", "2.0.0")])
def test_what_nobody_assessed_is_in_triage(item: Soup) -> None:
    feed = export([item], vulns=(ENTRY,))
    built, still_open = written(project_of(item, vulnerabilities=(feed,)))
    [found] = built["vulnerabilities"]
    assert found["analysis"]["state"] == "in_triage"
    assert found["analysis"]["detail"].startswith("Not assessed.")
    assert "Vulnerabilities not assessed: numpy (CVE-1)." in still_open


@pytest.mark.parametrize(
    ("items", "name"),
    [((soup(version="2.0.0"),), "numpy"), ((soup(),), "cffi")],
    ids=["an item for another version", "no item"],
)
def test_an_entry_is_told_of_what_is_locked(items: tuple[Soup, ...], name: str) -> None:
    version = {"numpy": "2.1.0", "cffi": "1.0"}[name]
    affected = Affected(package=AffectedPackage(name=name), versions=(version,))
    entry = ENTRY.model_copy(update={"affected": (affected,)})
    feed = export(items, vulns=(entry,), packages={"numpy": "2.1.0", "cffi": "1.0"})
    built, still_open = written(project_of(*items, vulnerabilities=(feed,)))
    [found] = built["vulnerabilities"]
    assert found["affects"] == [{"ref": f"pkg:pypi/{name}@{version}"}]
    assert found["analysis"]["state"] == "in_triage"
    assert f"Vulnerabilities not assessed: {name} (CVE-1)." in still_open


def test_what_somebody_has_still_to_write_is_no_licence_and_no_supplier() -> None:
    item = soup(licence="TBD: none stated", supplier="TBD")
    built, still_open = written(project_of(item))
    assert {"licenses", "supplier"}.isdisjoint(part(built, NUMPY))
    assert {"No licence: numpy.", "No supplier: numpy."} <= set(still_open)


def test_an_assessment_stays_when_the_feed_forgets_the_entry() -> None:
    item = judged("affected")
    built, _ = written(project_of(item, vulnerabilities=()))
    [found] = built["vulnerabilities"]
    assert (found["id"], found["analysis"]["state"]) == ("GHSA-1", "exploitable")
    told = properties(part(built, NUMPY))
    assert told["regml:vulnerabilities"] == "not looked up"


def test_an_entry_about_another_version_is_no_vulnerability() -> None:
    old = ENTRY.affected[0].model_copy(update={"versions": ("1.0",)})
    entry = Vulnerability(id="CVE-2", affected=(old,))
    feed = export([soup()], vulns=(entry,))
    built, _ = written(project_of(soup(), vulnerabilities=(feed,)))
    assert built["vulnerabilities"] == []


def test_the_same_evidence_gives_the_same_bytes_and_other_evidence_another_number() -> (
    None
):
    first, _ = written(project_of())
    assert as_bytes(first) == as_bytes(written(project_of())[0])
    other, _ = written(project_of(), files={})
    assert other["serialNumber"] != first["serialNumber"]
    assert first["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"


def test_a_licence_that_is_no_expression_is_a_name() -> None:
    assert "expression" in licence("(MIT OR Apache-2.0) AND BSD-3-Clause")[0]
    for text in ("TBD", "TBD: BSD License", "MIT License"):
        assert "license" in licence(text)[0]
    assert licence("Ask Ann")[0]["license"]["name"] == "Ask Ann"


def test_our_own_check_refuses_what_the_schema_does_not_know() -> None:
    built, _ = written(project_of())
    assert validate(as_bytes(built))
    with pytest.raises(BrokenFileError, match="does not fit its schema"):
        validate(as_bytes({**built, "colour": "blue"}))


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "pkg:pypi/num py@2.1.0",
        "pkg:pypi/numpy@2\n",
        "pkg:pypi/\x00",
        "pkg:pypi/num%zz",
        "numpy-2.1.0",
        "https:///path",
        "http://[::1",
        "",
        7,
    ],
)
def test_an_address_that_is_no_uri_is_refused(
    text: object, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setattr("regml.exchange.cyclonedx.find_spec", lambda _: None)
    built, _ = written(project_of())
    component = {**built["components"][0], "purl": text}
    bad = {**built, "components": [component, *built["components"][1:]]}
    with pytest.raises(BrokenFileError, match="is no URI"):
        validate(as_bytes(bad))
    where = {**built, "externalReferences": [{"type": "website", "url": text}]}
    with pytest.raises(BrokenFileError, match=r"its url .* is no URI"):
        validate(as_bytes(where))


def test_packages_with_odd_names_have_addresses_all_the_same() -> None:
    odd = soup(package="Größe v2 <x>", version="1 %")
    built, _ = written(project_of(odd, packages={"größe v2 <x>": "1 %"}))
    assert validate(as_bytes(built))


def test_a_time_that_is_none_is_refused_by_the_schema() -> None:
    built, _ = written(project_of())
    bad = {**built, "metadata": {**built["metadata"], "timestamp": "yesterday"}}
    with pytest.raises(BrokenFileError, match="does not fit its schema"):
        validate(as_bytes(bad))


def test_the_check_does_without_the_slow_packages() -> None:
    """``jsonschema`` imports them where they are, and with it every training."""
    script = (
        "import sys\nfrom regml.exchange.cyclonedx import validate\n"
        "try:\n    validate(b'{}')\nexcept Exception as error: print(error)\n"
        "print('jsonschema' in sys.modules, 'lark' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "does not fit its schema" in done.stdout
    assert done.stdout.endswith("True False\n")


CARD_OF_GRID = {
    "orientation": "RAS",
    "spacing_mm": [1.0, 1.0, 1.0],
    "labels": {"anterior": 1},
    "normalisation": {"then": "mean 0"},
}


def test_without_the_library_nothing_is_said_to_be_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regml.exchange.cyclonedx.find_spec", lambda _: None)
    assert not validate(b"{}")


def test_the_bill_of_a_model_fits_the_schema() -> None:
    cards = evidence_of(Parts(card=CARD_OF_GRID)).cards
    built, still_open = ml_bom(project_of(cards=cards))
    assert problem_of(built) is None
    assert still_open == ()
    parameters = model_of(built)["modelCard"]["modelParameters"]
    assert "RAS, 1.0 x 1.0 x 1.0 mm" in parameters["inputs"][0]["format"]
    assert "anterior" in parameters["outputs"][0]["format"]


@pytest.mark.parametrize("card", [{}, {**CARD_OF_GRID, "weights_sha256": "0" * 64}])
def test_a_card_that_says_nothing_or_is_of_other_weights_is_not_believed(
    card: dict[str, Any],
) -> None:
    cards = evidence_of(Parts(card=card)).cards
    built, [words] = ml_bom(project_of(cards=cards))
    assert "both are left out" in words
    assert "inputs" not in model_of(built)["modelCard"]["modelParameters"]


def model_of(document: Json) -> Json:
    [found] = [
        c for c in document["components"] if c["type"] == "machine-learning-model"
    ]
    return dict(found)


def test_a_model_names_its_weights_data_and_numbers() -> None:
    built, _ = ml_bom(project_of())
    model = model_of(built)
    assert model["hashes"][0]["content"] == artifact(WEIGHTS).sha256
    parameters = model["modelCard"]["modelParameters"]
    assert parameters["task"] == "image segmentation"
    assert parameters["modelArchitecture"] == "DynUNet"
    [dataset] = [c for c in built["components"] if c["type"] == "data"]
    assert parameters["datasets"] == [{"ref": dataset["bom-ref"]}]
    told = {r["name"]: r["value"] for r in dataset["data"][0]["contents"]["properties"]}
    assert told["regml:specification"] == "DS-01"
    assert dataset["data"][0]["governance"]["custodians"]
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert any("site=A" in row["slice"] for row in metrics)
    assert all("confidenceInterval" in row for row in metrics)
    names = [
        row["name"]
        for row in model["modelCard"]["considerations"]["ethicalConsiderations"]
    ]
    assert any(name.startswith("RISK-001") for name in names)


def test_limits_of_the_data_are_limits_of_the_model() -> None:
    limits = [{"id": "L-1", "text": "No GE scanners", "groups": ["vendor=GE"]}]
    changed = with_item(project_of().evidence, "DS-01", limitations=limits)
    built, _ = ml_bom(Project(Path(), Path(), changed))
    told = model_of(built)["modelCard"]["considerations"]
    assert "L-1: No GE scanners" in told["technicalLimitations"]
    assert told["fairnessAssessments"][0]["groupAtRisk"] == "vendor=GE"
    assert problem_of(built) is None


def test_a_model_without_evaluation_has_no_numbers_and_says_so() -> None:
    evidence = project_of().evidence
    validate_run = stage_runs(Parts())[2]
    kept = tuple(r for r in evidence.records if r.statement != validate_run)
    project = Project(Path(), Path(), replace(evidence, records=kept))
    built, still_open = ml_bom(project)
    card = model_of(built)["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == []
    assert any("there are no performance metrics" in words for words in still_open)
    assert problem_of(built) is None


def test_only_a_model_has_a_model_card() -> None:
    with pytest.raises(UnknownIdError, match="and no model"):
        ml_bom(project_of(), "dataset@current")


def test_what_is_written_is_sorted_json() -> None:
    content = as_bytes(written(project_of())[0])
    assert list(json.loads(content)) == sorted(json.loads(content))
