import hashlib
import json
import socket
import sys
from importlib.metadata import files, version
from pathlib import Path

import pytest

from regml.records.environment import GpuQuery, environment, packages


def test_packages_have_the_versions_their_metadata_says() -> None:
    found = packages()
    for name in ("click", "cryptography", "pytest"):
        assert found[name]["version"] == version(name)


def test_a_package_has_the_sha256_of_its_list_of_files() -> None:
    [record] = [f for f in files("click") or () if f.name == "RECORD"]
    content = Path(str(record.locate())).read_bytes()
    assert packages()["click"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_packages_without_a_list_of_files_have_no_sha256(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bare-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info/RECORD").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    nothing = {"version": "1", "sha256": None}
    assert packages() == {"bare": nothing, "odd": nothing}


def test_what_stands_first_on_the_path_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, number in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / place / f"My_Package-{number}.dist-info").mkdir(parents=True)
        info = tmp_path / place / f"My_Package-{number}.dist-info"
        (info / "RECORD").write_text(place)
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "first"), "/nowhere", str(tmp_path / "second")]
    )
    assert packages() == {
        "my-package": {
            "version": "2.0",
            "sha256": hashlib.sha256(b"first").hexdigest(),
        }
    }


def test_the_machine_is_described_without_naming_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LC_COLLATE", "de_DE.UTF-8")
    monkeypatch.setenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "2")
    monkeypatch.setenv("REGML_CONTAINER_IMAGE", "example.org/train@sha256:ab")
    monkeypatch.setenv("PYTHONPATH", "/home/ada/patched")
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    told = environment()
    assert told["locale"]["LC_ALL"] == "C.UTF-8"
    assert told["locale"]["LC_COLLATE"] == "de_DE.UTF-8"
    assert told["threads"]["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "2"
    assert told["container_image"] == "example.org/train@sha256:ab"
    assert told["python"]["version"] in sys.version
    assert told["cpu"]["cores"] >= 1
    assert told["threads"]["OMP_NUM_THREADS"] == "1"
    digest = hashlib.sha256(b"/home/ada/patched").hexdigest()
    assert told["code_variables"]["PYTHONPATH"] == f"sha256:{digest}"
    assert "LD_PRELOAD" not in told["code_variables"]
    text = json.dumps(told)
    assert "/home/ada" not in text
    assert socket.gethostname() not in text.split('"')
    assert str(Path.home()) not in text


def test_apptainer_tells_the_name_of_its_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI_JOB_IMAGE", raising=False)
    monkeypatch.delenv("REGML_CONTAINER_IMAGE", raising=False)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # nor in another container
    monkeypatch.setenv("APPTAINER_CONTAINER", "/home/ada/train-1.2.sif")
    told = environment()
    assert (told["container"], told["container_image"]) == (
        "apptainer",
        "train-1.2.sif",
    )


def test_without_a_driver_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert GpuQuery().answer() == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "echo 'NVIDIA X, 12 GB, 570.1'",
            [{"name": "NVIDIA X, 12 GB", "driver": "570.1"}],
        ),
        ("echo 'No devices were found'; exit 6", []),
        (
            "echo 'NVIDIA-SMI has failed, version mismatch'; exit 18",
            [{"name": "unknown", "driver": "nvidia-smi ended with 18"}],
        ),
    ],
)
def test_the_driver_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    told: list[dict[str, str]],
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert GpuQuery().answer() == told
