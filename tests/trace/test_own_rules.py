"""Checks of a project's own: beside ours, never instead of them."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from regml.errors import BrokenFileError, UnknownIdError
from regml.files.own_checks import OwnModule, read_own_checks
from regml.items.config import LinkType
from regml.project import open_project
from regml.trace.build import build_graph
from regml.trace.model import TraceGraph
from regml.trace.rules import RULES, check
from tests.factories import Parts, evidence_of, with_item

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-own-checks.md"

MODULE = """\
from regml.items.requirements import Requirement
from regml.trace.rules.base import Gap, rule


@rule("X-01", "Titles are short.", lambda graph: graph.items(Requirement), clauses=())
def is_short(graph, item):
    if len(item.title) > 40:
        yield Gap(item.id, "The title is long.", "Shorten it.", graph.where(item.id))
"""


def graph(*modules: str, parts: Parts | None = None) -> TraceGraph:
    own = tuple(
        OwnModule(f"checks/m{at}.py", dedent(source))
        for at, source in enumerate(modules)
    )
    return build_graph(replace(evidence_of(parts or Parts()), own_checks=own))


def test_an_own_check_looks_beside_ours() -> None:
    outcomes = check(graph(MODULE))
    assert [o.rule for o in outcomes] == [*(rule.id for rule in RULES), "X-01"]
    assert outcomes[-1].subjects > 0
    assert outcomes[-1].findings == ()


def test_an_own_check_finds_something() -> None:
    parts = Parts().but("SRS-001", title="A" * 41)
    [outcome] = check(graph(MODULE, parts=parts), ["X-01"])
    [finding] = outcome.findings
    assert (finding.subject, finding.message) == ("SRS-001", "The title is long.")
    assert finding.where.endswith("SRS-001.md:1")


def test_without_own_checks_nothing_runs() -> None:
    outcomes = check(graph())
    assert {outcome.rule for outcome in outcomes} == {rule.id for rule in RULES}


def test_an_unknown_rule_is_named_beside_the_own_ones() -> None:
    with pytest.raises(UnknownIdError, match=r"'X-02'\. Rules: .*X-01"):
        check(graph(MODULE), ["X-02"])


def test_only_our_rule_asked_for_runs_no_own_code() -> None:
    [outcome] = check(graph("raise RuntimeError"), ["T01"])
    assert outcome.rule == "T01"


@pytest.mark.parametrize(
    "name", ["T01", "T99", "X1", "x-01", "SRS-001", "X-", "-1", ""]
)
def test_an_id_that_is_not_its_own_is_refused(name: str) -> None:
    with pytest.raises(BrokenFileError, match=r"checks/m0\.py.*is no id for a check"):
        check(graph(MODULE.replace("X-01", name)))


def test_two_checks_cannot_share_an_id() -> None:
    with pytest.raises(BrokenFileError, match=r"checks/m1\.py:5: .*m0\.py as well"):
        check(graph(MODULE, MODULE))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\ndef f(:\n", r":2: is not valid Python"),
        ("x = 1\nx += unknown\n", r":2: cannot be run: NameError: name 'unknown'"),
        ("import no_such_module\n", r":1: cannot be run: ModuleNotFoundError"),
        ("import sys\nsys.exit(0)\n", r":2: cannot be run: SystemExit"),
        ("x = 1\n", r": defines no rule"),
        ("", r": defines no rule"),
        ("\0", r"checks/m0\.py"),
        ("from regml.trace.rules.traceability import has_a_reason", "defines no rule"),
    ],
)
def test_a_broken_module_is_one_message_and_never_skipped(
    source: str, says: str
) -> None:
    with pytest.raises(BrokenFileError, match=says) as caught:
        check(graph(MODULE, source) if "m0" not in says else graph(source))
    assert "\n" not in str(caught.value)


def test_a_check_that_fails_is_one_message_with_its_line() -> None:
    broken = MODULE.replace("    if len", "    1 / 0\n    if len")
    with pytest.raises(BrokenFileError, match=r"m0\.py:7: check X-01 fails: ZeroDivis"):
        check(graph(broken))


def test_checks_that_share_a_name_in_python_are_all_put() -> None:
    again = MODULE.partition("@rule")[1] + MODULE.partition("@rule")[2]
    outcomes = check(graph(MODULE + "\n\n" + again.replace("X-01", "X-02")))
    assert [o.rule for o in outcomes][-2:] == ["X-01", "X-02"]


def test_a_check_that_has_no_name_in_python_is_put() -> None:
    source = (
        MODULE + 'ALL = [rule("X-02", "More.", lambda g: (), clauses=())(is_short)]'
    )
    assert check(graph(source))[-1].rule == "X-02"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('severity="major", clauses=()', "severity is 'major' and has to be one of"),
        ('clauses="ISO 14971 7.1"', "clauses is 'ISO 14971 7.1' and has to be a tuple"),
        ("clauses=(1,)", r"clauses is \(1,\) and has to be a tuple of texts"),
        (
            "clauses=(), classes=()",
            r"classes is \(\) and has to be a tuple",
        ),
        ('clauses=(), classes=("B",)', r"classes is \('B',\) and has to be"),
        ('clauses=(), classes="B"', "classes is 'B' and has to be a tuple"),
    ],
)
def test_a_check_that_is_not_written_as_checks_are_is_refused(
    given: str, says: str
) -> None:
    with pytest.raises(BrokenFileError, match=rf"m0\.py:5: check X-01 .*{says}"):
        check(graph(MODULE.replace("clauses=()", given)))


@pytest.mark.parametrize(
    ("gap", "says"),
    [
        ('Gap(None, "Long.", "Shorten.")', "subject = None"),
        ('Gap(item.id, "Long.", None)', "remedy = None"),
        ('Gap(item.id, "Long.", "Cut.", severity="minor")', "severity = 'minor'"),
        ('Gap(item.id, "Long.", "Cut.", details="a")', "details = 'a'"),
    ],
)
def test_a_gap_that_cannot_be_printed_is_refused(gap: str, says: str) -> None:
    found = MODULE.partition("    if len")[0] + f"    yield {gap}\n"
    with pytest.raises(
        BrokenFileError, match=rf"m0\.py:5: .*a gap that is none: {says}"
    ):
        check(graph(found))


SILENCER = """
from regml.trace import rules
from regml.trace.rules import base, traceability
from regml.trace.rules.base import Gap, rule

