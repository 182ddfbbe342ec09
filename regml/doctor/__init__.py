"""What of a set-up works, what does not, and what to do about it.

Unlike every other part it must answer where nothing else can: outside a project, with a
broken configuration, without git. It reads and never writes.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from regml.doctor.diagnosis import Diagnosis, State
from regml.doctor.machine import OF_THE_MACHINE
from regml.doctor.project import OF_THE_PROJECT
from regml.errors import RegmlError
from regml.files.config import CONFIG

__all__ = ["Diagnosis", "State", "as_json", "as_text", "examine"]


def examine(root: Path | None) -> tuple[Diagnosis, ...]:
    """Look at everything that regml needs.

    Args:
        root: The project; ``None`` outside of one.
    """
    found = [row for look in OF_THE_MACHINE for row in _safely(look.__name__, look)]
    if root is None:
        return (
            *found,
            Diagnosis(
                "project",
                State.WARN,
                f"There is no {CONFIG} here or above.",
                "Go to a project, name one with -C, or start one with 'regml init'.",
            ),
        )
    found.append(Diagnosis("project", State.OK, str(root)))
    for look_in in OF_THE_PROJECT:
        said = {row.message for row in found if row.state is State.PROBLEM}
        rows = _safely(look_in.__name__, partial(look_in, root))
        found += [row for row in rows if row.message not in said]
    return tuple(found)


def as_text(found: Sequence[Diagnosis]) -> str:
    """Return one line per thing, with what to do below it, and the counts."""
    width = max(len(row.topic) for row in found)
    lines = []
    for row in found:
        lines.append(f"{row.state:7}  {row.topic:{width}}  {row.message}")
        if row.remedy:
            lines.append(f"{'':7}  {'':{width}}  -> {row.remedy}")
    counts = Counter(row.state for row in found)
    said = ", ".join(f"{counts[state]} {state}" for state in State)
    return "\n".join([*lines, "", said]) + "\n"


def as_json(found: Sequence[Diagnosis]) -> str:
    """Return a list with one object per thing."""
    rows = [asdict(row) for row in found]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _safely(name: str, look: Callable[[], Iterator[Diagnosis]]) -> list[Diagnosis]:
    """Return what a look finds; what keeps it from looking is a finding as well."""
    topic = name.strip("_").replace("_", " ")
    found: list[Diagnosis] = []
    try:
        found.extend(look())
    except RegmlError as error:
        found.append(Diagnosis(topic, State.PROBLEM, str(error)))
    except Exception as error:  # noqa: BLE001 - it has to answer in every broken state
        found.append(
            Diagnosis(
                topic,
                State.PROBLEM,
                f"Could not be looked at: {type(error).__name__}: {error}.",
                "Mend what the message names; if it names nothing, report it.",
            )
        )
    return found
