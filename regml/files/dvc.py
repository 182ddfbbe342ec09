"""``dvc.yaml``, ``dvc.lock`` and ``*.dvc``, read without DVC."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from regml.errors import BrokenFileError, ConfigError
from regml.files.core_yaml import read_yaml
from regml.files.dvc_values import (
    ABSENT,
    PARAMETERS,
    PIPELINE,
    Values,
    descend,
    mapping,
    plain,
    read_parameters,
    written_out,
)
from regml.items.recorded import StageRun

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LOCK = "dvc.lock"

_RECORDED: Final = re.compile(r"^\s*regml\s+record\s.*--\s", re.DOTALL)
"""How the command of a recorded stage begins."""


@dataclass(frozen=True, slots=True)
class Out:
    """An output of a stage.

    Attributes:
        path: Relative to the project, POSIX.
        cache: Whether DVC keeps it (and git ignores it).
        persist: Whether DVC leaves it in place before the next run, which may read it.
    """

    path: str
    cache: bool = True
    persist: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as ``dvc.yaml`` declares it; templates are filled in.

    Attributes:
        name: Its name.
        command: What DVC runs; several commands are joined by line ends.
        deps: Paths of files and folders it reads.
        params: Keys it reads, by parameter file; no keys means the whole file.
        outs: What it writes, also metrics and plots.
    """

    name: str
    command: str
    deps: tuple[str, ...]
    params: Mapping[str, tuple[str, ...]]
    outs: tuple[Out, ...]

    @property
    def recorded(self) -> bool:
        """Whether it runs under the recorder."""
        return bool(_RECORDED.match(self.command))


@dataclass(frozen=True, slots=True)
class LockedStage:
    """A stage as ``dvc.lock`` says it was last run.

    Attributes:
        name: Its name.
        command: What was run.
        deps: md5 of each dependency by path; a folder's ends in ``.dir``.
        params: Values by parameter file and key.
        outs: md5 of each output by path.
    """

    name: str
    command: str
    deps: Mapping[str, str]
    params: Mapping[str, Any]
    outs: Mapping[str, str]


def read_stages(root: "Traversable") -> tuple[Stage, ...]:
    """Read ``dvc.yaml``; a project without one has no stages.

    Raises:
        BrokenFileError: A file is not YAML or not of the form DVC reads.
        ConfigError: It uses a template without a value.
    """
    document = mapping(read_yaml(root, PIPELINE, missing={}), PIPELINE, "the file")
    return tuple(_stage(*one, root) for one in written_out(root, document))


