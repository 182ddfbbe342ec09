"""How the suite is shared out among workers."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the spine to one worker, first; the others do the rest beside it."""
    for item in items:
        if "spine" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("spine"))
    items.sort(key=lambda item: "spine" not in item.path.parts)
