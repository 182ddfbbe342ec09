"""A small real project: git, a key of its own, one stage."""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from regml.items.recorded import Approval, Origin, Person, Record
from regml.records.keys import SigningKey, personal_key, public_pem
from regml.records.log import Log, append, read_log, utc_now
from regml.records.recorder import record_stage

CONFIG = """\
[device]
name = "Test device"
version = "1.0"
manufacturer = "Nobody"
safety_class = "B"
class_rationale = "a test"
documentation_level = "Basic"
documentation_rationale = "a test"
intended_use = "tests"
users = "tests"
not_for = []

[sources]
software = ["src"]
tests = ["tests/device"]
lock = "requirements.txt"
"""

PIPELINE = """\
stages:
  make:
    cmd: regml record -- python src/make.py
    deps: [src/make.py, input.txt]
    params: [make]
    outs:
    - out
    - small.json: {cache: false}
"""

MAKE = """\
import pathlib, shutil, sys
import regml

pathlib.Path("out/deep").mkdir(parents=True, exist_ok=True)
shutil.copy("input.txt", "out/deep/a.txt")
pathlib.Path("out/b.txt").write_text("b")
pathlib.Path("small.json").write_text("{}")
regml.note("numbers", {"n": 2})
print("to stdout")
print("to stderr", file=sys.stderr)
"""


MAIN = "import sys; from regml.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Signatory:
    public_key: str
    email: str
    valid_from: dt.date | None = None
    revoked: dt.date | None = None
    revoked_because: str | None = None


@dataclass(frozen=True)
class Project:
    """A project in a folder whose name has a space and an umlaut."""

    root: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")

    @property
    def key(self) -> SigningKey:
        return personal_key()

    @property
    def signers(self) -> tuple[Signatory, ...]:
        return (Signatory(public_pem(self.key), "ada@example.org"),)

    def log(self) -> Log:
        return read_log(self.root, self.signers)

    def approve(self, item: str = "SRS-001") -> Record:
        """Append a small record without running anything."""
        now = utc_now()
        who = Person("Ada", "ada@example.org")
        origin = Origin(who, now, now, None, (), None, "0" * 64, {})
        signed = Approval(origin, "quality", "review", {item: "1" * 64}, {})
        return append(self.root, signed, self.key)

    def record(self, command: Sequence[str] = (), *, stage: str = "make") -> int:
        """Run a stage in this process, as ``regml record`` does."""
        return record_stage(
            self.root, command or [sys.executable, "src/make.py"], stage=stage
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start ``regml`` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def regml(self, *arguments: str) -> tuple[int, str, str]:
        """Run ``regml``; return exit status, stdout and stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user nobody knows: no git identity, no key."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("GIT_", "REGML_", "DVC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    beside = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def project(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed project with one stage; the working directory."""
    made = Project(tmp_path / "a projéct")
    made.root.mkdir()
    made.git("init", "--quiet")
    made.git("config", "user.name", "Ada")
    made.git("config", "user.email", "ada@example.org")
    made.write(
        "regml.toml",
        CONFIG
        + '\n[[signers]]\nname = "Ada"\nemail = "ada@example.org"\n'
        + 'roles = ["developer", "quality"]\n'
        + f'public_key = """\n{public_pem(made.key)}"""\n',
    )
    made.write("dvc.yaml", PIPELINE)
    made.write("params.yaml", "make: {rate: 1e-3}\n")
    made.write("src/make.py", MAKE)
    made.write("input.txt", "line\r\n")
    made.write(".gitignore", ".regml/\n/out\n__pycache__/\n")
    made.commit()
    monkeypatch.chdir(made.root)
    return made


POLICY = """\
severity: [{value: 1, name: minor, meaning: m}, {value: 2, name: serious, meaning: m}]
p1: [{value: 1, name: rare, meaning: m}]
p2: [{value: 1, name: rare, meaning: m}]
probability: [[1]]
matrix: [[L, H]]
levels: {L: low, H: high}
acceptable: [L]
safety_class: {1: A, 2: B}
"""

PROTOCOL = """\
---
title: Review on screen
verifies: [SRS-001]
preparation: [a reading room]
steps:
  - {do: Open the image., expect: An outline.}
  - {do: Accept it., expect: It is stored.}
---
By hand.
"""


@pytest.fixture
def whole(project: Project) -> Project:
    """A project with one need, one requirement and one protocol; check can run."""
    project.write("risk/policy.yaml", POLICY)
    project.write("requirements.txt", "")
    project.write("requirements_srs/UN-01.md", "---\ntitle: Need\n---\nText.\n")
    project.write(
        "requirements_srs/SRS-001.md",
        "---\ntitle: R\ncategory: functional\nrefines: [UN-01]\n---\nIt shall.\n",
    )
    project.write("verification/VP-01.md", PROTOCOL)
    project.write("tests/device/test_it.py", "def test_it():\n    pass\n")
    project.commit()
    return project


@pytest.fixture
def tamper(project: Project) -> Callable[[Callable[[list[str]], list[str]]], None]:
    """Return a function that rewrites the lines of the log."""

    def rewrite(change: Callable[[list[str]], list[str]]) -> None:
        log = project.root / "records/log.jsonl"
        log.write_text("".join(change(log.read_text().splitlines(keepends=True))))

    return rewrite
