"""Dataset manifests as the preprocess stage writes them."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from regml.errors import BrokenFileError
from regml.files.text import read_text
from regml.items.data import DatasetManifest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def read_manifest(root: "Traversable", name: str) -> DatasetManifest:
    """Read one manifest.

    Raises:
        BrokenFileError: It is not one; names the first field that is wrong.
    """
    try:
        return DatasetManifest.model_validate_json(read_text(root / name, name=name))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BrokenFileError(
            name,
            f"is not a dataset manifest: {place}: {first['msg']}.",
            remedy="Reproduce the stage that writes it: dvc repro.",
        ) from error
