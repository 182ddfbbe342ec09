"""What regml needs of the machine: Python, programs, optional parts, a key."""

import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regml.doctor.diagnosis import Diagnosis, State
from regml.records.keys import (
    KEY_VARIABLE,
    PASSPHRASE_VARIABLE,
    key_path,
    opens_unasked,
    read_key,
)
from regml.version import __version__

EXTRAS: Final = {
    "pipeline": "dvc repro, regml test and the stages",
    "dhf": "regml dhf build as HTML, PDF and DOCX",
    "exchange": "regml import and export of ReqIF and XLSX",
    "timestamp": "regml record stamp",
    "s3": "DVC remotes on S3",
    "server": "an MLflow server with PostgreSQL",
    "sbom": "bills of materials held against the CycloneDX schema",
}
"""What needs each optional part."""


def _python() -> Iterator[Diagnosis]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Diagnosis(
        "python",
        State.OK if fits else State.PROBLEM,
        f"{version}, {sys.executable}",
        "" if fits else "Use Python 3.11, 3.12 or 3.13.",
    )
    command = shutil.which("regml")
    beside = command and Path(command).parent == Path(sys.executable).parent
    yield Diagnosis(
        "regml",
        State.OK if beside else State.WARN,
        f"{__version__}, {command}"
        if beside
        else f"Stages and git start {command or 'no regml: none is on PATH'}, "
        f"and this is {__version__} of {sys.executable}.",
        "" if beside else "Activate the environment that regml is installed in.",
    )


def _programs() -> Iterator[Diagnosis]:
    git = _version_of("git", "--version")
    yield Diagnosis(
        "git",
        State.OK if git else State.PROBLEM,
        git or "git was not found.",
        "" if git else "Install git: commits, history and revisions come from it.",
    )
    openssl = _version_of("openssl", "version")
    yield Diagnosis(
        "openssl",
        State.OK if openssl else State.WARN,
        openssl or "openssl was not found.",
        "" if openssl else "Needed only to check a record without regml.",
    )


def _version_of(program: str, argument: str) -> str:
    found = shutil.which(program)
    if found is None:
        return ""
    done = subprocess.run(
        [found, argument], capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout.strip().partition("\n")[0] if done.returncode == 0 else ""


def _extras() -> Iterator[Diagnosis]:
    for extra, needs in EXTRAS.items():
        wanted = _packages_of(extra)
        missing = [name for name in wanted if not _installed(name)]
        if not wanted:
            missing = ["all of it: this installation of regml does not list it"]
        shown = [f"{n} {_installed(n)}" for n in ("dvc", "mlflow") if n in wanted]
        yield Diagnosis(
            extra,
            State.WARN if missing else State.OK,
            f"Not installed: {', '.join(missing)}. It is needed for {needs}."
            if missing
            else ", ".join([f"installed, for {needs}", *shown]),
            f"pip install 'regml[{extra}]'" if missing else "",
        )


def _packages_of(extra: str) -> list[str]:
    rows = importlib.metadata.requires("regml") or []
    pattern = re.compile(rf"([\w.-]+).*\bextra\s*==\s*['\"]{extra}['\"]")
    return [match[1] for row in rows if (match := pattern.match(row))]


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _signing_key() -> Iterator[Diagnosis]:
    path = key_path()
    if not path.exists():
        named = bool(os.environ.get(KEY_VARIABLE))
        yield Diagnosis(
            "signing key",
            State.PROBLEM if named else State.WARN,
            f"{path}, named by {KEY_VARIABLE}, does not exist."
            if named
            else f"{path} does not exist.",
            f"Correct the path, or unset {KEY_VARIABLE}."
            if named
            else "It is made when it is first needed.",
        )
        return
    if not opens_unasked(path):
        text = f"{path} has a passphrase; it was not opened."
        remedy = f"To have it looked at, set {PASSPHRASE_VARIABLE}."
        yield Diagnosis("signing key", State.WARN, text, remedy)
        return
    key = read_key(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    text = f"{path}, id {key.id[:12]}, mode {mode:04o}"
    yield Diagnosis("signing key", State.OK, text)


OF_THE_MACHINE: Final = (_python, _programs, _extras, _signing_key)
"""What does not hang on a project."""
