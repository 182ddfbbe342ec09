"""The rules, and how to put them all to a graph.

A rule names its subjects and examines them one by one. It never reads a file.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from regml.errors import UnknownIdError
from regml.files.own_checks import OwnModule
from regml.findings import RuleOutcome
from regml.items.base import SafetyClass
from regml.trace.model import TraceGraph
from regml.trace.rules import (
    analysis,
    annotation,
    architecture,
    change,
    completeness,
    configuration,
    data,
    decisions,
    deidentification,
    evaluation,
    identity,
    leakage,
    model,
    population,
    problems,
    release,
    residual,
    retraining,
    risk,
    runs,
    signatures,
    soup,
    support,
    traceability,
    training,
    walk,
    wording,
)
from regml.trace.rules.base import Gap, Rule
from regml.trace.rules.own import look_own, own_rules
from regml.trace.waivers import apply_waivers

__all__ = ["RULES", "Gap", "Rule", "check", "look"]

RULES: Final[tuple[Rule[Any], ...]] = tuple(
    sorted(
        (
            *traceability.RULES,
            *identity.RULES,
            *completeness.RULES,
            *architecture.RULES,
            *walk.RULES,
            *wording.RULES,
            *risk.RULES,
            *analysis.RULES,
            *residual.RULES,
            *data.RULES,
            *leakage.RULES,
            *deidentification.RULES,
            *annotation.RULES,
            *population.RULES,
            *model.RULES,
            *runs.RULES,
            *decisions.RULES,
            *evaluation.RULES,
            *training.RULES,
            *retraining.RULES,
            *soup.RULES,
            *support.RULES,
            *problems.RULES,
            *release.RULES,
            *configuration.RULES,
            *signatures.RULES,
            *change.RULES,
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

    Ours look first; only then the code of the project's own rules runs.

    Raises:
        UnknownIdError: There is no such rule.
        BrokenFileError: A module of own checks cannot be run.
    """
    asked = safety_class or graph.evidence.config.device.safety_class
    found = [r.look(graph, asked) for r in RULES if rules is None or r.id in rules]
    left = None if rules is None else set(rules) - {rule.id for rule in RULES}
    if left is None or left:
        own = own_rules(graph.evidence.own_checks)
        _refuse_unknown(left or set(), own)
        found += look_own(
            graph, [r for r in own if left is None or r[0].id in left], asked
        )
    return tuple(found)


def _refuse_unknown(
    names: Collection[str], own: Iterable[tuple[Rule[Any], OwnModule]]
) -> None:
    known = {rule.id for rule in RULES} | {rule.id for rule, _ in own}
    for name in sorted(names):
        if name not in known:
            raise UnknownIdError(
                f"there is no rule {name!r}. Rules: {', '.join(sorted(known))}."
            )
