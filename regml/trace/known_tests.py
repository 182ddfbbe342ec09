"""Which result of a test counts: the latest of each case, wherever it ran.

A case is a test with its parameters in one suite: ``regml test`` on one side, each
imported report on the other. A newer run replaces only the cases it ran, so that a
failure stays until the same case passes, and results of other runners stay beside
those of pytest. A case is gone when a complete run of its suite left it out.
"""

from collections.abc import Iterable, Iterator

from regml.files.python_tests import WrittenTest
from regml.items.recorded import Record, TestRun
from regml.trace.nodes import KnownTest, Ran


def key_of_test(name: str) -> str:
    """Return the node id of a test, from a pytest node id with or without parameters.

    >>> key_of_test("tests/test_a.py::test_b[1-2]")
    'test:tests/test_a.py::test_b'
    >>> key_of_test("Volume::[slow] adds up")
    'test:Volume::[slow] adds up'
    """
    return f"test:{name.partition('[')[0] if '.py::' in name else name}"


def known_tests(
    written: Iterable[WrittenTest], believed: Iterable[Record], *, code: str
) -> Iterator[tuple[str, KnownTest]]:
    """Give every test that is written or ran, with its node id, sorted by it.

    Args:
        written: Tests as they stand in the source.
        believed: Records in the order of the log.
        code: Digest of the present source code.
    """
    sources = {key_of_test(test.name): test for test in written}
    latest, gone = _latest(believed)
    ran: dict[str, list[Ran]] = {}
    for (name, suite), found in latest.items():
        if (name, suite) not in gone:
            ran.setdefault(key_of_test(name), []).extend(found)
    left_out: dict[str, list[Ran]] = {}
    for name, suite in gone:
        left_out.setdefault(key_of_test(name), []).extend(latest[name, suite])
    for key in sorted({*sources, *ran, *left_out}):
        cases = ran.get(key) or left_out.get(key, [])
        yield (
            key,
            KnownTest(
                key.removeprefix("test:"),
                sources.get(key),
                _verifies(sources.get(key), cases, code),
                tuple(cases),
                gone=key not in ran and key in left_out,
            ),
        )


def _verifies(
    written: WrittenTest | None, ran: Iterable[Ran], code: str
) -> tuple[str, ...]:
    """Return what a test speaks for.

    Of a written test that is what its markers say, and what single parameters said
    when they ran on the present code, which only pytest can tell.
    """
    if written is None:
        return tuple(dict.fromkeys(i for r in ran for i in r.case.verifies))
    told = (i for r in ran if r.run.origin.code == code for i in r.case.verifies)
    return tuple(dict.fromkeys((*written.verifies, *told)))


Case = tuple[str, str]
"""Name and suite."""


def _latest(believed: Iterable[Record]) -> tuple[dict[Case, list[Ran]], set[Case]]:
    """Return what came of each case last, and which cases are gone."""
    latest: dict[Case, list[Ran]] = {}
    gone: set[Case] = set()
    for record in believed:
        run = record.statement
        if not isinstance(run, TestRun):
            continue
        here: dict[Case, list[Ran]] = {}
        for case in run.cases:
            here.setdefault((case.name, case.suite), []).append(Ran(case, record))
        if run.complete:
            gone |= _left_out(run, latest, here)
        for key, found in here.items():
            latest.pop(key, None)  # so that the order is that of the log
            latest[key] = found
        gone -= here.keys()
    return latest, gone


def _left_out(
    run: TestRun, latest: dict[Case, list[Ran]], here: dict[Case, list[Ran]]
) -> set[Case]:
    """Return the cases that a complete run did not have any more.

    Of the same code nothing can be gone: there a case was only not chosen.
    """
    suites = {suite for _, suite in here}
    return {
        key
        for key, found in latest.items()
        if key not in here
        and key[1] in suites
        and (run.reports or found[0].run.origin.code != run.origin.code)
    }
