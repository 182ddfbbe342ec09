"""The two stage scripts, started as DVC starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import import_annotations, preprocess
from regml.errors import UnknownIdError

ROOT = Path(__file__).parents[2]

PROTOCOL = """---
title: Hippocampus
labels:
  - {value: 1, name: anterior, definition: the head}
  - {value: 2, name: posterior, definition: body and tail}
qualification: trained
tool: any
agreement_floor_dice: 0.8
---
Outline slice by slice.
"""


@pytest.fixture
def project(export: Any) -> Any:
    folder = Path("requirements_srs/data")
    folder.mkdir(parents=True)
    (folder / "AP-01.md").write_text(PROTOCOL)
    Path("params.yaml").write_text("import_annotations: {protocol: AP-01}\n")
    for number in range(4):
        export.case(f"HV-{number}", seed=number)
    return export


def test_the_stages_leave_reports_and_notes(
    project: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REGML_NOTES", "notes.jsonl")
    import_annotations.main()
    preprocess.main()
    assert "4 of 4 images have a consensus" in capsys.readouterr().err
    notes = Path("notes.jsonl").read_text()
    assert '"RD-aa"' in notes
    assert "reports/dataset.json" in notes
    assert '"protocol_fingerprint"' in notes
    report = json.loads(Path("reports/annotations.json").read_bytes())
    assert report["protocol"]["id"] == "AP-01"
    manifest = json.loads(Path("reports/dataset.json").read_bytes())
    assert manifest["cases"][0]["image"].startswith("data/dataset/images/HV-0-")
    training = [case["case"] for case in manifest["cases"] if case["split"] == "train"]
    fingerprint = json.loads(Path("reports/fingerprint.json").read_bytes())
    assert fingerprint["cases"] == training


def test_an_unknown_protocol_names_the_file_to_write(project: Any) -> None:
    Path("params.yaml").write_text("import_annotations: {protocol: AP-77}\n")
    with pytest.raises(UnknownIdError, match=r"data/AP-77\.md"):
        import_annotations.main()


def test_a_stage_that_cannot_work_says_one_sentence(project: Any) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.preprocess"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith("preprocess: data/annotations/index.json: ")
    assert "dvc repro import_annotations" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not Path("data/dataset").exists()
