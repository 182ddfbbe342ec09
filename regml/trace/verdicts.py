"""How requirements fared with one model, and by which wording that was decided."""

from collections.abc import Iterable

from regml.items.recorded import Execution, TestRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import Evaluation


def verdicts_of(
    graph: TraceGraph, sha256: str, evaluation: Evaluation | None
) -> dict[str, str]:
    """Return how each requirement fared with a model: the worst that counts last."""
    latest: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {}
    for record in graph.current.believed:
        said = record.statement
        if isinstance(said, TestRun) and sha256 in said.models.values():
            for case in said.cases:
                key = (case.suite, case.name)
                latest[key] = (case.verifies, str(case.outcome))
        elif isinstance(said, Execution) and sha256 in said.models.values():
            verified = tuple(sorted(said.fingerprints.keys() - {said.protocol}))
            latest["protocol", said.protocol] = (verified, str(said.verdict))
    found: dict[str, list[str]] = {}
    for row in evaluation.rows if evaluation else ():
        found.setdefault(row.requirement, []).append(row.outcome)
    for verified, outcome in latest.values():
        for name in verified:
            found.setdefault(name, []).append(outcome)
    return {name: _worst(outcomes) for name, outcomes in found.items()}


def wordings_of(
    graph: TraceGraph, sha256: str, evaluation: Evaluation | None
) -> dict[str, frozenset[str]]:
    """Return by which wording each requirement was decided for a model, where known."""
    latest: dict[str, str] = {}
    for record in graph.current.believed:
        said = record.statement
        if isinstance(said, TestRun | Execution) and sha256 in said.models.values():
            latest |= said.fingerprints
    found = {name: {digest} for name, digest in latest.items()}
    for row in evaluation.rows if evaluation else ():
        found.setdefault(row.requirement, set()).add(row.fingerprint)
    return {name: frozenset(digests) for name, digests in found.items()}


def _worst(outcomes: Iterable[str]) -> str:
    order = ("killed", "failed", "blocked", "skipped", "passed")
    found = set(outcomes)
    return next((o for o in order if o in found), min(found))
