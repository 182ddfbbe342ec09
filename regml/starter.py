"""Starting a project: the worked example anew, or in a project that is there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regml.errors import ConfigError
from regml.files.author import person
from regml.files.config import CONFIG
from regml.files.editor import editor_files
from regml.files.git import list_files
from regml.files.repository import in_repository
from regml.items.recorded import Person
from regml.records.keys import personal_key, signer_block, toml_text

EXAMPLES = ("hippovol",)
"""The worked examples regml brings along."""

PARTS = (
    "requirements_srs",
    "risk",
    "design",
    "verification",
    "maintenance",
    "hippovol",
    "pipelines",
    "dhf_templates",
    "tests/device",
    "dvc.yaml",
    "params.yaml",
    "regml.toml",
    "requirements.txt",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
)
"""What a project consists of; ``pyproject.toml`` puts the same into the wheel."""

BROUGHT = ("dhf_templates", "risk/policy.yaml")
"""Parts of the example that a project of somebody's own begins with."""

LINE_ENDS = "* -text"
"""Line of ``.gitattributes`` after which a clone has every file as it was committed."""

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True, slots=True)
class Started:
    """A project that was just made.

    Attributes:
        root: Its folder.
        person: The identity its commits and records carry.
        commit: Its first commit.
    """

    root: Path
    person: Person
    commit: str


@dataclass(frozen=True, slots=True)
class Added:
    """What a project that was there got.

    Attributes:
        root: Its folder.
        person: The first signer.
        written: Files that are new, or that got lines, sorted.
        kept: Files that were there and stay as they are, sorted.
    """

    root: Path
    person: Person
    written: tuple[str, ...]
    kept: tuple[str, ...]


def holds_files(directory: Path) -> bool:
    """Tell whether there is something in a folder, be it only a repository."""
    return directory.is_dir() and any(directory.iterdir())


