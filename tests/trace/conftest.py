"""A project that an auditor may ask about, built once."""

import pytest

from tests.audited import Audited, build


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Two released models with signed records, and none of their data."""
    root = tmp_path_factory.mktemp("audited") / "project"
    root.mkdir()
    return build(root)
