"""Citations such as ``IEC 62304 5.2.2 d``, as items and rules write them."""


def plain(citation: str) -> str:
    """Return a citation without what people write differently: case and spaces."""
    return citation.replace(" ", "").lower()


def without_letter(citation: str) -> str:
    """Return a citation without the letter of a part: ``5.2.2 d`` becomes ``5.2.2``."""
    head, _, tail = citation.rpartition(" ")
    return head if len(tail) == 1 and tail.isalpha() else citation


def is_below(citation: str, parent: str) -> bool:
    """Tell whether a citation is another one or a number below it."""
    return plain(citation) == plain(parent) or plain(citation).startswith(
        f"{plain(parent)}."
    )
