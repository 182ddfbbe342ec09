"""The software bill of materials: what the device consists of, as CycloneDX."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from regml.exchange.cyclonedx import Json, device_ref, document, licence, named
from regml.files.imported import Imported
from regml.files.installed import Files, InstalledPackage
from regml.files.lock import is_version, normalised
from regml.items.design import Exploitability, Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import Vulnerability, VulnerabilityExport, latest
from regml.items.wording import placeholders
from regml.project import Project
from regml.trace.looked_up import standing_of
from regml.trace.model import TraceGraph
from regml.trace.packages import items_of, not_locked, package_url
from regml.trace.rules.soup import PYTHON, soups
from regml.trace.vulnerabilities import concerns

TRIAGE: Final = "in_triage"
"""State of what nobody has assessed, or has not finished."""

_STATES: Final[Mapping[Exploitability, str]] = {
    Exploitability.AFFECTED: "exploitable",
    Exploitability.NOT_AFFECTED: "not_affected",
    Exploitability.FIXED: "resolved",
    Exploitability.UNDER_INVESTIGATION: TRIAGE,
}


@dataclass(frozen=True, slots=True)
class Installation:
    """What is known about the packages of the device where they are installed.

    Attributes:
        packages: By normalised name.
        files: Digests of what lies on disk, by normalised name.
        archives: sha256 of the archives that the lock file allows, by normalised name.
        imports: What the device's own code imports.
    """

    packages: Mapping[str, InstalledPackage]
    files: Mapping[str, Files | None]
    archives: Mapping[str, tuple[str, ...]]
    imports: tuple[Imported, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One package of the device.

    Attributes:
        name: As people write it.
        version: Of the lock file, or of the SOUP item where it is not locked.
        soup: Its SOUP item; ``None`` where nobody wrote one.
        locked: Whether the lock file has it.
    """

    name: str
    version: str
    soup: Soup | None
    locked: bool

    @property
    def ref(self) -> str:
        """How the document refers to it."""
        if self.url is not None:
            return self.url
        return f"soup:{self.name}@{self.version}"

    @property
    def url(self) -> str | None:
        """Its package URL; what is neither locked nor Python has none."""
        if self.locked or normalised(self.name) == PYTHON:
            return package_url(self.name, self.version)
        return None


def sbom(project: Project, installation: Installation) -> tuple[Json, tuple[str, ...]]:
    """Return the bill of materials, and in sentences what is open in it."""
    graph, parts = project.graph, parts_of(project.graph)
    feed = latest(graph.evidence.vulnerabilities)
    found = list(_known(parts, feed))
    components = [_component(part, installation, feed) for part in parts]
    unknown = [p.ref for p in parts if _installed(p, installation) is None]
    built = document(
        project,
        about="software bill of materials",
        components=components,
        dependencies=_dependencies(project, parts, installation),
        properties={
            "regml:vulnerability-feed": f"{feed.exported}: {feed.source}"
            if feed
            else "none: no package was looked up",
        },
        vulnerabilities=_vulnerabilities(parts, found, feed),
        compositions=[{"aggregate": "unknown", "dependencies": unknown}]
        if unknown
        else [],
    )
    missing = [
        f"{' or '.join(one.packages)} ({one.by})"
        for one in not_locked(graph, installation.imports)
    ]
    said = [f"Imported, but not locked: {', '.join(missing)}."] if missing else []
    return built, (*said, *_open(parts, installation, found, feed))


def parts_of(graph: TraceGraph) -> tuple[Part, ...]:
    """Return what lock file and SOUP items name, each once, by name."""
    evidence = graph.evidence
    parts = []
    for name, version in evidence.packages.items():
        items = items_of(graph, name)
        soup = next((s for s in items if s.version == version), None)
        soup = soup or next(iter(items), None)
        parts.append(Part(soup.package if soup else name, version, soup, locked=True))
    parts += [
        Part(soup.package, soup.version, soup, locked=False)
        for soup in soups(graph)
        if normalised(soup.package) not in evidence.packages
    ]
    return tuple(sorted(parts, key=lambda part: (normalised(part.name), part.version)))


