"""A tiny project that passed the gate: real keys, a real repository, DVC's cache."""

import datetime as dt
import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from regml.cli import main
from regml.digest import digest_path
from regml.files.markdown import write_item
from regml.items.recorded import StageRun
from regml.project import open_project
from regml.records.keys import personal_key, public_pem
from regml.records.recorder import record_stage
from regml.records.waivers import waive
from regml.trace.waivers import waivable
from tests.factories import POLICY, need, requirement, specification

CONFIG = """\
[device]
name = "Tiny Device"
version = "1.0.0"
manufacturer = "Maker"
safety_class = "B"
class_rationale = "a test"
documentation_level = "Basic"
documentation_rationale = "a test"
intended_use = "tests"
users = "tests"
not_for = ["people"]

[sources]
software = ["src"]
lock = "requirements.txt"
"""

PIPELINE = """\
stages:
  make:
    cmd: regml record -- python src/make.py
    deps: [src/make.py]
    outs:
    - data/dataset
    - model/weights.safetensors
    - model/model.json: {cache: false}
    - reports/dataset.json: {cache: false}
"""

MAKE = """\
import hashlib, json, pathlib
import regml

WEIGHTS = b"weights of version A"

for name in ("data/dataset", "model", "reports"):
    pathlib.Path(name).mkdir(parents=True, exist_ok=True)
pathlib.Path("data/dataset/1.bin").write_bytes(b"image")
pathlib.Path("model/weights.safetensors").write_bytes(WEIGHTS)
card = {
    "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    "labels": {"anterior": 1, "posterior": 2},
    "plan": {"network": "DynUNet", "patch": [8, 8, 8]},
    "packages": {"monai": "1.5.0", "torch": "2.13.0", "safetensors": "0.5"},
}
pathlib.Path("model/model.json").write_text(json.dumps(card))
manifest = {"specification": "DS-01", "split_unit": "patient", "cases": []}
pathlib.Path("reports/dataset.json").write_text(json.dumps(manifest))
regml.note("dataset", {"manifest": "reports/dataset.json"})
regml.note("model", {
    "weights": "model/weights.safetensors",
    "card": "model/model.json",
    "manifest": "reports/dataset.json",
})
"""

TEMPLATE = """\
---
id: requirements
number: "05"
title: Requirements
purpose: Says what is required.
owner: quality
approvers: [quality]
items: [SRS, UN]
versions: [model]
---
Text.
"""

PACKAGE = "click"
"""The one package of the device."""

