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
from regml.findings import Finding, RuleOutcome, Severity
from regml.items.base import Kind, SafetyClass
from regml.trace.model import TraceGraph
from regml.trace.rules.base import Rule, made_here

_ID: Final = re.compile(r"([A-Z][A-Z0-9]*)(?:-[A-Z0-9]+)*-[0-9]+")
"""A prefix of the project, a hyphen, a number; ours have no hyphen."""


@lru_cache(maxsize=4)
def own_rules(
    modules: tuple[OwnModule, ...],
) -> tuple[tuple[Rule[Any], OwnModule], ...]:
    """Run the modules and return the rules they define, each with its module.

    Rules of regml itself, which a module may import, are none of them.

    Args:
        modules: In the order in which they run.

    Raises:
        BrokenFileError: A module cannot be run, defines no rule, or one that is not
            written as rules are or whose id is not its own; names file and line.
    """
    found: list[tuple[Rule[Any], OwnModule]] = []
    seen: dict[str, OwnModule] = {}
    for module in modules:
        rules = _rules_of(module)
        if not rules:
            raise BrokenFileError(
                module.path,
                "defines no rule.",
                remedy="Make one with @rule of regml.trace.rules.base, or move the "
                "file out of checks/.",
            )
        for rule in rules:
            _refuse_form(rule, module)
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
            outcome = rule.look(graph, safety_class)
        except (Exception, SystemExit, GeneratorExit) as error:
            raise _failed(module, f"check {rule.id} fails", error) from error
        for finding in outcome.findings:
            _refuse_words(finding, module)
        yield outcome


def _rules_of(module: OwnModule) -> list[Rule[Any]]:
    stem = module.path.rpartition("/")[2].removesuffix(".py")
    made = types.ModuleType(f"regml_own_checks.{stem}")
    made.__file__ = module.path
    sys.modules[made.__name__] = made  # dataclasses look up the module they stand in
    try:
        with made_here() as rules:
            exec(compile(module.source, module.path, "exec"), made.__dict__)  # noqa: S102 - what own checks are
    except SyntaxError as error:
        raise BrokenFileError(
            module.path,
            f"is not valid Python: {error.msg}.",
            remedy="Mend the line.",
            line=error.lineno,
        ) from error
    except (Exception, SystemExit, GeneratorExit) as error:
        raise _failed(module, "cannot be run", error) from error
    return rules


def _refuse_form(rule: Rule[Any], module: OwnModule) -> None:
    """Refuse what nothing but Python's own types would have told its author."""
    right = {
        "id": (isinstance(rule.id, str), "a text"),
        "title": (isinstance(rule.title, str), "a text"),
        "severity": (isinstance(rule.severity, Severity), "one of Severity"),
        "clauses": (_all(rule.clauses, str), "a tuple of texts"),
        "classes": (
            bool(rule.classes) and _all(rule.classes, SafetyClass),
            "a tuple of at least one SafetyClass",
        ),
    }
    wrong = [
        f"{name} is {getattr(rule, name)!r} and has to be {wanted}"
        for name, (is_right, wanted) in right.items()
        if not is_right
    ]
    if wrong:
        raise BrokenFileError(
            module.path,
            f"check {rule.id} is not written as checks are: {'; '.join(wrong)}.",
            remedy="Correct what is given to @rule.",
            line=_line_with(module.source, str(rule.id)),
        )


def _all(values: object, kind: type) -> bool:
    """Tell whether something is a tuple of one kind."""
    return isinstance(values, tuple) and all(isinstance(v, kind) for v in values)


def _refuse_words(finding: Finding, module: OwnModule) -> None:
    """Refuse a gap that cannot be printed."""
    words = ("subject", "message", "remedy", "where")
    wrong = [name for name in words if not isinstance(getattr(finding, name), str)]
    if not _all((finding.severity,), Severity):
        wrong.append("severity")
    if not _all(finding.details, str):
        wrong.append("details")
    if wrong:
        shown = ", ".join(f"{name} = {getattr(finding, name)!r}" for name in wrong)
        raise BrokenFileError(
            module.path,
            f"check {finding.rule} gives a gap that is none: {shown}.",
            remedy="Give Gap texts, a Severity, and details as a tuple of texts.",
            line=_line_with(module.source, finding.rule),
        )


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
