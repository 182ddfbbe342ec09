"""What git knows of a project, and how it is set up to show and merge records."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regml.doctor.diagnosis import Diagnosis, State
from regml.errors import ConfigError
from regml.files.repository import in_repository, run_git

_TEXTCONV: Final = "regml record show"
_ATTRIBUTES: Final = {
    ("records/runs/0.json", "diff"): ("regml", "records/**/*.json diff=regml -text"),
    ("records/log.jsonl", "merge"): ("union", "records/log.jsonl merge=union -text"),
}


def repository(root: Path) -> Iterator[Diagnosis]:
    """Look at the repository, its history and its settings."""
    if not in_repository(root):
        yield Diagnosis(
            "repository",
            State.PROBLEM,
            "The project is in no git repository.",
            "git init && git add --all && git commit",
        )
        return
    try:
        head = run_git(root, "rev-parse", "--verify", "--quiet", "HEAD", refusal=True)
        shallow = run_git(root, "rev-parse", "--is-shallow-repository").strip()
    except ConfigError as error:
        remedy = "See what 'git status' and 'git fsck' say; restore .git from a clone."
        yield Diagnosis("repository", State.PROBLEM, str(error), remedy)
        return
    yield Diagnosis(
        "repository",
        State.OK if head else State.PROBLEM,
        f"at commit {head.decode()[:12]}" if head else "There is no commit yet.",
        "" if head else "git add --all && git commit",
    )
    if shallow == b"true":
        yield Diagnosis(
            "history",
            State.WARN,
            "The clone is shallow: ids, changes and signatures of before are unknown.",
            "git fetch --unshallow; in GitHub Actions fetch-depth: 0",
        )
    yield from _git_settings(root)


def _git_settings(root: Path) -> Iterator[Diagnosis]:
    email = _setting(root, "user.email")
    yield Diagnosis(
        "identity",
        State.OK if email else State.WARN,
        f"git knows you as {email}" if email else "git does not know who you are.",
        "" if email else "git config --global user.email you@example.org; user.name",
    )
    for (path, name), (value, line) in _ATTRIBUTES.items():
        row = run_git(root, "check-attr", name, "--", path).decode().strip()
        fits = row.endswith(f": {value}")
        yield Diagnosis(
            ".gitattributes",
            State.OK if fits else State.WARN,
            f"{name}={value} for {path.partition('/')[0]}"
            if fits
            else f"{path} has no {name}={value}, so "
            + ("git shows base64." if name == "diff" else "branches will conflict."),
            "" if fits else f"Add the line '{line}' to .gitattributes.",
        )
    yield from _line_ends(root)
    set_ = _setting(root, "diff.regml.textconv") == _TEXTCONV
    yield Diagnosis(
        "textconv",
        State.OK if set_ else State.WARN,
        "git shows records readably"
        if set_
        else "This clone does not know how to show a record: git does not copy it.",
        "" if set_ else f"git config diff.regml.textconv '{_TEXTCONV}'",
    )


def _line_ends(root: Path) -> Iterator[Diagnosis]:
    """Tell where git writes files otherwise than they were committed."""
    rewrites = [
        f"{key}={value}"
        for key in ("core.autocrlf", "core.eol")
        if (value := _setting(root, key)) not in ("", "false", "lf", "native")
    ]
    kept = run_git(root, "check-attr", "text", "--", "dvc.lock").decode().strip()
    if rewrites and not kept.endswith(": unset"):
        yield Diagnosis(
            "line ends",
            State.WARN,
            f"{' and '.join(rewrites)} rewrites line ends of this clone, and DVC and "
            "regml compare bytes.",
            "Add the line '* -text' as the first of .gitattributes, commit it, and "
            "clone anew.",
        )


def _setting(root: Path, key: str) -> str:
    return run_git(root, "config", "--get", key, refusal=True).decode().strip()


def hooks(root: Path) -> Iterator[Diagnosis]:
    """Look whether a check before each commit is asked for, and whether it runs."""
    if not in_repository(root):
        return
    config = root / ".pre-commit-config.yaml"
    declared = config.is_file() and "regml" in config.read_text("utf-8", "replace")
    where = run_git(root, "rev-parse", "--git-path", "hooks").decode().strip()
    installed = (root / where / "pre-commit").is_file()
    if declared and not installed:
        yield Diagnosis(
            "hooks",
            State.WARN,
            ".pre-commit-config.yaml names regml, and the hook is not installed.",
            "pre-commit install",
        )
    else:
        text = "pre-commit hook installed" if installed else "none; none is needed"
        yield Diagnosis("hooks", State.OK, text)
