"""How well readers agree over all cases, as the report tells it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from regml.imaging.agreement import WHOLE, Agreement
from regml.imaging.annotations.report import AnnotatedCase, CaseAgreement


def overall(cases: Iterable[AnnotatedCase]) -> dict[str, Any]:
    """Return the fields of the report that tell the mean agreement."""
    found = [case.agreement for case in cases if case.agreement]
    if not found:
        return {
            "agreement": None,
            "agreement_cases": 0,
            "agreement_note": "Agreement between readers is not measurable: "
            "no case has outlines of two readers.",
        }
    mean = Agreement(
        dice={name: _mean(item.dice[name] for item in found) for name in found[0].dice},
        kappa=_mean(item.kappa for item in found),
        alpha=_mean(item.alpha for item in found),
    )
    dice = ", ".join(
        f"{name} {value:.3f}" for name, value in mean.dice.items() if value is not None
    )
    return {
        "agreement": rounded(mean),
        "agreement_cases": len(found),
        "agreement_note": f"Mean Dice between readers over {len(found)} cases: {dice}."
        + _copies(found),
    }


def _copies(found: Sequence[CaseAgreement]) -> str:
    """Return a remark about outlines that are too alike to be drawn twice."""
    same = sum(item.dice[WHOLE] == 1.0 == item.kappa for item in found)
    if not same:
        return ""
    return (
        f" In {same} of them the readers' outlines are the same to the voxel; "
        "ask whether they were drawn independently."
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def rounded(found: Agreement) -> CaseAgreement:
    """Return an agreement with 6 decimals, as reports write numbers."""
    return CaseAgreement(
        dice={name: _round(value) for name, value in found.dice.items()},
        kappa=_round(found.kappa),
        alpha=_round(found.alpha),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
