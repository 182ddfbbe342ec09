"""What every CycloneDX document of a project has, and the check by its schema."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.exchange.exporter import commit_time
from regml.files.installed import spdx
from regml.project import Project
from regml.version import __version__

Json = dict[str, Any]

SPEC: Final = "1.6"

ADDRESSES: Final = ("$schema", "purl", "serialNumber", "url")
"""Keys whose values are URIs."""

_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
"""A scheme, and what may follow it (RFC 3986)."""


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

    Whether its addresses are URIs is looked at here: the packages that do it for the
    schema cost everybody who imports ``jsonschema`` two seconds, also a training.

    Returns:
        False where no schema was there, because the extra ``sbom`` is not installed.

    Raises:
        BrokenFileError: The document is not valid, which is a mistake of ours.
    """
    for key, text in addresses(json.loads(content)):
        if not is_uri(text):
            raise _invalid(f"its {key} {text!r} is no URI")
    if find_spec("cyclonedx") is None or find_spec("jsonschema") is None:
        return False
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())
    if error is not None:
        raise _invalid(f"does not fit its schema: {str(error)[:300]}")
    return True


def addresses(value: object) -> Iterator[tuple[str, object]]:
    """Give everything in a document that has to be a URI, with its key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ADDRESSES:
                rows = inner if isinstance(inner, list) else [inner]
                yield from ((key, row) for row in rows)
            else:
                yield from addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from addresses(inner)


def is_uri(text: object) -> bool:
    """Tell whether a text is an absolute URI.

    >>> is_uri("pkg:pypi/numpy@2.1.0"), is_uri("pkg:pypi/num py@2"), is_uri("https:///x")
    (True, False, False)
    """
    if not isinstance(text, str) or not _URI.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.netloc) or parts.scheme not in ("http", "https")


def _invalid(why: str) -> BrokenFileError:
    return BrokenFileError(
        "the CycloneDX document",
        why,
        remedy="Nothing was written. Please report it.",
    )
