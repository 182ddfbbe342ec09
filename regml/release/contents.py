"""What goes into the archive of a release, found by digest and not by name."""

import json
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from regml.digest import Artifact, digest_file, sha256_of
from regml.errors import BrokenFileError, ConfigError
from regml.files.config import CONFIG, POLICY, read_config
from regml.files.documents import TEMPLATES
from regml.files.dvc_cache import cache_objects, object_path
from regml.files.git import files_below
from regml.files.markdown import ITEM_FOLDERS
from regml.files.package import Content, listing, sha256
from regml.files.revision import RevisionFile, open_revision
from regml.items.config import Config
from regml.items.documents import BuiltFile
from regml.items.recorded import Release
from regml.records import statement as statements
from regml.records.log import read_entries
from regml.records.opening import read_record
from regml.records.storage import FOLDER, LOG
from regml.release.bundle import inference, metadata
from regml.release.page import PAGE, page

PROJECT: Final = "project"
"""Folder of the archive with what git holds of the project."""

RECORDS: Final = f"{PROJECT}/{FOLDER}/"
"""Where records are; each is signed by itself."""

BUNDLE: Final = "bundle"
"""Folder with the model, laid out as a MONAI Bundle."""

DHF: Final = "dhf"
"""Folder with the Design History File."""

SIGNERS: Final = "signers"
"""Folder with ``regml.toml`` as it was when the release was signed, and the keys."""

CONTENTS: Final = "CONTENTS"
"""Lists all that was handed over; its sha256 is in the signed record."""

PLAIN: Final = (CONFIG, POLICY, "dvc.yaml", "dvc.lock", "params.yaml")


def gather(
    root: Path, release: Release, built: BuiltFile | None, *, key_id: str
) -> dict[str, Content]:
    """Return everything of a release but its records, by name in the archive.

    Args:
        root: The project.
        release: What is to be handed over.
        key_id: Of the key that signs it.
        built: The Design History File on disk; it goes in when it is of that commit.

    Raises:
        RegmlError: The weights are not here, or a file cannot be read.
    """
    revision = open_revision(root, release.commit)
    config = read_config(revision)
    members: dict[str, Content] = {
        f"{PROJECT}/{name}": (revision / name).read_bytes()
        for name in _files(revision, config, release.artifacts)
    }
    members |= _bundle(root, revision, release, config)
    members |= _signers(root, release, key_id)
    if built is not None and is_of(built, release):
        folder = root / built.folder
        members |= {
            f"{DHF}/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return members


def is_of(built: BuiltFile, release: Release) -> bool:
    """Tell whether a built file is whole and of the commit that is released."""
    whole = not (built.changed or built.absent or built.added)
    return whole and built.commit == release.commit


def contents_list(members: Mapping[str, Content]) -> bytes:
    """Return the list of all that is handed over, with digests."""
    return listing({name: sha256(content) for name, content in members.items()})


def records_until(root: Path, path: str) -> dict[str, Content]:
    """Return the log up to a record, every record up to it, and their environments.

    Raises:
        RecordError: The log cannot be read or does not list the record.
    """
    lines = (root / LOG).read_bytes().splitlines(keepends=True)
    paths = [entry.path for entry in read_entries(root)]
    end = paths.index(path) + 1
    found: dict[str, Content] = {f"{PROJECT}/{LOG}": b"".join(lines[:end])}
    for name in paths[:end]:
        found[f"{PROJECT}/{name}"] = _there(root, name)
        _, document = read_record((root / name).read_bytes(), name=name)
        environment = statements.environment_of(document, name=name)
        found[f"{PROJECT}/{environment}"] = _there(root, environment)
    return found


def _there(root: Path, name: str) -> Path:
    if not (root / name).is_file():
        raise ConfigError(f"{name}: is missing. Bring it back: git checkout.")
    return root / name


def find_bytes(root: Path, artifact: Artifact) -> Path | None:
    """Return a file that has the bytes of an artifact: its own, or DVC's cache."""
    cached = object_path(cache_objects(root), artifact.md5)
    for place in (root / artifact.path, cached):
        if (
            place.is_file()
            and digest_file(place, name=artifact.path).sha256 == artifact.sha256
        ):
            return place
    return None


def read_object(files: Traversable, name: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        BrokenFileError: It is none.
    """
    try:
        value = json.loads((files / name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenFileError(name, "cannot be read as JSON.") from error
    if not isinstance(value, dict):
        raise BrokenFileError(name, "is not a JSON object.")
    return value


def _files(
    revision: RevisionFile, config: Config, artifacts: Iterable[Artifact]
) -> list[str]:
    """Return what of the commit is handed over: no software, no data."""
    places = (*PLAIN, config.sources.lock, *ITEM_FOLDERS, TEMPLATES)
    names = revision.names()
    return files_below(names, [*places, *(a.path for a in artifacts)])


def _bundle(
    root: Path, revision: RevisionFile, release: Release, config: Config
) -> dict[str, Content]:
    """Return weights, card and what MONAI wants to know of them."""
    weights = next((a for a in release.artifacts if a.sha256 == release.model), None)
    if weights is None:
        raise ConfigError("the record names no file with the weights that it releases.")
    found = find_bytes(root, weights)
    if found is None:
        raise ConfigError(
            f"{weights.path}: the weights {weights.sha256[:12]} are neither here "
            "nor in the cache of DVC. Bring them with 'dvc pull', or out of the "
            "archive of the earlier release."
        )
    name = weights.path.rpartition("/")[2]
    members: dict[str, Content] = {f"{BUNDLE}/models/{name}": found}
    for card in _cards(revision, release):
        said = read_object(revision, card)
        text = metadata(said, config.device, release.version)
        if configuration := inference(said, name):
            members[f"{BUNDLE}/configs/inference.json"] = _pretty(configuration)
        members |= {
            f"{BUNDLE}/configs/metadata.json": _pretty(text),
            f"{BUNDLE}/configs/model.json": (revision / card).read_bytes(),
        }
    return members


def _cards(revision: RevisionFile, release: Release) -> list[str]:
    """Return the card that names the released weights, if the commit has one."""
    found = []
    for artifact in release.artifacts:
        path = artifact.path
        if path.endswith(".json") and (revision / path).is_file():
            raw = (revision / path).read_bytes()
            if sha256_of(raw) == artifact.sha256 and _names(raw, release.model):
                found.append(path)
    return found[:1]


def _names(raw: bytes, model: str | None) -> bool:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("weights_sha256") == model


def _signers(root: Path, release: Release, signing: str) -> dict[str, Content]:
    """Return who could sign when the release was signed, and how to look at it."""
    from regml.records.keys import key_id, read_public_key

    revision = open_revision(root, release.origin.commit or release.commit)
    config = read_config(revision)
    members: dict[str, Content] = {
        f"{SIGNERS}/{CONFIG}": (revision / CONFIG).read_bytes(),
        PAGE: page(release, signing, config).encode(),
    }
    for signer in config.signers:
        identity = key_id(read_public_key(signer.public_key))
        pem = signer.public_key.strip() + "\n"
        members[f"{SIGNERS}/{identity[:12]}.pem"] = pem.encode()
    return members


def _pretty(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()
