"""Where a record comes from: person, commit, difference to it, code, machine."""

import os
import posixpath
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from regml.digest import Artifact, digest_file, fingerprint, plain_text
from regml.errors import BrokenFileError, ConfigError
from regml.files.author import person
from regml.files.dvc import Stage, imported_paths
from regml.files.git import (
    Listing,
    code_digest,
    files_below,
    lies_in,
    list_files,
)
from regml.files.tree_state import TreeState, tree_state
from regml.items.recorded import Origin
from regml.records.contents import Content
from regml.records.environment import environment

CONFIG = "regml.toml"

_NO_INPUT = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave behind in any folder."""


def observe(
    root: Path,
    *,
    started_utc: str,
    stages: Iterable[Stage] = (),
    inputs: Iterable[Content] = (),
    left: Iterable[Artifact] = (),
    command: Sequence[str] = (),
) -> Origin:
    """Return who works here, on what code, in which environment, at this moment.

    Args:
        root: The project.
        started_utc: When the recorded work began, RFC 3339 with ``Z``.
        stages: All stages; a difference in their outputs is no dirt.
        inputs: What the work reads; what nobody tracks of it makes the tree dirty.
        left: Outputs the work goes on from that are not as ``dvc.lock`` has them: the
            same.
        command: What is going to run; it decides which Python counts.

    Raises:
        ConfigError: ``regml.toml`` names no software, or git cannot be run.
        BrokenFileError: ``regml.toml`` or a ``*.dvc`` file cannot be read.
    """
    outs = [out.path for stage in stages for out in stage.outs]
    listing = list_files(root)
    paths = code_paths(root)
    loose: dict[str, Artifact | None] = dict.fromkeys(
        _uncontrolled(root, listing, paths)
    )
    loose |= _untracked(root, listing, outs, inputs)
    loose |= {artifact.path: artifact for artifact in left}
    state = _with_untracked(tree_state(root, listing, outs), loose)
    return Origin(
        person=person(root),
        started_utc=started_utc,
        finished_utc=started_utc,
        commit=state.commit,
        dirty=tuple(map(plain_text, state.dirty)),
        diff_sha256=state.diff_sha256,
        code=code_digest(root, paths, listing.names, listing.pointers),
        environment=environment(command),
    )


def code_paths(root: Path) -> tuple[str, ...]:
    """Return the paths under control as software, of ``sources`` in ``regml.toml``.

    Reads only what the recorder needs; ``read_config`` checks the whole file.

    Raises:
        ConfigError: It is missing or names no software.
        BrokenFileError: It is not TOML.
    """
    try:
        document = tomllib.loads((root / CONFIG).read_text(encoding="utf-8"))
        sources = document["sources"]
        return (*sources["software"], *sources.get("tests", ()))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{root}: no {CONFIG} here. Start a project with 'regml init'."
        ) from error
    except OSError as error:
        raise BrokenFileError(CONFIG, f"cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise BrokenFileError(CONFIG, f"is not valid TOML: {error}.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{CONFIG}: 'software' is missing under [sources]. "
            'Add it, e.g. software = ["pipelines"].'
        ) from error


def _uncontrolled(root: Path, listing: Listing, paths: Iterable[str]) -> list[str]:
    """Return what stands among the sources for code that no commit of ours names.

    That is a link that leads out of what git tracks, a submodule that is not checked
    out, and a repository inside ours that is no submodule of it.
    """
    found = []
    for name in files_below(listing.pointers, paths):
        if name in listing.links:
            if not _is_tracked(_real(root, name), listing):
                found.append(name)
        elif listing.submodules[name] is None or not (root / name / ".git").exists():
            found.append(name)
    return found


def _is_tracked(path: str, listing: Listing) -> bool:
    """Tell whether git tracks a file, something in a folder, or its submodule."""
    return bool(files_below(listing.tracked, [path])) or lies_in(
        path, [name for name, commit in listing.submodules.items() if commit]
    )


def _real(root: Path, name: str) -> str:
    """Return where a path leads in the end, relative to the project."""
    top = os.path.realpath(root)
    return posixpath.normpath(os.path.relpath(os.path.realpath(root / name), top))


def _in_submodules(root: Path, listing: Listing, files: Iterable[str]) -> set[str]:
    """Return those of some files that a submodule tracks, at any depth."""
    wanted = tuple(files)
    found: set[str] = set()
    for name, commit in listing.submodules.items():
        inside = [n.removeprefix(f"{name}/") for n in files_below(wanted, [name])]
        if inside and commit and (root / name / ".git").exists():
            theirs = list_files(root / name)
            tracked = theirs.tracked.intersection(inside)
            tracked |= _in_submodules(root / name, theirs, inside)
            found |= {f"{name}/{n}" for n in tracked}
    return found


def _untracked(
    root: Path, listing: Listing, outs: Iterable[str], inputs: Iterable[Content]
) -> dict[str, Artifact | None]:
    """Return the inputs that neither git nor DVC tracks, by path.

    What ``.dvcignore`` hides in a folder that is read is one of them.
    """
    inputs = tuple(inputs)
    dvc = {*outs, *imported_paths(root, listing.tracked | listing.untracked)}
    tracked = listing.tracked | _in_submodules(
        root, listing, [file for c in inputs for file in (*c.files, *c.hidden)]
    )

    @cache
    def real_folder(folder: str) -> str:
        return _real(root, folder)

    def real_file(file: str) -> str:
        if (root / file).is_symlink():
            return _real(root, file)
        folder, _, name = file.rpartition("/")
        return posixpath.normpath(posixpath.join(real_folder(folder), name))

    def is_loose(file: str) -> bool:
        real = file if file in tracked else real_file(file)
        return real not in tracked and not lies_in(real, dvc)

    found: dict[str, Artifact | None] = {
        file: _digest(root, file)
        for content in inputs
        for file in content.hidden
        if file not in tracked and not _is_left_behind(file)
    }
    for content in inputs:
        if lies_in(content.artifact.path, dvc):
            continue
        loose = [
            file for file in content.files if not lies_in(file, dvc) and is_loose(file)
        ]
        whole = len(loose) == len(content.files)
        # the digest is that of the whole input: it is enough to see that it differs
        names = [content.artifact.path] if whole else loose
        found |= dict.fromkeys(names, content.artifact)
    return found


def _is_left_behind(file: str) -> bool:
    """Tell whether Python or a file manager wrote a file, which no stage reads."""
    folder, _, name = file.rpartition("/")
    return name in _NO_INPUT or folder.rpartition("/")[2] == "__pycache__"


def _digest(root: Path, file: str) -> Artifact | None:
    try:
        return digest_file(root / file, name=file)
    except OSError:
        return None  # a link that leads nowhere: there is nothing to read


def _with_untracked(
    state: TreeState, untracked: Mapping[str, Artifact | None]
) -> TreeState:
    if not untracked:
        return state
    difference: dict[str, Any] = {
        "diff": state.diff_sha256,
        "untracked": {
            path: thing.sha256 if thing else None for path, thing in untracked.items()
        },
    }
    dirty = tuple(sorted({*state.dirty, *untracked}))
    return TreeState(state.commit, dirty, fingerprint(difference))
