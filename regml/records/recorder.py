"""Running one stage from outside and leaving a signed record, whatever happens.

The order matters. Everything that can be refused is refused before the command starts:
no key, no such stage, a missing input. Once it has started a record is written, also
when the command fails, is killed, or the recorder itself is asked to end.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regml.digest import Artifact, plain_text
from regml.errors import BrokenFileError, ConfigError, RecordError
from regml.files.dvc import Stage, parameter_values, read_lock, read_stages
from regml.files.dvc_values import PIPELINE
from regml.items.notes import UNREADABLE
from regml.items.recorded import Origin, Outcome, Record, StageRun
from regml.records.contents import Content, read_contents
from regml.records.environment import GpuQuery
from regml.records.environment_files import ENVIRONMENTS
from regml.records.experiments import experiment
from regml.records.keys import personal_key
from regml.records.log import append, read_entries, utc_now
from regml.records.notes import NOTES_VARIABLE, read_notes
from regml.records.origin import observe
from regml.records.process import Interruption, Ran, run
from regml.records.storage import FOLDER, KINDS
from regml.records.strangers import why_doubted
from regml.records.unfinished import Mark, marked

LOGS = ".regml/logs"
"""Where the text of what commands print is kept; never in git, it may name patients."""

SHELL_MARKS = frozenset("$`*?;&|<>~(){}\\")
"""Characters that make a shell change a command before we see it."""

_SEPARATOR = re.compile(r"(?:^|\s)--(?:\s|$)")
_PLAIN = re.compile(r"[^$`*?;&|<>~(){}\\'\"#!\[]*")
"""What no shell changes."""

MEMORY_SLACK_BYTES = 1 << 20
"""How far two counts of the same memory may differ: the system rounds per core."""

SIGNAL_BASE = 128
"""A shell's exit status for a command killed by signal n is 128 + n."""


def record_stage(
    root: Path, command: Sequence[str], *, stage: str, kept: Path | None = None
) -> int:
    """Run a stage's command and write a signed record of it.

    Args:
        root: The project, with ``dvc.yaml`` and ``regml.toml``.
        command: Program and arguments.
        stage: Name in ``dvc.yaml``.
        kept: The project that keeps the record, where ``root`` is only a copy of it.

    Returns:
        The command's exit status; 128 + n when signal n ended it.

    Raises:
        SigningKeyError: There is no usable key; nothing was run.
        ConfigError: ``dvc.yaml`` or ``regml.toml`` cannot be used; nothing was run.
        BrokenFileError: An input is missing or unreadable; nothing was run.
        RecordError: The record cannot be written, or an output cannot be read.
    """
    key = personal_key()
    home = kept or root
    interruption = Interruption()
    with interruption.caught():
        read_entries(home)  # a broken log is to be found before hours of training
        _refuse_closed(home)
        before = _prepare(root, stage, command)
        log, notes = _scratch(home, stage)
        with marked(
            home,
            stage=stage,
            started_utc=before.origin.started_utc,
            command=tuple(map(plain_text, command)),
        ) as mark:
            gpus = GpuQuery()
            ran = run(
                command, log=log, variables=_variables(notes), interruption=interruption
            )
            outputs, unreadable = _read_outputs(root, before.stage)
            statement = StageRun(
                stage=stage,
                origin=_with_gpus(before.origin, gpus),
                command=_recorded_command(before.stage, command),
                parameters=before.parameters,
                inputs=tuple(content.artifact for content in before.inputs),
                outputs=outputs,
                outcome=_outcome(ran, interruption, unreadable),
                exit_status=ran.exit_status,
                resources=_resources(ran),
                log_sha256=ran.log_sha256,
                notes=_notes(notes, unreadable, mark, before.left) | _left_behind(ran),
            )
            record = append(home, statement, key)
            mark.recorded()
    _keep_log(log, record)
    if doubt := why_doubted(home, key, record.statement.origin.finished_utc[:10]):
        sys.stderr.write(f"regml: nobody believes record {record.id}: {doubt}.\n")
    if unreadable:
        raise RecordError(f"{unreadable[0]}: an output cannot be read. Mend that.")
    return ran.exit_status if ran.exit_status >= 0 else SIGNAL_BASE - ran.exit_status


