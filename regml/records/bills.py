"""The bills of materials that releases signed: kept in git, each under its digest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regml.digest import sha256_of
from regml.items.recorded import Record, Release
from regml.records.storage import FOLDER

KEPT: Final = f"{FOLDER}/bills"
"""Where git keeps them."""


@dataclass(frozen=True, slots=True)
class Bills:
    """What became of the bills that releases signed.

    Attributes:
        named: Those that a release names, by path, and whether each is as it was.
        unnamed: What else lies among them; it is no evidence.
        problems: Path of each that is not as it was, and what that means.
    """

    named: Mapping[str, bool]
    unnamed: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]


def kept_path(name: str, digest: str) -> str:
    """Return where a bill is kept, by its name in the archive and its sha256."""
    return f"{KEPT}/{digest[:12]}-{name.rpartition('/')[2]}"


def compare_bills(root: Path, records: Iterable[Record]) -> Bills:
    """Hold the bills that are kept against the releases that signed them."""
    signed = {
        kept_path(name, digest): (digest, record.id)
        for record in records
        if isinstance(record.statement, Release)
        for name, digest in sorted(record.statement.bills.items())
    }
    problems = {
        path: problem
        for path, (digest, release) in sorted(signed.items())
        if (problem := _problem(root, path, digest, release))
    }
    folder = root / KEPT
    there = folder.iterdir() if folder.is_dir() else ()
    return Bills(
        named={path: path not in problems for path in sorted(signed)},
        unnamed=tuple(sorted({f"{KEPT}/{file.name}" for file in there} - set(signed))),
        problems=tuple(problems.items()),
    )


def _problem(root: Path, path: str, digest: str, release: str) -> str | None:
    again = f"bring it back: git checkout -- {path}, or take it from its archive"
    what = f"the bill of materials that release@{release} signed"
    try:
        content = (root / path).read_bytes()
    except OSError as error:
        return f"{what} cannot be read ({error.strerror}): it was removed; {again}"
    found = sha256_of(content)
    if found == digest:
        return None
    return (
        f"is not {what}: {len(content):,} bytes (sha256 {found[:12]} instead of "
        f"{digest[:12]}): it was edited; {again}"
    )
