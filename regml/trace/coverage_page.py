"""Clause coverage as text for people at a terminal, and as JSON. Joins nothing."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from regml.trace.coverage import Coverage, RowCoverage, State, title_of
from regml.trace.facts import many


def coverage_text(
    coverages: Iterable[Coverage],
    strangers: Iterable[str] = (),
    *,
    only_open: bool = False,
) -> str:
    """Return each catalogue with its rows: state, what is missing, what to do next."""
    lines: list[str] = []
    for coverage in coverages:
        lines += ["", *_head(coverage), ""] if lines else [*_head(coverage), ""]
        for found in coverage.open if only_open else coverage.rows:
            lines += _lines(found, coverage)
    return "\n".join([*lines, *_stranger_lines(strangers)]) + "\n"


def stranger_text(strangers: Iterable[str]) -> str:
    """Return what is said about rows that no catalogue has, if anything."""
    return "".join(f"{line}\n" for line in _stranger_lines(strangers))


def coverage_json(
    coverages: Iterable[Coverage],
    strangers: Iterable[str] = (),
    *,
    only_open: bool = False,
) -> str:
    """Return the same as one JSON object."""
    value = {
        "catalogues": [_facts(coverage, only_open) for coverage in coverages],
        "unknown_rows": list(strangers),
    }
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def level_words(coverage: Coverage) -> str:
    """Return the level a catalogue was looked at for, e.g. ``class B``."""
    levels = coverage.catalogue.levels
    return f"{levels.name} {coverage.level}" if levels else ""


def _head(coverage: Coverage) -> Iterator[str]:
    catalogue = coverage.catalogue
    name = f"{catalogue.standard} ({catalogue.edition})"
    yield ", ".join(filter(None, (name, level_words(coverage))))
    counts = (f"{count} {state}" for state, count in coverage.counts.items() if count)
    yield f"{many(len(coverage.rows), 'row', 'rows')}: {', '.join(counts)}"


def _lines(found: RowCoverage, coverage: Coverage) -> Iterator[str]:
    width = max(len(row.row.id) for row in coverage.rows)
    number = found.row.id.ljust(width)
    state = found.state.ljust(len(State.NOT_APPLICABLE))
    yield f"{state}  {number}  {title_of(found.row)}"
    indent = " " * (len(State.NOT_APPLICABLE) + 2)
    parts: dict[str, tuple[str, ...]] = {
        "because": (found.why,) if found.why else (),
        "evidence": found.evidence if found.state is State.COVERED else (),
        "missing": found.missing,
        "next": found.steps,
    }
    for name, texts in parts.items():
        for text in texts:
            yield f"{indent}{name:<8}  {text}"


def _stranger_lines(strangers: Iterable[str]) -> list[str]:
    lines = [f"  {sentence}" for sentence in strangers]
    return ["", "Named and unknown:", *lines] if lines else []


def _facts(coverage: Coverage, only_open: bool) -> dict[str, Any]:
    catalogue = coverage.catalogue
    return {
        "name": catalogue.key,
        "standard": catalogue.standard,
        "edition": catalogue.edition,
        "sources": list(catalogue.sources),
        "level": coverage.level,
        "counts": {str(state): count for state, count in coverage.counts.items()},
        "rows": [
            {
                "id": found.row.id,
                "clause": catalogue.cite(found.row),
                "title": found.row.title,
                "state": str(found.state),
                "because": found.why,
                "evidence": list(found.evidence),
                "missing": list(found.missing),
                "next": list(found.steps),
                "verified": found.row.verified,
                "note": found.row.note or "",
            }
            for found in (coverage.open if only_open else coverage.rows)
        ],
    }
