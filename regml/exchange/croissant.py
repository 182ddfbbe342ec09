"""Croissant 1.0: the metadata of a dataset version, for people who look for data.

The manifest is the one file whose digest stands in it; each row of the manifest holds
the digests of an image and of its label. Fields of the record set are read out of it.
"""

import dataclasses
import json
from typing import Any, Final

from regml.items.data import DatasetManifest, DatasetSpecification, ManifestCase

CONFORMS: Final = "http://mlcommons.org/croissant/1.0"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = {
    "image_size_bytes": "sc:Integer",
    "label_size_bytes": "sc:Integer",
    "age_years": "sc:Float",
    "field_strength_t": "sc:Float",
    "agreement_dice": "sc:Float",
    "same_grid": "sc:Boolean",
    "in_statistics": "sc:Boolean",
}
_REPEATED: Final = {"sources", "annotators", "label_values"}


def write(
    manifest: DatasetManifest,
    specification: DatasetSpecification | None,
    *,
    path: str,
    sha256: str,
    size_bytes: int,
    created: str,
    creator: str,
) -> bytes:
    """Return the JSON-LD of a dataset version.

    Args:
        manifest: Its rows.
        specification: That it fulfils; ``None`` where there is no such item.
        path: Of the manifest.
        sha256: Of the manifest: the version.
        size_bytes: Of the manifest.
        created: When it was made, RFC 3339.
        creator: Who hands it out.
    """
    about = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": specification.title if specification else manifest.specification,
        "description": _description(manifest, specification),
        "license": (specification and specification.licence) or "not stated",
        "url": f"urn:sha256:{sha256}",
        "version": f"1.0.0+{sha256[:12]}",
        "datePublished": created,
        "creator": {"@type": "sc:Organization", "name": creator},
        "citeAs": f"{creator}: {manifest.specification}, manifest sha256 {sha256}",
        "isLiveDataset": False,
        "rai:dataCollection": (specification and specification.source) or "not stated",
        "rai:dataLimitations": _limitations(manifest, specification),
        "rai:personalSensitiveInformation": (
            "De-identified health data; patients, sites and readers are pseudonyms."
        ),
        "distribution": [
            {
                "@id": "manifest",
                "@type": "cr:FileObject",
                "name": "manifest",
                "description": "Every image and label with size and sha256.",
                "contentUrl": path,
                "contentSize": f"{size_bytes} B",
                "encodingFormat": "application/json",
                "sha256": sha256,
            }
        ],
        "recordSet": [_cases()],
    }
    text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode() + b"\n"


def _cases() -> dict[str, Any]:
    fields = [_field(field.name) for field in dataclasses.fields(ManifestCase)]
    return {
        "@id": "cases",
        "@type": "cr:RecordSet",
        "name": "cases",
        "description": "One image with its label per row.",
        "key": {"@id": "cases/case"},
        "field": fields,
    }


def _field(name: str) -> dict[str, Any]:
    return {
        "@id": f"cases/{name}",
        "@type": "cr:Field",
        "name": name,
        "dataType": _TYPES.get(name, "sc:Text"),
        **({"repeated": True} if name in _REPEATED else {}),
        "source": {
            "fileObject": {"@id": "manifest"},
            "extract": {"jsonPath": f"$.cases[*].{name}"},
        },
    }


def _description(
    manifest: DatasetManifest, specification: DatasetSpecification | None
) -> str:
    patients = len({case.patient for case in manifest.cases if case.patient})
    counted = f"{len(manifest.cases)} cases of {patients} known patients."
    if specification is None:
        return counted
    chosen = "; ".join(specification.inclusion)
    return (
        f"{specification.modality} of {specification.population}. "
        f"{counted} Included: {chosen}."
    )


def _limitations(
    manifest: DatasetManifest, specification: DatasetSpecification | None
) -> str:
    texts = [limit.text for limit in specification.limitations] if specification else []
    texts += [manifest.limitation] if manifest.limitation else []
    return "; ".join(texts) or "none stated"
