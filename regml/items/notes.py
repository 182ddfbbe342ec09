"""The form of the facts that stages note, for the topics that regml reads."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

UNREADABLE: Final = "regml_notes_unreadable"
"""Topic under which a run says which of its notes have another form, and why."""

MADE: Final = (("dataset", "manifest"), ("model", "weights"))
"""What makes a version: a topic, and the fact that names an output of the stage."""

Form = Callable[[Any], str]
"""Says what is wrong with a value; nothing when it is as it should be."""


def misread(topic: str, facts: Any) -> str:
    """Return what in a note cannot be read, or ``""``; other topics are free.

    >>> misread("model", {"weights": 3})
    "'weights' is 3 and has to be a text"
    """
    if topic not in _FORMS:
        return ""
    if not isinstance(facts, Mapping):
        return f"it is {facts!r} and has to be a table"
    return _of_table(facts, _FORMS[topic])


def readable(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notes of a run with what cannot be read named as such."""
    wrong = {topic: misread(topic, facts) for topic, facts in notes.items()}
    if not (wrong := {topic: why for topic, why in wrong.items() if why}):
        return dict(notes)
    kept = {topic: facts for topic, facts in notes.items() if topic not in wrong}
    return {**kept, UNREADABLE: {**kept.get(UNREADABLE, {}), **wrong}}


def _of_table(facts: Mapping[str, Any], forms: Mapping[str, Form]) -> str:
    for key, form in forms.items():
        if facts.get(key) is not None and (why := form(facts[key])):
            return f"'{key}' {why}"
    return ""


def _is(kinds: type | tuple[type, ...], words: str) -> Form:
    def form(value: Any) -> str:
        # a truth value is a whole number for Python, and for nobody else
        right = isinstance(value, kinds) and not isinstance(value, bool)
        return "" if right else f"is {value!r} and has to be {words}"

    return form


def _rows(forms: Mapping[str, Form], *needed: str) -> Form:
    def form(value: Any) -> str:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return f"is {value!r} and has to be a list"
        for number, row in enumerate(value, 1):
            if not isinstance(row, Mapping):
                return f"has {row!r} in row {number}, which has to be a table"
            if missing := [key for key in needed if row.get(key) is None]:
                return f"says no '{missing[0]}' in row {number}"
            if why := _of_table(row, forms):
                return f"has in row {number}: {why}"
        return ""

    return form


_TEXT: Final = _is(str, "a text")
_WHOLE: Final = _is(int, "a whole number")
_NUMBER: Final = _is((int, float), "a number")
_TABLE: Final = _is(Mapping, "a table")

_ACCEPTANCE: Final = {
    **dict.fromkeys(("value", "low", "high", "compared"), _NUMBER),
    **dict.fromkeys(("criterion", "cases"), _WHOLE),
    **dict.fromkeys(("requirement", "fingerprint", "outcome"), _TEXT),
    **dict.fromkeys(("group", "reason", "population", "subgroup"), _TEXT),
}
_SUBGROUPS: Final = {
    **dict.fromkeys(("column", "group", "metric"), _TEXT),
    **dict.fromkeys(("mean", "low", "high", "median"), _NUMBER),
    "cases": _WHOLE,
}
_FORMS: Final[Mapping[str, Mapping[str, Form]]] = {
    "dataset": {"manifest": _TEXT, "specification": _TEXT},
    "model": {
        **dict.fromkeys(("weights", "card", "manifest", "architecture"), _TEXT),
        **dict.fromkeys(("hyperparameters", "metrics", "initial_weights"), _TABLE),
    },
    "evaluation": {
        **dict.fromkeys(("weights", "manifest", "per_case", "split"), _TEXT),
        **dict.fromkeys(("metrics", "interval", "preparation"), _TABLE),
        "acceptance": _rows(_ACCEPTANCE, "requirement", "outcome"),
        "subgroups": _rows(_SUBGROUPS, "column", "group"),
    },
    "annotations": {"protocol": _TEXT},
    "mlflow": {},
    UNREADABLE: {},
    "deidentification": {"configuration_sha256": _TEXT, "residual_identifiers": _WHOLE},
}
