"""Tables, trees, pages and findings as text, Markdown and JSON. Joins nothing."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import TextWrapper
from typing import Any

from regml.findings import Finding, RuleOutcome, Severity
from regml.trace.page import Branch, Page, Table, Tree

GAP = "  "
"""What stands between two columns."""

ARROW = len("-> ")


def table_text(table: Table) -> str:
    """Return a table with aligned columns; the last column is not padded."""
    rows = [table.columns, *(tuple(map(_line, row)) for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "".join(
        GAP.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        + "\n"
        for row in rows
    )


def table_terminal(table: Table, width: int) -> str:
    """Return a table that wraps its cells to the width of a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        shown.add_column(Text(column), overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def table_markdown(table: Table) -> str:
    """Return a table as Markdown; what could be markup in a cell is escaped."""
    rows = [
        table.columns,
        tuple("---" for _ in table.columns),
        *(tuple(map(_escaped, row)) for row in table.rows),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def table_json(table: Table) -> str:
    """Return a table as a JSON list with one object per row."""
    return _json(table.records())


def tree_text(tree: Tree) -> str:
    """Return both directions of a tree, one node per line."""
    lines = [f"{tree.node.id}  {tree.node.title}", "", "rests on"]
    lines += list(_branch_lines(tree.reasons, "  ")) or ["  nothing"]
    lines += ["", "is the reason of"]
    lines += list(_branch_lines(tree.evidence, "  ")) or ["  nothing"]
    if tree.results:
        lines += ["", "results"]
        lines += [f"  {r.status}  {r.source}  {r.detail}" for r in tree.results]
    return "\n".join(lines) + "\n"


def tree_markdown(tree: Tree) -> str:
    """Return both directions of a tree as nested lists."""
    lines = [
        f"# {_escaped(f'{tree.node.id} {tree.node.title}')}",
        "",
        "## Rests on",
        "",
    ]
    lines += list(_branch_bullets(tree.reasons, "")) or ["nothing"]
    lines += ["", "## Is the reason of", ""]
    lines += list(_branch_bullets(tree.evidence, "")) or ["nothing"]
    if tree.results:
        lines += ["", "## Results", ""]
        lines += [
            f"- {_escaped(f'{r.status} {r.source}: {r.detail}')}" for r in tree.results
        ]
    return "\n".join(lines) + "\n"


def tree_json(tree: Tree) -> str:
    """Return both directions of a tree as nested objects."""
    return _json(
        {
            "id": tree.node.id,
            "type": tree.node.type,
            "title": tree.node.title,
            "reasons": [_branch(branch) for branch in tree.reasons],
            "evidence": [_branch(branch) for branch in tree.evidence],
            "results": [asdict(result) for result in tree.results],
        }
    )


def page_text(page: Page) -> str:
    """Return a page with indented facts and aligned tables."""
    parts = [page.title, "=" * len(page.title)]
    for section in page.sections:
        if section.title:
            parts += ["", section.title, "-" * len(section.title)]
        width = max((len(name) for name, _ in section.facts), default=0)
        for name, value in section.facts:
            parts.append(f"{name.ljust(width)}{GAP}{value}" if name else value)
        if section.table:
            parts += [""] if section.facts else []
            parts.append(
                table_text(section.table).rstrip("\n")
                if section.table.rows
                else "nothing"
            )
    return "\n".join(parts) + "\n"


def page_markdown(page: Page) -> str:
    """Return a page as Markdown with one heading per section."""
    parts = [f"# {_escaped(page.title)}\n"]
    for section in page.sections:
        if section.title:
            parts.append(f"\n## {_escaped(section.title)}\n")
        if section.facts:
            parts.append("\n" + table_markdown(Table(("", ""), section.facts)))
        if section.table:
            shown = table_markdown(section.table) if section.table.rows else "nothing\n"
            parts.append("\n" + shown)
    return "".join(parts)


def page_json(page: Page) -> str:
    """Return a page as one object."""
    return _json(
        {
            "title": page.title,
            "node": page.node,
            "sections": [
                {
                    "title": section.title,
                    "node": section.node,
                    "facts": _named_once(section.facts),
                    "table": section.table.records() if section.table else [],
                }
                for section in page.sections
            ],
        }
    )


def _named_once(facts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return facts by name; of a name that comes again, none is lost."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for name, value in facts:
        seen[name] += 1
        found[f"{name} ({seen[name]})" if seen[name] > 1 else name] = value
    return found


def outcomes_text(outcomes: Sequence[RuleOutcome]) -> str:
    """Return findings first, by rule, then what was looked at, what is off, counts."""
    blocks = list(_finding_blocks(outcomes))
    quiet = [outcome for outcome in outcomes if not outcome.findings]
    for off in (False, True):
        lines = [outcome_line(o) for o in quiet if (o.off is not None) is off]
        blocks += ["\n".join(lines)] if lines else []
    return "\n\n".join([*blocks, summary(outcomes)]) + "\n"


def wrapped(text: str, width: int) -> str:
    """Return a text whose long lines go on below where they began, for a terminal.

    Args:
        text: Lines that may be indented.
        width: Of the terminal, in characters; a longer word keeps its line.
    """
    lines = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        wrapper = TextWrapper(
            width,
            subsequent_indent=" " * (indent + ARROW * line.lstrip().startswith("-> ")),
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += wrapper.wrap(line) if len(line) > width else [line]
    return "".join(f"{line}\n" for line in lines)


def findings_text(outcomes: Iterable[RuleOutcome]) -> str:
    """Return the findings alone, by rule."""
    return "".join(f"{block}\n\n" for block in _finding_blocks(outcomes))


def outcomes_json(outcomes: Sequence[RuleOutcome]) -> str:
    """Return every outcome as an object with its findings."""
    return _json([asdict(outcome) for outcome in outcomes])


def summary(outcomes: Sequence[RuleOutcome]) -> str:
    """Return in one line how many rules found what."""
    findings = [finding for outcome in outcomes for finding in outcome.open]
    waived = sum(len(outcome.waived) for outcome in outcomes)
    by_weight = ", ".join(
        f"{count} {severity}"
        for severity in Severity
        if (count := sum(finding.severity is severity for finding in findings))
    )
    silent = [o for o in outcomes if not o.findings and o.off is None]
    parts = [
        f"{_count(len(findings), 'finding')}"
        + (f" ({by_weight})" if by_weight else ""),
        *([f"{_count(waived, 'waived finding')}"] if waived else []),
        f"{sum(bool(o.findings) for o in outcomes)} of {len(outcomes)} checks found "
        "something",
        f"{sum(o.subjects > 0 for o in silent)} without finding",
        f"{sum(o.subjects == 0 for o in silent)} with 0 subjects",
        f"{sum(o.off is not None for o in outcomes)} off",
    ]
    return "; ".join(parts) + "."


def outcome_line(outcome: RuleOutcome) -> str:
    """Return in one line what a rule found, or why it found nothing."""
    looked = _count(outcome.subjects, "subject")
    if outcome.off is not None:
        return f"{outcome.rule}  off: {outcome.off} ({outcome.title})"
    if outcome.findings:
        counts = [
            _count(len(some), noun)
            for some, noun in (
                (outcome.open, "finding"),
                (outcome.waived, "waived finding"),
            )
            if some
        ]
        return f"{outcome.rule}  {' and '.join(counts)} on {looked}: {outcome.title}"
    if not outcome.subjects:
        return f"{outcome.rule}  0 subjects: nothing to look at ({outcome.title})"
    return f"{outcome.rule}  no finding for check {outcome.rule} on {looked}"


def _finding_blocks(outcomes: Iterable[RuleOutcome]) -> Iterator[str]:
    for outcome in outcomes:
        if outcome.findings:
            yield "\n".join([outcome_line(outcome), *_findings(outcome.findings)])


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    """Give each finding; what is to be done about several in a row is said once."""
    for (remedy, waived), group in groupby(
        findings, key=lambda f: (f.remedy, f.waived_by is not None)
    ):
        same = list(group)
        for finding in same:
            yield from _finding(finding)
        if remedy and not waived:
            all_of = "" if len(same) == 1 else f"These {len(same)}: "
            yield f"           -> {all_of}{remedy}"


def _finding(finding: Finding) -> Iterator[str]:
    place = f"{GAP}{finding.where}" if finding.where else ""
    weight = "waived" if finding.waived_by else finding.severity.value
    yield f"  {weight:7}  {finding.subject}{place}"
    yield f"           {finding.message}"
    yield from (f"             {line}" for line in finding.details)
    if finding.waived_by:
        yield (
            f"           waived until {finding.waived_until} by "
            f"{finding.waived_because} (waiver@{finding.waived_by})"
        )


def _branch_lines(branches: Iterable[Branch], indent: str) -> Iterator[str]:
    for branch in branches:
        more = "  (shown above)" if branch.repeated else ""
        title = _line(branch.node.title)
        yield f"{indent}{_links(branch)}  {branch.node.id}  {title}{more}"
        yield from _branch_lines(branch.children, indent + "    ")


def _branch_bullets(branches: Iterable[Branch], indent: str) -> Iterator[str]:
    for branch in branches:
        more = " (shown above)" if branch.repeated else ""
        words = _escaped(f"{_links(branch)} {branch.node.id}: {branch.node.title}")
        yield f"{indent}- {words}{more}"
        yield from _branch_bullets(branch.children, indent + "  ")


def _links(branch: Branch) -> str:
    return ", ".join(branch.links)


def _branch(branch: Branch) -> dict[str, Any]:
    return {
        "links": branch.links,
        "id": branch.node.id,
        "type": branch.node.type,
        "title": branch.node.title,
        "repeated": branch.repeated,
        "children": [_branch(child) for child in branch.children],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Return a text in which Markdown and HTML have no meaning, on one line."""
    for sign in "\\`*_[]|#":
        text = text.replace(sign, f"\\{sign}")
    return _line(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
