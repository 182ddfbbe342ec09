"""Looking at an archive of a release without the repository it came from.

Nobody is believed: every byte is hashed, every signature checked, and what can be
derived (documents from items, model and dataset from the log) is derived again.
"""

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from regml.digest import Artifact
from regml.errors import RegmlError, SigningKeyError
from regml.files.config import CONFIG, read_config, read_policy
from regml.files.documents import read_documents
from regml.files.dvc import read_lock, read_stages
from regml.files.markdown import read_items
from regml.files.package import SUMS, digests, open_package, read_listing
from regml.files.text import read_text
from regml.items.config import MAY_DECIDE, Config
from regml.items.recorded import Record, Release, Waiver
from regml.records.anchors import Anchor, cut_off
from regml.records.log import Log, read_entries, read_log
from regml.records.storage import LOG
from regml.release.bills import problems as problems_of_bills
from regml.release.contents import (
    BUNDLE,
    CONTENTS,
    DHF,
    PROJECT,
    RECORDS,
    SIGNERS,
)
from regml.trace.build import build_graph
from regml.trace.current import signer_may
from regml.trace.evidence import Evidence
from regml.trace.model import TraceGraph

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

UNLISTED = (SUMS, CONTENTS)
"""Members that the signed list cannot name."""


@dataclass
class Inspection:
    """What was looked at in an archive, what was not, and what is wrong.

    Attributes:
        seen: What was looked at, as pairs of a word and a sentence.
        unseen: What was not, and why.
        problems: Where it happened, and in one sentence what it means.
    """

    seen: list[tuple[str, str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def found(self, where: str, message: str) -> None:
        """Note a problem."""
        self.problems.append((where, message))


def verify_archive(
    path: Path, *, key: str | None = None, anchors: Iterable[Anchor] = ()
) -> Inspection:
    """Look at everything in an archive.

    Args:
        path: The archive.
        key: Public key in PEM, from elsewhere, that has to have signed the release;
            without it the keys of the archive are taken.
        anchors: Heads of the log, or records, that were kept elsewhere.

    Raises:
        RegmlError: It is no archive of a release, is cut short, or the key is none.
    """
    seen = Inspection()
    with open_package(path) as archive:
        sums = digests(path, archive)
        tree = cast("Traversable", zipfile.Path(archive))
        seen.seen.append(("archive", f"{len(sums)} files, each read once"))
        _sums(seen, tree, sums)
        signers = _read(seen, f"{SIGNERS}/{CONFIG}", tree)
        log = _records(seen, tree, sums, signers) if signers else None
        if signers is None or log is None:
            return seen
        _anchors(seen, tree, anchors)
        released = _release(seen, tree, log, signers, key)
        if released is not None:
            said = released[1]
            _contents(seen, tree, sums, said)
            _artifacts(seen, sums, said)
            _bills(seen, tree, said)
            _graph(seen, tree, log, said)
    return seen


def key_in(path: Path) -> str:
    """Return the one public key that a file holds.

    Raises:
        SigningKeyError: It holds none or several, or another kind of key.
    """
    from regml.records.keys import read_public_key

    pem = read_text(path, name=str(path))
    remedy = (
        "Name a PEM file with the one public key, ECDSA P-256 or Ed25519, of the "
        "person who released."
    )
    try:
        read_public_key(pem)
    except SigningKeyError as error:
        raise SigningKeyError(f"{path}: holds no public key. {remedy}") from error
    if pem.count("-----BEGIN ") > 1:
        raise SigningKeyError(f"{path}: holds several keys. {remedy}")
    return pem


def _sums(seen: Inspection, tree: "Traversable", sums: Mapping[str, str]) -> None:
    if SUMS not in sums:
        seen.found(SUMS, "is missing: this is no whole archive of a release")
        return
    listed = read_listing((tree / SUMS).read_bytes(), name=SUMS)
    there = {name: digest for name, digest in sums.items() if name != SUMS}
    _compare(seen, listed, there, SUMS)
    equal = sum(there.get(name) == digest for name, digest in listed.items())
    seen.seen.append(("sums", f"{equal} of {len(listed)} files are as {SUMS} says"))


def _compare(
    seen: Inspection, listed: Mapping[str, str], there: Mapping[str, str], where: str
) -> None:
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            seen.found(name, f"is missing, though {where} lists it: it was removed")
        elif name not in listed:
            seen.found(name, f"is not listed in {where}: it was slipped in")
        elif listed[name] != there[name]:
            seen.found(name, f"is not what {where} says: it was changed")


def _read(seen: Inspection, name: str, tree: "Traversable") -> Config | None:
    """Return a configuration, or note why it cannot be read."""
    folder = tree / name.rpartition("/")[0]
    if not (tree / name).is_file():
        seen.found(name, "is missing: nobody can tell whose signature counts")
        return None
    try:
        return read_config(folder)
    except RegmlError as error:
        seen.found(name, str(error))
        return None


def _beside_the_log(tree: "Traversable", names: Iterable[str], log: Log) -> set[str]:
    """Return what lies among the records without being one or named by one."""
    named = {f"{PROJECT}/{path}" for path in log.environments}
    listed = {f"{PROJECT}/{entry.path}" for entry in read_entries(tree / PROJECT)}
    there = {name for name in names if name.startswith(RECORDS)}
    return there - listed - named - {f"{PROJECT}/{LOG}"}


def _records(
    seen: Inspection, tree: "Traversable", names: Iterable[str], config: Config
) -> Log | None:
    try:
        log = read_log(tree / PROJECT, config.signers)
    except RegmlError as error:
        seen.found(PROJECT, str(error))
        return None
    for problem in log.problems:
        seen.found(f"{PROJECT}/{problem.path}", f"{problem.kind}: {problem.message}")
    for name in sorted(_beside_the_log(tree, names, log)):
        seen.found(
            name,
            "is no record that the log lists, and none names it: it was slipped in",
        )
    told = f"{len(log.records)} of {log.listed} whole and signed"
    seen.seen.append(("records", told))
    return log


def _anchors(seen: Inspection, tree: "Traversable", anchors: Iterable[Anchor]) -> None:
    listed = {entry.sha256 for entry in read_entries(tree / PROJECT)}
    for anchor in anchors:
        problems = list(cut_off(anchor, listed))
        for problem in problems:
            seen.found(f"{PROJECT}/{problem.path}", problem.message)
        if not problems:
            seen.seen.append(("kept", f"{anchor.name} is in the log"))


def _release(
    seen: Inspection,
    tree: "Traversable",
    log: Log,
    config: Config,
    key: str | None,
) -> tuple[Record, Release] | None:
    """Return the record that the archive is of: the last one of its log."""
    entries = read_entries(tree / PROJECT)
    last = entries[-1].path if entries else ""
    record = next((r for r in log.records if r.path == last), None)
    if record is None or not isinstance(record.statement, Release):
        seen.found(PROJECT, "the last record is no release that can be believed")
        return None
    said = record.statement
    who = f"{said.origin.person.name} ({said.role})"
    again = f", again as release@{said.of}" if said.of else ""
    seen.seen.append(
        (
            "release",
            f"{said.version}{again} by {who} at {said.origin.finished_utc}, "
            f"release@{record.id}",
        )
    )
    _signer(seen, record, config, key)
    listed = {entry.sha256 for entry in entries}
    if not set(said.heads) <= listed:
        seen.found(last, "names heads of the log that the log does not hold")
    heads = ", ".join(head[:12] for head in said.heads) or "none"
    seen.seen.append(("anchor", f"the log before it ended with {heads}"))
    if said.known:
        seen.seen.append(
            (
                "known",
                f"{len(said.known)} things against it, handed over "
                f"all the same: {said.because}",
            )
        )
    if waived := _waived(log, config, said):
        seen.seen.append(("waived", f"by signature, and lived with: {waived}"))
    if said.of and not any(r.id == said.of for r in log.records):
        seen.found(last, f"goes back to release@{said.of}, which is not in the log")
    return record, said


def _waived(log: Log, config: Config, said: Release) -> str:
    """Return for how many subjects of which checks a waiver held on the day."""
    day = said.origin.finished_utc[:10]
    held = {
        (record.statement.rule, subject)
        for record in log.records
        if isinstance(record.statement, Waiver)
        and record.statement.until.isoformat() >= day
        and signer_may(record, MAY_DECIDE, config)
        for subject in record.statement.subjects
    }
    counts = Counter(rule for rule, _ in held)
    return ", ".join(f"{rule} on {counts[rule]}" for rule in sorted(counts))


def _signer(seen: Inspection, record: Record, config: Config, key: str | None) -> None:
    from regml.records.keys import key_id, read_public_key

    if not signer_may(record, MAY_DECIDE, config):
        seen.found(record.path, "is signed by somebody without the role quality")
    if key is None:
        seen.unseen.append(
            f"whether key {record.key_id[:12]} belongs to that person: it comes with "
            "the archive. Compare it, or name theirs with --key"
        )
    elif key_id(read_public_key(key)) != record.key_id:
        seen.found(
            record.path,
            f"is signed with key {record.key_id[:12]}, not with the one of --key",
        )
    else:
        seen.seen.append(("key", f"{record.key_id[:12]}, the one of --key"))


def _contents(
    seen: Inspection, tree: "Traversable", sums: Mapping[str, str], said: Release
) -> None:
    if said.contents is None or sums.get(CONTENTS) != said.contents:
        seen.found(
            CONTENTS, "is not what the release signed: no file in it can be believed"
        )
    if CONTENTS not in sums:
        return
    listed = read_listing((tree / CONTENTS).read_bytes(), name=CONTENTS)
    there = {
        name: digest
        for name, digest in sums.items()
        if name not in UNLISTED and not name.startswith(RECORDS)
    }
    _compare(seen, listed, there, CONTENTS)
    seen.seen.append(("contents", f"{len(listed)} files are in the signed list"))
    if not any(name.startswith(f"{DHF}/") for name in listed):
        seen.unseen.append("the Design History File: it was not put into the archive")
    seen.unseen.append(
        f"commit {said.commit[:12]} and its software: the repository is not here"
    )


def _artifacts(seen: Inspection, sums: Mapping[str, str], said: Release) -> None:
    """Look for every file that the record names; folders are too large to be here."""
    by_digest = {digest: name for name, digest in sums.items()}
    weights = by_digest.get(said.model or "", "")
    if said.model and not weights.startswith(f"{BUNDLE}/models/"):
        seen.found(f"{BUNDLE}/models", "does not hold the weights that were released")
    elif said.model:
        seen.seen.append(("model", f"sha256 {said.model[:12]} in {weights}"))
    if said.model and all(a.sha256 != said.model for a in said.artifacts):
        seen.found("release", "names a model that is none of its artifacts")
    if said.dataset and said.dataset not in by_digest:
        seen.found("release", "the manifest of its dataset is not in the archive")
    elif said.dataset:
        seen.seen.append(("dataset", f"manifest {by_digest[said.dataset]}"))
    for artifact in said.artifacts:
        name = f"{PROJECT}/{artifact.path}"
        if name in sums and sums[name] != artifact.sha256:
            seen.found(name, "is not what the release names under this path")
        elif artifact.sha256 not in by_digest and not _folder_is(artifact, sums):
            seen.unseen.append(
                f"{artifact.path} ({artifact.files} files, {artifact.size_bytes:,} "
                "bytes): not in the archive, named by its digest"
            )


def _bills(seen: Inspection, tree: "Traversable", said: Release) -> None:
    found = list(problems_of_bills(tree, tree / PROJECT, said))
    for name, message in found:
        seen.found(name, message)
    if not found:
        told = "every package of the lock file, and the model"
        seen.seen.append(("bills", f"of materials name {told}"))


def _folder_is(artifact: Artifact, sums: Mapping[str, str]) -> bool:
    """Tell whether a folder of the project is here, file by file."""
    from regml.digest import fingerprint

    start = f"{PROJECT}/{artifact.path}/"
    members = {
        name.removeprefix(start): digest
        for name, digest in sums.items()
        if name.startswith(start)
    }
    return bool(members) and fingerprint(members) == artifact.sha256


def _graph(seen: Inspection, tree: "Traversable", log: Log, said: Release) -> None:
    """Derive documents, model and dataset again from what is in the archive."""
    try:
        graph = _build(tree / PROJECT, log, said)
    except RegmlError as error:
        seen.found(PROJECT, str(error))
        return
    differing = list(_differing(graph, said))
    for name in differing:
        seen.found(name, "is not what it was when it was released")
    held = len(said.documents) - len(differing)
    seen.seen.append(
        (
            "documents",
            f"{held} of {len(said.documents)} derived again from items and templates",
        )
    )
    model, data = graph.current.model, graph.current.manifest
    if (model.sha256 if model else None) != said.model:
        seen.found("model", "is not the one that records and dvc.lock tell of")
    if (data.sha256 if data else None) != said.dataset:
        seen.found("dataset", "is not the one that records and dvc.lock tell of")
    explained = graph.current.explained
    told = sum(record is not None for record in explained.values())
    seen.seen.append(("dvc.lock", f"{told} of {len(explained)} stages explained"))


def _build(project: "Traversable", log: Log, said: Release) -> TraceGraph:
    return build_graph(
        Evidence(
            config=read_config(project),
            policy=read_policy(project),
            items=read_items(project),
            documents=read_documents(project),
            stages=read_stages(project),
            lock=read_lock(project),
            records=log.records,
            log_problems=log.problems,
            log_heads=log.heads,
            commit=said.commit,
        )
    )


def _differing(graph: TraceGraph, said: Release) -> Iterator[str]:
    planned = {plan.node_id for plan in graph.evidence.documents}
    for name in sorted(planned | said.documents.keys()):
        known = name in planned
        if not known or graph.fingerprint(name) != said.documents.get(name):
            yield name