MONTH = dt.timedelta(days=30)


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    """A project of Quinn, who is quality and developer at once."""

    root: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("GIT_", "REGML_", "DVC_", "MLFLOW_"))
        }
        kept.pop("SOURCE_DATE_EPOCH", None)
        day = "2026-01-05T09:00:00Z"
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Quinn",
            "GIT_AUTHOR_EMAIL": "quinn@example.org",
            "GIT_AUTHOR_DATE": day,
            "GIT_COMMITTER_NAME": "Quinn",
            "GIT_COMMITTER_EMAIL": "quinn@example.org",
            "GIT_COMMITTER_DATE": day,
        }

    def patched(self) -> pytest.MonkeyPatch:
        """Stand in Quinn's shoes; ``undo()`` leaves them."""
        patch = pytest.MonkeyPatch()
        for name in os.environ.keys() - self.env.keys():
            patch.delenv(name)
        for name, value in self.env.items():
            patch.setenv(name, value)
        patch.chdir(self.root)
        return patch

    def regml(self, *arguments: str, **env: str) -> Done:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        patch = self.patched()
        try:
            for name, value in env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["regml", *arguments])
            with redirect_stdout(out), redirect_stderr(err):
                status = main()
        finally:
            patch.undo()
        return Done(status, out.getvalue(), err.getvalue())

    def release(self, *arguments: str, **env: str) -> Path:
        """Release; return the archive."""
        done = self.regml("release", *arguments, **env)
        assert done.status == 0, done.out + done.err
        [line] = [row for row in done.out.splitlines() if row.startswith("archive ")]
        return Path(line.partition(" ")[2].strip())

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def commit(self, message: str = "x") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def make(self) -> None:
        """Run the stage, lock what it made and cache it, as DVC does; commit."""
        patch = self.patched()
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                assert not record_stage(
                    self.root, [sys.executable, "src/make.py"], stage="make"
                )
            run = open_project(self.root).evidence.records[-1].statement
        finally:
            patch.undo()
        assert isinstance(run, StageRun)
        rows = {
            part: [{"path": a.path, "md5": a.md5} for a in artifacts]
            for part, artifacts in (("deps", run.inputs), ("outs", run.outputs))
        }
        lock = {"schema": "2.0", "stages": {"make": {"cmd": run.command, **rows}}}
        self.write("dvc.lock", yaml.safe_dump(lock))
        for name in ("model/weights.safetensors", "data/dataset/1.bin"):
            self.cache(name)
        listed = [{"md5": self.cache("data/dataset/1.bin"), "relpath": "1.bin"}]
        folder = digest_path(self.root / "data/dataset", name="x").md5
        place = self.root / ".dvc/cache/files/md5" / folder[:2] / folder[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(listed))
        self.commit("make")

    def cache(self, name: str) -> str:
        md5 = digest_path(self.root / name, name=name).md5
        place = self.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.root / name, place)
        return md5

    def waive_all(self) -> None:
        """Have every open finding waived, until none is left; commit."""
        patch = self.patched()
        until = dt.datetime.now(dt.UTC).date() + MONTH
        try:
            for _ in range(3):
                graph = open_project(self.root).graph
                from regml.trace.rules import check

                open_ = [outcome for outcome in check(graph) if outcome.open]
                for outcome in open_:
                    ids = tuple(dict.fromkeys(f.subject for f in outcome.open))
                    waive(
                        self.root,
                        outcome.rule,
                        *waivable(graph, outcome, ids),
                        until=until,
                        because="a test",
                        role="quality",
                    )
                self.commit("waive")
                if not open_:
                    return
        finally:
            patch.undo()
        raise AssertionError(open_)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The project that every test gets a copy of."""
    base = tmp_path_factory.mktemp("release")
    shop = Shop(base / "project", base / "home")
    shop.root.mkdir()
    shop.home.mkdir()
    patch = shop.patched()
    try:
        with redirect_stderr(io.StringIO()):
            key = public_pem(personal_key())
    finally:
        patch.undo()
    shop.write(
        "regml.toml",
        f'{CONFIG}\n[[signers]]\nname = "Quinn"\nemail = "quinn@example.org"\n'
        f'roles = ["quality", "developer"]\npublic_key = """\n{key}"""\n',
    )
    for item, folder in (
        (need(), "requirements_srs/needs"),
        (requirement(refines=["UN-01"]), "requirements_srs/software"),
        (specification(), "requirements_srs/data"),
    ):
        shop.write(f"{folder}/{item.id}.md", write_item(item))
    shop.write("risk/policy.yaml", yaml.safe_dump(POLICY.model_dump(mode="json")))
    shop.write("dhf_templates/05-requirements.md.j2", TEMPLATE)
    shop.write("dvc.yaml", PIPELINE)
    shop.write("params.yaml", "{}\n")
    shop.write("requirements.txt", f"{PACKAGE}=={version(PACKAGE)}\n")
    shop.write("src/make.py", MAKE)
    ignored = ".regml/ /build /data/dataset /model/weights.safetensors .dvc/cache"
    shop.write(".gitignore", "\n".join([*ignored.split(), "__pycache__/", ""]))
    shop.git("init", "--quiet")
    shop.commit("begin")
    shop.make()
    shop.waive_all()
    return shop


@pytest.fixture
def shop(stock: Shop, tmp_path: Path) -> Shop:
    """A copy of the project."""
    shutil.copytree(stock.root, tmp_path / "project")
    return Shop(tmp_path / "project", stock.home)


@pytest.fixture(scope="session")
def delivered(stock: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a release, where nothing else is."""
    base = tmp_path_factory.mktemp("delivered")
    shutil.copytree(stock.root, base / "project")
    archive = Shop(base / "project", stock.home).release()
    there = tmp_path_factory.mktemp("auditor") / archive.name
    shutil.copy(archive, there)
    return there
