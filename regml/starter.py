"""Starting a project: a copy of the worked example in its own git repository."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regml.errors import ConfigError
from regml.files.config import CONFIG
from regml.files.editor import editor_files
from regml.files.git import person
from regml.items.recorded import Person
from regml.records.keys import personal_key, signer_block

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
            directory.rmdir()
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Started(directory, who, commit)


def example_folder() -> Path:
    """Return where the example lies: in the wheel, or in the source checkout."""
    package = Path(__file__).parent
    inside = package / "example"
    return inside if inside.is_dir() else package.parent


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
