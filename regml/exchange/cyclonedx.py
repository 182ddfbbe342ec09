"""What every CycloneDX document of a project has, and the check by its schema."""

import json
import uuid
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.exchange.exporter import commit_time
from regml.files.installed import spdx
from regml.project import Project
from regml.version import __version__

Json = dict[str, Any]

SPEC: Final = "1.6"


def document(
    project: Project,
    *,
    about: str,
    components: Iterable[Json],
    dependencies: Mapping[str, Iterable[str]],
    properties: Mapping[str, str | None],
    vulnerabilities: Iterable[Json] | None = None,
    compositions: Iterable[Json] = (),
) -> Json:
    """Return a CycloneDX document as JSON values, the same for the same evidence.

    Time and serial number come from the commit; the serial number also from the
    content, because two documents of one commit may differ: one of them may have been
    made on another machine or of uncommitted changes.

    Args:
        project: It is about.
        about: What kind of document, for the serial number.
        components: In order.
        dependencies: What each component needs, by reference.
        properties: Of the document.
        vulnerabilities: ``None`` where the document is not about them.
        compositions: How complete its parts are.
    """
    evidence = project.evidence
    stated = {
        "regml:document": about,
        "regml:commit": evidence.commit or "none yet",
        "regml:uncommitted-changes": str(len(evidence.dirty)),
        **properties,
    }
    built: Json = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            "timestamp": commit_time(project),
            "tools": {
                "components": [
                    {"type": "application", "name": "regml", "version": __version__}
                ]
            },
            "component": device(project),
            "properties": named(stated),
        },
        "components": list(components),
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(set(needs))}
            for ref, needs in sorted(dependencies.items())
        ],
    }
    if complete := list(compositions):
        built["compositions"] = complete
    if vulnerabilities is not None:
        built["vulnerabilities"] = list(vulnerabilities)
    content = sha256_of(as_bytes(built))
    serial = uuid.uuid5(uuid.NAMESPACE_OID, f"{evidence.commit} {content}")
    return {**built, "serialNumber": f"urn:uuid:{serial}"}


def device(project: Project) -> Json:
    """Return the device as the component that a document is about."""
    told = project.evidence.config.device
    supported = project.evidence.config.maintenance.supported_until
    maker = {"name": told.manufacturer}
    return {
        "type": "application",
        "bom-ref": device_ref(project),
        "name": told.name,
        "version": told.version,
        "description": " ".join(told.intended_use.split()),
        "manufacturer": maker,
        "supplier": maker,
        "properties": named(
            {
                "regml:safety-class": str(told.safety_class),
                "regml:documentation-level": told.documentation_level,
                "regml:supported-until": str(supported) if supported else "not stated",
            }
        ),
    }


def device_ref(project: Project) -> str:
    """Return how a document refers to the device."""
    told = project.evidence.config.device
    return f"device:{told.name}@{told.version}"


def named(properties: Mapping[str, str | None]) -> list[Json]:
    """Return properties in the form of CycloneDX, without those that are ``None``."""
    return [
        {"name": name, "value": value}
        for name, value in sorted(properties.items())
        if value is not None
    ]


def licence(text: str) -> list[Json]:
    """Return a licence: as SPDX expression where it has that form, else as a name."""
    if expression := spdx(text):
        return [{"expression": expression, "acknowledgement": "concluded"}]
    return [{"license": {"name": text, "acknowledgement": "concluded"}}]


def as_bytes(built: Json) -> bytes:
    """Return a document as the bytes of a file."""
    return (
        json.dumps(built, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    ).encode()


def validate(content: bytes) -> bool:
    """Hold a document against the schema of CycloneDX, refusing what it does not know.

    Returns:
        False where nothing was checked, because the extra ``sbom`` is not installed.

    Raises:
        BrokenFileError: The document is not valid, which is a mistake of ours.
    """
    if find_spec("cyclonedx") is None or find_spec("jsonschema") is None:
        return False
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())
    if error is not None:
        raise BrokenFileError(
            "the CycloneDX document",
            f"does not fit its schema: {str(error)[:300]}",
            remedy="Nothing was written. Please report it.",
        )
    return True
