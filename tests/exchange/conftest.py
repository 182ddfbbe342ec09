"""Items of every shape, and a project of the test's own."""

from pathlib import Path

import pytest

from regml.starter import start_project

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def fixtures() -> Path:
    """Small files as other tools write them."""
    return FIXTURES


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The worked example, just started, with a key of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return start_project(tmp_path / "project").root
