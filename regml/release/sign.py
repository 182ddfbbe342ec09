"""Releasing: from a project that passed the gate to a signed record and an archive."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

from regml.digest import Artifact, sha256_of
from regml.errors import ConfigError, UnknownIdError
from regml.files.archive import kept_of
from regml.files.dvc import read_stages
from regml.files.git import commit_seconds
from regml.files.package import Content, sha256, write_package
from regml.items.config import MAY_DECIDE
from regml.items.recorded import Origin, Record, Release, StageRun
from regml.project import Project, open_project
from regml.records.approvals import as_signer, entitled_role, signer_of
from regml.records.bills import kept_path
from regml.records.keys import personal_key
from regml.records.log import append, utc_now
from regml.records.origin import observe
from regml.release.back import Back
from regml.release.bills import Writer, digests, keep, kept
from regml.release.contents import (
    CONTENTS,
    DHF,
    contents_list,
    gather,
    records_until,
)
from regml.trace.nodes import SHORT

if TYPE_CHECKING:
    from regml.items.config import Signer
    from regml.records.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Handed:
    """A release that was signed, and where its archive is.

    Attributes:
        record: The signed record.
        said: What it says.
        archive: The archive.
        sha256: Of the archive.
        with_dhf: Whether the Design History File is in it.
    """

    record: Record
    said: Release
    archive: Path
    sha256: str
    with_dhf: bool


@dataclass(frozen=True)
class Releaser:
    """Who signs, and in which role.

    Attributes:
        key: Theirs.
        signer: As ``regml.toml`` names them.
        role: They speak in.
    """

    key: "SigningKey"
    signer: "Signer"
    role: str


@dataclass(frozen=True)
class Draft:
    """A release that can be signed: everything it needs was found.

    Attributes:
        project: What is released.
        release: What the record will say.
        members: What goes into the archive besides records, by name.
        bills: Those of them that are bills of materials.
        key: Who signs.
    """

    project: Project
    release: Release
    members: Mapping[str, Content]
    bills: Mapping[str, bytes]
    key: "SigningKey"


def releaser(project: Project, role: str | None) -> Releaser:
    """Return who works here, if they may release.

    Raises:
        SigningKeyError: The key's owner is no signer, or has not got the role.
    """
    config = project.evidence.config
    key = personal_key()
    signer = signer_of(key, config.signers)
    wanted = {f"the release of {config.device.name}": MAY_DECIDE}
    spoken_as = entitled_role(signer, role, wanted, config.signers, act="sign")
    return Releaser(key, signer, spoken_as)


def draft(
    project: Project,
    commit: str,
    version: str | None,
    *,
    by: Releaser,
    write_bills: Writer,
    back: Back | None = None,
    comment: str = "",
) -> Draft:
    """Gather all that a release names, before anything is written.

    Args:
        project: Read from a clean work tree.
        commit: Of the work tree.
        version: Of the device; that of ``regml.toml`` where none is named.
        by: Who signs.
        write_bills: Writes its bills of materials.
        back: The earlier release that is in force again.
        comment: What the signer adds.

    Raises:
        RegmlError: A part is missing; says which and how to bring it.
    """
    root, config = project.root, project.evidence.config
    named = version or config.device.version
    before = [record.id for record, said in _releases(project) if said.version == named]
    if before and not comment.strip():
        raise ConfigError(
            f"{named} was released before (release@{before[-1]}), and the name would "
            "mean something else from now on. Release another version, or say why with "
            "--comment."
        )
    observed = observe(root, started_utc=utc_now(), stages=read_stages(root))
    base = (
        _of_now(project, commit, named, observed)
        if back is None
        else _of_then(back, named)
    )
    release = replace(
        base,
        origin=as_signer(observed, by.signer),
        role=by.role,
        heads=project.evidence.log_heads,
        comment=comment.strip(),
    )
    members = gather(root, release, project.evidence.built, key_id=by.key.id)
    # an earlier release has those that were handed over with it
    then = kept(root, base) if back else None
    bills = then or write_bills(_at(project, release), release.model or "")
    sums = contents_list({**members, **bills})
    return Draft(
        project,
        replace(release, contents=sha256_of(sums), bills=digests(bills)),
        {**members, **bills, CONTENTS: sums},
        bills,
        by.key,
    )


def hand_over(draft: Draft) -> Handed:
    """Sign the record, then write the archive.

    Raises:
        RegmlError: The record cannot be written, or the archive cannot: the message
            says which; a record that was written stays.
    """
    keep(draft.project.root, draft.bills)
    record = append(draft.project.root, draft.release, draft.key)
    try:
        return _packed(draft.project, record, draft.members)
    except ConfigError as error:
        raise ConfigError(
            f"{error} The release itself is recorded ({record.path}). When that is "
            f"mended: regml release {draft.release.version} --archive-only"
        ) from error


def pack_again(project: Project, version: str | None, *, write_bills: Writer) -> Handed:
    """Write the archive of the last release of a version once more; sign nothing.

    Args:
        project: Where it was released.
        version: That of ``regml.toml`` where none is named.
        write_bills: Writes bills of materials where those of then were not kept.

    Raises:
        UnknownIdError: That version was never released.
        ConfigError: It would not be what was signed.
    """
    named = version or project.evidence.config.device.version
    found = [(r, s) for r, s in _releases(project) if s.version == named]
    if not found:
        raise UnknownIdError(f"{named} was never released. 'regml list releases'.")
    record, said = found[-1]
    bills, lost = kept(project.root, said), ""
    if bills is None:
        names = ", ".join(starmap(kept_path, sorted(said.bills.items())))
        lost = f"Bring its bills of materials back: {names}. "
        bills = dict(write_bills(_at(project, said), said.model or ""))
    for built in (project.evidence.built, None):
        members = gather(project.root, said, built, key_id=record.key_id) | bills
        sums = contents_list(members)
        if sha256_of(sums) == said.contents:
            return _packed(project, record, {**members, CONTENTS: sums})
    raise ConfigError(
        f"the archive of {named} cannot be made again: what is here is not all that "
        f"was signed (release@{record.id}). {lost}"
        "If its Design History File was part of it, build that again: regml dhf "
        f"build --at {said.commit[:SHORT]}. It was written by regml "
        f"{said.origin.environment.get('regml', 'unknown')}; another version may write "
        "other pages."
    )


def archive_path(project: Project, version: str) -> Path:
    """Return where the archive of a version is written."""
    device = project.evidence.config.device.name
    kept = "".join(c if c.isalnum() or c in ".-_" else "-" for c in device)
    named = "".join(c if c.isalnum() or c in ".-_+" else "-" for c in version)
    return project.root / "build" / "release" / f"{kept}-{named}.zip"


def _packed(project: Project, record: Record, members: Mapping[str, Content]) -> Handed:
    said = record.statement
    assert isinstance(said, Release)  # noqa: S101 - who calls us knows
    whole = {**members, **records_until(project.root, record.path)}
    path = archive_path(project, said.version)
    seconds = commit_seconds(project.root, said.commit)
    write_package(path, whole, seconds=seconds)
    with_dhf = any(name.startswith(f"{DHF}/") for name in whole)
    return Handed(record, said, path, sha256(path), with_dhf)


def _at(project: Project, said: Release) -> Project:
    """Return the project as it was released."""
    if project.evidence.commit == said.commit and not project.evidence.dirty:
        return project
    return open_project(project.root, at=said.commit, own_checks=False)


def _releases(project: Project) -> list[tuple[Record, Release]]:
    return [
        (record, record.statement)
        for record in project.graph.current.believed
        if isinstance(record.statement, Release)
    ]


def _of_now(project: Project, commit: str, version: str, origin: Origin) -> Release:
    """Return a release of what ``dvc.lock`` stands for."""
    evidence, graph = project.evidence, project.graph
    device = evidence.config.device
    if version != device.version:
        raise ConfigError(
            f"regml.toml: this is {device.name} {device.version}, not {version}. Set "
            "'version' under [device] and commit it, so that all documents name it; or "
            "name an earlier release with --of."
        )
    current = graph.current
    if current.model is None:
        raise ConfigError(
            "there is no model to release: no believed run that noted one explains "
            "dvc.lock. Run 'dvc repro'."
        )
    artifacts = _artifacts(project)
    _refuse_lost(project, commit, artifacts)
    return Release(
        origin=origin,
        role="",
        version=version,
        model=current.model.sha256,
        dataset=current.manifest.sha256 if current.manifest else None,
        commit=commit,
        heads=(),
        documents={
            plan.node_id: digest
            for plan in evidence.documents
            if (digest := graph.fingerprint(plan.node_id))
        },
        artifacts=artifacts,
    )


def _of_then(back: Back, version: str) -> Release:
    """Return a release of what an earlier one handed over."""
    return replace(
        back.said,
        version=version,
        of=back.record.id,
        known=back.known,
        because=back.because if back.known else "",
    )


def _artifacts(project: Project) -> tuple[Artifact, ...]:
    """Return every output of the runs that explain ``dvc.lock``, sorted by path."""
    found = {
        out.path: out
        for record in project.graph.current.explained.values()
        if record is not None and isinstance(record.statement, StageRun)
        for out in record.statement.outputs
    }
    return tuple(found[path] for path in sorted(found))


def _refuse_lost(
    project: Project, commit: str, artifacts: tuple[Artifact, ...]
) -> None:
    """Refuse what could not be had again later (IEC 62304 5.8.7)."""
    kept = kept_of(project.root, commit, artifacts)
    lost = [a.path for a in artifacts if a.sha256 not in kept]
    if lost:
        raise ConfigError(
            f"{', '.join(lost[:5])}: neither in the commit nor in the cache of DVC, so "
            "nobody could have it again. Bring it with 'dvc pull', or commit it."
        )
