"""What makes a result old: other code, another wording, another model or dataset.

Each reason says which: the commit and the digest of the code it ran at and the digest
of the present code, the model it used and the present one.
"""

from collections.abc import Iterable, Iterator, Mapping

from regml.digest import Artifact
from regml.items.recorded import Execution, Origin, Record, StageRun, TestRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import SHORT


def of_tests(graph: TraceGraph, run: TestRun, item_id: str) -> str:
    """Return why a test run says nothing about an item as it is now, or nothing."""
    return "; ".join(
        (
            *_code(graph, run.origin, "ran"),
            *_wording(graph, run.fingerprints, [item_id], "ran"),
            *_model(graph, run.models, "ran"),
        )
    )


def of_execution(graph: TraceGraph, done: Execution, item_ids: Iterable[str]) -> str:
    """Return why the execution of a protocol is outdated, or nothing.

    Args:
        graph: The evidence.
        done: The execution.
        item_ids: Whose wording counts besides that of the protocol.
    """
    asked = dict.fromkeys((done.protocol, *item_ids))
    return "; ".join(
        (
            *_wording(graph, done.fingerprints, asked, "was executed"),
            *_code(graph, done.origin, "was executed"),
            *_model(graph, done.models, "was executed", needed=True),
        )
    )


def of_evaluation(graph: TraceGraph, record: Record) -> str:
    """Return why an evaluation says nothing about the present state, or nothing."""
    run = record.statement
    if not isinstance(run, StageRun):
        return ""
    model, manifest = graph.current.model, graph.current.manifest
    return "; ".join(
        (
            *_code(graph, run.origin, "evaluated"),
            *_input(run.inputs, model, "evaluated model", "model"),
            *_input(run.inputs, manifest, "evaluated on dataset", "dataset"),
        )
    )


def _code(graph: TraceGraph, origin: Origin, word: str) -> Iterator[str]:
    if origin.code == graph.evidence.code:
        return
    then, now = origin.code[:SHORT], graph.evidence.code[:SHORT]
    where = f"commit {origin.commit[:SHORT]}, " if origin.commit else ""
    # not the present commit: with each one, waivers would end and findings differ
    yield (
        f"{word} with other source code than there is now ({where}code {then}, "
        f"current is code {now})"
    )


def _wording(
    graph: TraceGraph, seen: Mapping[str, str], items: Iterable[str], word: str
) -> Iterator[str]:
    changed = [name for name in items if seen.get(name) != graph.fingerprint(name)]
    if changed:
        names = ", ".join(changed)
        yield f"{word} before {names} got {_its(changed)} present wording"


def _its(names: list[str]) -> str:
    return "its" if len(names) == 1 else "their"


def _model(
    graph: TraceGraph, used: Mapping[str, str], word: str, *, needed: bool = False
) -> Iterator[str]:
    """Say that another model was there; a test that ran without any needs none.

    A person tries the device out: with which model has to be known.
    """
    model = graph.current.model
    if model is None or model.sha256 in used.values() or not (used or needed):
        return
    names = ", ".join(f"model@{sha256[:SHORT]}" for sha256 in sorted(used.values()))
    had = f"with {names}" if used else "where no model was"
    yield f"{word} {had}, current is model@{model.sha256[:SHORT]}"


def _input(
    inputs: Iterable[Artifact], wanted: Artifact | None, words: str, name: str
) -> Iterator[str]:
    found = list(inputs)
    if wanted is None or any(has.sha256 == wanted.sha256 for has in found):
        return
    had = next((has for has in found if has.path == wanted.path), None)
    what = f"{words} {had.sha256[:SHORT]}" if had else f"{words} of an unknown digest"
    yield f"{what}, current is {name} {wanted.sha256[:SHORT]}"
