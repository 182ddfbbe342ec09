"""Dataset manifests as the preprocess stage writes them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from regml.errors import BrokenFileError
from regml.items.data import DatasetManifest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def read_manifest(root: "Traversable", name: str) -> DatasetManifest:
    """Read one manifest.

    Raises:
        BrokenFileError: It is not one; names the first field that is wrong.
    """
    try:
        content = (root / name).read_bytes()
    except OSError as error:
        raise BrokenFileError(name, f"cannot be read ({error.strerror}).") from error
    return parse_manifest(content, name=name)


def parse_manifest(content: bytes, *, name: str) -> DatasetManifest:
    """Return the manifest that some bytes hold.

    Args:
        content: JSON in UTF-8.
        name: File they come from, for messages.

    Raises:
        BrokenFileError: They are none; names the first field that is wrong.
    """
    try:
        with _no_garbage():
            return DatasetManifest.model_validate_json(
                content.removeprefix(b"\xef\xbb\xbf")
            )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BrokenFileError(
            name,
            f"is not a dataset manifest: {place}: {first['msg']}.",
            remedy="Reproduce the stage that writes it: dvc repro.",
        ) from error


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Read many rows a quarter faster: all are kept, so there is none to collect.

    They count as old afterwards, or else they would be looked at several times as soon
    as it is collected again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        if not gc.get_freeze_count():  # others may have put things there for good
            gc.freeze()
            gc.unfreeze()
    finally:
        if was_on:
            gc.enable()
