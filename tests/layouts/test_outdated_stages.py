"""What would run again: DVC's own answer next to ours, for each kind of change."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from regml.project import open_project
from tests.tamper.attacks import CONFIG, POLICY

pytest.importorskip("dvc")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of DVC's own

PIPELINE = """\
stages:
  prepare:
    cmd: mkdir -p clean && cat raw/* > clean/all.txt
    deps: [raw, prepare.py, tables]
    params: [prepare]
    outs: [clean]
  train:
    cmd: cp clean/all.txt model.bin && cp clean/all.txt card.json
    deps: [clean, train.py]
    params: [train.rate, train.seed, other.yaml: [size]]
    outs:
    - model.bin
    - card.json: {cache: false}
  validate:
    cmd: cp card.json metrics.json
    deps: [model.bin, card.json]
    outs:
    - metrics.json: {cache: false}
"""

FILES = {
    "regml.toml": CONFIG,
    "risk/policy.yaml": POLICY,
    "requirements_srs/UN-01.md": "---\ntitle: Need\n---\nText.\n",
    "requirements.txt": "",
    "dvc.yaml": PIPELINE,
    "params.yaml": "prepare: {size: [1, 2]}\ntrain: {rate: 0.1, seed: 7, note: a}\n",
    "other.yaml": "size: 3\n",
    "prepare.py": "",
    "train.py": "",
    "tables/readers.csv": "reader\n",
    "tables/sites.csv": "site\n",
    "raw/one.txt": "one\n",
    ".gitignore": "/raw\n/clean\n/model.bin\n/.dvc/tmp\n/.dvc/cache\n",
}


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("outdated") / "project"
    for name, text in FILES.items():
        write(root, name, text)
    git(root, "init", "-q")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        with Repo.init(str(root)) as repo:
            repo.add(["raw"])
            repo.reproduce()
    commit(root)
    return root


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    target = tmp_path / "project"
    subprocess.run(["cp", "-a", os.fspath(original), os.fspath(target)], check=True)
    return target


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", os.fspath(root), *who, *arguments], check=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "-qm", "Run")


def more_raw_data(root: Path) -> None:
    from dvc.repo import Repo

    write(root, "raw/two.txt", "two\n")
    with Repo(os.fspath(root)) as repo:
        repo.add([os.fspath(root / "raw")])


def prepared_alone(root: Path) -> None:
    from dvc.repo import Repo

    edit(root, "params.yaml", "[1, 2]", "[1, 4]")
    more_raw_data(root)
    with Repo(os.fspath(root)) as repo:
        repo.reproduce("prepare", single_item=True)


NEW_STAGE = """\
  figures:
    cmd: cp card.json figure.json
    deps: [card.json]
    outs: [figure.json]
"""

CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "nothing": (lambda root: None, ""),
    "a parameter nobody reads": (
        lambda root: edit(root, "params.yaml", "note: a", "note: b"),
        "",
    ),
    "a parameter": (
        lambda root: edit(root, "params.yaml", "rate: 0.1", "rate: 0.2"),
        "params.yaml: train.rate was 0.1 and is 0.2",
    ),
    "a parameter in a list": (
        lambda root: edit(root, "params.yaml", "[1, 2]", "[1, 3]"),
        "params.yaml: prepare.size was [1, 2] and is [1, 3]",
    ),
    "another parameter file": (
        lambda root: edit(root, "other.yaml", "3", "4"),
        "other.yaml: size was 3 and is 4",
    ),
    "code": (
        lambda root: write(root, "train.py", "# changed\n"),
        "train.py is not what it read",
    ),
    "a file in a folder": (
        lambda root: write(root, "tables/sites.csv", "site\nA\n"),
        "tables is not what it read",
    ),
    "a new file in a folder": (
        lambda root: write(root, "tables/more.csv", ""),
        "tables is not what it read",
    ),
    "a file that is gone": (
        lambda root: (root / "prepare.py").unlink(),
        "prepare.py is not there",
    ),
    "data": (more_raw_data, "raw is not what it read"),
    "one stage reproduced": (prepared_alone, "clean is not what it read"),
    "a report": (
        lambda root: write(root, "card.json", "better\n"),
        "card.json is not what it wrote | card.json is not what it read",
    ),
    "a report that is gone": (
        lambda root: (root / "metrics.json").unlink(),
        "metrics.json, which it wrote, is not there",
    ),
    "the command": (
        lambda root: edit(root, "dvc.yaml", "cp card.json", "cp -f card.json"),
        "its command is another",
    ),
    "another dependency": (
        lambda root: edit(root, "dvc.yaml", "[clean, train.py]", "[clean, other.yaml]"),
        "it reads other.yaml besides; it does not read train.py any more",
    ),
    "another output": (
        lambda root: edit(root, "dvc.yaml", "outs: [clean]", "outs: [clean, more]"),
        "it writes more besides",
    ),
    "a new stage": (
        lambda root: write(root, "dvc.yaml", PIPELINE + NEW_STAGE),
        "it was never run",
    ),
}


def outdated(project: Path, at: str | None = None) -> Mapping[str, tuple[str, ...]]:
    """Return why each stage would run again, as rules are told."""
    return open_project(project, at=at).evidence.surroundings.outdated


@pytest.mark.parametrize("change", CHANGES)
def test_the_stages_are_those_that_dvc_would_run_again(
    project: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    perform, said = CHANGES[change]
    monkeypatch.chdir(project)
    perform(project)
    with Repo(os.fspath(project)) as repo:
        theirs = {name for name in repo.status() if not name.endswith(".dvc")}
    ours = outdated(project)
    # DVC also names what follows from an output that is not there
    assert set(ours) == theirs or (change == "another output" and set(ours) <= theirs)
    assert said in " | ".join("; ".join(why) for why in ours.values())
    assert bool(said) == bool(ours)


def test_a_revision_is_held_against_its_own_lock(project: Path) -> None:
    edit(project, "params.yaml", "rate: 0.1", "rate: 0.2")
    assert outdated(project, "HEAD") == {}
    commit(project)
    assert set(outdated(project, "HEAD")) == {"train"}
    assert outdated(project, "HEAD~1") == {}


def test_a_parameter_that_is_gone_is_said(project: Path) -> None:
    edit(project, "params.yaml", "seed: 7, ", "")
    [why] = outdated(project)["train"]
    assert "has no key 'train.seed'" in why
    said = [f.message for o in open_project(project).check() for f in o.findings]
    assert any(
        "Stage train would run again: params.yaml: has no key" in s for s in said
    )


def test_a_stage_that_is_gone_from_the_pipeline_is_said(project: Path) -> None:
    edit(project, "dvc.yaml", PIPELINE[PIPELINE.index("  validate:") :], "")
    assert set(outdated(project)) == {"validate"}