def _component(
    part: Part, installation: Installation, feed: VulnerabilityExport | None
) -> Json:
    name, soup = normalised(part.name), part.soup
    here = _installed(part, installation)
    hashes, of_what = _hashes(part, installation)
    made: Json = {
        "type": "platform" if name == PYTHON else "library",
        "bom-ref": part.ref,
        "name": part.name,
        "version": part.version,
        "scope": "required",
        "properties": named(
            {
                "regml:soup": soup.id if soup else "none: nobody wrote a SOUP item",
                "regml:support-level": _support(soup),
                "regml:end-of-support": _end(soup),
                "regml:hash-of": of_what,
                "regml:vulnerabilities": _looked_up(part, feed),
            }
        ),
    }
    if part.url is not None:
        made["purl"] = part.url
    if here and here.summary:
        made["description"] = here.summary
    if hashes:
        made["hashes"] = [{"alg": "SHA-256", "content": value} for value in hashes]
    if supplier := _supplier(part, here):
        made["supplier"] = {"name": supplier}
    if stated := _licence(part, here):
        made["licenses"] = licence(stated)
    return made


def _supplier(part: Part, here: InstalledPackage | None) -> str:
    """Return who makes a package, ``""`` where nobody says so."""
    if part.soup is not None:
        return _decided(part.soup.supplier)
    return (here and here.published_by) or ""


def _licence(part: Part, here: InstalledPackage | None) -> str:
    """Return the licence of a package, ``""`` where nobody says so."""
    if part.soup is not None:
        return _decided(part.soup.licence)
    return (here and here.licence) or ""


def _decided(text: str) -> str:
    """Return a text, ``""`` where somebody has still to write it."""
    return "" if any(placeholders(text)) else text


def _hashes(part: Part, installation: Installation) -> tuple[tuple[str, ...], str]:
    """Return sha256 digests of a package, and of what they are."""
    name = normalised(part.name)
    if allowed := installation.archives.get(name):
        return allowed, "the archives that the lock file allows, any of which it is"
    if _installed(part, installation) is None:
        return (), "nothing: it is not installed here in this version"
    files = installation.files.get(name)
    if files is None:
        return (), "nothing: its installation has no list of files with digests"
    return (files.sha256,), (
        "the canonical JSON of the sha256 of each installed file by its path, for the "
        "files listed in RECORD, without scripts and what the installer added"
    )


def _installed(part: Part, installation: Installation) -> InstalledPackage | None:
    here = installation.packages.get(normalised(part.name))
    if here is None or not is_version(here.version, part.version):
        return None
    return here


def _support(soup: Soup | None) -> str:
    return soup.support.value if soup and soup.support else "not stated"


def _end(soup: Soup | None) -> str:
    if soup is None:
        return "not stated"
    reason = f"none: {soup.no_end_because}" if soup.no_end_because else "not stated"
    return soup.end_of_support.isoformat() if soup.end_of_support else reason


def _looked_up(part: Part, feed: VulnerabilityExport | None) -> str:
    """Return whether somebody asked; what was answered stands in its own section."""
    asked = {normalised(k): v for k, v in feed.packages.items()} if feed else {}
    version = asked.get(normalised(part.name))
    if feed is None or version is None:
        return "not looked up"
    if version != part.version:
        return f"not looked up; version {version} was, on {feed.exported}"
    return f"looked up on {feed.exported}"


def _dependencies(
    project: Project, parts: Iterable[Part], installation: Installation
) -> dict[str, list[str]]:
    refs = {normalised(part.name): part.ref for part in parts}
    needs: dict[str, list[str]] = {device_ref(project): sorted(refs.values())}
    for part in parts:
        here = _installed(part, installation)
        wanted = here.requires if here else ()
        needs[part.ref] = [refs[name] for name in wanted if name in refs]
    return needs


