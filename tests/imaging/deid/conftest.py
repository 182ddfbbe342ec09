"""One small hospital export, de-identified once, for all tests of this room."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from regml.imaging.deid.keys import KEY_VARIABLE, Pseudonyms
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.stage import deidentify_export
from regml.imaging.exports import export_synthetic

KEY = bytes(range(32))
PATIENTS = 2  # with the second study of the first: three series, one with a SEG


@dataclass(frozen=True)
class Deidentified:
    """An export and what became of it."""

    source: Path
    out: Path
    private: Path
    report: dict[str, Any]


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital") / "export"
    export_synthetic(folder, patients=PATIENTS, seed=7)
    return folder


@pytest.fixture(scope="session")
def deidentified(
    export: Path, tmp_path_factory: pytest.TempPathFactory
) -> Deidentified:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY.hex())
        report = deidentify_export(
            export,
            folder / "data" / "deidentified",
            params=DeidentifyParams(),
            private=folder / "private",
        )
    return Deidentified(
        export, folder / "data" / "deidentified", folder / "private", report
    )


def images_of(folder: Path) -> list[Dataset]:
    """Return all MR images below a folder that can be used."""
    paths = sorted((folder / "images").rglob("*.dcm"))
    return [dcmread(path) for path in paths if "broken" not in path.name]
