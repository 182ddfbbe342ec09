"""Results of other runners become signed records, bound to what is now."""

import sys
from pathlib import Path
from typing import Any

import pytest

from regml.digest import digest_path
from regml.items.recorded import Outcome, TestRun

REPORT = """\
<testsuite name="Volume">
<testcase name="Adds" classname="Volume" time="0.5">
<properties><property name="verifies" value="SRS-001"/></properties></testcase>
<testcase name="Fails" classname="Volume"><failure message="too small"/></testcase>
</testsuite>
"""
LOCK = """\
schema: '2.0'
stages:
  make:
    cmd: regml record -- python src/make.py
    outs:
    - path: small.json
      md5: {}
"""
GOOD = REPORT.replace('<failure message="too small"/>', "")


def latest(whole: Any) -> TestRun:
    log = whole.log()
    assert log.problems == ()
    run = log.records[-1].statement
    assert isinstance(run, TestRun)
    return run


def test_a_report_becomes_a_signed_test_run(whole: Any) -> None:
    whole.write("build/report.xml", REPORT)
    status, out, err = whole.regml("test", "import", "build/report.xml")
    assert (status, out.startswith("records/tests/")) == (1, True)
    assert "2 tests (1 passed, 1 failed, 0 skipped); 1 name what they verify" in err
    run = latest(whole)
    assert [(c.name, c.outcome, c.verifies, c.message) for c in run.cases] == [
        ("Volume::Adds", Outcome.PASSED, ("SRS-001",), ""),
        ("Volume::Fails", Outcome.FAILED, (), "too small"),
    ]
    assert run.cases[0].suite == "build/report.xml"
    assert run.cases[0].seconds == 0.5
    [report] = run.reports
    assert report.name == "build/report.xml"
    assert report.sha256 in run.command
    assert run.command.startswith("regml test import build/report.xml (sha256 ")
    assert set(run.fingerprints) == {"SRS-001"}
    assert run.origin.commit == whole.git("rev-parse", "HEAD").strip()
    assert not run.complete


def test_several_files_become_one_run(whole: Any) -> None:
    whole.write("a.xml", GOOD)
    whole.write("b.xml", GOOD.replace("Volume", "Report"))
    status, _, err = whole.regml(
        "test", "import", "--suite", "linux", "--complete", "a.xml", "b.xml"
    )
    assert status == 0, err
    run = latest(whole)
    assert [r.name for r in run.reports] == ["a.xml", "b.xml"]
    assert {case.suite for case in run.cases} == {"linux"}
    assert run.complete


def test_a_file_outside_of_the_project_is_named_without_its_folder(
    whole: Any, tmp_path: Path
) -> None:
    (tmp_path / "outside.xml").write_text(GOOD)
    assert whole.regml("test", "import", str(tmp_path / "outside.xml"))[0] == 0
    assert latest(whole).reports[0].name == "outside.xml"
    assert str(tmp_path) not in latest(whole).command


def test_unknown_items_are_named_and_recorded(whole: Any) -> None:
    whole.write("r.xml", GOOD.replace("SRS-001", "SRS-999"))
    status, _, err = whole.regml("test", "import", "r.xml")
    assert (status, "SRS-999, which is no item" in err) == (1, True)
    status, out, _ = whole.regml("check", "--rule", "T08")
    assert (status, "'verifies' names SRS-999" in out) == (1, True)


def test_the_same_bytes_are_not_new_evidence(whole: Any) -> None:
    whole.write("r.xml", GOOD)
    assert whole.regml("test", "import", "r.xml")[0] == 0
    whole.write("src/make.py", "x = 1\n")
    whole.commit()
    status, _, err = whole.regml("test", "import", "r.xml")
    assert (status, "already" in err, "--again" in err) == (2, True, True)
    assert whole.log().listed == 1
    assert whole.regml("test", "import", "--again", "r.xml")[0] == 0
    assert "--again" in latest(whole).command


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2020-01-01", "ran on 2020-01-01, before the commit"),
        ("2199-01-01", "ran on 2199-01-01, a day that is still to come"),
    ],
)
def test_results_from_before_the_commit_or_to_come_are_not_those_of_it(
    whole: Any, day: str, said: str
) -> None:
    whole.write("r.xml", GOOD.replace("<testsuite ", f'<testsuite timestamp="{day}" '))
    status, _, err = whole.regml("test", "import", "r.xml")
    assert (status, said in err) == (2, True)
    assert whole.log().listed == 0


