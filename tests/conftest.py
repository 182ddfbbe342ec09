"""How the suite is shared out among workers."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the spine: one worker is busy with it until nearly the end."""
    items.sort(key=lambda item: "spine" not in item.path.parts)
