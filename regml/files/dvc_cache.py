"""Where DVC keeps objects by their md5, as its configuration says, read without DVC."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regml.errors import BrokenFileError

OBJECTS: Final = ("files", "md5")
"""Below the cache: where objects lie since DVC 3."""

_SECTION: Final = re.compile(r"\[\s*(['\"]?)(.+?)\1\s*\]\s*(#.*)?")
_NAMED: Final = re.compile(r'remote\s*"(.*)"')
_VALUE: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^#]*)")
_URL: Final = re.compile(r"\w+://")

Sections = dict[str, dict[str, str]]


def cache_objects(root: Path) -> Path:
    """Return the folder with DVC's objects for a project; it may not exist.

    The project may lie below the folder that DVC was set up in. ``cache.dir`` counts
    from the system's, the user's, the repository's and the machine's own file, the last
    one that has it. A cache that is no folder of this machine is none.

    Raises:
        BrokenFileError: A file of the configuration cannot be read.
    """
    dvc = _dvc_folder(root)
    merged: Sections = {}
    for path in _files(dvc):
        for section, values in _read(path).items():
            merged.setdefault(section, {}).update(values)
    cache = merged.get("cache", {})
    place = cache.get("dir")
    if "local" in cache:  # the older way: by the name of a remote
        place = merged.get(f'remote "{cache["local"]}"', {}).get("url")
    if place is None or _URL.match(place):
        return dvc.joinpath("cache", *OBJECTS)
    return Path(place).joinpath(*OBJECTS)


def object_path(objects: Path, md5: str) -> Path:
    """Return where an object lies; a folder's md5 ends in ``.dir``."""
    return objects / md5[:2] / md5[2:]


def _dvc_folder(root: Path) -> Path:
    """Return ``.dvc`` of the project or of the nearest folder above, as DVC does."""
    start = root.resolve()
    for folder in (start, *start.parents):
        if (folder / ".dvc").is_dir():
            return folder / ".dvc"
        if folder.is_mount():
            break
    return start / ".dvc"


def _files(dvc: Path) -> Iterator[Path]:
    """Give the files of the configuration, the one that counts most last."""
    for variable, standard, usual in (
        ("DVC_SYSTEM_CONFIG_DIR", "XDG_CONFIG_DIRS", "/etc/xdg"),
        ("DVC_GLOBAL_CONFIG_DIR", "XDG_CONFIG_HOME", "~/.config"),
    ):
        named = os.environ.get(standard, "").split(os.pathsep)
        absolute = [place.strip() for place in named if place.strip().startswith("/")]
        place = Path((*absolute, usual)[0]).expanduser() / "dvc"
        yield Path(os.environ.get(variable) or place) / "config"
    yield dvc / "config"
    yield dvc / "config.local"


def _read(path: Path) -> Sections:
    """Return sections and their values; paths are absolute, as DVC resolves them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenFileError(
            str(path),
            f"cannot be read ({error}).",
            remedy="Mend it: dvc config --list.",
        ) from error
    found: Sections = {}
    values: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if section := _SECTION.fullmatch(line):
            values = found.setdefault(_name(section[2]), {})
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[key.strip().lower()] = _plain(value)
    for name, rows in found.items():
        key = "dir" if name == "cache" else "url"
        if key in rows:
            rows[key] = _resolved(path.parent, rows[key])
    return found


def _name(section: str) -> str:
    """Return a section as it is compared: names of remotes keep their case."""
    named = _NAMED.fullmatch(section.strip())
    return f'remote "{named[1]}"' if named else section.strip().lower()


def _plain(value: str) -> str:
    found = _VALUE.match(value.strip())
    assert found is not None  # noqa: S101 - the last choice takes anything
    return next(part for part in found.groups() if part is not None).strip()


def _resolved(folder: Path, place: str) -> str:
    if _URL.match(place):
        return place
    return os.path.normpath(folder.resolve() / Path(place).expanduser())
