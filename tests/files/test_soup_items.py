"""SOUP items begun and brought up to date from what packages say."""

import datetime as dt
from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.installed import InstalledPackage
from regml.files.markdown import LocatedItem, parse_item
from regml.files.soup_items import set_version, write_soup
from regml.items.design import Soup
from regml.items.wording import placeholders

TODAY = dt.date(2026, 2, 1)

ITEM = """---
title: NumPy
package: numpy
version: 2.1  # as locked
supplier: NumPy team
licence: BSD-3-Clause
anomaly_source: tracker
review:
  date: 2026-01-02
  version: "2.1"
  source: tracker
  conclusion: nothing
---
version: is a word here
"""


def begun(root: Path, package: InstalledPackage) -> tuple[Soup, str]:
    path = write_soup(root, package, today=TODAY)
    text = (root / path).read_text("utf-8")
    item = parse_item(path, text).item
    assert isinstance(item, Soup)
    return item, text


def test_a_new_item_holds_what_the_package_says(tmp_path: Path) -> None:
    package = InstalledPackage(
        name="numpy",
        version="2.1.0+cpu",
        summary="Arrays: fast",
        licence="BSD-3-Clause",
        published_by="NumPy: the team",
        issues="https://example.org/issues",
    )
    item, text = begun(tmp_path, package)
    assert (item.id, item.package, item.version) == ("SOUP-001", "numpy", "2.1.0")
    assert (item.supplier, item.published_by) == ("NumPy: the team",) * 2
    assert item.licence == "BSD-3-Clause"
    assert item.anomaly_source == "TBD: https://example.org/issues"
    assert "Arrays: fast" in item.text
    assert (item.support, item.review, item.no_end_because) == (None, None, None)
    assert len(list(placeholders(text))) >= 4


def test_what_the_package_does_not_say_is_left_to_people(tmp_path: Path) -> None:
    vague = InstalledPackage("vague", "1", licence_words="BSD License")
    item, _ = begun(tmp_path, vague)
    assert item.supplier == "TBD"
    assert item.published_by is None
    assert item.licence == "TBD: BSD License"
    assert item.version == "1"  # a text, though YAML would read a number


def located(root: Path, text: str) -> LocatedItem:
    (root / "SOUP-001.md").write_text(text, encoding="utf-8")
    return parse_item("SOUP-001.md", text)


def test_only_the_line_with_the_version_changes(tmp_path: Path) -> None:
    text = ITEM.replace("version: 2.1 ", 'version: "2.1" ')
    set_version(tmp_path, located(tmp_path, text), "2.2.0")
    changed = (tmp_path / "SOUP-001.md").read_text("utf-8")
    assert changed == text.replace('version: "2.1" ', 'version: "2.2.0" ', 1)


@pytest.mark.parametrize(
    "version", ["version:\n  '2.1'", "? version\n: '2.1'", '"version": "2.1"']
)
def test_a_version_that_is_not_on_a_line_of_its_own_is_left_alone(
    tmp_path: Path, version: str
) -> None:
    text = ITEM.replace("version: 2.1  # as locked", version)
    with pytest.raises(BrokenFileError, match=r"by hand"):
        set_version(tmp_path, located(tmp_path, text), "2.2.0")
    assert (tmp_path / "SOUP-001.md").read_text("utf-8") == text


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    found = located(tmp_path, ITEM.replace("version: 2.1 ", 'version: "2.1" '))
    (tmp_path / "SOUP-001.md").write_text(ITEM, encoding="utf-8")
    with pytest.raises(BrokenFileError):
        set_version(tmp_path, found, "2.2.0")
