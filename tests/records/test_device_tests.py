import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from regml.digest import digest_path
from regml.items.recorded import Outcome, TestRun
from regml.records.device_tests import PLUGIN

TESTS = """\
import pytest

@pytest.mark.verifies("SRS-001", "SRS-999")
class TestGroup:
    @pytest.mark.verifies("UN-01")
    def test_passes(self):
        pass

@pytest.mark.verifies("SRS-001")
@pytest.mark.skip(reason="no scanner")
def test_skipped():
    pass

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False
"""


@pytest.fixture
def device(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    # whatever else is installed here only costs time
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.write("requirements_srs/UN-01.md", "---\ntitle: Need\n---\nText.\n")
    project.write(
        "requirements_srs/SRS-001.md",
        "---\ntitle: R\ncategory: functional\nrefines: [UN-01]\n---\nIt shall.\n",
    )
    project.write("tests/device/test_it.py", TESTS)
    project.commit()
    return project


def recorded(project: Any) -> TestRun:
    log = project.log()
    assert log.problems == ()
    run = log.records[-1].statement
    assert isinstance(run, TestRun)
    return run


def test_every_case_is_recorded_also_the_skipped_ones(device: Any) -> None:
    status, out, err = device.regml("test")
    assert (status, "records/tests/" in out) == (0, True)
    assert "SRS-999" in err
    run = recorded(device)
    told = {
        case.name.rpartition("::")[2]: (case.outcome, case.verifies, case.message)
        for case in run.cases
    }
    assert told == {
        "test_passes": (Outcome.PASSED, ("SRS-001", "SRS-999", "UN-01"), ""),
        "test_skipped": (Outcome.SKIPPED, ("SRS-001",), "no scanner"),
        "test_expected": (Outcome.SKIPPED, (), "expected to fail: known"),
    }
    assert set(run.fingerprints) == {"SRS-001", "UN-01"}
    assert run.cases[0].name.startswith("tests/device/test_it.py::")
    assert run.command == "regml test"
    assert run.complete
    assert run.models == {}


def test_a_failure_is_recorded_with_its_message(device: Any) -> None:
    device.write(
        "tests/device/test_bad.py",
        "def test_bad():\n    assert 1 == 2, 'too small'\n",
    )
    assert device.regml("test")[0] == 1
    [bad] = [case for case in recorded(device).cases if "bad" in case.name]
    assert bad.outcome is Outcome.FAILED
    assert "too small" in bad.message


def test_a_failing_tear_down_fails_the_test(device: Any) -> None:
    device.write(
        "tests/device/test_it.py",
        "import pytest\n\n@pytest.fixture\ndef thing():\n    yield\n    assert False\n"
        "\ndef test_it(thing):\n    pass\n",
    )
    assert device.regml("test")[0] == 1
    assert [case.outcome for case in recorded(device).cases] == [Outcome.FAILED]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found no test"),
        ("import nothing_like_it", "exit status 2"),
        ("import os\ndef test_x():\n    os._exit(1)\n", "left no results"),
        ("import os\ndef test_x():\n    os.kill(os.getpid(), 9)\n", "exit status -9"),
    ],
)
def test_a_run_that_did_not_happen_leaves_no_record(
    device: Any, text: str, said: str
) -> None:
    device.write("tests/device/test_it.py", text)
    status, _, err = device.regml("test")
    assert (status, said in err) == (2, True)
    assert device.log().listed == 0


def test_missing_test_folders_are_named(device: Any) -> None:
    (device.root / "tests/device/test_it.py").unlink()
    (device.root / "tests/device").rmdir()
    status, _, err = device.regml("test")
    assert (status, "tests/device" in err) == (2, True)


def test_arguments_go_to_pytest_and_into_the_record(device: Any) -> None:
    assert device.regml("test", "--", "-k", "passes", "-q")[0] == 0
    run = recorded(device)
    assert run.command == "regml test -- -k passes -q"
    assert not run.complete
    assert len(run.cases) == 1


@pytest.mark.parametrize(
    "options",
    [
        "-x",
        "--lf",
        "--ignore=tests/device/test_other.py",
        "-p xdist -n 2 -k passes",
    ],
)
def test_what_the_set_up_of_pytest_leaves_out_makes_no_complete_run(
    device: Any, options: str
) -> None:
    if "xdist" in options:
        pytest.importorskip("xdist")
    device.write("tests/device/test_a.py", "def test_a():\n    assert False\n")
    device.write("tests/device/test_other.py", "def test_other():\n    pass\n")
    device.write("pytest.ini", f"[pytest]\naddopts = {options}\n")
    device.regml("test")
    assert not recorded(device).complete


