"""Model cards: what lies beside the weights and says what they are."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regml.errors import BrokenFileError
from regml.files.text import read_text

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def read_card(root: "Traversable", name: str) -> Mapping[str, Any]:
    """Read one card; which keys it has is the business of the stage that wrote it.

    Raises:
        BrokenFileError: It is not a JSON object.
    """
    try:
        card = json.loads(read_text(root / name, name=name))
    except json.JSONDecodeError as error:
        raise BrokenFileError(
            name,
            f"is not JSON: {error.msg}.",
            remedy="Reproduce the stage that writes it: dvc repro.",
            line=error.lineno,
        ) from error
    if not isinstance(card, dict):
        raise BrokenFileError(name, "is not a JSON object.", remedy="Run: dvc repro.")
    return card
