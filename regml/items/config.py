"""``regml.toml``: the device, what is under control, and who may sign."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from regml.items.base import (
    Kind,
    Line,
    Lines,
    LinkName,
    SafetyClass,
    Strict,
    refuse_twice,
)
from regml.items.links import Link
from regml.items.plan import Activity, DesignHistoryFile, Maintenance


class Role(StrEnum):
    """What a signer may speak for (21 CFR 11.10 g)."""

    DEVELOPER = "developer"
    QUALITY = "quality"
    CLINICAL = "clinical"
    AUTOMATION = "automation"


class DocumentationLevel(StrEnum):
    """How much of a file on software the FDA wants to see."""

    BASIC = "Basic"
    ENHANCED = "Enhanced"


MAY_DECIDE: Final = (Role.QUALITY,)
"""Who may waive a finding and release a version."""


class Misuse(Strict):
    """A use that is not intended and can be foreseen (ISO 14971 5.2).

    Attributes:
        id: ``MU-01``, named by the risks that consider it.
        text: What somebody may do.
    """

    id: Annotated[str, StringConstraints(pattern=r"^MU-[0-9]{2,}$")]
    text: Line


class AgeBand(Strict):
    """Ages in years, both ends inclusive."""

    from_years: float
    to_years: float


class Population(Strict):
    """For whom and for which scanners the device is declared.

    Attributes:
        ages: Age bands; each needs test cases of its own.
        sexes: As DICOM writes them, ``F``, ``M`` or ``O``.
        field_strengths_t: Of the scanners.
        vendors: Makers of the scanners, as DICOM writes them; case does not count.
    """

    ages: tuple[AgeBand, ...] = ()
    sexes: Lines = ()
    field_strengths_t: tuple[float, ...] = ()
    vendors: Lines = ()


class Device(Strict):
    """The device, as its labelling describes it.

    Attributes:
        name: Trade name.
        version: Version in development or released.
        manufacturer: Who answers for it.
        safety_class: Of the software system (IEC 62304 4.3).
        class_rationale: Why.
        documentation_level: FDA documentation level.
        documentation_rationale: Why.
        intended_use: For whom and what.
        users: Who works with it.
        not_for: Limits of the intended use.
        misuse: Foreseeable misuse, each considered by a risk.
        population: For whom and for which scanners it is declared.
    """

    name: Line
    version: Line
    manufacturer: Line
    safety_class: SafetyClass
    class_rationale: Line
    documentation_level: DocumentationLevel
    documentation_rationale: Line
    intended_use: Line
    users: Line
    not_for: Lines
    population: Population | None = None
    misuse: tuple[Misuse, ...] = ()

    @model_validator(mode="after")
    def _misuse_has_ids_of_its_own(self) -> Self:
        refuse_twice("[[device.misuse]]", (row.id for row in self.misuse))
        return self


def _below(path: str) -> str:
    """Return a path that leads to something in the project, as git writes it."""
    if {"", ".", ".."} & set(path.rstrip("/").split("/")) or "\\" in path:
        raise ValueError(
            f"{path!r} is not written as git writes paths; name a folder or file below "
            "the project, such as src/device"
        )
    return path


Path = Annotated[Line, AfterValidator(_below)]
"""A file or folder of the project, relative to it, POSIX."""


class Sources(Strict):
    """What is under configuration control as software.

    Attributes:
        software: Source folders or files of device and pipeline.
        tests: Folders with automated tests of the device.
        lock: Requirements file with the exact versions of all runtime packages.
    """

    software: tuple[Path, ...]
    tests: tuple[Path, ...] = ()
    lock: Path


class Signer(Strict):
    """A person or robot whose signature counts in this project.

    Attributes:
        name: Printed name.
        email: How records name them.
        roles: What they may speak for.
        public_key: PEM, SubjectPublicKeyInfo. Who has several keys has several
            entries: a new key is a new entry, the old one stays with its days.
        valid_from: First day in UTC whose records count; all days where none is said.
        revoked: First day in UTC whose records do not count any more.
        revoked_because: Why, e.g. lost, stolen, left the company.
    """

    name: Line
    email: Line
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    public_key: Annotated[
        str, StringConstraints(pattern=r"^-----BEGIN PUBLIC KEY-----")
    ]
    valid_from: dt.date | None = None
    revoked: dt.date | None = None
    revoked_because: Line | None = None

    @model_validator(mode="after")
    def _days_make_sense(self) -> Self:
        if (self.revoked is None) != (self.revoked_because is None):
            raise ValueError(
                "'revoked' (a day) and 'revoked_because' belong together: write both"
            )
        if self.valid_from and self.revoked and self.revoked < self.valid_from:
            raise ValueError("the key is revoked before it is valid")
        return self


class LinkType(Strict):
    """A type of link of the project's own.

    Attributes:
        name: What items write under ``links``; none of regml's own names.
        from_: Kinds of item that may state it; written ``from``.
        to: Kinds of item it may lead to.
        inverse: How it reads from the other side.
        acyclic: True where following it must never lead back.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )

    name: LinkName
    from_: Annotated[tuple[Kind, ...], Field(min_length=1, alias="from")]
    to: Annotated[tuple[Kind, ...], Field(min_length=1)]
    inverse: Line
    acyclic: bool = False

    @model_validator(mode="after")
    def _takes_no_name_of_ours(self) -> Self:
        if self.name in set(Link):
            raise ValueError(f"{self.name!r} is a link of regml's own; choose another")
        return self


