"""Where DVC's cache lies: as DVC itself says, read without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regml.errors import BrokenFileError
from regml.files.archive import find_kept
from regml.files.dvc_cache import cache_objects, object_path
from tests.factories import artifact, record, release

ASK = """\
import json, os, sys
from dvc.cli import main
from dvc.repo import Repo
told = json.load(sys.stdin)
for folder, arguments in told["commands"]:
    os.chdir(folder)
    assert main(["cache", "dir", *arguments]) == 0
for xdg in told["xdg"]:
    os.environ["XDG_CONFIG_HOME"] = xdg
    for folder in told["asked"]:
        with Repo(folder) as repo:
            print(repo.cache.local.path)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("DVC_", "XDG_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "system"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return home


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return _project(tmp_path / "projekt")


def _project(folder: Path) -> Path:
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def below(folder: Path) -> Path:
    return folder / "files/md5"


def test_without_a_word_it_is_beside_the_configuration(root: Path) -> None:
    assert cache_objects(root) == below(root / ".dvc/cache")


def test_a_project_below_the_repository_has_its_cache(root: Path) -> None:
    (root / "devices/one").mkdir(parents=True)
    assert cache_objects(root / "devices/one") == below(root / ".dvc/cache")


def test_the_last_file_that_names_one_counts(root: Path, home: Path) -> None:
    places = {
        Path(os.environ["DVC_SYSTEM_CONFIG_DIR"]) / "config": "/system",
        home / ".config/dvc/config": "/user",
        root / ".dvc/config": "/repository",
        root / ".dvc/config.local": "/here",
    }
    for path, place in places.items():
        write(path, f"[cache]\n    dir = {place}\n")
        assert cache_objects(root) == below(Path(place))


@pytest.mark.parametrize(
    "text",
    [
        "[cache]\ndir = ../../anders\n",
        "[cache]\n    type = copy\n    dir = '../../anders'  # moved\n",
        '[Cache]  # here\nDIR = "../../anders"\n[core]\ndir = /no\n',
        "\ufeff# dir = /no\n[ cache ]\ndir=../../anders # moved\n",
        "[cache]\nlocal = big\n['remote \"big\"']\nurl = ../../anders\n",
    ],
)
def test_a_path_is_read_as_dvc_reads_it(text: str, root: Path, tmp_path: Path) -> None:
    write(root / ".dvc/config.local", text)
    assert cache_objects(root) == below(tmp_path / "anders")


def test_dvc_itself_looks_in_the_same_places(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process of DVC sets several projects up and is asked about all of them."""
    pytest.importorskip("dvc")
    plain, moved, local, absolute = (
        _project(tmp_path / name) for name in ("plain", "moved", "local", "absolute")
    )
    (plain / "sub/folder").mkdir(parents=True)
    with (local / ".dvc/config").open("a") as config:
        config.write("[cache]\n    dir = /elsewhere\n")
    for where in (home / ".config", tmp_path / "xdg"):
        write(where / "dvc/config", f"[cache]\n    dir = of {where.name}\n")
    asked = [str(f) for f in (plain, plain / "sub/folder", moved, local, absolute)]
    xdg = ["", "rel", str(tmp_path / "xdg")]
    commands = [
        (str(moved), ["../geteilt"]),
        (str(local), ["--local", str(tmp_path / "mit Leerzeichen, Komma")]),
        (str(absolute), ["~/shared"]),
    ]
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps({"commands": commands, "asked": asked, "xdg": xdg}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    ours = []
    for folder in xdg:
        monkeypatch.setenv("XDG_CONFIG_HOME", folder)
        ours += [str(cache_objects(Path(root))) for root in asked]
    assert done.stdout.splitlines() == ours
    assert len(set(ours)) == 5  # two of the user's, and one each of three projects


def test_a_cache_elsewhere_keeps_what_was_released(root: Path, tmp_path: Path) -> None:
    weights = artifact("w")
    released = [record(release(artifacts=(weights,), commit="5" * 40))]
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    write(root / ".dvc/config.local", f"[cache]\n    dir = {tmp_path}/shared\n")
    assert find_kept(root, released) == {}
    write(object_path(below(tmp_path / "shared"), weights.md5), "weights")
    assert find_kept(root, released) == {weights.sha256: "cache of DVC"}


def test_what_cannot_be_read_is_one_message(root: Path) -> None:
    (root / ".dvc/config").write_bytes(b"\xff\xfe")
    with pytest.raises(BrokenFileError, match=r"\.dvc/config.*dvc config"):
        cache_objects(root)
