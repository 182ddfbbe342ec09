"""Packages as they are installed beside the running interpreter."""

import base64
import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regml.digest import fingerprint
from regml.files.lock import normalised

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

CHUNK: Final = 1 << 20
"""Bytes that are read at once."""

_WHAT_PEOPLE_WRITE: Final[Mapping[str, str]] = {
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
}
"""Names of licences that can only mean one SPDX expression."""

_OF_THE_INSTALLER: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files that say how a package came here and not what it is."""


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """One package as its own metadata describes it.

    Attributes:
        name: As it writes itself.
        version: Installed.
        summary: In a few words; ``""`` when it has none.
        licence: SPDX expression; ``None`` when the metadata give none.
        licence_words: What they say about the licence instead.
        published_by: Authors and maintainers without their addresses.
        home: Where the project is at home.
        issues: Where its problems are reported or its changes listed.
        requires: Packages that it needs here, normalised and sorted, without extras.
    """

    name: str
    version: str
    summary: str = ""
    licence: str | None = None
    licence_words: str = ""
    published_by: str = ""
    home: str = ""
    issues: str = ""
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """What lies on disk of a package.

    Attributes:
        sha256: Of the canonical JSON of the digests of its files by path; the same for
            everybody who installed the same distribution.
        changed: Files that are missing, or differ from what the installer wrote down.
    """

    sha256: str
    changed: tuple[str, ...] = ()


def read_installed(names: Iterable[str]) -> dict[str, InstalledPackage]:
    """Return those of the named packages that are installed, by normalised name."""
    found = {}
    for name in names:
        try:
            found[normalised(name)] = _described(distribution(name))
        except PackageNotFoundError:
            continue
    return found


def read_files(name: str) -> Files | None:
    """Hash the files of an installed package, byte by byte.

    Returns:
        ``None`` where it is not installed, is used from its sources, or its list of
        files has no digests.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    listed = {} if _from_sources(found) else dict(sorted(_listed(found)))
    if not listed:
        return None
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        places = (Path(str(found.locate_file(path))) for path in listed)
        read = list(pool.map(_digests, places, (row[0] for row in listed.values())))
    return Files(
        fingerprint(
            {path: sha256 for path, (sha256, _) in zip(listed, read, strict=True)}
        ),
        tuple(
            path
            for (path, row), (_, digest) in zip(listed.items(), read, strict=True)
            if digest != row[1]
        ),
    )


def _from_sources(found: Distribution) -> bool:
    """Tell whether what is imported is no copy: ``pip install -e``."""
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    info = told.get("dir_info") if isinstance(told, dict) else None
    return isinstance(info, dict) and bool(info.get("editable"))


def spdx(text: str) -> str | None:
    """Return a licence as SPDX writes it, ``None`` where it is no SPDX expression."""
    from packaging.licenses import (
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None


def _listed(found: Distribution) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give each file of a distribution with algorithm and digest as RECORD states them.

    Scripts are left out: the installer writes the path of the interpreter into them.
    """
    for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
        path, stated = [*row, "", ""][:2]
        folder, _, name = path.rpartition("/")
        own = folder.endswith(".dist-info") and name in _OF_THE_INSTALLER
        kind, _, encoded = stated.partition("=")
        known = kind in hashlib.algorithms_guaranteed and not kind.startswith("shake")
        if known and not own and not path.startswith(("..", "/")):
            yield path, (kind, encoded.rstrip("="))


def _digests(path: Path, kind: str) -> tuple[str, str]:
    """Return the sha256 of a file, and its digest in the form of RECORD.

    Both are empty where it cannot be read.
    """
    digest, as_stated = hashlib.sha256(), hashlib.new(kind)
    same = kind == "sha256"
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                if not same:
                    as_stated.update(chunk)
    except OSError:
        return "", ""
    value = (digest if same else as_stated).digest()
    return digest.hexdigest(), base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _described(found: Distribution) -> InstalledPackage:
    metadata = found.metadata
    licence, words = _licence(metadata)
    urls = dict(_urls(metadata))
    return InstalledPackage(
        name=metadata["Name"],
        version=found.version,
        summary=" ".join((_text(metadata, "Summary")).split()),
        licence=licence,
        licence_words=words,
        published_by=_people(metadata),
        home=_first(urls, "homepage", "home", "source", "repository"),
        issues=_first(urls, "issue", "tracker", "changelog", "changes", "release"),
        requires=tuple(sorted(_needed_here(found.requires or ()))),
    )


def _licence(metadata: "PackageMetadata") -> tuple[str | None, str]:
    """Return the licence as SPDX expression, and what was said about it."""
    if stated := _text(metadata, "License-Expression"):
        return stated, stated
    said = _text(metadata, "License").splitlines()[:1]
    named = metadata.get_all("Classifier") or []
    said += [c.rpartition(" :: ")[2] for c in named if c.startswith("License ::")]
    for words in said:
        if words in _WHAT_PEOPLE_WRITE:
            return _WHAT_PEOPLE_WRITE[words], words
        if expression := spdx(words):
            return expression, words
    # the words of a classifier come from a list; a field may hold a whole text
    return None, said[-1][:60] if said else ""


def _people(metadata: "PackageMetadata") -> str:
    names: list[str] = []
    for field in ("Author", "Author-email", "Maintainer", "Maintainer-email"):
        text = re.sub(r"\s*<[^<>]*>", "", _text(metadata, field)).replace('"', "")
        names += [" ".join(name.split()) for name in text.split(",")]
    return ", ".join(dict.fromkeys(n for n in names if n and "@" not in n))


def _urls(metadata: "PackageMetadata") -> Iterator[tuple[str, str]]:
    if home := _text(metadata, "Home-page"):
        yield "homepage", home
    for row in metadata.get_all("Project-URL") or ():
        label, _, url = row.partition(",")
        yield label.strip().lower(), url.strip()


def _first(urls: Mapping[str, str], *words: str) -> str:
    """Return the address whose label has the first of some words."""
    for word in words:
        for label, url in urls.items():
            if word in label:
                return url
    return ""


def _needed_here(requires: Iterable[str]) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in requires:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield normalised(wanted.name)


def _text(metadata: "PackageMetadata", field: str) -> str:
    value = next(iter(metadata.get_all(field) or ()), None)
    return (value or "").strip() if value != "UNKNOWN" else ""
