"""One small project that real DVC ran once, to be put into other people's layouts."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from regml.items.recorded import StageRun
from regml.project import open_project
from regml.records.keys import personal_key, public_pem
from regml.records.recorder import record_stage
from regml.records.verify import Verification
from regml.records.verify import verify as verify_records
from regml.trace.rules import check
from tests.records.conftest import CONFIG, MAIN, MAKE, PIPELINE, POLICY

RULES = ("C14", "C19", "M04")

FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "make: {rate: 1e-3}\n",
    "src/make.py": MAKE,
    "input.txt": "line\n",
    ".gitignore": ".regml/\n/out\n__pycache__/\n",
    ".gitattributes": (Path(__file__).parents[2] / ".gitattributes").read_text(
        encoding="utf-8"
    ),
    "risk/policy.yaml": POLICY,
    "requirements.txt": "",
    "requirements_srs/UN-01.md": "---\ntitle: Need\n---\nText.\n",
    "requirements_srs/SRS-001.md": "---\ntitle: R\ncategory: functional\n"
    "refines: [UN-01]\n---\nIt shall.\n",
    "tests/device/test_it.py": "def test_it():\n    pass\n",
}


@dataclass(frozen=True)
class Place:
    """A project in some layout."""

    root: Path

    def git(self, *arguments: str) -> str:
        return run(self.root, "git", *arguments)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD").strip()

    def record(self) -> StageRun:
        """Record the one stage, as DVC would run it, and return what was recorded."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            assert record_stage(self.root, ["python", "src/make.py"], stage="make") == 0
        finally:
            os.chdir(before)
        statement = open_project(self.root).evidence.records[-1].statement
        assert isinstance(statement, StageRun)
        return statement

    def verify(self) -> Verification:
        return verify_records(
            self.root, open_project(self.root).evidence.config.signers
        )

    def check(self, *, at: str | None = None) -> list[tuple[str, str]]:
        """Return rule and message of what the three rules find."""
        outcomes = check(open_project(self.root, at=at).graph, RULES)
        return [(o.rule, f.message) for o in outcomes for f in o.findings]

    def is_right(self) -> None:
        """Assert that a run recorded here and now is believed and explains DVC."""
        run = self.record()
        assert run.origin.commit == self.git("rev-parse", "HEAD").strip()
        assert run.origin.dirty == ()
        assert run.origin.code == open_project(self.root, at="HEAD").evidence.code
        found = self.verify()
        assert found.problems == ()
        assert (found.locked, found.explained) == (1, 1)
        assert self.check() == []

    def regml(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )


def run(folder: Path, *command: str) -> str:
    """Run a command that must succeed and return what it prints."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="session")
def somebody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of one user for all layouts: an identity and a key."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\nname = Ada\nemail = ada@example.org\n"
        '[protocol "file"]\nallow = always\n'
    )
    return home


@pytest.fixture(autouse=True)
def _alone(somebody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(somebody, monkeypatch)


def _be(home: Path, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GIT_", "REGML_", "DVC_", "AWS_", "MLFLOW_")):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.delenv("XDG_CONFIG_HOME", raising=False)
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.setenv("DVC_NO_ANALYTICS", "1")
    patch.setenv(
        "PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )


@pytest.fixture(scope="session")
def base(somebody: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A committed project whose one stage ``dvc repro`` ran and recorded."""
    pytest.importorskip("dvc")
    with pytest.MonkeyPatch.context() as patch:
        _be(somebody, patch)
        place = Place(tmp_path_factory.mktemp("base") / "a projéct")
        for name, text in FILES.items():
            place.write(name, text)
        signer = (
            '\n[[signers]]\nname = "Ada"\nemail = "ada@example.org"\n'
            'roles = ["developer", "quality"]\n'
            f'public_key = """\n{public_pem(personal_key())}"""\n'
        )
        place.write("regml.toml", CONFIG + signer)
        place.git("init", "--quiet", "--initial-branch=main")
        # 'dvc init' takes a second to write these
        place.write(".dvc/config", "")
        place.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        place.commit()
        dvc(place.root, "repro", "--quiet")
        place.commit()
    return place


@pytest.fixture
def place(base: Place, tmp_path: Path) -> Place:
    """A clone of it, in a folder whose name has a space and an umlaut."""
    made = Place(tmp_path / "ein Projekt für sich")
    run(tmp_path, "git", "clone", "--quiet", str(base.root), str(made.root))
    return made
