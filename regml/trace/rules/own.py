"""Rules of the project's own, from the modules in its ``checks/``.

Their code runs with the rights of whoever types the command, as the project's tests do.
It runs after our own rules have looked, so that it cannot change what they found.
"""

import re
import sys
import traceback
import types
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, Final

from regml.errors import BrokenFileError
from regml.files.own_checks import OwnModule
from regml.findings import RuleOutcome
from regml.items.base import Kind, SafetyClass
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Rule

_ID: Final = re.compile(r"([A-Z][A-Z0-9]*)(?:-[A-Z0-9]+)*-[0-9]+")
"""A prefix of the project, a hyphen, a number; ours have no hyphen."""


@lru_cache(maxsize=4)
def own_rules(
    modules: tuple[OwnModule, ...], ours: tuple[Rule[Any], ...]
) -> tuple[tuple[Rule[Any], OwnModule], ...]:
    """Run the modules and return the rules they define, each with its module.

    Args:
        modules: In the order in which they run.
        ours: Rules of regml itself, which a module may import and not replace.

    Raises:
        BrokenFileError: A module cannot be run, defines no rule, or one whose id is
            not its own; names file and line.
    """
    found: list[tuple[Rule[Any], OwnModule]] = []
    seen: dict[str, OwnModule] = {}
    for module in modules:
        rules = [rule for rule in _rules_of(module) if not any(rule is r for r in ours)]
        if not rules:
            raise BrokenFileError(
                module.path,
                "defines no rule.",
                remedy="Make one with @rule of regml.trace.rules.base, or move the "
                "file out of checks/.",
            )
        for rule in rules:
            _refuse_id(rule.id, module, seen.get(rule.id))
            seen[rule.id] = module
            found.append((rule, module))
    return tuple(found)


def look_own(
    graph: TraceGraph,
    rules: Collection[tuple[Rule[Any], OwnModule]],
    safety_class: SafetyClass,
) -> Iterator[RuleOutcome]:
    """Put own rules to a graph.

    Raises:
        BrokenFileError: A rule fails; names file and line.
    """
    for rule, module in rules:
        try:
            yield rule.look(graph, safety_class)
        except (Exception, SystemExit) as error:
            raise _failed(module, f"check {rule.id} fails", error) from error


def _rules_of(module: OwnModule) -> list[Rule[Any]]:
    stem = module.path.rpartition("/")[2].removesuffix(".py")
    made = types.ModuleType(f"regml_own_checks.{stem}")
    made.__file__ = module.path
    sys.modules[made.__name__] = made  # dataclasses look up the module they stand in
    try:
        exec(compile(module.source, module.path, "exec"), made.__dict__)  # noqa: S102 - what own checks are
    except SyntaxError as error:
        raise BrokenFileError(
            module.path,
            f"is not valid Python: {error.msg}.",
            remedy="Mend the line.",
            line=error.lineno,
        ) from error
    except (Exception, SystemExit) as error:
        raise _failed(module, "cannot be run", error) from error
    return [value for value in made.__dict__.values() if isinstance(value, Rule)]


def _refuse_id(rule_id: str, module: OwnModule, other: OwnModule | None) -> None:
    line = _line_with(module.source, rule_id)
    match = _ID.fullmatch(rule_id)
    if match is None or match[1] in set(Kind):
        raise BrokenFileError(
            module.path,
            f"{rule_id!r} is no id for a check of your own.",
            remedy="Take a prefix of the project, a hyphen and a number, e.g. X-01; "
            "ids like T01 are regml's, ids like SRS-001 are items.",
            line=line,
        )
    if other is not None:
        raise BrokenFileError(
            module.path,
            f"{rule_id!r} is the id of a check in {other.path} as well.",
            remedy="Give one of the two another id.",
            line=line,
        )


def _line_with(source: str, text: str) -> int | None:
    if not text or text not in source:
        return None
    return source.count("\n", 0, source.rindex(text)) + 1


def _failed(module: OwnModule, what: str, error: BaseException) -> BrokenFileError:
    """Return an error with the deepest line of the module that led to another."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == module.path
    ]
    said = " ".join(str(error).split())
    return BrokenFileError(
        module.path,
        f"{what}: {type(error).__name__}{f': {said}' if said else ''}.",
        remedy="Mend it, or leave own checks out with 'regml check --no-own-checks'.",
        line=lines[-1] if lines else None,
    )
