"""Heads of the log that were kept elsewhere."""

from typing import Any

import pytest

from regml.errors import BrokenFileError
from regml.records.anchors import read_anchor


def test_an_anchor_without_a_head_is_refused(project: Any) -> None:
    project.write("state.json", '{"heads": []}')
    for anchor in ("state.json", "HEAD"):
        with pytest.raises(BrokenFileError, match="nothing can be held against it"):
            read_anchor(project.root, anchor)
    record = project.approve()
    project.commit()
    assert read_anchor(project.root, "HEAD").heads == (record.sha256,)
