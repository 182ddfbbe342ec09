"""Who works here, as git would name them."""

import getpass
import os
from pathlib import Path

from regml.errors import ConfigError
from regml.files.repository import run_git
from regml.items.recorded import Person


def person(root: Path) -> Person:
    """Return who works here, as git would name them in a commit.

    The environment (``GIT_AUTHOR_NAME``, ``GIT_AUTHOR_EMAIL``) goes before git's
    configuration, as in git; without either it is the user of the operating system.
    """
    settings = _identity(root)
    user = _system_user()

    def first(key: str) -> str | None:
        return (
            os.environ.get(f"GIT_AUTHOR_{key.upper()}")
            or settings.get(f"author.{key}")
            or settings.get(f"user.{key}")
        )

    return Person(first("name") or user, first("email") or f"{user}@localhost")


def _identity(root: Path) -> dict[str, str]:
    asked = ("config", "-z", "--get-regexp", r"^(author|user)\.(name|email)$")
    try:
        answer = run_git(root, *asked, refusal=True)
    except ConfigError:
        return {}  # without git there is still somebody at work
    rows = (row.partition(b"\n") for row in answer.split(b"\0") if row)
    return {
        key.decode(): value.decode(errors="replace").strip() for key, _, value in rows
    }


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run a user id without a name
        return f"uid{os.getuid()}"
