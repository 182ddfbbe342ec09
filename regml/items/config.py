"""``regml.toml``: the device, what is under control, and who may sign."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from regml.items.base import Line, Lines, SafetyClass, Strict


class Role(StrEnum):
    """What a signer may speak for (21 CFR 11.10 g)."""

    DEVELOPER = "developer"
    QUALITY = "quality"
    CLINICAL = "clinical"
    AUTOMATION = "automation"


MAY_WAIVE: Final = (Role.QUALITY,)
"""Who may waive a finding."""


class Misuse(Strict):
    """A use that is not intended and can be foreseen (ISO 14971 5.2).

    Attributes:
        id: ``MU-01``, named by the risks that consider it.
        text: What somebody may do.
    """

    id: Annotated[str, StringConstraints(pattern=r"^MU-\d{2,}$")]
    text: Line


class Device(Strict):
    """The device, as its labelling describes it.

    Attributes:
        name: Trade name.
        version: Version in development or released.
        manufacturer: Who answers for it.
        safety_class: Of the software system (IEC 62304 4.3).
        class_rationale: Why.
        documentation_level: FDA documentation level, ``Basic`` or ``Enhanced``.
        documentation_rationale: Why.
        intended_use: For whom and what.
        users: Who works with it.
        not_for: Limits of the intended use.
        misuse: Foreseeable misuse, each considered by a risk.
    """

    name: Line
    version: Line
    manufacturer: Line
    safety_class: SafetyClass
    class_rationale: Line
    documentation_level: Line
    documentation_rationale: Line
    intended_use: Line
    users: Line
    not_for: Lines
    misuse: tuple[Misuse, ...] = ()

    @model_validator(mode="after")
    def _misuse_has_ids_of_its_own(self) -> Self:
        ids = [row.id for row in self.misuse]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"[[device.misuse]] has {', '.join(twice)} twice")
        return self


class Sources(Strict):
    """What is under configuration control as software.

    Attributes:
        software: Source folders or files of device and pipeline.
        tests: Folders with automated tests of the device.
        lock: Requirements file with the exact versions of all runtime packages.
    """

    software: Lines
    tests: Lines = ()
    lock: Line


class Signer(Strict):
    """A person or robot whose signature counts in this project.

    Attributes:
        name: Printed name.
        email: How records name them.
        roles: What they may speak for.
        public_key: PEM, SubjectPublicKeyInfo.
    """

    name: Line
    email: Line
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    public_key: Annotated[
        str, StringConstraints(pattern=r"^-----BEGIN PUBLIC KEY-----")
    ]


class Config(Strict):
    """Everything ``regml.toml`` says."""

    device: Device
    sources: Sources
    signers: tuple[Signer, ...] = ()
