"""Installation qualification and the bill of materials of a release."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from hippovol.__main__ import main
from hippovol.install import PYTHON, qualify, write_golden
from hippovol.sbom import bill_of_materials
from regml.digest import digest_file
from regml.files.lock import read_lock_file

PACKAGES = ("numpy", "pydantic", "torch")


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of three packages, as they are installed."""
    file = tmp_path / "requirements.txt"
    file.write_text("".join(f"{name}=={version(name)}\n" for name in PACKAGES))
    return file


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Path:
    """What the phantom gives with the model of these tests."""
    file = tmp_path_factory.mktemp("golden") / "golden.json"
    write_golden(model_folder, file)
    return file


def verdicts(model: Path, lock: Path, golden: Path, folder: Path) -> dict[str, bool]:
    checks = qualify(model=model, lock=lock, golden=golden, folders=[folder])
    return {check.name.split()[0]: check.passed for check in checks}


ALL = dict.fromkeys(("interpreter", "packages", "model", "phantom", "write"), True)


@pytest.mark.verifies("SRS-074")
def test_a_sound_installation_passes_every_check_and_ends_with_0(
    model_folder: Path,
    lock: Path,
    golden: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(
        ["qualify", "--model", str(model_folder), "--lock", str(lock),
         "--golden", str(golden), "--folder", str(tmp_path)]
    )  # fmt: skip

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert len(lines) == len(ALL)
    assert all(line.startswith("pass  ") for line in lines)


@pytest.mark.verifies("SRS-074")
def test_another_package_version_fails_and_is_named(
    model_folder: Path,
    lock: Path,
    golden: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock.write_text(lock.read_text() + "scipy==0.0.1\nnot-installed-here==1.0\n")

    status = main(
        ["qualify", "--model", str(model_folder), "--lock", str(lock),
         "--golden", str(golden), "--folder", str(tmp_path)]
    )  # fmt: skip

    printed = capsys.readouterr().out
    assert status != 0
    assert re.search(
        r"^FAIL  packages: .*not-installed-here.*scipy", printed, re.MULTILINE
    )
    assert printed.count("FAIL") == 1


@pytest.mark.verifies("SRS-074")
def test_a_package_for_another_interpreter_is_not_asked_for(
    model_folder: Path, lock: Path, golden: Path, tmp_path: Path
) -> None:
    lock.write_text(lock.read_text() + 'not-here==1.0 ; python_version < "3.0"\n')

    assert verdicts(model_folder, lock, golden, tmp_path) == ALL


@pytest.mark.verifies("SRS-074")
def test_an_altered_model_fails(
    altered_model: Path, lock: Path, golden: Path, tmp_path: Path
) -> None:
    found = verdicts(altered_model, lock, golden, tmp_path)

    assert found == ALL | {"model": False, "phantom": False}


@pytest.mark.verifies("SRS-074")
def test_another_output_on_the_phantom_fails(
    model_folder: Path, lock: Path, golden: Path, tmp_path: Path
) -> None:
    fields = json.loads(golden.read_text())
    fields["mask_sha256"] = "0" * 64
    fields["volumes_mm3"]["whole"] = fields["volumes_mm3"]["whole"] * 1.01 + 10
    other = tmp_path / "golden.json"
    other.write_text(json.dumps(fields))

    found = verdicts(model_folder, lock, other, tmp_path)

    assert found == ALL | {"phantom": False}


@pytest.mark.verifies("SRS-074")
def test_the_output_of_another_supported_environment_passes(
    model_folder: Path, lock: Path, golden: Path, tmp_path: Path
) -> None:
    fields = json.loads(golden.read_text())
    fields["mask_sha256"] = "0" * 64
    fields["volumes_mm3"] = {
        name: mm3 * 1.004 for name, mm3 in fields["volumes_mm3"].items()
    }
    other = tmp_path / "golden.json"
    other.write_text(json.dumps(fields))

    assert verdicts(model_folder, lock, other, tmp_path) == ALL


@pytest.mark.verifies("SRS-074")
def test_a_missing_golden_output_fails(
    model_folder: Path, lock: Path, tmp_path: Path
) -> None:
    found = verdicts(model_folder, lock, tmp_path / "absent.json", tmp_path)

    assert found == ALL | {"phantom": False}


@pytest.mark.verifies("SRS-074")
def test_a_folder_that_cannot_be_written_fails(
    model_folder: Path, lock: Path, golden: Path, tmp_path: Path
) -> None:
    found = verdicts(model_folder, lock, golden, tmp_path / "absent")

    assert found == ALL | {"write": False}


@pytest.mark.verifies("SRS-074")
def test_an_unsupported_interpreter_fails(
    model_folder: Path,
    lock: Path,
    golden: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = PYTHON[1]
    monkeypatch.setattr("hippovol.install.sys.version_info", (newest[0], newest[1] + 1))

    found = verdicts(model_folder, lock, golden, tmp_path)

    assert found == ALL | {"interpreter": False}


@pytest.mark.verifies("SRS-054")
def test_the_bill_of_materials_names_every_runtime_package(
    project: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = project / "requirements.txt"
    if not lock.exists():
        pytest.skip("this project has no requirements.txt")

    status = main(["sbom", "--lock", str(lock), "--model", str(model_folder)])

    bill = json.loads(capsys.readouterr().out)
    libraries = [part for part in bill["components"] if part["type"] == "library"]
    assert status == 0
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {part["name"]: part["version"] for part in libraries} == read_lock_file(
        project, "requirements.txt"
    )
    for part in libraries:
        assert part["supplier"]["name"]
        assert part["licenses"][0]["license"]["name"]


@pytest.mark.verifies("SRS-054")
def test_the_bill_of_materials_states_what_installed_packages_declare(
    model_folder: Path,
) -> None:
    weights = digest_file(model_folder / "weights.safetensors", name="").sha256

    bill = bill_of_materials({"numpy": version("numpy")}, model_sha256=weights)

    numpy, model = bill["components"]
    assert "BSD" in numpy["licenses"][0]["license"]["name"]
    assert "NOASSERTION" not in numpy["supplier"]["name"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": weights}]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    assert bill == bill_of_materials({"numpy": version("numpy")}, model_sha256=weights)
