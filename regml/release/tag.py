"""Tags of git for releases: an anchor of the log outside of it."""

from pathlib import Path

from regml.errors import ConfigError
from regml.files.repository import run_git
from regml.items.recorded import Record, Release


def tag_name(version: str) -> str:
    """Return how the tag of a version is called."""
    return f"v{version}"


def refuse_tag(root: Path, version: str, *, signed: bool) -> None:
    """Refuse a tag that could not be made, before anything is signed.

    Raises:
        ConfigError: It is there already, is no name, or git has no key to sign with.
    """
    name = f"refs/tags/{tag_name(version)}"
    try:
        run_git(root, "check-ref-format", name)
    except ConfigError as error:
        raise ConfigError(
            f"{tag_name(version)!r} is no name for a tag. Release another version, or "
            "leave out --tag."
        ) from error
    if run_git(root, "rev-parse", "--verify", "--quiet", name, refusal=True):
        raise ConfigError(
            f"the tag {tag_name(version)} is there already. A tag is never moved: "
            "release another version, or leave out --tag."
        )
    key = run_git(root, "config", "--get", "user.signingKey", refusal=True)
    if signed and not key.strip():
        raise ConfigError(
            "git has no key to sign tags with. Name one: git config user.signingKey "
            "KEY (for an SSH key also gpg.format ssh), or use --tag."
        )


def make_tag(root: Path, record: Record, said: Release, *, signed: bool) -> str:
    """Tag the commit that was released; return the name of the tag.

    Raises:
        ConfigError: git refuses; says why.
    """
    name = tag_name(said.version)
    message = (
        f"Release {said.version}\n\n"
        f"record {record.sha256}\nmodel {said.model or 'none'}\n"
        f"dataset {said.dataset or 'none'}\ncontents {said.contents or 'none'}\n"
    )
    how = "--sign" if signed else "--annotate"
    plain = () if signed else ("--no-sign",)
    run_git(root, "tag", how, *plain, "--message", message, name, said.commit)
    # git 2.39 makes a tag without a signature, and says 0, when ssh-keygen fails
    if signed and b"\n-----BEGIN " not in run_git(root, "cat-file", "tag", name):
        run_git(root, "tag", "--delete", name)
        raise ConfigError(
            f"git made {name} without a signature, so it was removed again. See that "
            f"user.signingKey is right, then: git tag --sign {name} {said.commit}"
        )
    return name