def start_project(directory: Path, *, remote: str | None = None) -> Started:
    """Make a project: copy the example, trust the user's key, commit it clean.

    The project appears whole or not at all.

    Args:
        directory: Where; it must not exist or be empty.
        remote: URL or folder of a DVC remote for data and models; DVC will verify what
            it pulls from there.

    Raises:
        ConfigError: There is something already, or git cannot be run.
        SigningKeyError: The personal signing key cannot be read.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(f"{directory}: is not empty. Name a new folder.")
    directory = directory.resolve()
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        _copy_example(draft)
        if remote:
            _set_remote(draft, remote)
        who = person(draft)
        _trust(draft, who)
        commit = _commit(draft, who)
        if directory.exists():
            # somebody may stand in it, so it stays; with regml.toml it is a project
            for part in sorted(draft.iterdir(), key=lambda part: part.name == CONFIG):
                part.rename(directory / part.name)
        else:
            draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Started(directory, who, commit)


def add_to_project(root: Path) -> Added:
    """Add what regml needs to a project that is there; no file of it is replaced.

    Nothing is committed: there may be other changes, and people look first.

    Raises:
        ConfigError: It is a project of regml already, or lies in no git repository.
        SigningKeyError: The personal signing key cannot be read.
    """
    root = root.resolve()
    if (root / CONFIG).exists():
        raise ConfigError(
            f"{root}: is a project of regml already. See what it lacks: regml doctor"
        )
    if not in_repository(root):
        raise ConfigError(
            f"{root}: has files and lies in no git repository, and evidence needs the "
            "history. Type 'git init' there, then 'regml init' again."
        )
    who = person(root)
    texts = _brought(root, who)
    kept = sorted(name for name in texts if os.path.lexists(root / name))
    # regml.toml last: with it the folder is a project
    for name in sorted(
        texts.keys() - set(kept), key=lambda name: (name == CONFIG, name)
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(texts[name], encoding="utf-8", newline="\n")
    grown = [name for name, lines in _lines().items() if _grow(root / name, lines)]
    _git(root, "config", "diff.regml.textconv", "regml record show")
    written = sorted({*texts.keys() - set(kept), *grown})
    return Added(root, who, tuple(written), tuple(kept))


def example_folder() -> Path:
    """Return where the example lies: in the wheel, or in the source checkout."""
    package = Path(__file__).parent
    inside = package / "example"
    return inside if inside.is_dir() else package.parent


def _brought(root: Path, who: Person) -> dict[str, str]:
    """Return the text of each file that a project begins with, by its path."""
    source, texts = example_folder(), dict(editor_files())
    for part in BROUGHT:
        place = source / part
        for file in sorted(place.iterdir()) if place.is_dir() else (place,):
            texts[file.relative_to(source).as_posix()] = file.read_text("utf-8")
    policy = texts["risk/policy.yaml"].split("\n", 1)[1]
    texts["risk/policy.yaml"] = _POLICY + policy.replace('meaning: "', 'meaning: "TBD ')
    texts["records/README.md"] = _RECORDS
    block = signer_block(personal_key(), who.name, who.email, ("developer", "quality"))
    texts[CONFIG] = f"{_configuration(root)}\n{block}"
    return texts


def _configuration(root: Path) -> str:
    """Return ``regml.toml`` without signers: sources as found, the rest to fill in."""
    names = sorted(list_files(root).names)
    tops = {name.split("/")[0] for name in names if name.endswith(".py")}
    tests = sorted(tops & {"tests", "test"})
    software = sorted(top for top in tops.difference(tests) if top[0] != ".")
    locks = [name for name in ("requirements.txt", "constraints.txt") if name in names]

    def listed(folders: list[str]) -> str:
        return f"[{', '.join(map(toml_text, folders))}]"

    return _CONFIGURATION.format(
        name=toml_text(root.name),
        software=listed(software or ["src"]),
        tests=listed(tests),
        lock=toml_text(locks[0] if locks else "requirements.txt"),
    )


def _lines() -> dict[str, list[str]]:
    """Return the lines that git's own files need.

    How a repository that is there keeps line ends is not ours to change: 'regml doctor'
    says where that will do harm.
    """
    attributes = (example_folder() / ".gitattributes").read_text("utf-8")
    return {
        ".gitattributes": attributes.partition(f"{LINE_ENDS}\n")[2].splitlines(),
        # evidence is JSON, which many a project ignores
        ".gitignore": ["/.regml/", "/build/dhf/", "/build/release/", "!/records/**"],
    }


def _grow(file: Path, lines: list[str]) -> bool:
    """Add the lines that a file lacks to its end; tell whether there were some."""
    before = file.read_text("utf-8") if file.exists() else ""
    there = set(before.splitlines())
    if not (missing := [line for line in lines if line not in there]):
        return False
    gap = "" if before.endswith("\n") or not before else "\n"
    with file.open("a", encoding="utf-8", newline="\n") as grown:
        grown.write(gap + "\n".join(missing) + "\n")
    return True


def _copy_example(target: Path) -> None:
    source = example_folder()
    for part in PARTS:
        origin, copy = source / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, copy, ignore=LEFT_OUT)
        else:
            shutil.copyfile(origin, copy)
    for name, text in editor_files().items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8", newline="\n")
    (target / "records").mkdir()
    (target / "records" / "README.md").write_text(_RECORDS, encoding="utf-8")
    (target / "README.md").write_text(_README, encoding="utf-8")


def _set_remote(root: Path, url: str) -> None:
    """Name a remote that is verified: else DVC believes every byte it gets."""
    if not url.isprintable() or "\n" in url:
        raise ConfigError(f"{url!r}: is no URL of a remote.")
    config = root / ".dvc/config"
    place = url if "://" in url else str(Path(url).expanduser().resolve())
    before = config.read_text(encoding="utf-8")
    config.write_text(
        f"{before.rstrip()}\n    remote = storage\n['remote \"storage\"']\n"
        f"    url = {place}\n    verify = true\n",
        encoding="utf-8",
    )


def _trust(root: Path, who: Person) -> None:
    """Enter the user's public key as that of the project's first signer."""
    roles = ("developer", "quality")
    block = signer_block(personal_key(), who.name, who.email, roles)
    with (root / CONFIG).open("a", encoding="utf-8") as config:
        config.write(f"\n{block}")


def _commit(root: Path, who: Person) -> str:
    _git(root, "init", "--quiet", "--initial-branch=main")
    for key, value in _settings(root, who):
        _git(root, "config", key, value)
    _git(root, "add", "--all")
    _git(
        root,
        "commit",
        "--quiet",
        "--no-verify",
        "-m",
        "Start from the HippoVol example",
    )
    return _git(root, "rev-parse", "HEAD").strip()


def _settings(root: Path, who: Person) -> Iterator[tuple[str, str]]:
    yield "diff.regml.textconv", "regml record show"
    if not _git(root, "config", "--default", "", "user.email").strip():
        yield "user.name", who.name
        yield "user.email", who.email


def _git(root: Path, *arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except FileNotFoundError as error:
        raise ConfigError("git was not found. Install git.") from error
    except subprocess.CalledProcessError as error:
        raise ConfigError(
            f"{root}: git {arguments[0]} failed: {error.stderr.strip()}"
        ) from error


_CONFIGURATION = """\
# What regml needs to know about this project: the device, what is under control, and \
who may sign.
# Where it says TBD, somebody has to decide; check T13 finds it again.

[device]
name = {name}
version = "0.1.0"
manufacturer = "TBD"
# Until a class is assigned, that of the strictest demands counts (IEC 62304 4.3).
safety_class = "C"
class_rationale = "TBD"
documentation_level = "Enhanced"
documentation_rationale = "TBD"
intended_use = "TBD"
users = "TBD"
not_for = ["TBD"]

# Device and pipeline, the tests that show what the device does, and the exact versions
# of its packages (name==version).
[sources]
software = {software}
tests = {tests}
lock = {lock}
"""

_POLICY = """\
# Scales and criteria of the risk management plan (ISO 14971, 4.4): those of an example.
# Put your own in their place; TBD stands where you have not yet.
"""

_RECORDS = """\
# Records

What runs, tests and approvals left behind: signed, append-only, never edited.
`environments/` says on which machine and with which packages: one file for each, named
by the records made in it.
`regml record show FILE` prints one, `regml verify` checks them all.
"""

_README = """\
# HippoVol

A worked example of a project that is kept with regml.

| you want to | you type |
|---|---|
| run what changed | `dvc repro` |
| run the device's tests | `regml test` |
| see what is missing | `regml check` |
| follow a model to its images | `regml lineage model@current` |
| build the Design History File | `regml dhf build` |

People write the items in `requirements_srs/`, `risk/`, `design/`, `verification/` and
`maintenance/`; runs write `records/`.
"""