def _refuse_closed(root: Path) -> None:
    """Refuse folders that take no record, before anything ran.

    Raises:
        RecordError: Nobody may write to one of them.
    """
    for name in (FOLDER, f"{FOLDER}/{KINDS[StageRun]}", ENVIRONMENTS):
        place = root / name
        if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
            raise RecordError(
                f"{name}: no record could be written here, so nothing was run. Give "
                "yourself access to it."
            )


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known when the command started."""

    stage: Stage
    parameters: Mapping[str, Any]
    inputs: tuple[Content, ...]
    left: tuple[Artifact, ...]
    origin: Origin


def _prepare(root: Path, name: str, command: Sequence[str]) -> _Before:
    started = utc_now()
    stages = read_stages(root)
    stage = _find(stages, name)
    parameters = parameter_values(root, stage)
    inputs = _read_inputs(root, stage)
    left = _read_left(root, stage)
    origin = observe(
        root,
        started_utc=started,
        stages=stages,
        inputs=inputs,
        left=_changed(root, stage, left),
        command=command,
    )
    return _Before(stage, parameters, inputs, left, origin)


def _with_gpus(origin: Origin, gpus: GpuQuery) -> Origin:
    return replace(origin, environment={**origin.environment, "gpus": gpus.answer()})


def _find(stages: Iterable[Stage], name: str) -> Stage:
    known = {stage.name: stage for stage in stages}
    if name not in known:
        raise ConfigError(
            f"{PIPELINE}: has no stage {name!r}. Only the {PIPELINE} beside regml.toml "
            "is read; run DVC in its folder. "
            f"Name one of: {', '.join(sorted(known)) or 'none there yet'}."
        )
    return known[name]


def _read_inputs(root: Path, stage: Stage) -> tuple[Content, ...]:
    try:
        return read_contents(root, stage.deps)
    except OSError as error:
        raise BrokenFileError(
            str(error.filename),
            f"stage {stage.name} reads it, and it cannot be read ({error.strerror}).",
            remedy="Bring it back: dvc checkout, dvc pull, or dvc repro.",
        ) from error


def _read_left(root: Path, stage: Stage) -> tuple[Artifact, ...]:
    """Return the outputs of before that DVC leaves for the command to go on from."""
    kept = [out.path for out in stage.outs if out.persist]
    try:
        there = [path for path in kept if (root / path).exists()]
        return tuple(content.artifact for content in read_contents(root, there))
    except OSError as error:
        raise BrokenFileError(
            str(error.filename),
            f"stage {stage.name} goes on from it ('persist'), and it cannot be read "
            f"({error.strerror}).",
            remedy="Bring it back with 'dvc checkout', or remove it.",
        ) from error


def _changed(
    root: Path, stage: Stage, left: Iterable[Artifact]
) -> tuple[Artifact, ...]:
    """Return those of some outputs that are not what ``dvc.lock`` says was made."""
    found = tuple(left)
    made = {
        path: md5
        for locked in (read_lock(root) if found else ())
        if locked.name == stage.name
        for path, md5 in locked.outs.items()
    }
    return tuple(a for a in found if made.get(a.path) != a.md5)


def _read_outputs(
    root: Path, stage: Stage
) -> tuple[tuple[Artifact, ...], tuple[str, ...]]:
    """Return the outputs that are there, and the paths that cannot be read."""
    found, unreadable = [], []
    for out in stage.outs:
        try:
            (root / out.path).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unreadable.append(f"{out.path} ({error.strerror})")
            continue
        try:
            found += [content.artifact for content in read_contents(root, [out.path])]
        except OSError as error:
            unreadable.append(f"{_shown(root, error, out.path)} ({error.strerror})")
    return tuple(found), tuple(unreadable)


def _shown(root: Path, error: OSError, path: str) -> str:
    """Return the file that an error is about, relative to the project."""
    told = os.fspath(error.filename or path)
    return told.removeprefix(f"{os.fspath(root)}/")


def _recorded_command(stage: Stage, command: Sequence[str]) -> str:
    """Return the command as ``dvc.yaml`` writes it, if that is what was run.

    Somebody may run another command by hand in the name of a stage. Then the record
    says so, and does not explain ``dvc.lock``. What a shell rewrote cannot be compared:
    of such a line only the words before count.
    """
    for line in stage.command.splitlines():
        if SHELL_MARKS & set(line):
            if _may_begin(line, command):
                return stage.command
            continue
        try:
            words = shlex.split(line)
        except ValueError:
            return stage.command
        if words[-len(command) - 1 :] == ["--", *command]:
            return stage.command
    by_hand = ["regml", "record", "--stage", stage.name, "--", *command]
    return plain_text(shlex.join(by_hand))


def _may_begin(line: str, command: Sequence[str]) -> bool:
    """Tell whether a shell may have made a command from a line of ``dvc.yaml``.

    Up to its first mark a word stays what it is, so that nothing else could come first.
    """
    for part in _SEPARATOR.split(line)[1:]:
        plain = _PLAIN.match(part)[0]  # type: ignore[index] # it may be empty
        words = plain.split()
        if plain != part and words and not plain[-1].isspace():
            words.pop()  # the rest of this word is unknown
        if list(command[: len(words)]) == words:
            return True
    return False


def _scratch(root: Path, stage: str) -> tuple[Path, Path]:
    """Return where the log and the notes of this run go while it runs."""
    folder = root / LOGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(
            f"{folder}: cannot be made ({error.strerror}). "
            "Make room or give yourself access to it."
        ) from error
    safe = stage.replace("/", "_")
    log, notes = (folder / f"{safe}.{os.getpid()}.{kind}" for kind in ("part", "notes"))
    notes.unlink(missing_ok=True)
    return log, notes


def _variables(notes: Path) -> Mapping[str, str]:
    variables = {NOTES_VARIABLE: str(notes.resolve()), "PYTHONUNBUFFERED": "1"}
    if sys.stderr.isatty():
        variables["TTY_COMPATIBLE"] = "1"  # rich: our pipe ends in a terminal
    return variables


def _outcome(
    ran: Ran, interruption: Interruption, unreadable: Sequence[str]
) -> Outcome:
    if ran.exit_status < 0 or (ran.exit_status and interruption.received):
        return Outcome.KILLED
    return Outcome.FAILED if ran.exit_status or unreadable else Outcome.PASSED


def _resources(ran: Ran) -> dict[str, float]:
    known = ran.peak_memory_bytes > ran.hidden_memory_bytes + MEMORY_SLACK_BYTES
    memory = "peak_memory_bytes" if known else "peak_memory_at_most_bytes"
    return {
        "wall_seconds": ran.wall_seconds,
        "cpu_seconds": ran.cpu_seconds,
        memory: ran.peak_memory_bytes,
    }


def _notes(
    path: Path, unreadable: Sequence[str], mark: Mark, left: Iterable[Artifact]
) -> dict[str, Any]:
    """Return what the stage noted, what we could not read, and what is missing."""
    try:
        notes: dict[str, Any] = read_notes(path)
        path.unlink(missing_ok=True)
    except OSError as error:
        notes = {UNREADABLE: {"all": str(error.strerror)}}
    if told := experiment():
        notes["regml_experiment"] = dict(told)
    if unreadable:
        notes["regml_unreadable_outputs"] = {"paths": list(unreadable)}
    if before := {artifact.path: artifact.sha256 for artifact in left}:
        notes["regml_went_on_from"] = before
    if mark.before:
        notes["regml_unrecorded_runs"] = mark.note()
    return notes


def _left_behind(ran: Ran) -> dict[str, Any]:
    """Return what the record has to say of processes that still run, and say it."""
    if not ran.left_behind:
        return {}
    names = ", ".join(ran.left_behind)
    sys.stderr.write(
        f"regml: the command ended and left processes running ({names}). What they "
        "write from now on is in no record; let the command wait for them.\n"
    )
    return {"regml_left_behind": {"processes": list(ran.left_behind)}}


def _keep_log(log: Path, record: Record) -> None:
    try:
        log.replace(log.with_name(f"{Path(record.path).stem}.log"))
    except OSError as error:
        sys.stderr.write(
            f"regml: {log} cannot be renamed after its record ({error.strerror}).\n"
        )
