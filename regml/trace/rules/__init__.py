"""The rules, and how to put them all to a graph.

A rule names its subjects and examines them one by one. It never reads a file.
"""

from collections.abc import Collection
from typing import Any, Final

from regml.errors import UnknownIdError
from regml.findings import RuleOutcome
from regml.items.base import SafetyClass
from regml.trace.model import TraceGraph
from regml.trace.rules import (
    analysis,
    architecture,
    completeness,
    configuration,
    data,
    model,
    residual,
    risk,
    traceability,
    walk,
    wording,
)
from regml.trace.rules.base import Gap, Rule
from regml.trace.waivers import apply_waivers

__all__ = ["RULES", "Gap", "Rule", "check", "look"]

RULES: Final[tuple[Rule[Any], ...]] = tuple(
    sorted(
        (
            *traceability.RULES,
            *completeness.RULES,
            *architecture.RULES,
            *walk.RULES,
            *wording.RULES,
            *risk.RULES,
            *analysis.RULES,
            *residual.RULES,
            *data.RULES,
            *model.RULES,
            *configuration.RULES,
        ),
        key=lambda rule: ("TRDMC".index(rule.id[0]), rule.id),
    )
)
"""Every rule, by group and id."""


def check(
    graph: TraceGraph,
    rules: Collection[str] | None = None,
    *,
    safety_class: SafetyClass | None = None,
) -> tuple[RuleOutcome, ...]:
    """Put rules to a graph, and mark the findings that a signed waiver covers.

    Takes and raises what :func:`look` does.
    """
    return apply_waivers(graph, look(graph, rules, safety_class=safety_class))


def look(
    graph: TraceGraph,
    rules: Collection[str] | None = None,
    *,
    safety_class: SafetyClass | None = None,
) -> tuple[RuleOutcome, ...]:
    """Put rules to a graph; what is found counts, whatever is waived.

    Args:
        graph: The evidence.
        rules: Ids of the rules; all when ``None``.
        safety_class: Instead of the class in ``regml.toml``.

    Raises:
        UnknownIdError: There is no such rule.
    """
    known = {rule.id for rule in RULES}
    for name in sorted(rules or ()):
        if name not in known:
            raise UnknownIdError(
                f"there is no rule {name!r}. Rules: {', '.join(sorted(known))}."
            )
    wanted = known if rules is None else set(rules)
    asked = safety_class or graph.evidence.config.device.safety_class
    return tuple(rule.look(graph, asked) for rule in RULES if rule.id in wanted)
