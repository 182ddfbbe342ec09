import json
import socket
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from regml.records.environment import GpuQuery, environment, packages


def test_packages_have_the_versions_their_metadata_says() -> None:
    found = packages()
    for name in ("click", "cryptography", "pytest"):
        assert found[name] == version(name)


def test_what_stands_first_on_the_path_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "My_Package-2.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/nowhere", *sys.path])
    assert packages()["my-package"] == "2.0"


def test_the_machine_is_described_without_naming_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("REGML_CONTAINER_IMAGE", "example.org/train@sha256:ab")
    told = environment()
    assert told["locale"]["LC_ALL"] == "C.UTF-8"
    assert told["container_image"] == "example.org/train@sha256:ab"
    assert told["python"]["version"] in sys.version
    assert told["cpu"]["cores"] >= 1
    assert told["threads"]["OMP_NUM_THREADS"] == "1"
    text = json.dumps(told)
    assert socket.gethostname() not in text.split('"')
    assert str(Path.home()) not in text


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
        ("echo 'no devices were found'; exit 6", []),
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
