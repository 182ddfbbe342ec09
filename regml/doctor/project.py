"""What a project needs to be readable, recorded and kept."""

import configparser
import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regml.doctor.diagnosis import Diagnosis, State
from regml.doctor.repository import hooks, repository
from regml.files.catalogues import read_catalogues
from regml.files.config import CONFIG, read_config, read_policy
from regml.files.documents import read_documents
from regml.files.dvc import read_lock, read_stages
from regml.files.editor import editor_files
from regml.files.lock import read_lock_file
from regml.files.markdown import read_items
from regml.files.own_checks import FOLDER, read_own_checks
from regml.files.python_tests import read_tests
from regml.files.vulnerabilities import read_vulnerabilities
from regml.records.keys import key_path, opens_unasked, read_key, trusted_keys
from regml.records.log import read_log

LEAST_FREE_BYTES: Final = 1 << 30
"""Free disk space below which a training may not end well."""


def _configuration(root: Path) -> Iterator[Diagnosis]:
    config = read_config(root)
    device = config.device
    yield Diagnosis(
        CONFIG,
        State.OK,
        f"{device.name} {device.version}, class {device.safety_class}, "
        f"{len(config.signers)} signers, {len(config.link_types)} own link types",
    )
    known = trusted_keys(config.signers)
    if not known:
        yield Diagnosis(
            "signers",
            State.PROBLEM,
            f"{CONFIG} names no signer, so no signature counts.",
            "Add who signs under [[signers]], with roles and public key.",
        )
    elif key_path().exists() and opens_unasked(key_path()):
        mine = known.get(read_key(key_path()).id)
        yield Diagnosis(
            "signers",
            State.OK if mine else State.WARN,
            f"your key is that of {mine.email}"
            if mine
            else f"Your key is not in {CONFIG}: what you sign does not count.",
            ""
            if mine
            else "Add the lines of 'regml key show' to it, and have that reviewed.",
        )


def _policy(root: Path) -> Iterator[Diagnosis]:
    policy = read_policy(root)
    yield Diagnosis("risk policy", State.OK, f"{len(policy.levels)} risk levels")


def _sources(root: Path) -> Iterator[Diagnosis]:
    sources = read_config(root).sources
    named = [*sources.software, *sources.tests, sources.lock]
    gone = [path for path in named if not (root / path).exists()]
    if gone:
        yield Diagnosis(
            "sources",
            State.PROBLEM,
            f"{CONFIG} names {', '.join(gone)} under [sources], which is not there.",
            "Correct the path, or make the file or folder.",
        )
    else:
        yield Diagnosis("sources", State.OK, f"{len(named)} named, all there")


def _items(root: Path) -> Iterator[Diagnosis]:
    yield Diagnosis("items", State.OK, f"{len(read_items(root))} items can be read")


def _documents(root: Path) -> Iterator[Diagnosis]:
    count = len(read_documents(root))
    yield Diagnosis("documents", State.OK, f"{count} document templates can be read")


def _own_checks(root: Path) -> Iterator[Diagnosis]:
    if modules := read_own_checks(root):
        names = ", ".join(module.path for module in modules)
        text = f"{names}: their code runs when the project is checked"
        yield Diagnosis(FOLDER, State.OK, text)


def _stages(root: Path) -> Iterator[Diagnosis]:
    stages = read_stages(root)
    bare = [stage.name for stage in stages if not stage.recorded]
    if not stages:
        yield Diagnosis(
            "dvc.yaml",
            State.WARN,
            "There are no stages, so no dataset and no model is recorded.",
            "Describe them in dvc.yaml, each with 'cmd: regml record -- ...', or "
            "restore it from git.",
        )
    elif bare:
        yield Diagnosis(
            "dvc.yaml",
            State.PROBLEM,
            f"{', '.join(bare)} leaves no record: its command is not wrapped.",
            "Begin the command with 'regml record -- '.",
        )
    else:
        yield Diagnosis("dvc.yaml", State.OK, f"{len(stages)} stages, all recorded")


