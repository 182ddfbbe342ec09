"""Documents of the Design History File, as the front matter of a template plans them.

A document is signed like an item: as long as its template, the items it presents and
the versions it speaks about are what they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from regml.items.base import Kind, Line, Lines, SafetyClass, Strict
from regml.items.config import Role

PREFIX = "doc:"
"""How the id of a document begins among those of items and records."""


class Version(StrEnum):
    """What a document may speak about besides items: made by runs, named by digest."""

    DATASET = "dataset"
    MODEL = "model"
    EVALUATION = "evaluation"


class Setting(StrEnum):
    """A table of ``regml.toml`` that decides what is asked for and who may decide.

    What stands under ``[device]`` and ``[maintenance]`` belongs to every document.
    """

    ACTIVITIES = "activities"
    APPROVALS = "approvals"
    CHANGE_CONTROL = "change_control"
    LINK_TYPES = "link_types"
    QUALIFIED = "qualified"
    SIGNERS = "signers"
    SOURCES = "sources"


class DocumentPlan(Strict):
    """One document as the front matter of its template plans it.

    Attributes:
        id: Name of its files, without the number.
        number: Two digits; the order of the documents.
        title: Its name.
        purpose: What it is for, in one sentence.
        clauses: Clauses it serves, e.g. ``IEC 62304 5.2``.
        classes: Safety classes that need it; others may leave it out.
        owner: Role that answers for its content.
        approvers: Roles that sign it.
        items: Kinds of item whose content it presents.
        versions: Versions of data, model and results it presents.
        settings: Tables of ``regml.toml`` that its signers answer for.
        landscape: Its tables need the wide side of the paper.
        path: Of the template, relative to the project.
        body: The template itself.
        first_line: Line of the file on which ``body`` begins.
        sha256: Of the template with the parts it includes.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    number: Annotated[str, StringConstraints(pattern=r"^\d\d$")]
    title: Line
    purpose: Line
    clauses: Lines = ()
    classes: tuple[SafetyClass, ...] = tuple(SafetyClass)
    owner: Line
    approvers: Annotated[tuple[Role, ...], Field(min_length=1)]
    items: tuple[Kind, ...] = ()
    versions: tuple[Version, ...] = ()
    settings: tuple[Setting, ...] = ()
    landscape: bool = False
    path: str
    body: str
    first_line: int
    sha256: str = ""

    @property
    def name(self) -> str:
        """File name without ending, e.g. ``05-srs``."""
        return f"{self.number}-{self.id}"

    @property
    def node_id(self) -> str:
        """How people name it when they sign it, e.g. ``doc:05-srs``."""
        return f"{PREFIX}{self.name}"

    def content(
        self,
        *,
        items: Mapping[str, str],
        versions: Mapping[str, str | None],
        settings: Mapping[str, str],
        device: str,
        policy: str,
    ) -> dict[str, Any]:
        """Return all that the document presents: what a signature under it is for.

        Args:
            items: Fingerprint of each item in force of its kinds, by id.
            versions: Digest of what is current, by the name of the version.
            settings: Fingerprint of each table of ``regml.toml``, by its name.
            device: Fingerprint of what ``regml.toml`` says about device and support.
            policy: Fingerprint of the risk policy; counts where risks are presented.
        """
        return {
            "template": self.sha256,
            "items": dict(items),
            "versions": {str(name): versions.get(name) for name in self.versions},
            "settings": {str(name): settings.get(name) for name in self.settings},
            "device": device,
            "policy": policy if Kind.RISK in self.items else None,
        }


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A built Design History File as it lies in its folder.

    Attributes:
        folder: Relative to the project.
        changed: Files whose content is not what its list of digests says, sorted.
        absent: Files the list names that are not there, sorted.
        added: Files that the list does not name, sorted.
        commit: Commit it was built from; ``None`` when it does not say.
        heads: Heads of the record log it was built from.
        documents: Fingerprint of each document it holds, by id.
    """

    folder: str
    changed: tuple[str, ...]
    absent: tuple[str, ...]
    added: tuple[str, ...]
    commit: str | None
    heads: tuple[str, ...]
    documents: Mapping[str, str]