class ChangeControl(Strict):
    """From when on changes need an approved change request (IEC 62304 8.2.1).

    Attributes:
        since: A tag or commit, after which it begins, or the day on which it does.
        paths: What is under control besides sources, tests, items, document templates,
            pipeline, parameters, lock file and this configuration.
    """

    since: dt.date | Line
    paths: tuple[Path, ...] = ()


class Config(Strict):
    """Everything ``regml.toml`` says.

    Attributes:
        device: The device.
        sources: What is under control as software.
        signers: Whose signatures count.
        maintenance: How long the device is supported, and what is looked at how often.
        dhf: Where the built Design History File lies.
        qualified: Versions of each tool that was qualified for its use; ``3.11``
            stands for every ``3.11.x`` (ISO 13485 4.1.6).
        activities: What the plan of the project names.
        approvals: Roles that have to approve a kind of item or a document, by ``RISK``
            or ``doc:09-risk-management-file``; quality where nothing is said.
        change_control: From when on changes need a change request.
        link_types: Types of link of the project's own.
    """

    device: Device
    sources: Sources
    signers: tuple[Signer, ...] = ()
    maintenance: Maintenance = Field(default_factory=Maintenance)
    dhf: DesignHistoryFile = Field(default_factory=DesignHistoryFile)
    qualified: dict[Line, Lines] = Field(default_factory=dict)
    activities: tuple[Activity, ...] = ()
    link_types: tuple[LinkType, ...] = ()
    approvals: dict[Line, Annotated[tuple[Role, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    change_control: ChangeControl | None = None

    @model_validator(mode="after")
    def _link_types_have_names_of_their_own(self) -> Self:
        refuse_twice("[[link_types]]", (row.name for row in self.link_types))
        return self

    @model_validator(mode="after")
    def _signers_have_keys_of_their_own(self) -> Self:
        seen: dict[str, str] = {}
        for signer in self.signers:
            key = "".join(signer.public_key.split())
            if key in seen:
                raise ValueError(
                    f"[[signers]] has the key of {seen[key]} again, for {signer.name}: "
                    "nobody could tell who signed; one key is one person's"
                )
            seen[key] = signer.name
        return self

    @field_validator("approvals")
    @classmethod
    def _approves_what_there_is(
        cls, value: dict[str, tuple[Role, ...]]
    ) -> dict[str, tuple[Role, ...]]:
        kinds = set(Kind)
        for name in value:
            if name not in kinds and not name.startswith("doc:"):
                raise ValueError(
                    f"{name!r} is no kind of item and no document; write one of "
                    f"{', '.join(kind.value for kind in Kind)}, or doc:NUMBER-ID"
                )
        return value