def test_a_pass_after_a_failure_and_against_expectation_is_told(device: Any) -> None:
    """What pytest-rerunfailures does, as it does it; it is not among what we need."""
    device.write(
        "tests/device/conftest.py",
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    from _pytest.runner import runtestprotocol\n"
        "    hook = item.ihook.pytest_runtest_logreport\n"
        "    for report in runtestprotocol(item, nextitem=nextitem, log=False):\n"
        "        if report.failed:\n"
        "            report.outcome = 'rerun'\n"
        "        hook(report=report)\n"
        "    item._initrequest()\n"
        "    for report in runtestprotocol(item, nextitem=nextitem, log=False):\n"
        "        hook(report=report)\n"
        "    return True\n",
    )
    device.write(
        "tests/device/test_it.py",
        "import pytest\nran = []\ndef test_flaky():\n    ran.append(1)\n"
        "    assert len(ran) > 1, 'no answer'\n"
        "@pytest.mark.xfail(reason='PR-07')\ndef test_better():\n    pass\n",
    )
    assert device.regml("test")[0] == 0
    better, flaky = recorded(device).cases
    assert {better.outcome, flaky.outcome} == {Outcome.PASSED}
    assert better.message == "passed although expected to fail: PR-07"
    assert flaky.message.startswith("passed after a failure: AssertionError: no answer")


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_a_test_that_was_only_set_up_has_not_passed(device: Any, option: str) -> None:
    device.write("tests/device/test_it.py", "def test_it():\n    assert False\n")
    device.write("pytest.ini", f"[pytest]\naddopts = {option}\n")
    assert device.regml("test")[0] == 0
    [case] = recorded(device).cases
    assert (case.outcome, case.message) == (Outcome.SKIPPED, "was set up and not run")


def test_a_list_of_tests_is_no_run_of_them(device: Any) -> None:
    status, _, err = device.regml("test", "--", "--collect-only")
    assert (status, "not asked to run a test" in err) == (2, True)
    assert device.log().listed == 0


def test_a_variable_that_selects_tests_makes_no_complete_run(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k passes")
    assert device.regml("test")[0] == 0
    assert len(recorded(device).cases) == 1
    assert not recorded(device).complete


def test_a_file_that_pytest_passes_over_leaves_no_record(device: Any) -> None:
    device.write("tests/device/test_bad.py", "import nothing_like_it\n")
    options = "--continue-on-collection-errors"
    device.write("pytest.ini", f"[pytest]\naddopts = {options}\n")
    status, _, err = device.regml("test")
    assert (status, "tests/device/test_bad.py, so nothing was recorded" in err) == (
        2,
        True,
    )
    assert device.log().listed == 0


def test_the_same_cases_come_back_from_several_processes(device: Any) -> None:
    pytest.importorskip("xdist")
    assert device.regml("test", "--", "-p", "xdist", "-n", "2")[0] == 0
    assert len(recorded(device).cases) == 3
    assert {case.verifies for case in recorded(device).cases} > {("SRS-001",)}


def test_device_tests_run_where_everyday_runs_leave_them_out(device: Any) -> None:
    device.write(
        "pyproject.toml",
        '[tool.pytest.ini_options]\naddopts = ["--ignore=tests/device"]\n',
    )
    assert device.regml("test")[0] == 0
    assert len(recorded(device).cases) == 3


@pytest.mark.parametrize("path", ["w.safetensors", "w/part-1.safetensors"])
def test_the_model_of_the_latest_passed_training_is_named(
    device: Any, path: str
) -> None:
    """A file, or a folder with all its parts."""
    noted = path.partition("/")[0]
    train = (
        f"import pathlib, regml; p = pathlib.Path({path!r});"
        "p.parent.mkdir(exist_ok=True); p.write_text('x');"
        f"regml.note('model', {{'weights': {noted!r}}})"
    )
    assert device.record([sys.executable, "-c", train]) == 0
    assert device.regml("test")[0] == 0
    weights = digest_path(device.root / noted, name=noted)
    assert recorded(device).models == {noted: weights.sha256}


def test_junit_carries_the_ids_as_properties(device: Any) -> None:
    device.regml("test", "--", "--junitxml=report.xml")
    report = (device.root / "report.xml").read_text()
    assert '<property name="verifies" value="SRS-001"' in report


def run_pytest(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", *PLUGIN, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_plugin_is_harmless_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import pytest\n@pytest.mark.verifies('SRS-001')\ndef test_x():\n    pass\n"
    )
    run_pytest(tmp_path, "--strict-markers", "-W", "error", "-p", "no:cacheprovider")
    assert {path.name for path in tmp_path.iterdir()} <= {"test_x.py", "__pycache__"}


def test_results_of_any_session_can_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("def test_x():\n    pass\n")
    run_pytest(tmp_path, "--regml-results=results.json")
    rows = json.loads((tmp_path / "results.json").read_text())["cases"]
    assert [row["outcome"] for row in rows] == ["passed"]


def test_device_tests_see_neither_the_passphrase_nor_our_switches(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGML_KEY_PASSPHRASE", "secret")
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    device.write(
        "tests/device/test_it.py",
        "import os\n\ndef test_it():\n"
        "    assert not {'REGML_KEY_PASSPHRASE', 'PYDANTIC_DISABLE_PLUGINS'}"
        ".intersection(os.environ)\n",
    )
    assert device.regml("test")[0] == 0
