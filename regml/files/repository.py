"""git as a program: how it is started, and which repository it is asked about."""

import os
import subprocess
from pathlib import Path

from regml.errors import ConfigError

_QUIET = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a commit is what its id says
    "GIT_DIFF_OPTS": "",  # would count more than what we ask for
}

_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Where git is told to look: by its own hooks, or by people with unusual layouts."""

_LOOK = (
    "core.quotePath=false",
    # whether a file changed is for its content and its own times to say
    "core.fsmonitor=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "diff.suppressBlankEmpty=false",
)


def in_repository(root: Path) -> bool:
    """Tell whether a folder lies in a git repository."""
    return "GIT_DIR" in os.environ or repository_of(root) is not None


def prefix_in_repository(root: Path) -> str:
    """Return the path of a folder in its repository with a final ``/``, or ``""``."""
    top = repository_of(root)
    inside = root.resolve().relative_to(top).as_posix() if top else "."
    return "" if inside == "." else f"{inside}/"


def run_git(
    root: Path,
    *arguments: str,
    refusal: bool = False,
    index: Path | None = None,
    given: bytes = b"",
) -> bytes:
    """Return what git prints.

    Args:
        root: Where it runs.
        arguments: Of git.
        refusal: Exit status 1 is an answer (nothing found), not a failure.
        index: That git takes instead of its own.
        given: What git reads from standard input.

    Raises:
        ConfigError: git cannot be started or refuses; says why.
    """
    settings = [word for setting in _LOOK for word in ("-c", setting)]
    other = {} if index is None else {"GIT_INDEX_FILE": str(index)}
    try:
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=root,
            env=git_environment(root) | other,
            input=given,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise ConfigError(
            f"{root}: git cannot be started ({error.strerror}). Install git."
        ) from error
    if done.returncode and not (refusal and done.returncode == 1):
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigError(f"{root}: git {arguments[0]} failed: {said}")
    return done.stdout


def git_environment(root: Path) -> dict[str, str]:
    """Return the environment in which git finds the repository a project lies in.

    What a hook or a person sets counts only where no folder above is a repository,
    and then as seen from where we were started, whatever folder git runs in.
    """
    ours = {**os.environ, **_QUIET}
    if repository_of(root) is not None:
        return {name: value for name, value in ours.items() if name not in _HOOK}
    if "GIT_DIR" in ours:
        ours.setdefault("GIT_WORK_TREE", ".")
        for name in _HOOK[:-1]:
            if name in ours:
                ours[name] = str(Path(ours[name]).absolute())
    return ours


def repository_of(root: Path) -> Path | None:
    """Return the folder at or above one that is a repository."""
    here = root.resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder
    return None
