"""``regml init`` where nothing is, and where somebody's project is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from regml.cli import cli
from regml.errors import ConfigError
from regml.project import open_project
from regml.trace.rules import check

DOCS = Path(__file__).parents[2] / "docs"
MADE = ("reports/dataset.json", "model/line.json", "model/card.json")
"""What the stage of the documentation makes."""

AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository that knows nothing of regml, as working directory."""
    root = tmp_path / "my device"
    files = {
        "src/train.py": "def fit(): ...\n",
        "tests/test_train.py": "def test_fit(): ...\n",
        "requirements.txt": "pyyaml==6.0.2\n",
        "docs/notes.md": "ours\n",
        "README.md": "mine\n",
        ".gitignore": "/model",
        "dvc.yaml": "stages:\n  train:\n    cmd: python src/train.py\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    monkeypatch.chdir(root)
    return root


def init(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments])


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_the_folder_one_stands_in_becomes_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    done = init()
    assert done.exit_code == 0, done.output
    assert Path("requirements_srs/software/SRS-020.md").is_file()


def test_a_project_that_is_there_keeps_every_file(mine: Path) -> None:
    before = contents(mine)
    done = init()
    assert done.exit_code == 0, done.output
    after = contents(mine)
    assert {name: after[name] for name in before.keys() - {".gitignore"}} == {
        name: before[name] for name in before.keys() - {".gitignore"}
    }
    assert after[".gitignore"].startswith(b"/model\n/.regml/\n")
    attributes = after[".gitattributes"].decode().splitlines()
    assert "records/log.jsonl merge=union -text" in attributes
    assert "* -text" not in attributes  # line ends of a repository are its own
    assert "Nothing is committed" in done.stderr
    assert done.stdout == f"{mine}\n"
    log = subprocess.run(["git", "log"], cwd=mine, capture_output=True, check=False)
    assert log.returncode != 0


def test_what_is_there_already_is_named_and_stays(mine: Path) -> None:
    Path("risk").mkdir()
    Path("risk/policy.yaml").write_text("mine: 1\n", encoding="utf-8")
    done = init()
    assert "stay as they are: risk/policy.yaml." in done.stderr
    assert Path("risk/policy.yaml").read_text("utf-8") == "mine: 1\n"


def test_what_nobody_decided_yet_is_a_finding_without_any_item(mine: Path) -> None:
    init()
    project = open_project(mine)
    config = project.evidence.config
    assert (config.sources.software, config.sources.tests) == (("src",), ("tests",))
    [t13] = [o for o in check(project.graph) if o.rule == "T13"]
    assert {finding.subject for finding in t13.findings} == {"device", "policy"}
    assert any("'severity'" in finding.message for finding in t13.findings)


def test_the_way_of_the_documentation_leads_to_a_model_version(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dvc")
    page = (DOCS / "reference/notes.md").read_text("utf-8")
    (mine / "listed.json").write_text(page.split("```json\n")[1].split("```")[0])
    notes = (DOCS / "how-to/start-in-your-own-project.md").read_text("utf-8")
    code = notes.split("```python\n")[1].split("```")[0]
    make = "".join(f"shutil.copy('listed.json', {name!r})\n" for name in MADE)
    (mine / "src/train.py").write_text(f"import shutil\n{make}{code}")
    stage = {
        "cmd": "regml record -- python src/train.py",
        "deps": ["src/train.py"],
        "outs": [{name: {"cache": False}} for name in MADE],
    }
    (mine / "dvc.yaml").write_text(json.dumps({"stages": {"train": stage}}))
    for name in MADE:
        (mine / name).parent.mkdir(exist_ok=True)
    init()
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", beside)  # the stage finds regml
    for command in (
        ("git", "add", "-A"),
        ("git", *AUTHOR, "commit", "-qm", "one"),
        (sys.executable, "-m", "dvc", "init", "-q"),
        (sys.executable, "-m", "dvc", "repro", "-q"),
    ):
        subprocess.run(command, cwd=mine, check=True, capture_output=True)
    graph = open_project(mine).graph
    assert graph.find("model@current").title == "line"
    assert graph.find("dataset@current").title == "dataset version for DS-01"
    assert not [o for o in check(graph) if o.rule in ("C14", "C19") and o.findings]


def test_a_second_time_it_says_that_there_is_a_project(mine: Path) -> None:
    init()
    before = contents(mine)
    again = init()
    assert isinstance(again.exception, ConfigError)
    assert "is a project of regml already" in str(again.exception)
    assert contents(mine) == before


def test_files_without_a_repository_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notes")
    done = init()
    assert isinstance(done.exception, ConfigError)
    assert "Type 'git init' there" in str(done.exception)
    assert [path.name for path in Path().iterdir()] == ["a.txt"]


def test_a_remote_of_a_project_that_is_there_is_for_dvc_to_set(mine: Path) -> None:
    before = contents(mine)
    done = init("--remote", "s3://bucket")
    assert done.exit_code == 2
    assert "dvc remote modify NAME verify true" in done.stderr
    assert contents(mine) == before