def read_lock(root: "Traversable") -> tuple[LockedStage, ...]:
    """Read ``dvc.lock`` (schema 2.0); a project that never ran has none.

    Raises:
        BrokenFileError: It is not YAML or not of the form DVC writes.
    """
    document = mapping(read_yaml(root, LOCK, missing={}), LOCK, "the file")
    if document and str(document.get("schema")) != "2.0":
        raise BrokenFileError(
            LOCK,
            f"has schema {document.get('schema')!r}, not '2.0'.",
            remedy="Write it anew with DVC 3: dvc repro.",
        )
    stages = mapping(document.get("stages") or {}, LOCK, "stages")
    if not stages:
        return ()
    folders = _work_folders(root)
    try:
        return tuple(
            _locked(name, body, folders.get(name, ".")) for name, body in stages.items()
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BrokenFileError(
            LOCK, f"is not as DVC writes it ({error!r}).", remedy="Run dvc repro."
        ) from error


def imported_paths(root: "Traversable", files: Iterable[str]) -> dict[str, str | None]:
    """Return what ``*.dvc`` files among some files put under DVC's control.

    Returns:
        The md5 of each path; ``None`` where DVC knows it by another digest.

    Raises:
        BrokenFileError: One of them is not YAML.
    """
    found: dict[str, str | None] = {}
    for name in files:
        if not name.endswith(".dvc") or not (root / name).is_file():
            continue
        document = mapping(read_yaml(root, name), name, "the file")
        folder = PurePosixPath(name).parent / str(document.get("wdir", "."))
        found |= {
            _join(str(folder), str(out["path"])): out.get("md5")
            for out in document.get("outs") or ()
            if isinstance(out, dict) and "path" in out
        }
    return found


def parameter_values(root: "Traversable", stage: Stage) -> dict[str, dict[str, Any]]:
    """Return the values a stage reads, as ``dvc.lock`` would keep them.

    Raises:
        ConfigError: A key or file does not exist; names both.
        BrokenFileError: A parameter file cannot be read.
    """
    return {
        name: _pick(read_parameters(root, name), keys, name, stage.name)
        for name, keys in stage.params.items()
    }


def differences(locked: LockedStage, run: StageRun) -> tuple[str, ...]:
    """Tell in which ways a run is not the one that ``dvc.lock`` tells of.

    Empty when the run explains the stage: it passed, with the same command,
    parameters, dependencies and outputs.
    """
    found = []
    if run.outcome != "passed":
        found.append(f"the run {run.outcome}")
    if run.command != locked.command:
        found.append("the command differs")
    if plain(run.parameters) != locked.params:
        found.append("the parameters differ")
    for role, wanted, artifacts in (
        ("dependency", locked.deps, run.inputs),
        ("output", locked.outs, run.outputs),
    ):
        had = {artifact.path: artifact.md5 for artifact in artifacts}
        found += [
            f"{role} {path} differs"
            for path in sorted({*wanted, *had})
            if wanted.get(path) != had.get(path)
        ]
    return tuple(found)


def _stage(
    name: str, body: dict[str, Any], values: Values, root: "Traversable"
) -> Stage:
    known = values.extended(root, body.get("vars"))

    def fill(value: Any) -> str:
        return known.fill(str(value), name)

    command = body.get("cmd")
    if not command:
        raise BrokenFileError(PIPELINE, f"stage {name} has no cmd.", remedy="Add it.")
    folder = fill(body.get("wdir", "."))
    for kind in ("deps", "outs", "metrics", "plots"):
        for path, _ in _entries(body.get(kind)):
            _refuse_elsewhere(PIPELINE, name, fill(path))
    outs = [
        Out(
            _join(folder, fill(path)),
            bool(flags.get("cache", True)),
            bool(flags.get("persist", False)),
        )
        for kind in ("outs", "metrics", "plots")
        for path, flags in _entries(body.get(kind))
    ]
    return Stage(
        name=name,
        command=_command([fill(line) for line in _lines(command)]),
        deps=tuple(
            sorted(_join(folder, fill(path)) for path, _ in _entries(body.get("deps")))
        ),
        params=_params(body.get("params"), folder, fill),
        outs=tuple(sorted(outs, key=lambda out: out.path)),
    )


def _refuse_elsewhere(file: str, stage: str, path: str) -> None:
    """Refuse an address: DVC knows what lies there by no digest of its content."""
    if "://" in path:
        raise BrokenFileError(
            file,
            f"stage {stage} names {path}, which lies outside of the project and of "
            "which DVC keeps no digest.",
            remedy="Take it in with 'dvc import-url' and name the file that this makes"
            + (", then run dvc repro." if file == LOCK else "."),
        )


def _params(
    declared: Any, folder: str, fill: Callable[[Any], str]
) -> dict[str, tuple[str, ...]]:
    """Return the keys by file; ``()`` stands for the whole file."""
    keys: dict[str, list[str]] = {}
    whole = set()
    for entry in declared or ():
        if not isinstance(entry, dict):
            keys.setdefault(_join(folder, PARAMETERS), []).append(fill(entry))
            continue
        for file, names in entry.items():
            path = _join(folder, fill(file))
            keys.setdefault(path, []).extend(fill(name) for name in names or ())
            if not names:
                whole.add(path)
    return {
        path: () if path in whole else tuple(sorted(set(names)))
        for path, names in sorted(keys.items())
    }


def _locked(name: str, body: dict[str, Any], folder: str) -> LockedStage:
    def digests(kind: str) -> dict[str, str]:
        rows = body.get(kind, ())
        for row in rows:
            _refuse_elsewhere(LOCK, name, str(row["path"]))
        return {_join(folder, row["path"]): str(row["md5"]) for row in rows}

    params = {
        _join(folder, file): plain(values)
        for file, values in body.get("params", {}).items()
    }
    command = _command(_lines(body["cmd"]))
    return LockedStage(name, command, digests("deps"), params, digests("outs"))


def _work_folders(root: "Traversable") -> dict[str, str]:
    """Return the ``wdir`` of each stage that has one; paths in the lock start there."""
    document = read_yaml(root, PIPELINE, missing={}) or {}
    declared = [
        {**body, **(body.get("do") or {})}
        for body in (document.get("stages") or {}).values()
        if isinstance(body, dict)
    ]
    if not any("wdir" in body for body in declared):
        return {}
    return {
        name: values.extended(root, body.get("vars")).fill(str(body["wdir"]), name)
        for name, body, values in written_out(root, document)
        if "wdir" in body
    }


def _entries(declared: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give path and flags of each entry under ``deps``, ``outs`` and the like."""
    for entry in declared or ():
        if isinstance(entry, dict):
            for path, flags in entry.items():
                yield str(path), flags or {}
        else:
            yield str(entry), {}


def _pick(
    values: dict[str, Any], keys: tuple[str, ...], name: str, stage: str
) -> dict[str, Any]:
    if not keys:
        return values
    picked = {key: descend(values, key.split(".")) for key in keys}
    for key, value in picked.items():
        if value is ABSENT:
            raise ConfigError(
                f"{name}: has no key {key!r}, which stage {stage} of {PIPELINE} reads. "
                "Add it."
            )
    return picked


def _lines(command: Any) -> list[str]:
    return [str(line) for line in command] if isinstance(command, list) else [command]


def _command(lines: list[str]) -> str:
    return "\n".join(lines)


def _join(folder: str, path: str) -> str:
    """Return a normalised POSIX path relative to the project."""
    return posixpath.normpath(posixpath.join(folder, path))