rules.RULES = ()
traceability.RULES = ()
for mine in traceability.RULES, rules.RULES:
    pass
object.__setattr__(traceability.has_a_reason, "subjects", lambda graph: ())

@rule("X-09", "Nothing.", lambda graph: (graph,), clauses=())
def nothing(graph, subject):
    graph._out.clear()
    graph._into.clear()
    yield from ()
"""


def test_ours_have_looked_before_any_own_code_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import regml.trace.rules as package
    from regml.trace.rules import traceability

    monkeypatch.setattr(package, "RULES", package.RULES)
    monkeypatch.setattr(traceability, "RULES", traceability.RULES)
    subjects = traceability.has_a_reason.subjects
    parts = Parts().but("SRS-001", refines=())
    try:
        outcomes = check(graph(SILENCER, parts=parts))
    finally:
        object.__setattr__(traceability.has_a_reason, "subjects", subjects)
    [outcome] = [o for o in outcomes if o.rule == "T01"]
    assert [finding.subject for finding in outcome.findings] == ["SRS-001"]


def test_a_module_may_use_dataclasses() -> None:
    head = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass(frozen=True)\nclass Seen:\n    name: str\n"
    )
    assert check(graph(head + MODULE), ["X-01"])[0].subjects > 0


def test_only_modules_directly_in_the_folder_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    (folder / "tests").mkdir(parents=True)
    for name in ("b.py", "a.py", "__init__.py", "notes.md", "tests/test_a.py"):
        (folder / name).write_text("x = 1\n", encoding="utf-8")
    found = read_own_checks(tmp_path)
    assert [module.path for module in found] == ["checks/a.py", "checks/b.py"]
    assert read_own_checks(folder) == ()


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "module"])
def test_code_from_outside_of_the_project_does_not_run(
    tmp_path: Path, *, whole: bool
) -> None:
    outside, project = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    project.mkdir()
    (outside / "a.py").write_text(MODULE, encoding="utf-8")
    if whole:
        (project / "checks").symlink_to(outside)
    else:
        (project / "checks").mkdir()
        (project / "checks" / "a.py").symlink_to(outside / "a.py")
    with pytest.raises(BrokenFileError, match="symbolic link"):
        read_own_checks(project)


# -- the page that shows how ----------------------------------------------------------


def block(language: str) -> str:
    """Return the first block of a language on the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def graph_of_the_page(*signals: str) -> TraceGraph:
    import tomllib

    import yaml

    evidence = evidence_of(Parts())
    [declared] = tomllib.loads(block("toml"))["link_types"]
    types = (LinkType.model_validate(declared),)
    evidence = replace(
        evidence,
        config=evidence.config.model_copy(update={"link_types": types}),
        own_checks=(OwnModule("checks/signals.py", block("python")),),
    )
    evidence = with_item(evidence, "RISK-001", signals=signals)
    links = yaml.safe_load(block("yaml"))["links"]
    return build_graph(with_item(evidence, "SW-01", links=links))


def test_the_check_of_the_page_finds_what_the_page_says() -> None:
    [outcome] = check(graph_of_the_page(), ["ACME-01"])
    assert outcome.subjects == 1
    assert [finding.subject for finding in outcome.findings] == ["RISK-001"]
    assert outcome.severity == "major"
    for rule in ("T08", "T09", "T10", "T11"):
        assert check(graph_of_the_page(), [rule])[0].findings == ()


def test_the_check_of_the_page_is_content_where_signals_are_watched() -> None:
    [outcome] = check(graph_of_the_page("Complaints per month"), ["ACME-01"])
    assert (outcome.subjects, outcome.findings) == (1, ())


# -- read with the project ------------------------------------------------------------


def test_own_checks_come_from_the_place_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regml.starter import start_project

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = start_project(tmp_path / "project").root
    (project / "checks").mkdir()
    (project / "checks" / "own.py").write_text(MODULE, encoding="utf-8")
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "add", "checks"], check=True)
    subprocess.run([*git, "commit", "-qm", "Ask for short titles"], check=True)
    (project / "checks" / "own.py").write_text("1 / 0\n", encoding="utf-8")
    then = open_project(project, at="HEAD").evidence.own_checks
    assert [module.source for module in then] == [MODULE]
    now = open_project(project)
    with pytest.raises(BrokenFileError, match=r"checks/own\.py:1: .*ZeroDivisionError"):
        now.check()
    assert open_project(project, own_checks=False).evidence.own_checks == ()
    monkeypatch.setenv("REGML_NO_OWN_CHECKS", "1")
    assert open_project(project).check()
