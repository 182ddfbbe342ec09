"""What an import or export could not carry over, in lines a person can work off."""

from collections import Counter
from collections.abc import Iterable

from regml.exchange.foreign import Remark
from regml.exchange.place import Action, Placed

_SHOWN = 5
"""How many places of the same remark are named; the number of all is, too."""


def remarks_text(remarks: Iterable[Remark]) -> str:
    """Return one paragraph per remark; the same one about several items once."""
    groups: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        groups.setdefault((remark.message, remark.remedy), []).append(remark)
    lines = []
    for (message, remedy), same in groups.items():
        lines.append(f"{_places(same)}: {message}")
        if remedy:
            lines.append(f"    {remedy}")
    return "\n".join(lines) + "\n" if lines else ""


def placed_text(placed: Iterable[Placed]) -> str:
    """Return one line per item: what happens, its ids, its file; then what changes."""
    found = list(placed)
    rows = [(p.action.value, p.foreign_id, p.id, p.path) for p in found]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = []
    for one, row in zip(found, rows, strict=True):
        lines.append("  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]))
        lines += [f"    {change}" for change in one.changes]
    return "".join(f"{line}\n" for line in lines)


def summary_text(found: int, placed: Iterable[Placed]) -> str:
    """Return how many items the source holds and what becomes of them."""
    counts = Counter(one.action for one in placed)
    done = ", ".join(f"{counts[action]} {action}" for action in Action)
    left = found - counts.total()
    items = "item" if found == 1 else "items"
    return f"{found} {items} in the source: {done}, {left} not imported.\n"


def _places(same: list[Remark]) -> str:
    names = list(dict.fromkeys(_place(remark) for remark in same))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _place(remark: Remark) -> str:
    if not remark.subject:
        return remark.where or "source"
    if not remark.where or remark.where.endswith(f":{remark.subject}"):
        return remark.where or remark.subject
    return f"{remark.where} {remark.subject}"
