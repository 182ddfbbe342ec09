"""Evidence that lies outside of the project: certificates, procedures, contracts."""

import datetime as dt
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from regml.items.base import Item, Kind, Line

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ExternalEvidence(Item):
    """A document kept elsewhere, and the clauses for which it is the evidence.

    It counts once quality has approved it as it is now, until it runs out. The text
    says what the document shows and where it can be seen.

    Attributes:
        clauses: Rows of clause catalogues that it stands for, e.g. ``IEC 62304 4.1``.
        document: Its number and title where it is kept.
        version: Which issue of it.
        location: Where it is kept.
        sha256: Of the file that was looked at, where there is one.
        valid_until: Last day on which it counts; ``None`` when it does not run out.
    """

    kind: ClassVar = Kind.EXTERNAL_EVIDENCE

    clauses: Annotated[tuple[Line, ...], Field(min_length=1)]
    document: Line
    version: Line
    location: Line
    sha256: Sha256 | None = None
    valid_until: dt.date | None = None
