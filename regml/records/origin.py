"""Where a record comes from: person, commit, difference to it, code, machine."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regml.digest import Artifact, fingerprint
from regml.errors import BrokenFileError, ConfigError
from regml.files.dvc import Stage, imported_paths
from regml.files.git import (
    Listing,
    TreeState,
    code_digest,
    lies_in,
    list_files,
    person,
    tree_state,
)
from regml.items.recorded import Origin
from regml.records.contents import Content
from regml.records.environment import environment

CONFIG = "regml.toml"


def observe(
    root: Path,
    *,
    started_utc: str,
    stages: Iterable[Stage] = (),
    inputs: Iterable[Content] = (),
) -> Origin:
    """Return who works here, on what code, in which environment, at this moment.

    Args:
        root: The project.
        started_utc: When the recorded work began, RFC 3339 with ``Z``.
        stages: All stages; a difference in their outputs is no dirt.
        inputs: What the work reads; what nobody tracks of it makes the tree dirty.

    Raises:
        ConfigError: ``regml.toml`` names no software, or git cannot be run.
        BrokenFileError: ``regml.toml`` or a ``*.dvc`` file cannot be read.
    """
    outs = [out.path for stage in stages for out in stage.outs]
    listing = list_files(root)
    state = _with_untracked(
        tree_state(root, outs), _untracked(root, listing, outs, inputs)
    )
    return Origin(
        person=person(root),
        started_utc=started_utc,
        finished_utc=started_utc,
        commit=state.commit,
        dirty=state.dirty,
        diff_sha256=state.diff_sha256,
        code=code_digest(root, code_paths(root), listing.tracked | listing.untracked),
        environment=environment(),
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


def _untracked(
    root: Path, listing: Listing, outs: Iterable[str], inputs: Iterable[Content]
) -> dict[str, Artifact]:
    """Return the inputs that neither git nor DVC tracks, by path."""
    dvc = {*outs, *imported_paths(root, listing.tracked | listing.untracked)}
    found: dict[str, Artifact] = {}
    for content in inputs:
        if lies_in(content.artifact.path, dvc):
            continue
        loose = [
            file
            for file in content.files
            if file not in listing.tracked and not lies_in(file, dvc)
        ]
        whole = len(loose) == len(content.files)
        # the digest is that of the whole input: it is enough to see that it differs
        names = [content.artifact.path] if whole else loose
        found |= dict.fromkeys(names, content.artifact)
    return found


def _with_untracked(state: TreeState, untracked: dict[str, Artifact]) -> TreeState:
    if not untracked:
        return state
    difference: dict[str, Any] = {
        "diff": state.diff_sha256,
        "untracked": {path: thing.sha256 for path, thing in untracked.items()},
    }
    dirty = tuple(sorted({*state.dirty, *untracked}))
    return TreeState(state.commit, dirty, fingerprint(difference))
