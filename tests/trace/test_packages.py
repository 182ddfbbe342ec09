"""Installed packages, lock file and SOUP items held against each other."""

from dataclasses import replace
from typing import Any

import pytest

from regml.files.imported import Imported
from regml.files.installed import InstalledPackage
from regml.items.links import AnyItem
from regml.trace.build import build_graph
from regml.trace.model import TraceGraph
from regml.trace.packages import Comparison, Kind, compare, device_files
from tests.factories import Parts, evidence_of, located, software, soup

PYTHON = "3.11.9"


def installed(name: str = "numpy", **fields: Any) -> InstalledPackage:
    base = {
        "name": name,
        "version": "2.1.0",
        "licence": "BSD-3-Clause",
        "published_by": "NumPy Developers",
    }
    return InstalledPackage(**{**base, **fields})


def graph_of(*soups: AnyItem, **evidence: Any) -> TraceGraph:
    python = soup(id="SOUP-002", package="python", version=PYTHON)
    items = tuple(located(item) for item in (*soups, python))
    base = {"items": items, "packages": {"numpy": "2.1.0"}, **evidence}
    return build_graph(replace(evidence_of(Parts()), **base))


def kinds(found: Comparison) -> list[tuple[Kind, str]]:
    return [(one.kind, one.package) for one in found.differences]


def test_three_lists_that_agree_have_no_differences() -> None:
    graph = graph_of(soup(published_by="NumPy Developers"))
    found = compare(graph, {"numpy": installed()}, python=PYTHON)
    assert (found.differences, found.not_compared, found.compared) == ((), (), 2)


def test_what_the_device_imports_has_to_be_locked() -> None:
    graph = graph_of(soup(published_by="NumPy Developers"))
    imports = (
        Imported("numpy", "src/a.py", ("NumPy",)),
        Imported("yaml", "src/b.py", ("PyYAML",)),
    )
    found = compare(graph, {"numpy": installed()}, python=PYTHON, imports=imports)
    assert kinds(found) == [(Kind.NOT_LOCKED, "PyYAML")]
    assert found.differences[0].said == "imported by src/b.py"


def test_a_tool_is_no_part_of_the_device() -> None:
    tool = software(in_device=False, sources=("device/tool",))
    tree = frozenset({"device/a.py", "device/tool/b.py", "other.py"})
    assert device_files(graph_of(tool, tree=tree)) == ("device/a.py",)


@pytest.mark.parametrize(
    ("fields", "here", "kind"),
    [
        ({"version": "2.0.0"}, {}, Kind.OTHER_VERSION),
        ({}, {"version": "2.2.0"}, Kind.OTHER_INSTALLED),
        ({"licence": "MIT"}, {}, Kind.OTHER_LICENCE),
        (
            {"licence": "MIT"},
            {"licence": None, "licence_words": "BSD License"},
            Kind.OTHER_LICENCE,
        ),
        ({"published_by": "Somebody"}, {}, Kind.OTHER_SUPPLIER),
        ({"published_by": "Somebody"}, {"published_by": ""}, Kind.OTHER_SUPPLIER),
    ],
)
def test_each_difference_is_told(
    fields: dict[str, Any], here: dict[str, Any], kind: Kind
) -> None:
    found = compare(
        graph_of(soup(**fields)), {"numpy": installed(**here)}, python=PYTHON
    )
    assert kinds(found) == [(kind, "numpy")]


def test_a_build_of_the_locked_version_is_the_locked_version() -> None:
    here = installed(version="2.1.0+cpu")
    assert not compare(graph_of(soup()), {"numpy": here}, python=PYTHON).differences


def test_words_that_may_mean_the_licence_are_told_as_not_compared() -> None:
    here = installed(licence=None, licence_words="BSD License")
    found = compare(graph_of(soup()), {"numpy": here}, python=PYTHON)
    assert not found.differences
    assert "no SPDX expression: numpy." in found.not_compared[0]
    assert "no 'published_by': numpy." in found.not_compared[1]


def test_missing_superfluous_and_unlocked_packages_are_told() -> None:
    graph = graph_of(
        soup(package="scipy"),
        packages={"numpy": "2.1.0", "tomli": "2.0"},
        markers={"tomli": 'python_version < "3"'},
    )
    here = {"numpy": installed(requires=("cffi",))}
    assert kinds(compare(graph, here, python="3.12.1")) == [
        (Kind.NOT_LOCKED, "cffi"),
        (Kind.MISSING, "numpy"),
        (Kind.OTHER_INSTALLED, "python"),
        (Kind.SUPERFLUOUS, "scipy"),
        (Kind.MISSING, "tomli"),  # not needed here, so it need not be installed
    ]


def test_a_retired_item_is_no_item() -> None:
    graph = graph_of(soup(retired="Not used any more"))
    found = compare(graph, {"numpy": installed()}, python=PYTHON)
    assert kinds(found) == [(Kind.MISSING, "numpy")]
