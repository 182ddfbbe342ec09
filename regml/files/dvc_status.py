"""Which stages DVC would run again, and why: ``dvc.lock`` against what lies there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from regml.files.dvc import LockedStage, Stage

NOT_DECLARED = "dvc.yaml has no such stage any more"
"""Why an entry that DVC leaves in ``dvc.lock`` stands for nothing."""

Parameters = Mapping[str, Mapping[str, Any]]
"""Values by parameter file and key."""


def stages_due(
    stages: Iterable[Stage],
    lock: Iterable[LockedStage],
    *,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Parameters | str],
) -> dict[str, tuple[str, ...]]:
    """Return what differs from the last run of each stage; those that fit are left out.

    Args:
        stages: Of ``dvc.yaml``.
        lock: Of ``dvc.lock``; where nothing ever ran, nothing is outdated.
        digests: md5 of dependencies and of outputs that git keeps, as they are now;
            ``None`` for what is gone. One that is left out cannot be told from here
            and counts as unchanged.
        parameters: Values each stage would read now, or why it cannot.
    """
    ran = {locked.name: locked for locked in lock}
    if not ran:
        return {}
    found = {
        stage.name: tuple(_differences(stage, ran.get(stage.name), digests, parameters))
        for stage in stages
    }
    found |= dict.fromkeys(ran.keys() - found, (NOT_DECLARED,))
    return {name: why for name, why in sorted(found.items()) if why}


def _differences(
    stage: Stage,
    ran: LockedStage | None,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Parameters | str],
) -> Iterator[str]:
    if ran is None:
        yield "it was never run"
        return
    if stage.command != ran.command:
        yield "its command is another"
    values = parameters.get(stage.name, {})
    if isinstance(values, str):
        yield values
    else:
        for file in sorted({*ran.params, *values}):
            for change in _changed("", ran.params.get(file, {}), values.get(file, {})):
                yield f"{file}: {change}"
    for path in stage.deps:
        if path not in ran.deps:
            yield f"it reads {path} besides"
        elif path in digests and digests[path] is None:
            yield f"{path} is not there"
        elif digests.get(path, ran.deps[path]) != ran.deps[path]:
            yield f"{path} is not what it read"
    yield from (f"it does not read {p} any more" for p in ran.deps.keys() - stage.deps)
    for out in stage.outs:
        if out.path in ran.outs and out.path in digests and not out.cache:
            if digests[out.path] is None:
                yield f"{out.path}, which it wrote, is not there"
            elif digests[out.path] != ran.outs[out.path]:
                yield f"{out.path} is not what it wrote"
    outs = {out.path for out in stage.outs}
    yield from (f"it writes {path} besides" for path in sorted(outs - ran.outs.keys()))
    yield from (f"it does not write {p} any more" for p in ran.outs.keys() - outs)


def _changed(name: str, before: Any, after: Any) -> Iterator[str]:
    """Name each parameter that differs, with both values where they are short."""
    if before == after:
        return
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield f"{name} was {before!r:.40} and is {after!r:.40}"
        return
    for key in sorted({*before, *after}, key=str):
        place = f"{name}.{key}" if name else str(key)
        if key not in after:
            yield f"{place} is gone"
        elif key not in before:
            yield f"{place} is new"
        else:
            yield from _changed(place, before[key], after[key])
