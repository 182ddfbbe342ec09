"""The software bill of materials of a release (CycloneDX 1.6, JSON)."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hippovol import DEVICE, __version__
from regml.digest import canonical_json, sha256_of

UNKNOWN = "NOASSERTION"
"""What stands where a package declares nothing (SPDX 2.3, clause 7)."""


# regml: implements SRS-054
def bill_of_materials(
    packages: Mapping[str, str], *, model_sha256: str
) -> dict[str, Any]:
    """Return the device with every runtime package and the model, as CycloneDX 1.6.

    Supplier and licence are what the installed package declares, else
    :data:`UNKNOWN`. The same input gives the same document: no time, and a serial
    number made from the content.

    Args:
        packages: Version of each runtime package by name.
        model_sha256: Digest of the weights that are released.
    """
    device = {
        "bom-ref": f"{DEVICE}@{__version__}",
        "name": DEVICE,
        "type": "application",
        "version": __version__,
    }
    components = [_package(name, packages[name]) for name in sorted(packages)]
    components.append(_model(model_sha256))
    digest = sha256_of(canonical_json([device, components]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {"component": device},
        "components": components,
        "dependencies": [
            {
                "ref": device["bom-ref"],
                "dependsOn": [component["bom-ref"] for component in components],
            }
        ],
    }


def bill_text(bill: Mapping[str, Any]) -> str:
    """Return the JSON text of a bill of materials."""
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"


def _package(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    supplier, licence = _declared(name)
    return {
        "bom-ref": purl,
        "licenses": [{"license": {"name": licence}}],
        "name": name,
        "purl": purl,
        "supplier": {"name": supplier},
        "type": "library",
        "version": version,
    }


def _model(sha256: str) -> dict[str, Any]:
    return {
        "bom-ref": f"model@{sha256[:12]}",
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "name": f"{DEVICE} model",
        "supplier": {"name": f"{DEVICE} manufacturer"},
        "type": "machine-learning-model",
        "version": sha256[:12],
    }


def _declared(name: str) -> tuple[str, str]:
    """Return supplier and licence as the installed package states them."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return UNKNOWN, UNKNOWN

    def first(*keys: str) -> str:
        lines = [line for key in keys for line in stated.get_all(key) or ()]
        return next(
            (line.strip().splitlines()[0] for line in lines if line.strip()), ""
        )

    classified = " AND ".join(
        line.rsplit(" :: ", 1)[1]
        for line in stated.get_all("Classifier") or ()
        if line.startswith("License ::")
    )
    supplier = first("Author", "Author-email", "Maintainer", "Maintainer-email")
    licence = first("License-Expression") or classified or first("License")
    return supplier or UNKNOWN, licence or UNKNOWN
