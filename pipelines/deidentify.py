"""DVC stage ``deidentify``: pseudonyms for every patient, reader and site."""

import sys
from pathlib import Path

import regml
from regml.errors import RegmlError
from regml.imaging.deid.params import DeidentifyParams
from regml.imaging.deid.stage import deidentify_export
from regml.imaging.outputs import pretty_json, write_whole
from regml.imaging.params import load_params

PRIVATE = Path("private")
"""Key and list of files in quarantine; git ignores it."""


def main(
    source: Path = Path("data/export"),
    out: Path = Path("data/deidentified"),
    report: Path = Path("reports/deidentification.json"),
) -> None:
    """De-identify the export in ``source`` into ``out``."""
    params = load_params("deidentify", DeidentifyParams)
    facts = deidentify_export(source, out, params=params, private=PRIVATE)
    write_whole(report, pretty_json(facts))
    regml.note(
        "deidentification",
        {
            "profile": facts["profile"],
            "configuration_sha256": facts["configuration_sha256"],
            "files": facts["files"]["dicom"] + facts["files"]["nifti"],
            "quarantined": facts["files"]["quarantined"],
            "series": facts["series"],
            "residual_identifiers": facts["residual"]["identifiers_in_output"],
        },
    )


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except RegmlError as error:
        sys.exit(f"error: {error}")