def test_results_of_an_older_commit_are_bound_to_its_code(whole: Any) -> None:
    then = whole.git("rev-parse", "HEAD").strip()
    whole.write("src/make.py", "x = 1\n")
    whole.commit()
    whole.write("r.xml", GOOD)
    assert whole.regml("test", "import", "--commit", then, "r.xml")[0] == 0
    old = latest(whole).origin
    whole.write("s.xml", GOOD + "<!-- again -->")
    assert whole.regml("test", "import", "s.xml")[0] == 0
    new = latest(whole).origin
    assert (old.commit, old.dirty) == (then, ())
    assert old.code != new.code
    whole.write("README.md", "No code.\n")
    whole.commit()
    _, out, _ = whole.regml("show", "SRS-001")
    assert f"there is now (commit {then[:12]}, code {old.code[:12]}, " in out
    assert f"current is code {new.code[:12]})" in out


def test_a_report_says_itself_at_which_commit_it_ran(whole: Any) -> None:
    then = whole.git("rev-parse", "HEAD").strip()
    whole.commit()
    said = f'<properties><property name="commit" value="{then[:9]}"/></properties>'
    whole.write("r.xml", GOOD.replace('name="Volume">', f'name="Volume">{said}', 1))
    assert whole.regml("test", "import", "r.xml")[0] == 0
    assert latest(whole).origin.commit == then


def test_results_of_an_earlier_commit_are_of_the_model_of_then(whole: Any) -> None:
    train = (
        "import pathlib, regml; pathlib.Path('small.json').write_text({!r});"
        "regml.note('model', {{'weights': 'small.json'}})"
    )
    made = []
    for text in ("first", "second"):
        assert whole.record([sys.executable, "-c", train.format(text)]) == 0
        made.append(digest_path(whole.root / "small.json", name="small.json"))
        whole.write("dvc.lock", LOCK.format(made[-1].md5))
        whole.commit()
    whole.write("r.xml", GOOD)
    (whole.root / "small.json").unlink()
    assert whole.regml("test", "import", "r.xml")[0] == 0
    assert latest(whole).models == {"small.json": made[1].sha256}
    whole.write("dvc.lock", LOCK.format("0" * 32))
    whole.commit()
    for commit, model in (("HEAD~2", made[0]), ("HEAD~1", made[1])):
        words = ("test", "import", "--again", "--commit", commit, "r.xml")
        assert whole.regml(*words)[0] == 0
        assert latest(whole).models == {"small.json": model.sha256}
    status, _, err = whole.regml("test", "import", "--again", "--commit=HEAD", "r.xml")
    assert (status, "a small.json that no recorded training made" in err) == (2, True)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"r.xml": "<testsuite"}, "r.xml:1: is not XML"),
        ({}, "r.xml: cannot be read (No such file"),
        ({"r.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>"}, "XML entities"),
        ({"r.xml": GOOD, "s.xml": GOOD}, "same results were named twice"),
        (
            {
                name: GOOD.replace(
                    'name="Volume">',
                    'name="Volume"><properties><property name="commit" '
                    f'value="{name}"/></properties>',
                    1,
                )
                for name in ("r.xml", "s.xml")
            },
            "different values for commit: r.xml, s.xml",
        ),
        (
            {
                "r.xml": GOOD.replace(
                    'name="Volume">',
                    'name="Volume"><properties><property name="model" '
                    'value="3f9a12"/></properties>',
                    1,
                )
            },
            "model 3f9a12, which no recorded",
        ),
    ],
)
def test_what_cannot_be_imported_leaves_no_record(
    whole: Any, files: dict[str, str], said: str
) -> None:
    for name, text in files.items():
        whole.write(name, text)
    status, _, err = whole.regml("test", "import", *(files or ["r.xml"]))
    assert (status, said in err, "Traceback" in err) == (2, True, False), err
    assert whole.log().listed == 0


def test_an_unknown_revision_is_one_line(whole: Any) -> None:
    whole.write("r.xml", GOOD)
    status, _, err = whole.regml("test", "import", "--commit", "v9", "r.xml")
    assert (status, "Traceback" in err) == (2, False)


def test_junit_of_our_own_tests_is_known_by_their_names(whole: Any) -> None:
    whole.write(
        "r.xml",
        '<testsuite><testcase classname="tests.device.test_it" name="test_it[a-1]"/>'
        "</testsuite>",
    )
    assert whole.regml("test", "import", "r.xml")[0] == 0
    [case] = latest(whole).cases
    assert (case.name, case.suite) == ("tests/device/test_it.py::test_it[a-1]", "")