def _remotes(root: Path) -> Iterator[Diagnosis]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    names = [str(root / ".dvc" / name) for name in ("config", "config.local")]
    try:
        parser.read(names, encoding="utf-8")
    except configparser.Error as error:
        said = str(error).partition("\n")[0]
        remedy = "Mend .dvc/config."
        yield Diagnosis("dvc remote", State.PROBLEM, f"{said}.", remedy)
        return
    remotes = [name for name in parser.sections() if "remote" in name]
    if not remotes:
        yield Diagnosis(
            "dvc remote",
            State.WARN,
            "Data and models lie on this machine only.",
            "dvc remote add --default NAME URL && dvc remote modify NAME verify true",
        )
    for section in remotes:
        name = section.strip("'").removeprefix("remote").strip(' "')
        verified = parser.get(section, "verify", fallback="").strip().lower() == "true"
        yield Diagnosis(
            "dvc remote",
            State.OK if verified else State.WARN,
            f"{name} verifies what it pulls"
            if verified
            else f"{name} does not verify what it pulls: DVC believes what it gets.",
            "" if verified else f"dvc remote modify {name} verify true",
        )


def _log(root: Path) -> Iterator[Diagnosis]:
    log = read_log(root, read_config(root).signers)
    yield Diagnosis(
        "records",
        State.OK if log.records else State.WARN,
        f"{len(log.records)} records can be read",
        "" if log.records else "dvc repro and regml test leave the first ones.",
    )
    for problem in log.problems:
        text = f"{problem.path}: {problem.message}"
        remedy = "Restore it from git, or see 'regml verify' and 'regml check'."
        yield Diagnosis("log", State.PROBLEM, text, remedy)
    if not log.problems:
        heads = len(log.heads)
        yield Diagnosis("log", State.OK, f"consistent, heads: {heads}")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    last = max((r.statement.origin.finished_utc for r in log.records), default="")
    ahead = last > now
    yield Diagnosis(
        "clock",
        State.PROBLEM if ahead else State.OK,
        f"It is {now} here, and a record was written at {last}." if ahead else now,
        "Set the clock, e.g. timedatectl set-ntp true." if ahead else "",
    )


def _disk(root: Path) -> Iterator[Diagnosis]:
    free = shutil.disk_usage(root).free
    enough = free >= LEAST_FREE_BYTES
    yield Diagnosis(
        "disk",
        State.OK if enough else State.WARN,
        f"{free / 2**30:.1f} GiB free",
        "" if enough else "Make room, e.g. dvc gc --workspace.",
    )
    if (root / CONFIG.upper()).exists():
        yield Diagnosis(
            "file system",
            State.WARN,
            "It does not tell SRS-001.md from srs-001.md.",
            "Keep ids in capitals; on other machines they are two files.",
        )


def _editor(root: Path) -> Iterator[Diagnosis]:
    there = {
        name: text
        for name, text in editor_files().items()
        if name.endswith(".schema.json") and (root / name).is_file()
    }
    old = [n for n, text in there.items() if (root / n).read_text("utf-8") != text]
    if there:
        yield Diagnosis(
            "schemas",
            State.WARN if old else State.OK,
            f"{len(old)} schemas for editors are of another version of regml."
            if old
            else "those for editors are of this version",
            "regml schema --out .vscode/regml" if old else "",
        )


def _check(root: Path) -> Iterator[Diagnosis]:
    """Read what a check reads beside all this."""
    sources = read_config(root).sources
    packages = read_lock_file(root, sources.lock)
    tests = read_tests(root, sources.tests)
    locked = read_lock(root)
    exports = read_vulnerabilities(root)
    if (root / "standards").is_dir():
        read_catalogues(root)
    yield Diagnosis(
        "check",
        State.OK,
        f"{len(packages)} packages, {len(tests)} device tests, {len(locked)} stages in "
        f"dvc.lock and {len(exports)} exports of vulnerabilities can be read",
    )


OF_THE_PROJECT: Final = (
    _configuration,
    _sources,
    _policy,
    _items,
    _documents,
    _own_checks,
    repository,
    hooks,
    _stages,
    _remotes,
    _log,
    _check,
    _disk,
    _editor,
)
"""What does."""
