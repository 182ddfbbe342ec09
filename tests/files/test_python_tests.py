from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.python_tests import (
    read_tests,
    scan_tests,
)

SOURCE = """
import pytest
from pytest import mark

pytestmark = [pytest.mark.verifies("SRS-009"), pytest.mark.slow]

@pytest.mark.verifies("SRS-001", "SRS-002")
@pytest.mark.parametrize("x", [1, 2])
def test_plain(x): ...

@mark.verifies("RISK-001")
class TestGroup:
    @mark.verifies("SRS-003")
    async def test_inner(self): ...

    def helper(self): ...

def not_a_test(): ...
"""


def test_tests_carry_the_marks_of_function_class_and_module() -> None:
    found = list(scan_tests(SOURCE, path="tests/test_a.py"))
    assert [(test.name, test.verifies, test.line) for test in found] == [
        ("tests/test_a.py::test_plain", ("SRS-009", "SRS-001", "SRS-002"), 9),
        (
            "tests/test_a.py::TestGroup::test_inner",
            ("SRS-009", "RISK-001", "SRS-003"),
            14,
        ),
    ]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("class Volumes(unittest.TestCase):", True),
        ("class Volumes(TestCase):", True),
        ("class Volumes(SlowTestCase, Base):", True),
        ("class Volumes(Generic[T]):", False),
        ("class Volumes:", False),
    ],
)
def test_test_cases_of_unittest_have_tests_whatever_their_name(
    head: str, found: bool
) -> None:
    source = f"{head}\n    def test_sum(self): ...\n"
    names = [test.name for test in scan_tests(source, path="test_a.py")]
    assert names == (["test_a.py::Volumes::test_sum"] if found else [])


def test_only_test_files_are_read_and_the_order_is_that_of_names(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "tests" / "device"
    folder.mkdir(parents=True)
    for name in ("test_b.py", "a_test.py", "conftest.py"):
        (folder / name).write_text("def test_x(): ...\n")
    names = [test.name for test in read_tests(tmp_path, ["tests/device", "absent"])]
    assert names == [
        "tests/device/a_test.py::test_x",
        "tests/device/test_b.py::test_x",
    ]


@pytest.mark.parametrize(
    "marker",
    [
        "pytest.mark.verifies(ID)",
        "pytest.mark.verifies",
        "pytest.mark.verifies()",
        'pytest.mark.verifies(id="SRS-001")',
        'pytest.mark.verifies("SRS-001", id="SRS-002")',
    ],
)
def test_a_marker_without_literal_id_is_refused_with_its_line(marker: str) -> None:
    source = f"import pytest\n@{marker}\ndef test_x(): ...\n"
    with pytest.raises(BrokenFileError, match=r"t\.py:2: the marker 'verifies'"):
        list(scan_tests(source, path="t.py"))


def test_marks_of_classes_and_tests_under_a_condition_count() -> None:
    source = """
if sys.platform == "linux":
    pytestmark: list = [pytest.mark.verifies("SRS-001")]
    try:
        def test_a(): ...
    except ImportError:
        def test_b(): ...
class TestC:
    pytestmark = pytest.mark.verifies("SRS-002")
    def test_d(self): ...
"""
    found = {test.name: test.verifies for test in scan_tests(source, path="t.py")}
    assert found == {
        "t.py::test_a": ("SRS-001",),
        "t.py::test_b": ("SRS-001",),
        "t.py::TestC::test_d": ("SRS-001", "SRS-002"),
    }


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbfdef test_x(): ...\n",
        "# -*- coding: latin-1 -*-\n# Größe\ndef test_x(): ...\n".encode("latin-1"),
        b'"\\d"\ndef test_x(): ...\r\n',
    ],
)
def test_what_python_reads_is_read(tmp_path: Path, source: bytes) -> None:
    (tmp_path / "test_a.py").write_bytes(source)
    assert [test.name for test in read_tests(tmp_path, ["test_a.py"])] == [
        "test_a.py::test_x"
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"x = 1\0", "is not Python: source code string cannot contain null bytes"),
        (b"x = '\xe4'\n", "is not Python: .*utf-8"),
        (b"x = " + b"+".join([b"1"] * 100_000), "too long or too deep to be read"),
        (b"x = " + b"(" * 9_000, "is not Python: too many nested parentheses"),
    ],
)
def test_what_python_cannot_read_is_one_message(source: bytes, words: str) -> None:
    with pytest.raises(BrokenFileError, match=words):
        list(scan_tests(source, path="t.py"))


def test_a_file_that_is_not_python_is_refused_with_its_line() -> None:
    with pytest.raises(BrokenFileError, match=r"t\.py:1: is not Python"):
        list(scan_tests("def test_x(:\n", path="t.py"))