@dataclass(frozen=True, slots=True)
class Known:
    """An entry of a feed about a part, and what somebody made of it.

    Attributes:
        part: In the version that is in the device.
        entry: Of the feed.
        assessment: For that version; ``None`` where nobody assessed it.
        detail: In one sentence.
    """

    part: Part
    entry: Vulnerability
    assessment: VulnerabilityAssessment | None
    detail: str


def _known(parts: Iterable[Part], feed: VulnerabilityExport | None) -> Iterator[Known]:
    """Give the entries about each part, also where no SOUP item fits its version."""
    for part in parts:
        for entry in feed.vulns if feed else ():
            if not concerns(entry, part.name, part.version):
                continue
            if part.soup is None:
                summary = entry.summary or "no summary"
                yield Known(part, entry, None, f"Not assessed. {summary}")
                continue
            one = standing_of(
                part.soup.model_copy(update={"version": part.version}), entry
            )
            judged = one.assessment
            told = f"{judged.date}: {judged.because}" if judged else ""
            yield Known(part, entry, judged, told or f"Not assessed. {one.detail}")


def _vulnerabilities(
    parts: tuple[Part, ...],
    found: Iterable[Known],
    feed: VulnerabilityExport | None,
) -> Iterator[Json]:
    """Give every entry of the feed about a part, and every older assessment."""
    told = set()
    for one in found:
        part, entry, judged = one.part, one.entry, one.assessment
        told |= {(part.ref, name) for name in (entry.id, *entry.aliases)}
        yield _entry(
            part,
            entry.id,
            source=feed.source if feed else "",
            aliases=entry.aliases,
            summary=entry.summary,
            analysis={
                "state": _STATES[judged.status] if judged else TRIAGE,
                "detail": one.detail,
            },
        )
    for part in parts:
        for judged in part.soup.vulnerabilities if part.soup else ():
            if (part.ref, judged.id) in told or judged.version != part.version:
                continue
            yield _entry(
                part,
                judged.id,
                source=f"assessment in {part.soup.id if part.soup else ''}",
                analysis={
                    "state": _STATES[judged.status],
                    "detail": f"{judged.date}: {judged.because}",
                },
            )


def _entry(
    part: Part,
    name: str,
    *,
    source: str,
    analysis: Json,
    aliases: Iterable[str] = (),
    summary: str = "",
) -> Json:
    made: Json = {
        "bom-ref": f"{name} {part.ref}",
        "id": name,
        "source": {"name": source},
        "analysis": analysis,
        "affects": [{"ref": part.ref}],
    }
    if summary:
        made["description"] = summary
    if also := [{"id": alias, "source": {"name": source}} for alias in aliases]:
        made["references"] = also
    return made


def _open(
    parts: Iterable[Part],
    installation: Installation,
    found: Iterable[Known],
    feed: VulnerabilityExport | None,
) -> Iterator[str]:
    """Give in sentences what a reader of the document would miss."""
    parts = list(parts)
    lists = {
        "No SOUP item": [p.name for p in parts if p.soup is None],
        "SOUP item for another version": [
            p.name for p in parts if p.soup and p.soup.version != p.version
        ],
        "No supplier": [
            p.name for p in parts if not _supplier(p, _installed(p, installation))
        ],
        "No licence": [
            p.name for p in parts if not _licence(p, _installed(p, installation))
        ],
        "No digest": [p.name for p in parts if not _hashes(p, installation)[0]],
        "Installed files differ from what was installed": [
            p.name
            for p in parts
            if (files := installation.files.get(normalised(p.name))) and files.changed
        ],
        "Vulnerabilities not looked up": [
            p.name for p in parts if not _looked_up(p, feed).startswith("looked up")
        ],
        "Vulnerabilities not assessed": [
            f"{one.part.name} ({one.entry.id})"
            for one in found
            if one.assessment is None
        ],
    }
    for words, names in lists.items():
        if names:
            yield f"{words}: {', '.join(names)}."
